"""Cautions for a reader of the metrics: absent and rare classes, unscored records, too few patients or errors."""

from __future__ import annotations

from ecgml.evaluation.predictions import Predictions

RARE = 5
"""With fewer records, a class's metrics are marked as too rare; they stay in the macro averages.

It is also the fewest errors for which a percentile interval of accuracy holds: with an accuracy of 0.95, the 95 %
interval held the truth in 96 % of samples of 100 records (five errors), 83 % of 65 and 64 % of 20.
"""

FEW_GROUPS = 30
"""With fewer groups, a 95 % percentile interval can be far too narrow (80 % at ten records and an accuracy of 0.85)."""


def support_note(n_records: int) -> str:
    """Return the note on a class of so many records: ``"absent"``, ``"too rare"`` or nothing."""
    if n_records == 0:
        return "absent"
    return "too rare" if n_records < RARE else ""


def cautions_on(predictions: Predictions) -> list[str]:
    """Return one sentence for each reason to read the metrics with caution.

    Parameters
    ----------
    predictions : Predictions
    """
    cautions = []
    n_records = predictions.n_records
    support = dict(zip(predictions.classes, predictions.support.tolist(), strict=True))
    if absent := [name for name, n in support.items() if support_note(n) == "absent"]:
        cautions.append(f"No record of {', '.join(absent)}: left out of the macro averages.")
    if rare := [f"{name} ({n})" for name, n in support.items() if support_note(n) == "too rare"]:
        cautions.append(
            f"Fewer than {RARE} records of {', '.join(rare)}: too rare to score alone, but part of the macro averages."
        )
    if n_unscored := int((~predictions.scored).sum()):
        cautions.append(f"{n_unscored:,} of {n_records:,} records could not be scored and count as errors.")
    if (n_groups := len(set(predictions.groups))) < FEW_GROUPS:
        cautions.append(
            f"Only {n_groups} independent groups of records: bootstrap intervals may be too narrow; at least "
            f"{FEW_GROUPS} are needed."
        )
    n_errors = int((predictions.y_pred != predictions.y_true).sum())
    if 0 < n_errors < RARE:
        cautions.append(
            f"Only {n_errors} error{'s' * (n_errors != 1)} in {n_records:,} records: bootstrap intervals may be too "
            "narrow."
        )
    return cautions
