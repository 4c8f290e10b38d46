"""Population stability index and Kolmogorov-Smirnov distance of binned counts, with thresholds.

The threshold depends on how many records are compared: it is what the statistic exceeds in so small a share of random
divisions of reference and recent records, thrown together, that of all comparisons of a judgement at most
:data:`FALSE_ALARM_RATE` are false alarms where both come from one source (a permutation test; Bonferroni over the
comparisons). It holds for any number of records and however rare a bin is, where the chi-square distribution of the
index (Yurdakul 2018) and the asymptotic one of the distance do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgml.drift.characteristics import Characteristic
from ecgml.drift.reference import Reference

FALSE_ALARM_RATE = 0.01
"""Judgements of records of the reference's own source that report a drift, at most."""

LEAST_RECORDS = 50
"""Fewer are not judged, and no share of them is shown: it could tell of single patients."""

LEAST_PSI, LEAST_KS = 0.1, 0.1
"""Smaller differences are none, however many records make them certain."""

_DIVISIONS = 9999
_SEED = 0


@dataclass(frozen=True, eq=False)
class Difference:
    """How one characteristic of recent records differs from the reference.

    Parameters
    ----------
    characteristic : Characteristic
    psi, psi_threshold : float
        Population stability index, and what it must exceed to be a drift.
    ks, ks_threshold : float or None
        Kolmogorov-Smirnov distance of the binned values; None of categories.
    reference, recent : ndarray, shape (n_bins,)
        Shares.
    """

    characteristic: Characteristic
    psi: float
    psi_threshold: float
    ks: float | None
    ks_threshold: float | None
    reference: NDArray[np.float64]
    recent: NDArray[np.float64]

    @property
    def drifted(self) -> bool:
        """Whether it differs by more than chance."""
        by_ks = self.ks is not None and self.ks_threshold is not None and self.ks > self.ks_threshold
        return by_ks or self.psi > self.psi_threshold

    @property
    def change(self) -> str:
        """The bin that gained most, in words."""
        place = int((self.recent - self.reference).argmax())
        one = self.characteristic
        return (
            f"{one.words(place)}: {100 * self.recent[place]:.0f} % now, "
            f"{100 * self.reference[place]:.0f} % in validation"
        )

    @property
    def text(self) -> str:
        """:attr:`change` with the characteristic's title."""
        return f"{self.characteristic.title}, {self.change}"


def compare(reference: Reference, counts: NDArray[np.int64]) -> list[Difference]:
    """Compare recent counts with the reference.

    Parameters
    ----------
    reference : Reference
    counts : ndarray of int64, shape (n_bins,)
        In the reference's bins.

    Returns
    -------
    differences : list of Difference
        One a characteristic, without those that the reference or fewer than :data:`LEAST_RECORDS` recent records have.
    """
    compared = [
        (one, reference.counts[where], counts[where])
        for one, where in zip(reference.characteristics, reference.slices, strict=True)
        if reference.counts[where].any() and counts[where].sum() >= LEAST_RECORDS
    ]
    n_tests = sum(1 + one.is_ordered for one, _, _ in compared)
    rng = np.random.default_rng(_SEED)
    return [_difference(*those, n_tests, rng) for those in compared]


def psi(reference: NDArray[np.int64], recent: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the population stability index of counts, over the last axis.

    Half a record is added to each bin, so that an empty one does not make it infinite.
    """
    expected, actual = _shares(reference + 0.5), _shares(recent + 0.5)
    return np.asarray(((actual - expected) * np.log(actual / expected)).sum(axis=-1))


def ks(reference: NDArray[np.int64], recent: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the largest distance of the cumulated shares of counts, over the last axis."""
    return np.asarray(np.abs(np.cumsum(_shares(recent) - _shares(reference), axis=-1)).max(axis=-1))


def _difference(
    one: Characteristic, before: NDArray[np.int64], now: NDArray[np.int64], n_tests: int, rng: np.random.Generator
) -> Difference:
    together = before + now
    drawn = rng.multivariate_hypergeometric(together, int(now.sum()), size=_DIVISIONS, method="marginals")
    # So many divisions may reach a statistic that is still beyond chance, itself counted among them.
    allowed = int(FALSE_ALARM_RATE / n_tests * (_DIVISIONS + 1)) - 1

    def threshold(statistics: NDArray[np.float64], least: float) -> float:
        return max(float(np.sort(statistics)[-1 - allowed]), least) + 1e-12  # equal sums differ in the last digits

    distance, distance_threshold = None, None
    if one.is_ordered:
        distance = float(ks(before, now))
        distance_threshold = threshold(ks(together - drawn, drawn), LEAST_KS)
    return Difference(
        one,
        float(psi(before, now)),
        threshold(psi(together - drawn, drawn), LEAST_PSI),
        distance,
        distance_threshold,
        _shares(before),
        _shares(now),
    )


def _shares(counts: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))
