"""Where P wave, QRS complex and T wave of a representative beat begin and end, over all leads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgml.measurements.conditioning import derived_limb_leads
from ecgml.measurements.p_edges import p_edges
from ecgml.measurements.qrs_edges import qrs_edges
from ecgml.measurements.t_offset import t_offsets

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
    waveforms: NDArray[np.float64],
    means: NDArray[np.float64],
    times_s: NDArray[np.float64],
    rr_s: float,
    has_limbs: bool,
    has_p: bool,
    noise_mv: float,
) -> list[Marks]:
    """Find the fiducial points of beats, all at once.

    Parameters
    ----------
    waveforms, means : ndarray, shape (n_beats, n_rows, n_times)
        Each beat's median and mean, as of a :class:`~ecgml.measurements.representative.RepresentativeBeat`, in mV; the
        same array where there is but one.
    times_s : ndarray, shape (n_times,)
        s after the middle of the QRS complex, evenly spaced.
    rr_s : float
        RR interval, s.
    has_limbs : bool
        Whether the first two rows are I and II.
    has_p : bool
        Whether a P wave is to be bounded.
    noise_mv : float
        Standard deviation of the beats' noise.
    """
    fs = 1 / (times_s[1] - times_s[0])
    onset, offset = qrs_edges(waveforms, times_s, fs, noise_mv)
    medians = _from_level(waveforms, times_s, onset)

    rows = medians if means is waveforms else np.concatenate((medians, _from_level(means, times_s, onset)))
    rows = rows[..., ::SLOW_STEP]
    qrs = np.resize(onset, len(rows)), np.resize(offset, len(rows))
    ends = t_offsets(_all_leads(rows, has_limbs), rows, times_s[::SLOW_STEP], fs / SLOW_STEP, qrs, rr_s)
    of_medians, of_means = ends[: len(onset)], ends[-len(onset) :]
    ends = np.where(np.abs(of_means - of_medians) <= APART_S, of_means, of_medians)
    p = (np.full(len(ends), np.nan),) * 2
    if has_p:
        p = p_edges(_all_leads(medians, has_limbs), times_s, fs, onset, ends - rr_s)
    return [Marks(*map(float, marks)) for marks in zip(*p, onset, offset, ends, strict=True)]


def _from_level(
    rows: NDArray[np.float64], times_s: NDArray[np.float64], onset: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return beats from the level before their QRS complex."""
    first, last = np.searchsorted(times_s, onset - LEVEL_S), np.searchsorted(times_s, onset, side="right")
    levels = [beat[:, start:stop].mean(axis=1) for beat, start, stop in zip(rows, first, last, strict=True)]
    return rows - np.array(levels)[..., None]


def _all_leads(rows: NDArray[np.float64], has_limbs: bool) -> NDArray[np.float64]:
    if not has_limbs:
        return rows
    limbs = np.moveaxis(derived_limb_leads(rows[:, 0], rows[:, 1]), 0, 1)
    return np.concatenate((limbs, rows[:, 2:]), axis=1)
