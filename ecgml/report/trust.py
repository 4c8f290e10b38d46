"""Limitations: where a model should not be relied on."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ecgml.evaluation.cautions import RARE
from ecgml.evaluation.estimates import Estimate
from ecgml.evaluation.metric_table import class_metric
from ecgml.evaluation.summary import interval_text
from ecgml.page.sections import Listing, Section, sentence
from ecgml.report.evaluated import Evaluated

LEAST_SENSITIVITY = 0.8
"""A class whose sensitivity may be lower than this, by its interval, is listed: one record in five is missed."""


def limits_of(evaluated: Sequence[Evaluated], limits: Sequence[str]) -> list[str]:
    """Return one sentence for each limitation, the measured ones first."""
    missed, cautions = [], []
    for item in evaluated:
        title = sentence(item.title)
        for name, n in zip(item.scores.classes, item.scores.support, strict=True):
            recall = item.scores[class_metric("recall", name)]
            if n >= RARE and math.isfinite(recall.low) and recall.low < LEAST_SENSITIVITY:
                missed.append((recall.high, recall.value, f"{title}: {_missed(name, n, recall)}"))
        cautions += [f"{title}: {caution}" for caution in item.scores.cautions]
    if not any(item.key != "test" for item in evaluated):
        cautions.append("No external cohort: performance on ECGs of another hospital was not measured.")
    return [*(text for *_, text in sorted(missed)), *cautions, *limits]


def _missed(name: str, n: int, recall: Estimate) -> str:
    figure = f"(sensitivity {interval_text(recall)}, {n:,} records)"
    if not recall.value:
        return f"{name} was never detected {figure}."
    if recall.high < LEAST_SENSITIVITY:
        return f"{name} is missed in more than one of five records {figure}."
    return f"{name} may be missed in more than one of five records {figure}."


def trust_section(evaluated: Sequence[Evaluated], limits: Sequence[str]) -> Section:
    """List where not to rely on the model.

    Parameters
    ----------
    evaluated : sequence of Evaluated
    limits : sequence of str
        Limitations that hold whatever the model was evaluated on.
    """
    rows = limits_of(evaluated, limits)
    return Section(
        "trust",
        "Limitations",
        ("Research use only: not a medical device, and no substitute for a reading by a physician.",),
        (Listing("limits", "Where not to rely on the model", {"limitation": rows}),),
        tuple(rows[:2]),
    )
