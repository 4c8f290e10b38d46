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
    leads: NDArray[np.float64], times_s: NDArray[np.float64], fs: float, onset: float, last_t_s: float
) -> tuple[float, float]:
    """Return onset and offset of the P wave, s after the middle of the beat; NaN where it does not stand out.

    Parameters
    ----------
    leads : ndarray, shape (n_leads, n_times)
        In mV, from the level before the QRS complex.
    times_s : ndarray, shape (n_times,)
        s after the middle of the QRS complex, evenly spaced.
    fs : float
        Hz.
    onset : float
        Of the QRS complex, s.
    last_t_s : float
        Where the T wave of the beat before ends, s; NaN where that is not known.
    """
    earliest_s = max(times_s[0], onset - P_REACH_S, min(np.nan_to_num(last_t_s, nan=-1), onset - 0.2))
    span = np.flatnonzero((times_s >= earliest_s) & (times_s <= onset))
    smooth = filtered(leads, bell(fs, P_SMOOTHING_S))[:, span]
    at_s = times_s[span] - onset
    moving = np.sqrt(np.square(filtered(leads, smooth_slope(fs, P_SMOOTHING_S, P_SLOPE_S))).mean(axis=0))[span]
    line = np.linspace(smooth[:, 0], smooth[:, -1], len(span), axis=1)
    height = np.sqrt(np.square(smooth - line).mean(axis=0))
    may_crest = (at_s > earliest_s - onset + 0.03) & (at_s < -P_CLOSEST_S)
    if not may_crest.any():
        return np.nan, np.nan
    rated = height * np.exp(-0.5 * ((at_s + P_CREST_S) / P_CREST_SPREAD_S) ** 2)
    crest = int(np.flatnonzero(may_crest)[rated[may_crest].argmax()])
    half = round(P_HALF_S * fs)
    first, last = max(0, crest - half), min(len(span) - 1, crest + half)
    n_away = round(P_LEAST_HALF_S * fs)
    rest = height + P_REST_S * moving
    left = first + int(rest[first : max(first + 1, crest - n_away)].argmin())
    right = min(crest + n_away, last) + int(rest[min(crest + n_away, last) : last + 1].argmin())
    if right <= left:
        return np.nan, np.nan
    slope = (smooth[:, right] - smooth[:, left]) / (right - left)
    level = smooth[:, left, None] + slope[:, None] * (np.arange(len(span)) - left)
    rise = filtered(np.sqrt(np.square(smooth - level).mean(axis=0)), line_slope(fs, P_SLOPE_S))
    up = left + int(rise[left : crest + 1].argmax())
    down = crest + int(rise[crest : right + 1].argmin())
    if rise[up] <= 0 or rise[down] >= 0:
        return np.nan, np.nan
    p_onset = up - down_to(rise[up::-1], P_SHARE * rise[up])
    p_offset = down + down_to(-rise[down:], -P_SHARE * rise[down])
    start = times_s[span[0]]
    return start + p_onset / fs + P_INWARD_S, min(start + p_offset / fs + P_INWARD_S, onset)
