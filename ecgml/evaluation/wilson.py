"""Wilson intervals where the bootstrap collapses to a point: all records right, or none.

Every draw of a sample without errors is without errors, so its percentile interval is 1.000 to 1.000 from seven records
as from seven thousand. There we give Wilson's interval (Wilson 1927, 10.1080/01621459.1927.10502953), which Brown, Cai
& DasGupta (2001, 10.1214/ss/1009213286) recommend for small samples and proportions near 0 or 1.

* Trials are independent groups (patients), not records.
* F1 is 2J / (1 + J) of the proportion J = TP / (TP + FP + FN): its interval is that of J, transformed (the indirect
  method of Lam, Gopal & Qian 2023, arXiv 2309.14621, which they recommend over Clopper and Pearson's and Wald's).
* The area under the precision-recall curve has as many trials as the class has groups (Boyd, Eng & Page, ECML PKDD
  2013); that under the ROC curve as many as there are disjoint pairs, each an independent
  comparison: the smaller of the numbers of groups with and without the class.
* A macro average combines the classes' intervals (Zou & Donner 2008, 10.1002/sim.3095).

Metrics that are no proportion (Matthews' coefficient, kappa, losses) have no interval there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

from ecgml.evaluation.estimates import Estimate
from ecgml.evaluation.metric_table import class_metric, metric_rows
from ecgml.evaluation.metrics import Metrics
from ecgml.evaluation.predictions import Predictions

MACRO = {
    "macro_f1": "f1",
    "macro_auroc": "auroc",
    "macro_auprc": "auprc",
    "macro_sensitivity": "recall",
    "macro_specificity": "specificity",
}
"""Macro average -> the metric of each class."""


def n_groups(groups: Sequence[str], rows: NDArray[np.bool_]) -> int:
    """Return how many groups some records are from."""
    return len(np.unique(pd.factorize(np.asarray(groups, dtype=object))[0][rows]))


def wilson(estimate: Estimate, n: int) -> Estimate:
    """Return a proportion of 0 or 1 with Wilson's 95 % interval.

    Parameters
    ----------
    estimate : Estimate
    n : int
        Independent trials.

    Returns
    -------
    estimate : Estimate
        Without an interval where the value is neither 0 nor 1, or there is no trial.
    """
    value = round(estimate.value, 12)
    if value not in (0.0, 1.0) or n < 1:
        return Estimate(estimate.value)
    low, high = binomtest(int(value) * n, n).proportion_ci(0.95, method="wilson")
    return Estimate(estimate.value, float(low), float(high))


def is_flat(estimate: Estimate) -> bool:
    """Whether all bootstrap draws are alike."""
    return math.isclose(estimate.low, estimate.high, rel_tol=0, abs_tol=1e-12)


def unless_flat(estimate: Estimate, n: int) -> Estimate:
    """Return a proportion, with Wilson's interval for n independent trials where that of the bootstrap is flat."""
    return wilson(estimate, n) if is_flat(estimate) else estimate


def without_flat_intervals(estimates: Mapping[str, Estimate], predictions: Predictions) -> dict[str, Estimate]:
    """Replace bootstrap intervals that collapsed to a point; values stay.

    Parameters
    ----------
    estimates : mapping of str to Estimate
        Some of the metrics of :class:`ecgml.evaluation.metrics.Metrics`, by name.
    predictions : Predictions
        What they are of.
    """
    if not any(map(is_flat, estimates.values())):
        return dict(estimates)
    metrics = Metrics(predictions)
    point = dict(zip(metrics.names, metrics.point().tolist(), strict=True))
    shares = [row.name for row in metric_rows(by_class=False) if row.is_proportion]
    intervals = {name: wilson(Estimate(point[name]), len(set(predictions.groups))) for name in shares}
    for metric in (*MACRO.values(), "precision"):
        for label, class_name in enumerate(predictions.classes):
            name = class_metric(metric, class_name)
            intervals[name] = _of_class(metric, label, point[name], predictions)
    present = [predictions.classes[label] for label in np.unique(predictions.y_true)]
    for name, metric in MACRO.items():
        of_classes = [intervals[class_metric(metric, class_name)] for class_name in present]
        intervals[name] = _mean([estimate for estimate in of_classes if not math.isnan(estimate.value)])
    return {
        name: intervals.get(name, Estimate(estimate.value)) if is_flat(estimate) else estimate
        for name, estimate in estimates.items()
    }


def _of_class(metric: str, label: int, value: float, predictions: Predictions) -> Estimate:
    true, called = predictions.y_true == label, predictions.y_pred == label
    with_class, without = n_groups(predictions.groups, true), n_groups(predictions.groups, ~true)
    trials = {
        "precision": n_groups(predictions.groups, called),
        "recall": with_class,
        "specificity": without,
        "f1": n_groups(predictions.groups, true | called),
        "auroc": min(with_class, without),
        "auprc": with_class,
    }
    estimate = wilson(Estimate(value), trials[metric])
    if metric != "f1":
        return estimate
    return Estimate(value, *(2 * end / (1 + end) for end in (estimate.low, estimate.high)))


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    """Return the mean of independent estimates: the distances of its ends add up as squares."""
    n = len(estimates)
    if not n:
        return Estimate(math.nan)
    value = sum(estimate.value for estimate in estimates) / n
    below = math.sqrt(sum((estimate.value - estimate.low) ** 2 for estimate in estimates)) / n
    above = math.sqrt(sum((estimate.high - estimate.value) ** 2 for estimate in estimates)) / n
    return Estimate(value, max(0.0, value - below), min(1.0, value + above))
