"""Where P wave, QRS complex and T wave of a representative beat begin and end, over all leads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgml.measurements.conditioning import derived_limb_leads
from ecgml.measurements.p_edges import p_edges
from ecgml.measurements.qrs_edges import qrs_edges
from ecgml.measurements.t_offset import t_offset

LEVEL_S = 0.02
"""The level that P and T waves start from is that of so much before the QRS complex, s."""

SLOW_STEP = 2
"""Of T waves every second sample is enough: smoothed as they are, they have nothing above 50 Hz."""

APART_S = 0.02
"""T ends on mean and median are never further apart in 399 recordings, s. If they are, few beats reach that far and one
of them moves the mean: the median counts."""


@dataclass(frozen=True)
class Marks:
    """Fiducial points, s after the middle of the QRS complex; NaN where there is none."""

    p_onset: float
    p_offset: float
    qrs_onset: float
    qrs_offset: float
    t_offset: float


def delineate(
    waveform: NDArray[np.float64],
    mean: NDArray[np.float64],
    times_s: NDArray[np.float64],
    rr_s: float,
    has_limbs: bool,
    has_p: bool,
    noise_mv: float,
) -> Marks:
    """Find the fiducial points of a beat.

    Parameters
    ----------
    waveform, mean : ndarray, shape (n_rows, n_times)
        Median and mean of a :class:`~ecgml.measurements.representative.RepresentativeBeat`, in mV; one beat is both.
    times_s : ndarray, shape (n_times,)
        s after the middle of its QRS complex, evenly spaced.
    rr_s : float
        RR interval, s.
    has_limbs : bool
        Whether the first two rows are I and II.
    has_p : bool
        Whether a P wave is to be bounded.
    noise_mv : float
        Standard deviation of the beat's noise.
    """
    fs = 1 / (times_s[1] - times_s[0])
    onset, offset = qrs = qrs_edges(waveform, times_s, fs, noise_mv)
    before = (times_s >= onset - LEVEL_S) & (times_s <= onset)

    def from_level(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return rows - rows[:, before].mean(axis=1, keepdims=True) if before.any() else rows

    median = from_level(waveform)

    def t_end(rows: NDArray[np.float64]) -> float:
        rows = rows[:, ::SLOW_STEP]
        return t_offset(_all_leads(rows, has_limbs), rows, times_s[::SLOW_STEP], fs / SLOW_STEP, qrs, rr_s)

    t_offset_s = t_end(from_level(mean))
    if mean is not waveform and not abs(t_offset_s - (of_median_s := t_end(median))) <= APART_S:
        t_offset_s = of_median_s
    p = (np.nan, np.nan)
    if has_p:
        p = p_edges(_all_leads(median, has_limbs), times_s, fs, onset, t_offset_s - rr_s)
    return Marks(*p, onset, offset, t_offset_s)


def _all_leads(rows: NDArray[np.float64], has_limbs: bool) -> NDArray[np.float64]:
    return np.concatenate((derived_limb_leads(rows[0], rows[1]), rows[2:])) if has_limbs else rows
