"""The figures as a few lines of Markdown, for a run's description."""

from __future__ import annotations

from ecgml.evaluation.estimates import Estimate
from ecgml.evaluation.metric_table import is_lower_better, names_of, titles_of
from ecgml.evaluation.scores import Scores


def metric_title(name: str, classes: tuple[str, ...]) -> str:
    """Return what a person calls a metric: ``f1_afib`` is "F1 of AFIB", ``ece`` says that lower is better."""
    title = titles_of("", classes)[name]
    return f"{title}, lower is better" if is_lower_better(name) else title


def interval_text(estimate: Estimate) -> str:
    """Return ``0.842 (0.801–0.878)``, or the figure alone where there is no interval."""
    if estimate.low != estimate.low:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"


def summary_text(scores: Scores, name: str, note: str = "") -> str:
    """Return the headline figures with their intervals as Markdown.

    Parameters
    ----------
    scores : Scores
    name : str
        What was scored: ``"fusion on the test split"``.
    note : str
        A line under the title, such as "Simulated data".

    Returns
    -------
    text : str
        A title, a table, one line for each caution.
    """
    support = ", ".join(f"{class_name} {n:,}" for class_name, n in zip(scores.classes, scores.support, strict=True))
    lines = [f"**{name}**: {scores.n_records:,} records ({support})", ""]
    if note:
        lines += [f"*{note}*", ""]
    partial = scores.coverage < 1 and scores.scored
    alone = [f"scored alone ({scores.coverage:.1%})"] if partial else []
    lines += ["| " + " | ".join(["metric", "value (95 % interval)", *alone]) + " |", "|---" * (2 + len(alone)) + "|"]
    for metric in names_of("summary", scores.classes):
        if scores[metric].value != scores[metric].value:
            continue
        cells = [metric_title(metric, scores.classes), interval_text(scores[metric])]
        if partial:
            cells.append(interval_text(scores.scored[metric]))
        lines.append("| " + " | ".join(cells) + " |")
    if scores.cautions:
        lines += ["", *(f"- {caution}" for caution in scores.cautions)]
    return "\n".join(lines) + "\n"
