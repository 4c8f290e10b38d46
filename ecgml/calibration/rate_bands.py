"""Probabilities that agree with the measured rate, where classes are defined by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ecgml.records.schemes import BRADYCARDIA_BPM, TACHYCARDIA_BPM

LIMITS_BPM = (BRADYCARDIA_BPM - 0.5, TACHYCARDIA_BPM + 0.5)
"""A rate is stated as an integer: 59.5 counts as 60, 100.4 as 100."""

RATE_SD_BPM = 0.5
"""How far a measured rate may be off, 1/min: within 0.5 of the carts' integers in 99 % of 474 sinus records."""

INSIDE_BPM = 2.0
"""A training record speaks for a band only so far inside it, 1/min."""

LEAST_RECORDS, LEAST_SHARE = 50, 0.01
"""A class is bound to rates by so many training records; a share of them so large opens a band to it."""


@dataclass(frozen=True)
class RateBands:
    """In which rate bands (below 60, 60 to 100, above 100/min) each class can be.

    A class that holds a sinus rhythm is bound to the bands in which its training records lie: with labels that follow
    the rate, SB below 60, SR between, ST above. Within these classes probability moves to those that the measured rate
    allows; what they have in all, and every other class (fibrillation has any rate), stays. Near a limit both sides
    keep their share by the rate's uncertainty.

    Parameters
    ----------
    allowed : tuple of (tuple of bool, length 3) or None, length n_classes
        None for a class that is not bound.
    """

    allowed: tuple[tuple[bool, ...] | None, ...]

    def __call__(self, y_prob: NDArray[np.float64], rates: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return probabilities that agree with the rate.

        Parameters
        ----------
        y_prob : ndarray, shape (n, n_classes)
        rates : ndarray, shape (n,)
            Measured, 1/min; NaN where unknown: such a row stays.
        """
        bound = np.array([bands is not None for bands in self.allowed])
        if not bound.any():
            return y_prob
        among = y_prob[:, bound]
        open_to = np.array([bands for bands in self.allowed if bands is not None])  # (n_bound, 3)
        kept = among[:, :, None] * open_to  # (n, n_bound, 3)
        total = kept.sum(axis=1, keepdims=True)
        n_open = open_to.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = np.where(total > 0, kept / total, open_to / n_open)
        # A band that no class is open to leaves them as they are.
        shares = np.where(n_open > 0, shares, (among / among.sum(axis=1, keepdims=True).clip(1e-300))[:, :, None])
        agreed = y_prob.copy()
        agreed[:, bound] = among.sum(axis=1, keepdims=True) * (shares * _band_shares(rates)[:, None]).sum(axis=2)
        return np.where(np.isfinite(rates)[:, None], agreed, y_prob)

    def to_json(self) -> list[list[bool] | None]:
        """Return a JSON-ready list."""
        return [None if bands is None else list(bands) for bands in self.allowed]

    @classmethod
    def from_json(cls, values: list[list[bool] | None]) -> RateBands:
        """Rebuild from :meth:`to_json`."""
        return cls(tuple(None if bands is None else tuple(map(bool, bands)) for bands in values))


def fit_rate_bands(
    labels: NDArray[np.int64], rates: NDArray[np.floating], sinus: NDArray[np.bool_], n_classes: int
) -> RateBands:
    """Find the bands in which classes with sinus rhythms lie.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
        Of training records.
    rates : ndarray, shape (n,)
        Measured, 1/min.
    sinus : ndarray of bool, shape (n,)
        Whether a record's rhythm is a sinus rhythm.
    n_classes : int
    """
    low, high = LIMITS_BPM
    inside = np.stack(
        [
            rates <= low - INSIDE_BPM,
            (rates >= low + INSIDE_BPM) & (rates <= high - INSIDE_BPM),
            rates >= high + INSIDE_BPM,
        ],
        axis=1,
    )
    allowed: list[tuple[bool, ...] | None] = []
    for label in range(n_classes):
        rows = (labels == label) & np.isfinite(rates)
        bands = tuple((inside[rows].mean(axis=0) >= LEAST_SHARE).tolist()) if rows.sum() >= LEAST_RECORDS else ()
        allowed.append(bands if sinus[rows].any() and any(bands) and not all(bands) else None)
    return RateBands(tuple(allowed))


def _band_shares(rates: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the probability of each band, shape (n, 3)."""
    above_low, above_high = (ndtr((rates - limit) / RATE_SD_BPM) for limit in LIMITS_BPM)
    return np.stack([1 - above_low, above_low - above_high, above_high], axis=1)
