"""Overall performance of a model, and how much it depends on the labels' definition."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ecgml.evaluation.cautions import FEW_GROUPS
from ecgml.evaluation.estimates import Estimate
from ecgml.evaluation.metric_table import names_of, titles_of
from ecgml.evaluation.scores import Scores
from ecgml.evaluation.summary import interval_text, metric_title
from ecgml.page.sections import Listing, Section, sentence
from ecgml.report.evaluated import Evaluated

LABELS_DIFFER = 0.02
"""Difference in macro-F1 between original and harmonised labels that is reported on top of the page."""


def overview_section(evaluated: Sequence[Evaluated]) -> Section:
    """Report how well the model does on each set of records, in words and as a table.

    Parameters
    ----------
    evaluated : sequence of Evaluated
        At least one.
    """
    words = []
    for item in evaluated:
        title = sentence(item.title)
        words.append(f"{title}: {item.scores.n_records:,} records ({_support(item.scores)}).")
        words += [item.people] if item.people else []
        words.append(f"{title}: {in_words(item.scores)}")
    words.append(
        "Labels are the original ones of each source. A record that cannot be used counts as an error. Brackets hold "
        "95 % confidence intervals: bootstrap over patients, or Wilson's interval where all records are right and the "
        "bootstrap would collapse to a point."
    )
    classes = evaluated[0].scores.classes
    columns: dict[str, list[object]] = {"metric": [metric_title(name, classes) for name in names_of()]}
    for item in evaluated:
        columns[f"{item.title} ({item.scores.n_records:,})"] = [cell(item.scores[name]) for name in names_of()]
    parts = [Listing("headline", "Main metrics", columns)]
    both = [item for item in evaluated if item.harmonised]
    if both:
        parts.append(_labels(both))
    findings = tuple(f"{sentence(item.title)}: {in_words(item.scores)}{_by_rate(item)}" for item in evaluated)
    return Section("overview", "Overall performance", tuple(words), tuple(parts), findings)


def _by_rate(item: Evaluated) -> str:
    """Report the harmonised figures where they differ from the original ones."""
    if item.harmonised is None:
        return ""
    if abs(item.harmonised["macro_f1"].value - item.scores["macro_f1"].value) < LABELS_DIFFER:
        return ""
    return (
        f" With harmonised labels, which define sinus rhythms by their rate, accuracy is "
        f"{interval_text(item.harmonised['accuracy'])} and macro-F1 {interval_text(item.harmonised['macro_f1'])}: the "
        "difference comes from how sources define their labels."
    )


def in_words(scores: Scores) -> str:
    """Return accuracy, macro-F1 and macro AUROC as a sentence."""
    accuracy, auroc = scores["accuracy"], scores["macro_auroc"]
    text = f"about {100 * accuracy.value:.0f} of 100 records are classified correctly"
    if math.isfinite(accuracy.low):
        text += f" (95 % interval {100 * accuracy.low:.0f} to {100 * accuracy.high:.0f})"
    text += f"; macro-F1, the mean over the classes, is {interval_text(scores['macro_f1'])}"
    if math.isfinite(auroc.value):
        text += (
            f". In {auroc.value:.1%} of pairs of a record of a class and one of another, the first gets the higher "
            "probability of the class (macro AUROC)"
        )
    if scores.n_groups < FEW_GROUPS:
        text += f". {scores.n_groups} independent groups are too few for a firm conclusion"
    return f"{text}."


def cell(estimate: Estimate) -> str:
    """Return a figure with its interval for a table; a dash where undefined."""
    return interval_text(estimate) if math.isfinite(estimate.value) else "–"


def _support(scores: Scores) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in zip(scores.classes, scores.support, strict=True))


def _labels(both: Sequence[Evaluated]) -> Listing:
    rows = []
    for item in both:
        for definition, scores in (("original labels", item.scores), ("harmonised labels", item.harmonised)):
            if scores is not None:
                row = (f"{item.title}, {definition}", _support(scores))
                rows.append((*row, *(cell(scores[name]) for name in names_of("overview"))))
    header = ("labels", "records", *titles_of("overview").values())
    return Listing(
        "labels",
        "Original and harmonised labels",
        dict(zip(header, map(list, zip(*rows, strict=True)), strict=True)),
        (
            "Sources define the same rhythm differently: for some, sinus bradycardia begins below 60/min, for others "
            "near 50/min. Harmonised labels define every sinus rhythm by its rate. The difference between the two rows "
            "comes from these definitions, not from the model.",
        ),
    )
