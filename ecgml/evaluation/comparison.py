"""Two models on the same records: paired differences, and whether they are significant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import bdtr

from ecgml.errors import EvaluationError
from ecgml.evaluation.bootstrap import bootstrap, two_sided_p
from ecgml.evaluation.cautions import FEW_GROUPS, RARE
from ecgml.evaluation.estimates import Estimate, centre_calibration_error, estimates_of, signed_text
from ecgml.evaluation.metric_table import is_lower_better, logged_names
from ecgml.evaluation.metrics import Metrics
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.wilson import without_flat_intervals

FEWEST_DISCORDANT = 6
"""With fewer records on which one model alone is right, McNemar's exact test cannot fall below p = .05 (2 / 2^5)."""

SMALL_SAMPLE = 200
"""Below so many records the verdict adds a caution: the 95 % interval of an accuracy of 0.85 is then ±0.05 or wider."""


SIGNIFICANT, NOT_SIGNIFICANT = "significant (95 % CI excludes 0)", "not significant (95 % CI includes 0)"


@dataclass(frozen=True)
class McNemar:
    """Exact McNemar test (McNemar 1947, 10.1007/BF02295996): do two models err on equally many records?"""

    only_a_right: int
    only_b_right: int
    p_value: float
    """Two-sided, binomial; takes records as independent, also those of one patient."""


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare` returns; differences are a minus b, by metric name."""

    classes: tuple[str, ...]
    support: tuple[int, ...]
    n_groups: int
    a: Mapping[str, Estimate]
    b: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]
    p_values: Mapping[str, float]
    """Two-sided bootstrap p-value of each difference."""
    mcnemar: McNemar

    @property
    def n_records(self) -> int:
        """Number of records, scored or not."""
        return sum(self.support)

    @property
    def is_too_small(self) -> bool:
        """Whether percentile intervals cannot be believed: too few groups, or too few records of a class."""
        return self.n_groups < FEW_GROUPS or min(n for n in self.support if n) < RARE

    def table(self) -> pd.DataFrame:
        """Return the overall metrics and each class's F1 side by side.

        Returns
        -------
        table : DataFrame
            Index ``metric``; columns ``a``, ``b``, ``difference`` (a minus b), ``low``, ``high`` (its 95 % interval),
            ``p_value`` (bootstrap) and ``better`` (which way is better: ``higher`` or ``lower``). The test by
            :attr:`mcnemar` is of ``accuracy`` and stands in the column ``mcnemar_p``, NaN elsewhere.
        """
        rows = []
        for name in logged_names(self.classes):
            difference = self.differences[name]
            rows.append(
                {
                    "metric": name,
                    "a": self.a[name].value,
                    "b": self.b[name].value,
                    "difference": difference.value,
                    "low": difference.low,
                    "high": difference.high,
                    "p_value": self.p_values[name],
                    "mcnemar_p": self.mcnemar.p_value if name == "accuracy" else np.nan,
                    "better": "lower" if is_lower_better(name) else "higher",
                }
            )
        return pd.DataFrame(rows).set_index("metric")

    def verdict(self, name_a: str, name_b: str) -> str:
        """Return in plain words which model is ahead, by how much, and whether that is significant.

        Parameters
        ----------
        name_a, name_b : str
            What to call the models.

        Returns
        -------
        verdict : str
            One or two sentences, a third of caution below 200 records. Nothing is called significant on fewer than 30
            groups, or fewer than 5 records of a class that occurs: intervals are then too narrow. Models that are right
            on the same records but for a few are not ranked.
        """
        n_discordant = self.mcnemar.only_a_right + self.mcnemar.only_b_right
        if n_discordant < FEWEST_DISCORDANT and not self.is_too_small:
            return self._alike(name_a, name_b, n_discordant)
        f1, auroc = self.differences["macro_f1"], self.differences["macro_auroc"]
        score_a, score_b = self.a["macro_f1"].value, self.b["macro_f1"].value
        on_records = f"on {self.n_records:,} records"
        if f1.value == 0:
            sentences = [f"{name_a} and {name_b} reach the same macro-F1, {score_a:.3f}, {on_records}."]
        else:
            a_leads = f1.value > 0
            ahead, behind = (name_a, name_b) if a_leads else (name_b, name_a)
            sentences = [
                f"{ahead} is ahead of {behind} by {abs(f1.value):.3f} macro-F1 ({max(score_a, score_b):.3f} against "
                f"{min(score_a, score_b):.3f}) {on_records}; the 95 % interval of the difference is "
                f"{_span(f1, a_leads)}: {self._weight(f1)}."
            ]
            if not np.isnan(auroc.value):
                higher = "higher" if (auroc.value > 0) == a_leads else "lower"
                amount = f"{abs(auroc.value):.3f} {higher}" if auroc.value else "the same"
                sentences.append(f"Its macro AUROC is {amount} ({_span(auroc, a_leads)}): {self._weight(auroc)}.")
        rarest = min(n for n in self.support if n)
        if self.is_too_small:
            sentences.append(
                f"With {self.n_groups:,} independent groups of records, and {rarest:,} records of the rarest class, "
                "the intervals are too narrow."
            )
        elif self.n_records < SMALL_SAMPLE:
            sentences.append(
                f"So few records, {rarest} of them of the rarest class, cannot show a difference in macro-F1 much "
                f"smaller than {(f1.high - f1.low) / 2:.2f}."
            )
        return " ".join(sentences)

    def _alike(self, name_a: str, name_b: str, n_discordant: int) -> str:
        f1_a, f1_b = self.a["macro_f1"].value, self.b["macro_f1"].value
        but = f"all but {n_discordant} of " if n_discordant else ""
        return (
            f"{name_a} and {name_b} gave almost the same answers and cannot be ranked: on {but}{self.n_records:,} "
            f"records both are right or both are wrong (macro-F1 {f1_a:.3f} and {f1_b:.3f})."
        )

    def _weight(self, difference: Estimate) -> str:
        if not difference.excludes_zero:
            return NOT_SIGNIFICANT
        return "too few records to call it significant" if self.is_too_small else SIGNIFICANT


def _span(difference: Estimate, a_leads: bool) -> str:
    """Return the interval as text, seen from the leader's side."""
    low, high = (difference.low, difference.high) if a_leads else (-difference.high, -difference.low)
    return f"{signed_text(low)} to {signed_text(high)}"


def compare(a: Predictions, b: Predictions, *, n_bootstrap: int = 2000, seed: int = 0) -> Comparison:
    """Compare two models on the same records, drawn together.

    Parameters
    ----------
    a, b : Predictions
        Of the same records, in any order, with the same classes, labels and groups. A record that only one of them
        could score counts as an error of the other.
    n_bootstrap : int
        Draws; both models are scored on each.
    seed : int

    Returns
    -------
    comparison : Comparison

    Raises
    ------
    EvaluationError
        If classes, records, labels or groups differ (the first mismatch is named), or `n_bootstrap` is less than 1.
    """
    if n_bootstrap < 1:
        raise EvaluationError(f"n_bootstrap: {n_bootstrap} draws, a comparison needs at least 1; 2000 is usual")
    b = _aligned(a, b)
    metrics_a, metrics_b = Metrics(a), Metrics(b)

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.hstack([metrics_a.at(weights), metrics_b.at(weights)])

    names = metrics_a.names
    point_a, point_b = metrics_a.point(), metrics_b.point()
    draws_a, draws_b = np.split(bootstrap(statistic, a.groups, n_bootstrap, seed), 2, axis=1)
    draws_a = centre_calibration_error(names, point_a, draws_a)
    draws_b = centre_calibration_error(names, point_b, draws_b)
    return Comparison(
        classes=a.classes,
        support=tuple(a.support.tolist()),
        n_groups=len(set(a.groups)),
        a=without_flat_intervals(estimates_of(names, point_a, draws_a), a),
        b=without_flat_intervals(estimates_of(names, point_b, draws_b), b),
        differences=estimates_of(names, point_a - point_b, draws_a - draws_b),
        p_values=dict(zip(names, two_sided_p(draws_a - draws_b).tolist(), strict=True)),
        mcnemar=mcnemar(a.y_pred == a.y_true, b.y_pred == b.y_true),
    )


def mcnemar(a_right: NDArray[np.bool_], b_right: NDArray[np.bool_]) -> McNemar:
    """Test whether two models are right on equally many records, exactly.

    Parameters
    ----------
    a_right, b_right : ndarray of bool, shape (n_records,)
        Whether each model found the class of each record.
    """
    only_a, only_b = int((a_right & ~b_right).sum()), int((b_right & ~a_right).sum())
    # Under the null hypothesis each record on which one alone is right is a fair coin.
    tail = float(bdtr(min(only_a, only_b), only_a + only_b, 0.5))
    return McNemar(only_a, only_b, min(1.0, 2 * tail))


def _aligned(a: Predictions, b: Predictions) -> Predictions:
    """Return b's records in the order of a's."""
    if a.classes != b.classes:
        raise EvaluationError(
            f"compare: classes {', '.join(a.classes)} against {', '.join(b.classes)}; both must be of one scheme"
        )
    row_of = {record_id: row for row, record_id in enumerate(b.record_ids)}
    for record_id in a.record_ids:
        if record_id not in row_of:
            raise EvaluationError(
                f"compare: record {record_id} is only in the first; score both models on one test set"
            )
    if b.n_records > a.n_records:
        extra = next(record_id for record_id in b.record_ids if record_id not in set(a.record_ids))
        raise EvaluationError(f"compare: record {extra} is only in the second; score both models on one test set")
    b = b.take([row_of[record_id] for record_id in a.record_ids])
    for row, record_id in enumerate(a.record_ids):
        if a.y_true[row] != b.y_true[row]:
            raise EvaluationError(
                f"compare: record {record_id} is labelled {a.classes[a.y_true[row]]} in the first and "
                f"{b.classes[b.y_true[row]]} in the second; use one label scheme and harmonising rule"
            )
        if a.groups[row] != b.groups[row]:
            raise EvaluationError(
                f"compare: record {record_id} is in group {a.groups[row]} in the first and {b.groups[row]} in the "
                "second; use one split"
            )
    return b
