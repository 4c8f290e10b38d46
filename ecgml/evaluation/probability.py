"""How good the probabilities are, beyond their order: Brier score, log loss, calibration error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

N_BINS = 15
"""Bins of the calibration error, as many as Guo et al. (2017) use."""


def brier_losses(y_prob: NDArray[np.float64], y_true: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return each record's squared distance between its probabilities and its label, summed over the classes.

    Multi-class Brier score in its original form (Brier 1950, 10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2): from 0
    to 2, twice the usual two-class score.

    Parameters
    ----------
    y_prob : ndarray, shape (n_records, n_classes)
    y_true : ndarray of int, shape (n_records,)

    Returns
    -------
    losses : ndarray, shape (n_records,)
    """
    own_class = np.arange(y_prob.shape[1]) == y_true[:, None]
    return ((y_prob - own_class) ** 2).sum(axis=1)


def log_losses(y_prob: NDArray[np.float64], y_true: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return each record's negative log-probability of its class, in nats.

    Parameters
    ----------
    y_prob : ndarray, shape (n_records, n_classes)
    y_true : ndarray of int, shape (n_records,)

    Returns
    -------
    losses : ndarray, shape (n_records,)
        A probability of 0 is taken for the float64 machine epsilon, as in scikit-learn's `log_loss`: 36.04 nats.
    """
    own_prob = y_prob[np.arange(len(y_true)), y_true]
    return -np.log(np.clip(own_prob, np.finfo(np.float64).eps, 1.0))


def calibration_gaps(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Spread each record's confidence minus correctness into its confidence bin.

    Weights (n_draws, n_records) times this are, per bin, the weight times the gap between mean confidence and accuracy;
    :func:`calibration_error` makes the error of them. Bins are (0, 1/15], (1/15, 2/15], … (14/15, 1].

    Parameters
    ----------
    confidence : ndarray, shape (n_records,)
        Probability of the most probable class.
    correct : ndarray of bool, shape (n_records,)
        Whether that is the record's class.

    Returns
    -------
    gaps : ndarray, shape (n_records, 15)
    """
    bins = np.clip(np.ceil(confidence * N_BINS).astype(int) - 1, 0, N_BINS - 1)
    gaps = np.zeros((len(confidence), N_BINS))
    gaps[np.arange(len(confidence)), bins] = confidence - correct
    return gaps


def calibration_error(bin_gaps: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the expected calibration error of the most probable class.

    ECE with equal-width bins (Naeini et al. 2015, 10.1609/aaai.v29i1.9602; Guo et al. 2017, arXiv 1706.04599): the mean
    over records of their bin's absolute gap. It is biased upwards, the more so the fewer the records: a perfectly
    calibrated model does not get 0.

    Parameters
    ----------
    bin_gaps : ndarray, shape (..., 15)
        Sums over records of what :func:`calibration_gaps` returns.
    total : ndarray, shape (...)
        Sum of the weights.
    """
    with np.errstate(invalid="ignore"):
        return np.abs(bin_gaps).sum(axis=-1) / total
