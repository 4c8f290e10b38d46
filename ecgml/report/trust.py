"""Where a model should not be relied on."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ecgml.evaluation.cautions import RARE
from ecgml.evaluation.estimates import Estimate
from ecgml.evaluation.metric_table import class_metric
from ecgml.evaluation.summary import interval_text
from ecgml.page.sections import Listing, Section
from ecgml.report.evaluated import Evaluated

LEAST_SENSITIVITY = 0.8
"""Below this, by the lower end of the interval, a class is named as one not to rely on: one in five missed."""


def limits_of(evaluated: Sequence[Evaluated], limits: Sequence[str]) -> list[str]:
    """Return one sentence for each thing that limits trust, what was measured first."""
    missed, found = [], []
    for one in evaluated:
        for name, n in zip(one.scores.classes, one.scores.support, strict=True):
            recall = one.scores[class_metric("recall", name)]
            if n >= RARE and math.isfinite(recall.low) and recall.low < LEAST_SENSITIVITY:
                missed.append((recall.high, recall.value, f"{one.title.capitalize()}: {_missed(name, n, recall)}"))
        found += [f"{one.title.capitalize()}: {caution}" for caution in one.scores.cautions]
    found = [text for *_, text in sorted(missed)] + found
    if not any(one.key != "test" for one in evaluated):
        found.append("No external cohort: how it fares on ECGs of another hospital was not looked at.")
    return [*found, *limits]


def _missed(name: str, n: int, recall: Estimate) -> str:
    figure = f"(sensitivity {interval_text(recall)}, {n:,} records)"
    if not recall.value:
        return f"{name} was never found {figure}."
    if recall.high < LEAST_SENSITIVITY:
        return f"{name} is missed in more than one of five records {figure}."
    return f"{name} may be missed in more than one of five records {figure}."


def trust_section(evaluated: Sequence[Evaluated], limits: Sequence[str]) -> Section:
    """List where not to rely on the model.

    Parameters
    ----------
    evaluated : sequence of Evaluated
    limits : sequence of str
        What is known of the model whatever it was evaluated on.
    """
    found = limits_of(evaluated, limits)
    return Section(
        "trust",
        "Where not to trust it",
        ("Research use only: not a medical device, and no substitute for a reading by a physician.",),
        (Listing("limits", "Limits", {"limit": found}),),
        tuple(found[:2]),
    )
