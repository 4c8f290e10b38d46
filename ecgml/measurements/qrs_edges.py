"""Where the QRS complex of a representative beat begins and ends, over all leads.

It is bounded by the spatial velocity, the norm of the slopes over the leads: so the earliest onset and the latest
offset in any lead count, as global intervals ask for (CSE Working Party 1985, Eur Heart J 6:815; Kligfield et al.
2007, 10.1016/j.jacc.2007.01.024).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgml.measurements.slopes import bell, filtered, line_slope

SLOPE_S = 0.012
"""Slopes of the QRS complex are those of a straight line fitted to so much, s."""

QUIET_MV, SLOPE_S_PER_ROOT_MV, LONGEST_SLOPE_S = 0.0034, 0.125, 0.04
"""Above the first, which no representative beat of 603 recordings exceeds, noise asks for longer lines: by the second
times the root of the excess, up to the third. So muscle noise hardly changes the median QRS duration."""

PEAK_WITHIN_S, BODY_S = 0.06, 0.05
"""The steepest of the QRS complex, velocity smoothed over the second, lies this near to the beat, s."""

QUIET_S = 0.03
"""The quietest stretch of this length nearby tells the noise, s."""


@dataclass(frozen=True)
class Edge:
    """How one end of the QRS complex is found, going outward from its steepest."""

    least_mv_per_s: float
    """Velocity below which the complex is over where nothing else moves."""
    quiet_factor: float
    """And times the quietest velocity nearby."""
    hold_s: float
    """It must stay below for so long, s."""
    reach_s: float
    """The end is sought so far, s."""
    again_s: float
    """A second rise, soon after, that lasts so long belongs to the complex: bundle branch block. Before the complex it
    must last longer: a pacing spike does not."""


ONSET = Edge(9.0, 3.5, 0.006, 0.18, 0.03)
OFFSET = Edge(7.0, 2.5, 0.008, 0.18, 0.01)

USUAL_MV_PER_S = 165.0
"""What the steepest of the complex of 19 in 20 recordings exceeds; where it does not, the thresholds fall in
proportion: the same complex at half the height has half the slope where it ends."""

MOST_MV_PER_S = 40.0
"""More than this is no noise, but the slow part of a wide complex."""

AGAIN_S, AGAIN_FACTOR = 0.05, 1.5
"""Within so much, and by this factor above the threshold, a second rise belongs to the complex."""


def qrs_edges(
    waveforms: NDArray[np.float64], times_s: NDArray[np.float64], fs: float, noise_mv: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return onset and offset of each beat's complex, s after the middle of the beat.

    Parameters
    ----------
    waveforms : ndarray, shape (n_beats, n_rows, n_times)
        In mV.
    times_s : ndarray, shape (n_times,)
        s after the middle of the complex, evenly spaced.
    fs : float
        Hz.
    noise_mv : float
        Standard deviation of the beat's noise.
    """
    velocity = spatial_velocity(waveforms, fs, noise_mv)
    near = np.flatnonzero(np.abs(times_s) <= PEAK_WITHIN_S)
    # The middle of the complex is where it is steep for long: a pacing spike is steeper, and short.
    steepest = near[filtered(velocity, bell(fs, BODY_S))[:, near].argmax(axis=1)]
    size = np.minimum(1.0, velocity[:, near].max(axis=1) / USUAL_MV_PER_S)
    onset = (steepest - _edges(velocity, steepest, -1, fs, ONSET, size)) / fs + times_s[0]
    offset = (steepest + _edges(velocity, steepest, 1, fs, OFFSET, size)) / fs + times_s[0]
    return onset, offset


def spatial_velocity(waveform: NDArray[np.float64], fs: float, noise_mv: float = 0.0) -> NDArray[np.float64]:
    """Return the norm of the leads' slopes, mV/s, shape (..., n_times), as if they were eight whatever their number."""
    slope_s = min(SLOPE_S + SLOPE_S_PER_ROOT_MV * np.sqrt(max(0.0, noise_mv - QUIET_MV)), LONGEST_SLOPE_S)
    return np.sqrt(8 * np.square(filtered(waveform, line_slope(fs, round(float(slope_s), 3)))).mean(axis=-2))


def _edges(
    velocity: NDArray[np.float64],
    steepest: NDArray[np.intp],
    way: int,
    fs: float,
    edge: Edge,
    size: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return how many samples before (-1) or after (1) its steepest each velocity comes to rest."""
    places = steepest[:, None] + way * np.arange(round(edge.reach_s * fs) + 1)
    outward = velocity[np.arange(len(velocity))[:, None], places.clip(0, velocity.shape[1] - 1)]
    n_quiet = min(outward.shape[1], round(QUIET_S * fs))
    sums = np.cumsum(np.concatenate((np.zeros((len(outward), 1)), outward), axis=1), axis=1)
    quiet = (sums[:, n_quiet:] - sums[:, :-n_quiet]).min(axis=1) / n_quiet
    thresholds = np.hypot(size * edge.least_mv_per_s, np.minimum(edge.quiet_factor * quiet, MOST_MV_PER_S))
    each = zip(outward.tolist(), thresholds.tolist(), strict=True)
    return np.array([_edge(values, threshold, fs, edge) for values, threshold in each])


def _edge(outward: list[float], threshold: float, fs: float, edge: Edge) -> float:
    """Return how many samples after the first a velocity comes to rest."""
    is_below = [velocity < threshold for velocity in outward]
    rises_again = [velocity > AGAIN_FACTOR * threshold for velocity in outward]
    end = _held(is_below, 0, round(edge.hold_s * fs))
    within, hold = round(AGAIN_S * fs), round(edge.again_s * fs)
    while end < len(outward):
        again = _held(rises_again[: end + within], end, hold)
        if again >= min(end + within, len(outward)):
            break
        end = _held(is_below, again, round(edge.hold_s * fs))
    if end >= len(outward):
        return float(len(outward) - 1)
    if end == 0 or not outward[end - 1] > outward[end]:
        return float(end)
    return end - (threshold - outward[end]) / (outward[end - 1] - outward[end])


def _held(flags: list[bool], start: int, hold: int) -> int:
    """Return the first index from a start at which flags begin to be True `hold` times on end; their number if none."""
    hold = max(1, hold)
    run = 0
    for index, flag in enumerate(flags[start:], start):
        run = run + 1 if flag else 0
        if run == hold:
            return index - hold + 1
    return len(flags)
