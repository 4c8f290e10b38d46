"""Where the P wave of a representative beat begins and ends, over all leads.

It ends where the fall of all leads together comes to a rest, where its slope is down to a share of its steepest, and
begins likewise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgml.measurements.slopes import bell, down_to, filtered, line_slope, smooth_slope

P_REACH_S, P_CLOSEST_S = 0.36, 0.03
"""How long before the QRS complex a P wave is sought, and how close to it its crest may lie, s."""

P_CREST_S, P_CREST_SPREAD_S = 0.12, 0.06
"""Where before the QRS complex the crest is expected, and how far it may lie from there by standard deviation, s."""

P_HALF_S, P_LEAST_HALF_S = 0.11, 0.03
"""From crest to end a P wave lasts at most and at least, s."""

P_REST_S = 0.05
"""Beside the P wave its leads are low and still: so much time makes a height of a slope, s."""

P_SMOOTHING_S, P_SLOPE_S = 0.04, 0.032
"""P waves are smoothed and their slopes fitted over so much, s."""

P_SHARE, P_INWARD_S = 0.3, 0.010
"""It begins and ends where its slope is down to this share of its steepest; the smoothing that this much is taken back
for, s, was chosen by the marks of LUDB's records of odd number (second-earliest onset, second-latest offset)."""


def p_edges(
    leads: NDArray[np.float64],
    times_s: NDArray[np.float64],
    fs: float,
    onset: NDArray[np.float64],
    last_t_s: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return onset and offset of each beat's P wave, s after the middle of the beat; NaN where it does not stand out.

    Parameters
    ----------
    leads : ndarray, shape (n_beats, n_leads, n_times)
        In mV, from the level before the QRS complex.
    times_s : ndarray, shape (n_times,)
        s after the middle of the QRS complex, evenly spaced.
    fs : float
        Hz.
    onset : ndarray, shape (n_beats,)
        Of the QRS complex, s.
    last_t_s : ndarray, shape (n_beats,)
        Where the T wave of the beat before ends, s; NaN where that is not known.
    """
    after_t_s = np.minimum(np.nan_to_num(last_t_s, nan=-1), onset - 0.2)
    earliest_s = np.maximum(np.maximum(times_s[0], onset - P_REACH_S), after_t_s)
    start, stop = np.searchsorted(times_s, earliest_s), np.searchsorted(times_s, onset, side="right") - 1
    last = stop - start  # of each beat's stretch
    steps = np.arange(last.max() + 1)
    places = np.minimum(start[:, None] + steps, stop[:, None])  # beyond its end the last value goes on
    each = np.arange(len(leads))[:, None]
    kernels = bell(fs, P_SMOOTHING_S), smooth_slope(fs, P_SMOOTHING_S, P_SLOPE_S)
    leads = leads[..., : stop.max() + 1 + max(map(len, kernels)) // 2]
    smooth, slopes = (filtered(leads, kernel) for kernel in kernels)
    smooth = smooth[each[..., None], np.arange(leads.shape[1])[:, None], places[:, None]]  # (beats, leads, stretch)
    moving = np.sqrt(np.square(slopes).mean(axis=1))[each, places]
    height = _height(smooth, np.zeros_like(last), last)
    at_s = times_s[places] - onset[:, None]
    may_crest = (at_s > (earliest_s - onset + 0.03)[:, None]) & (at_s < -P_CLOSEST_S) & (steps <= last[:, None])
    rated = height * np.exp(-0.5 * ((at_s + P_CREST_S) / P_CREST_SPREAD_S) ** 2)
    crest = np.where(may_crest, rated, -np.inf).argmax(axis=1)
    half, n_away = round(P_HALF_S * fs), round(P_LEAST_HALF_S * fs)
    rest = height + P_REST_S * moving
    earliest, latest = np.maximum(0, crest - half), np.minimum(last, crest + half)
    left = _lowest(rest, earliest, np.maximum(earliest, crest - n_away - 1))
    right = _lowest(rest, np.minimum(crest + n_away, latest), latest)
    rise = filtered(_height(smooth, left, right)[each, np.minimum(steps, last[:, None])], line_slope(fs, P_SLOPE_S))
    up, down = _lowest(-rise, left, crest), _lowest(rise, crest, right)
    steepest, falling = rise[each[:, 0], up], -rise[each[:, 0], down]
    before = up - down_to(rise[:, ::-1], steps[-1] - up, P_SHARE * steepest)
    after = np.minimum(down + down_to(-rise, down, P_SHARE * falling), last)
    stands_out = may_crest.any(axis=1) & (steepest > 0) & (falling > 0)
    p_onset = times_s[start] + before / fs + P_INWARD_S
    p_offset = np.minimum(times_s[start] + after / fs + P_INWARD_S, onset)
    return np.where(stands_out, p_onset, np.nan), np.where(stands_out, p_offset, np.nan)


def _height(leads: NDArray[np.float64], left: NDArray[np.intp], right: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return how far the leads are from the line through two of their samples, RMS, shape (n_beats, n_times)."""
    each = np.arange(len(leads))
    low, high = leads[each, :, left], leads[each, :, right]  # (beats, leads)
    slope = (high - low) / (right - left)[:, None]
    line = low[..., None] + slope[..., None] * (np.arange(leads.shape[2]) - left[:, None])[:, None]
    return np.sqrt(np.square(leads - line).mean(axis=1))


def _lowest(values: NDArray[np.float64], first: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return where each row is lowest from a first to a last sample."""
    places = np.arange(values.shape[1])
    among = (places >= first[:, None]) & (places <= last[:, None])
    return np.where(among, values, np.inf).argmin(axis=1)
