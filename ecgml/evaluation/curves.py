"""ROC and precision-recall curves as points; the figures draw them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from ecgml.evaluation.predictions import Predictions

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def roc_curves(predictions: Predictions) -> dict[str, Curve]:
    """Return the ROC curve of each class that has records and is not alone, one against the rest.

    An unscored record counts as an error, with the probabilities of `Predictions.counted_prob`.

    Returns
    -------
    curves : dict of str to (false_positive_rate, true_positive_rate)
        By class name, in the order of the labels; both rates rise from 0 to 1.
    """
    y_prob = predictions.counted_prob()
    return {
        name: roc_curve(predictions.y_true == label, y_prob[:, label])[:2]
        for label, name in enumerate(predictions.classes)
        if 0 < predictions.support[label] < predictions.n_records
    }


def precision_recall_curves(predictions: Predictions) -> dict[str, Curve]:
    """Return the precision-recall curve of each class that has records; unscored records count as errors.

    Returns
    -------
    curves : dict of str to (recall, precision)
        By class name; recall falls from 1 to 0. Draw them as steps: average precision is the area under these.
    """
    y_prob = predictions.counted_prob()
    curves = {}
    for label, name in enumerate(predictions.classes):
        if predictions.support[label]:
            precision, recall, _ = precision_recall_curve(predictions.y_true == label, y_prob[:, label])
            curves[name] = recall, precision
    return curves


def macro_roc(curves: dict[str, Curve]) -> Curve:
    """Average ROC curves over the classes at equal false positive rate (Fawcett 2006, 10.1016/j.patrec.2005.10.010).

    Where a curve rises straight up both its ends are kept, so that the area under the average is exactly the mean of
    the areas, the macro AUROC (the usual interpolation on a grid cuts such corners).

    Parameters
    ----------
    curves : dict of str to (false_positive_rate, true_positive_rate)
        At least one.

    Returns
    -------
    false_positive_rate, true_positive_rate : ndarray, shape (n_points,)
    """
    grid = np.unique(np.concatenate([fpr for fpr, _ in curves.values()]))
    foot, top = np.mean([_foot_and_top(fpr, tpr, grid) for fpr, tpr in curves.values()], axis=0)
    return np.repeat(grid, 2), np.column_stack([foot, top]).ravel()


def _foot_and_top(fpr: NDArray[Any], tpr: NDArray[Any], grid: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the height at which a curve reaches each grid point, and that at which it leaves it."""
    steps = np.unique(fpr)
    feet = tpr[np.searchsorted(fpr, steps, side="left")]
    tops = tpr[np.searchsorted(fpr, steps, side="right") - 1]
    here = np.searchsorted(steps, grid, side="right") - 1  # the step at or left of each grid point
    after = np.minimum(here + 1, len(steps) - 1)
    run = np.where(after > here, steps[after] - steps[here], 1.0)
    slope = (feet[after] - tops[here]) * (grid - steps[here]) / run
    top = tops[here] + slope
    return np.where(grid == steps[here], feet[here], top), top
