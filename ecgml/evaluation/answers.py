"""Abstention: which records are answered, how accurate those answers are, and coverage of the conformal sets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from ecgml.errors import EvaluationError
from ecgml.evaluation.bootstrap import bootstrap
from ecgml.evaluation.estimates import Estimate, estimates_of
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.wilson import is_flat, n_groups, unless_flat, without_flat_intervals


@dataclass(frozen=True, eq=False)
class Answers:
    """Which records of a set are answered.

    Parameters
    ----------
    reasons : tuple of str, length n_records
        Why a record is abstained on; empty where it is answered.
    certainty : ndarray, shape (n_records,)
        The larger, the later a record would be abstained on.
    sets : ndarray of bool, shape (n_records, n_classes), or None
        Conformal sets; None where the model has none.
    """

    reasons: tuple[str, ...]
    certainty: NDArray[np.float64]
    sets: NDArray[np.bool_] | None = None

    @property
    def abstained(self) -> NDArray[np.bool_]:
        """Whether each record is abstained on."""
        return np.array([bool(reason) for reason in self.reasons], dtype=bool)


@dataclass(frozen=True)
class AnswerScores:
    """What :func:`score_answers` returns; each with its 95 % interval."""

    answered: Estimate
    """Share of the records answered."""
    accuracy: Estimate
    """Of these."""
    macro_f1: Estimate
    """Of these, over the classes among them."""
    set_coverage: tuple[Estimate, ...]
    """Coverage: share of each class's records whose set contains the class; empty without sets."""
    set_size: Estimate | None
    """Mean number of classes in a set."""

    def flat(self, classes: tuple[str, ...], prefix: str = "") -> dict[str, float]:
        """Return it as MLflow metrics; what is undefined is left out.

        Returns
        -------
        metrics : dict of str to float
            ``answered``, ``answered_accuracy``, ``answered_macro_f1``, ``set_size`` and ``set_coverage_<class>``, each
            with ``_low`` and ``_high``.
        """
        named = {"answered": self.answered, "answered_accuracy": self.accuracy, "answered_macro_f1": self.macro_f1}
        if self.set_size:
            named["set_size"] = self.set_size
        named |= {
            f"set_coverage_{name.lower()}": share for name, share in zip(classes, self.set_coverage, strict=False)
        }
        flat = {}
        for name, estimate in named.items():
            flat |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        return {f"{prefix}{name}": value for name, value in flat.items() if math.isfinite(value)}


def score_answers(
    predictions: Predictions, answers: Answers, *, n_bootstrap: int = 2000, seed: int = 0
) -> AnswerScores:
    """Score the answered records, with 95 % cluster-bootstrap intervals (Wilson's where those collapse to a point).

    Parameters
    ----------
    predictions : Predictions
    answers : Answers
        Of the same records in the same order.
    n_bootstrap : int
    seed : int

    Raises
    ------
    EvaluationError
        If the two are not of the same number of records.
    """
    if len(answers.reasons) != predictions.n_records:
        raise EvaluationError(
            f"answers: {len(answers.reasons):,} for {predictions.n_records:,} records; read the answers and "
            "predictions of one run"
        )
    y_true, n_classes = predictions.y_true, predictions.n_classes
    kept = ~answers.abstained
    right = kept & (predictions.y_pred == y_true)
    of_class = y_true[:, None] == np.arange(n_classes)
    predicted_class = kept[:, None] & (predictions.y_pred[:, None] == np.arange(n_classes))
    columns = [kept[:, None], right[:, None], of_class & right[:, None], of_class & kept[:, None], predicted_class]
    if answers.sets is not None:
        held = answers.sets[np.arange(len(y_true)), y_true]
        columns += [of_class & held[:, None], of_class, answers.sets.sum(axis=1, keepdims=True)]
    addends = np.hstack([np.asarray(column, dtype=float) for column in columns])
    names = ["answered", "accuracy", "macro_f1"]
    if answers.sets is not None:
        names += [*(f"coverage {label}" for label in range(n_classes)), "size"]

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        sums, total = weights @ addends, weights.sum(axis=1)
        hits, support, predicted = (sums[:, 2 + k * n_classes : 2 + (k + 1) * n_classes] for k in range(3))
        with np.errstate(invalid="ignore", divide="ignore"):
            f1 = np.where(support > 0, 2 * hits / (support + predicted), np.nan)
            n_present = (support > 0).sum(axis=1)
            values = [sums[:, 0] / total, sums[:, 1] / sums[:, 0], np.nansum(f1, axis=1) / n_present]
            if answers.sets is not None:
                start = 2 + 3 * n_classes
                covered, number = sums[:, start : start + n_classes], sums[:, start + n_classes : start + 2 * n_classes]
                values += [*(covered / number).T, sums[:, -1] / total]
        return np.column_stack(values)

    point = statistic(np.ones((1, predictions.n_records)))[0]
    estimates = estimates_of(names, point, bootstrap(statistic, predictions.groups, n_bootstrap, seed))
    groups = predictions.groups
    coverage = (
        tuple(
            unless_flat(estimates[f"coverage {label}"], n_groups(groups, y_true == label)) for label in range(n_classes)
        )
        if answers.sets is not None
        else ()
    )
    return AnswerScores(
        unless_flat(estimates["answered"], len(set(groups))),
        unless_flat(estimates["accuracy"], n_groups(groups, kept)),
        _macro_f1(estimates["macro_f1"], predictions, kept),
        coverage,
        _mean_size(estimates.get("size")),
    )


def _macro_f1(estimate: Estimate, predictions: Predictions, kept: NDArray[np.bool_]) -> Estimate:
    if not kept.any():
        return estimate
    return without_flat_intervals({"macro_f1": estimate}, predictions.subset(kept))["macro_f1"]


def _mean_size(estimate: Estimate | None) -> Estimate | None:
    """Return the mean size of a set, without an interval where all sets are of one size."""
    return Estimate(estimate.value) if estimate and is_flat(estimate) else estimate


def coverage_curve(
    predictions: Predictions, certainty: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return accuracy and macro-F1 of the most certain records, from few to all.

    Parameters
    ----------
    predictions : Predictions
    certainty : ndarray, shape (n_records,)

    Returns
    -------
    coverage, accuracy, macro_f1 : ndarray, shape (n_points,)
        Points where ties end, from a twentieth of the records on.
    """
    order = np.argsort(-certainty, kind="stable")
    right = (predictions.y_pred == predictions.y_true)[order]
    ends = np.flatnonzero(np.append(np.diff(certainty[order]) != 0, True)) + 1
    ends = ends[ends >= max(1, len(order) // 20)]
    if len(ends) > 200:
        ends = ends[np.linspace(0, len(ends) - 1, 200).astype(int)]
    f1 = [
        f1_score(
            predictions.y_true[order[:end]], predictions.y_pred[order[:end]], average="macro", zero_division=0,
            labels=np.unique(predictions.y_true[order[:end]]),
        )
        for end in ends
    ]  # fmt: skip
    return ends / len(order), np.cumsum(right)[ends - 1] / ends, np.array(f1)


def area_under_risk(predictions: Predictions, certainty: NDArray[np.float64]) -> float:
    """Return the mean error over all coverages (AURC, Geifman et al. 2019, arXiv 1805.08206); lower is better."""
    order = np.argsort(-certainty, kind="stable")
    wrong = (predictions.y_pred != predictions.y_true)[order]
    return float(np.mean(np.cumsum(wrong) / np.arange(1, len(wrong) + 1)))
