"""How good a model is, on whom, and what the labels' wording does to it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ecgml.evaluation.cautions import FEW_GROUPS
from ecgml.evaluation.estimates import Estimate
from ecgml.evaluation.metric_table import names_of, titles_of
from ecgml.evaluation.scores import Scores
from ecgml.evaluation.summary import interval_text, metric_title
from ecgml.page.sections import Listing, Section
from ecgml.report.evaluated import Evaluated

WORDING = 0.02
"""A difference in macro-F1 by which the labels' wording is worth a sentence on top of the page."""


def overview_section(evaluated: Sequence[Evaluated]) -> Section:
    """Say how good the model is on each set of records, in words and as a table.

    Parameters
    ----------
    evaluated : sequence of Evaluated
        At least one.
    """
    words = []
    for one in evaluated:
        words.append(f"{one.title.capitalize()}: {one.scores.n_records:,} records ({_support(one.scores)}).")
        words += [one.people] if one.people else []
        words.append(f"{one.title.capitalize()}: {in_words(one.scores)}")
    words.append(
        "Labels are as their sources wrote them. A record that cannot be used counts as an error. In brackets are 95 % "
        "intervals by bootstrap over patients: were the same number of other patients like these drawn, the figure "
        "would lie there 19 times in 20."
    )
    classes = evaluated[0].scores.classes
    columns: dict[str, list[object]] = {"figure": [metric_title(name, classes) for name in names_of()]}
    for one in evaluated:
        columns[f"{one.title} ({one.scores.n_records:,})"] = [cell(one.scores[name]) for name in names_of()]
    parts = [Listing("headline", "Headline figures", columns)]
    both = [one for one in evaluated if one.harmonised]
    if both:
        parts.append(_labels(both))
    findings = tuple(f"{one.title.capitalize()}: {in_words(one.scores)}{_by_rule(one)}" for one in evaluated)
    return Section("overview", "How good it is, and on whom", tuple(words), tuple(parts), findings)


def _by_rule(one: Evaluated) -> str:
    """Say what harmonised labels make of it, where that is another figure."""
    if one.harmonised is None or abs(one.harmonised["macro_f1"].value - one.scores["macro_f1"].value) < WORDING:
        return ""
    return (
        f" With harmonised labels, by which a sinus rhythm is called by its rate, accuracy is "
        f"{interval_text(one.harmonised['accuracy'])} and macro-F1 {interval_text(one.harmonised['macro_f1'])}: how "
        "sources word what they see, and so how many records each class has, makes the difference."
    )


def in_words(scores: Scores) -> str:
    """Return how many of a hundred records are called right, in plain words."""
    accuracy, auroc = scores["accuracy"], scores["macro_auroc"]
    text = f"of 100 such records about {100 * accuracy.value:.0f} are called right"
    if math.isfinite(accuracy.low):
        text += f" (95 % interval {100 * accuracy.low:.0f} to {100 * accuracy.high:.0f})"
    text += f"; each class counted alike, macro-F1 is {interval_text(scores['macro_f1'])}"
    if math.isfinite(auroc.value):
        text += (
            f". Shown a record of a class and one of another, it gives the first more probability {auroc.value:.1%} "
            "of the time (macro AUROC)"
        )
    if scores.n_groups < FEW_GROUPS:
        text += f". From {scores.n_groups} independent groups this says little"
    return f"{text}."


def cell(estimate: Estimate) -> str:
    """Return a figure with its interval for a table; a dash where undefined."""
    return interval_text(estimate) if math.isfinite(estimate.value) else "–"


def _support(scores: Scores) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in zip(scores.classes, scores.support, strict=True))


def _labels(both: Sequence[Evaluated]) -> Listing:
    rows = []
    for one in both:
        for wording, scores in (("as written", one.scores), ("harmonised", one.harmonised)):
            row = (f"{one.title}, {wording}", _support(scores))
            rows.append((*row, *(cell(scores[name]) for name in names_of("overview"))))
    header = ("labels", "records", *titles_of("overview").values())
    return Listing(
        "labels",
        "Labels as written, and harmonised",
        dict(zip(header, map(list, zip(*rows, strict=True)), strict=True)),
        (
            "Sources call the same rhythm differently: one writes sinus bradycardia below 60/min, another only near "
            "50/min. Harmonised, a sinus rhythm is called by its rate. What differs between the two lines is wording, "
            "not reading.",
        ),
    )
