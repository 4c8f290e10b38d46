"""The figures as a few lines of Markdown, for a run's description."""

from __future__ import annotations

from ecgml.evaluation.estimates import Estimate
from ecgml.evaluation.metrics import LOWER_IS_BETTER, class_metric
from ecgml.evaluation.scores import Scores

TITLES = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "macro_auroc": "macro AUROC",
    "macro_auprc": "macro average precision",
    "macro_sensitivity": "macro sensitivity",
    "macro_specificity": "macro specificity",
    "ece": "calibration error (ECE)",
    "brier": "Brier score",
    "log_loss": "log loss",
    "matthews": "Matthews correlation",
    "cohen_kappa": "Cohen's kappa",
}
"""What a person calls the overall metrics."""

HEADLINE = ("accuracy", "macro_f1", "macro_auroc", "ece", "brier")


def metric_title(name: str, classes: tuple[str, ...]) -> str:
    """Return what a person calls a metric: ``f1_afib`` is "F1 of AFIB", ``ece`` says that lower is better."""
    of_class = {class_metric("f1", class_name): f"F1 of {class_name}" for class_name in classes}
    title = TITLES.get(name) or of_class[name]
    return f"{title}, lower is better" if name in LOWER_IS_BETTER else title


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
    for metric in (*HEADLINE, *(class_metric("f1", class_name) for class_name in scores.classes)):
        if scores[metric].value != scores[metric].value:
            continue
        cells = [metric_title(metric, scores.classes), interval_text(scores[metric])]
        if partial:
            cells.append(interval_text(scores.scored[metric]))
        lines.append("| " + " | ".join(cells) + " |")
    if scores.cautions:
        lines += ["", *(f"- {caution}" for caution in scores.cautions)]
    return "\n".join(lines) + "\n"
