"""Sample the records of an epoch, against class imbalance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def class_weights(labels: NDArray[np.int64], balance: float) -> NDArray[np.float64]:
    """Return the probability of drawing each record.

    Parameters
    ----------
    labels : ndarray of int64, shape (n_records,)
    balance : float
        0 draws every record equally often, 1 every class; in between, a class of n records is drawn in proportion to
        n ** (1 - balance).

    Returns
    -------
    weights : ndarray, shape (n_records,)
        They sum to 1.
    """
    weights = np.bincount(labels)[labels].astype(np.float64) ** -balance
    return weights / weights.sum()


def draw_epoch(weights: NDArray[np.float64], n_draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw records by systematic resampling, in random order.

    Systematic resampling (Kitagawa 1996, 10.1080/10618600.1996.10474692) draws record i either floor(n w_i) or
    ceil(n w_i) times: the same expectation as drawing with replacement, less chance about which rare records an epoch
    misses.

    Parameters
    ----------
    weights : ndarray, shape (n_records,)
        They sum to 1.
    n_draws : int
    rng : numpy.random.Generator

    Returns
    -------
    rows : ndarray of int64, shape (n_draws,)
    """
    n_records = len(weights)
    # The order is shuffled first: neighbours in one cohort must not share their luck.
    order = rng.permutation(n_records)
    positions = (rng.random() + np.arange(n_draws)) / n_draws
    drawn = order[np.searchsorted(np.cumsum(weights[order]), positions, side="right").clip(max=n_records - 1)]
    return rng.permutation(drawn).astype(np.int64)
