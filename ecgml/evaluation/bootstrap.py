"""Cluster bootstrap: how far a figure would move with other patients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecgml.errors import EvaluationError

LEVEL = 0.95
"""Confidence level of every interval."""

CHUNK_SIZE = 2**20
"""Weights held at once (8 MB of float64, and a few times that while they are ranked): more is no faster."""


def resampled_weights(groups: Sequence[str], n_draws: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Draw groups with replacement and count how often each record comes up.

    Records of one patient resemble each other, so whole groups are drawn (Field & Welsh 2007,
    10.1111/j.1467-9868.2007.00593.x), as many as there are; a draw's number of records varies where groups differ in
    size. The draws follow from seed and groups alone, not from the chunks in which they come.

    Parameters
    ----------
    groups : sequence of str, length n_records
        Group of each record.
    n_draws : int
    seed : int

    Yields
    ------
    weights : ndarray, shape (n_in_chunk, n_records)
        Whole numbers, as float64.
    """
    codes, names = pd.factorize(np.asarray(groups, dtype=object))
    n_groups, n_records = len(names), len(codes)
    chunk = max(1, CHUNK_SIZE // n_records)
    random = np.random.default_rng(seed)
    for start in range(0, n_draws, chunk):
        n_in_chunk = min(chunk, n_draws - start)
        drawn = random.integers(n_groups, size=(n_in_chunk, n_groups))
        drawn += np.arange(n_in_chunk)[:, None] * n_groups  # one bincount counts all draws
        counts = np.bincount(drawn.ravel(), minlength=n_in_chunk * n_groups).reshape(n_in_chunk, n_groups)
        weights = counts.astype(np.float64)
        yield weights if n_groups == n_records else weights[:, codes]


def bootstrap(
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    groups: Sequence[str],
    n_draws: int,
    seed: int,
) -> NDArray[np.float64]:
    """Return a statistic's values over the draws of :func:`resampled_weights`.

    Parameters
    ----------
    statistic : callable
        Weights, shape (n, n_records), in; values, shape (n, n_values), out.
    groups : sequence of str, length n_records
    n_draws : int
        0 for none, which makes every interval NaN.
    seed : int

    Returns
    -------
    draws : ndarray, shape (n_draws, n_values)

    Raises
    ------
    EvaluationError
        If `n_draws` is negative.
    """
    if n_draws < 0:
        raise EvaluationError(f"n_bootstrap: {n_draws} draws, at least 0 are needed; 2000 is usual")
    if n_draws == 0:
        return statistic(np.empty((0, len(groups))))
    return np.concatenate([statistic(weights) for weights in resampled_weights(groups, n_draws, seed)])


def percentile_interval(draws: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 95 % percentile interval of each column (Efron & Tibshirani 1993, An Introduction to the Bootstrap).

    Parameters
    ----------
    draws : ndarray, shape (n_draws, n_values)
        NaN where a draw leaves a value undefined (it holds no record of a rare class): such draws are passed over.

    Returns
    -------
    low, high : ndarray, shape (n_values,)
        NaN where no draw defines the value.
    """
    low, high = np.full((2, draws.shape[1]), np.nan)
    defined = ~np.isnan(draws).all(axis=0)
    tail = (1 - LEVEL) / 2
    if defined.any():
        low[defined], high[defined] = np.nanquantile(draws[:, defined], [tail, 1 - tail], axis=0)
    return low, high


def two_sided_p(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the two-sided bootstrap p-value of each column: twice the smaller tail beyond zero, at most 1.

    Below 0.05 where the 95 % percentile interval leaves zero out, but for the one that is added to numerator and
    denominator so that p is never 0 (Davison & Hinkley 1997, Bootstrap Methods and their Application, section 4.2.1).

    Parameters
    ----------
    differences : ndarray, shape (n_draws, n_values)

    Returns
    -------
    p : ndarray, shape (n_values,)
        NaN where no draw defines the difference.
    """
    n_defined = (~np.isnan(differences)).sum(axis=0)
    fewer = np.minimum((differences <= 0).sum(axis=0), (differences >= 0).sum(axis=0))
    return np.where(n_defined > 0, np.minimum(1.0, 2 * (fewer + 1) / (n_defined + 1)), np.nan)
