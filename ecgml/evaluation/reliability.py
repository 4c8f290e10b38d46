"""How often something is true when it is said to be so probable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

N_BINS = 10


@dataclass(frozen=True)
class Bin:
    """Records whose probability lies in one stretch."""

    low: float
    high: float
    n_records: int
    mean_probability: float
    share_true: float
    interval: tuple[float, float]
    """95 % of the share, Clopper and Pearson's."""


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
        here = places == place
        n, k = int(here.sum()), int(true[here].sum())
        low = float(beta.ppf(0.025, k, n - k + 1)) if k else 0.0
        high = float(beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0
        bins.append(Bin(place / N_BINS, (place + 1) / N_BINS, n, float(probability[here].mean()), k / n, (low, high)))
    return bins
