"""Metrics that follow from a confusion matrix, for one matrix or a stack of them.

A matrix has a row for each true class and a column for each predicted one, plus a last column for records that could
not be scored: predicted to be of no class, they are errors and hurt recall, F1 and accuracy but no class's precision.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def confusion_cells(y_true: NDArray[np.int64], y_pred: NDArray[np.int64], n_classes: int) -> Array:
    """Mark the cell of the confusion matrix in which each record falls.

    Weights (n_draws, n_records) times this are the flattened matrices of all draws at once.

    Parameters
    ----------
    y_true : ndarray of int, shape (n_records,)
        Labels.
    y_pred : ndarray of int, shape (n_records,)
        Predicted labels; -1 where not scored.
    n_classes : int

    Returns
    -------
    cells : ndarray of 0 and 1, shape (n_records, n_classes * (n_classes + 1))
    """
    column = np.where(y_pred < 0, n_classes, y_pred)
    cells = np.zeros((len(y_true), n_classes * (n_classes + 1)))
    cells[np.arange(len(y_true)), y_true * (n_classes + 1) + column] = 1
    return cells


def macro(values: Array) -> Array:
    """Return the unweighted mean over the last axis of the values that are defined; NaN where none is."""
    defined = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(defined, values, 0).sum(axis=-1) / defined.sum(axis=-1)


def accuracy(confusion: Array) -> Array:
    """Return the fraction of records whose class was found.

    Parameters
    ----------
    confusion : ndarray, shape (..., n_classes, n_classes + 1)
        Counts or sums of weights.

    Returns
    -------
    accuracy : ndarray, shape (...)
    """
    with np.errstate(invalid="ignore"):
        return _hits(confusion).sum(axis=-1) / confusion.sum(axis=(-2, -1))


def class_metrics(confusion: Array) -> dict[str, Array]:
    """Return precision, recall (sensitivity), specificity and F1 of each class against the rest.

    Parameters
    ----------
    confusion : ndarray, shape (..., n_classes, n_classes + 1)
        Counts or sums of weights.

    Returns
    -------
    metrics : dict of ndarray, each of shape (..., n_classes)
        NaN where undefined: precision of a class never predicted; recall and F1 of a class without records, so that
        macro averages are over the classes present (scikit-learn would count F1 of an absent class as 0).
    """
    hits = _hits(confusion)
    true = confusion.sum(axis=-1)
    predicted = confusion[..., :-1].sum(axis=-2)
    others = true.sum(axis=-1, keepdims=True) - true
    with np.errstate(invalid="ignore"):
        return {
            "precision": hits / predicted,
            "recall": hits / true,
            "specificity": 1 - (predicted - hits) / others,
            "f1": np.where(true > 0, 2 * hits / (true + predicted), np.nan),
        }


def matthews(confusion: Array) -> Array:
    """Return the multi-class Matthews correlation coefficient (Gorodkin 2004, 10.1016/j.compbiolchem.2004.09.006).

    Unscored records form a predicted class of their own. NaN where all records are of one class or predicted to be
    (scikit-learn returns 0 there).

    Parameters
    ----------
    confusion : ndarray, shape (..., n_classes, n_classes + 1)
        Counts or sums of weights.
    """
    total, observed, expected, true, predicted = _agreement(confusion)
    spread = (total**2 - (true**2).sum(axis=-1)) * (total**2 - (predicted**2).sum(axis=-1))
    with np.errstate(invalid="ignore"):
        return (observed * total - expected) / np.sqrt(spread)


def cohen_kappa(confusion: Array) -> Array:
    """Return Cohen's unweighted kappa (Cohen 1960, 10.1177/001316446002000104); NaN where chance agreement is whole.

    Unscored records form a predicted class of their own.

    Parameters
    ----------
    confusion : ndarray, shape (..., n_classes, n_classes + 1)
        Counts or sums of weights.
    """
    total, observed, expected, _, _ = _agreement(confusion)
    with np.errstate(invalid="ignore"):
        return (observed * total - expected) / (total**2 - expected)


def _hits(confusion: Array) -> Array:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _agreement(confusion: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Return total, agreements, agreements expected by chance times total, and both margins.

    Kept as sums, not fractions, so that whole counts give exact zeros where a coefficient is undefined.
    """
    true, predicted = confusion.sum(axis=-1), confusion.sum(axis=-2)
    expected = (true * predicted[..., :-1]).sum(axis=-1)
    return true.sum(axis=-1), _hits(confusion).sum(axis=-1), expected, true, predicted
