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

    rows = from_level(mean)
    t_end = t_offset(_all_leads(rows, has_limbs), rows, times_s, fs, qrs, rr_s)
    p = (np.nan, np.nan)
    if has_p:
        p = p_edges(_all_leads(from_level(waveform), has_limbs), times_s, fs, onset, t_end - rr_s)
    return Marks(*p, onset, offset, t_end)


def _all_leads(rows: NDArray[np.float64], has_limbs: bool) -> NDArray[np.float64]:
    return np.concatenate((derived_limb_leads(rows[0], rows[1]), rows[2:])) if has_limbs else rows
