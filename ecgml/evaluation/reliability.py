"""Reliability: observed frequency of a class by its predicted probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

N_BINS = 10


@dataclass(frozen=True)
class Bin:
    """Records whose probability lies in one range."""

    low: float
    high: float
    n_records: int
    mean_probability: float
    share_true: float
    interval: tuple[float, float]
    """95 % interval of the share, Clopper-Pearson."""


def reliability(probability: NDArray[np.float64], true: NDArray[np.bool_]) -> Sequence[Bin]:
    """Return the bins of equal width that hold records.

    Parameters
    ----------
    probability : ndarray, shape (n_records,)
    true : ndarray of bool, shape (n_records,)
    """
    places = np.minimum((probability * N_BINS).astype(int), N_BINS - 1)
    bins = []
    for place in np.unique(places):
        inside = places == place
        n, k = int(inside.sum()), int(true[inside].sum())
        low, high = binomtest(k, n).proportion_ci(0.95, method="exact")
        mean = float(probability[inside].mean())
        bins.append(Bin(place / N_BINS, (place + 1) / N_BINS, n, mean, k / n, (float(low), float(high))))
    return bins
