"""Where P wave, QRS complex and T wave of a representative beat begin and end, over all leads.

The QRS complex is bounded by the spatial velocity, the norm of the slopes over the leads: so the earliest onset and the
latest offset in any lead count, as global intervals ask for (CSE Working Party 1985, Eur Heart J 6:815; Kligfield et
al. 2007, 10.1016/j.jacc.2007.01.024). P and T waves end where the fall of a lead, or of all together, comes to a rest:
where its slope is down to a share of its steepest. Of five such ends of the T wave the median counts, so that neither
one lead nor one share decides.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ecgml.measurements.conditioning import derived_limb_leads

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

T_AFTER_QRS_S = 0.06
"""The fall of the T wave is not sought closer to the end of the QRS complex, s."""

T_PRIOR_S = 0.05
"""How far, by standard deviation, the steepest fall may lie from where the rate lets it be expected, s."""

T_FALL_BEFORE_END_S = 0.05
"""Of the T wave: from its steepest fall to its end, usually, s."""

T_SMOOTHING_S, T_SLOPE_S = 0.03, 0.05
"""T waves are smoothed and their slopes fitted over so much, at an RR interval of 1 s; both go with its root."""

T_LEADS_QUANTILE = 0.75
"""Of the leads' ends, weighted by how steeply they fall."""

T_ENDS = (
    ("leads", 0.2, 0.0060),
    ("leads", 0.4, 0.0193),
    ("leads", 0.5, 0.0242),
    ("rms", 0.2, 0.0101),
    ("sum", 0.15, 0.0042),
)
"""Which curve, down to which share of its steepest fall, and what is added to meet the tuning recordings' marks, s."""

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

LATEST_RR_SHARE = 0.8
"""The T wave falls most steeply before this share of the RR interval."""


@dataclass(frozen=True)
class Marks:
    """Fiducial points, s after the middle of the QRS complex; NaN where there is none."""

    p_onset: float
    p_offset: float
    qrs_onset: float
    qrs_offset: float
    t_offset: float
    t_steepest: float
    """Where the T wave falls most steeply."""


def expected_qt_s(rr_s: float) -> float:
    """Return the QT interval that the rate lets expect, s: where to look, not what is found.

    Fitted to an electrocardiograph's of 399 Chapman-Shaoxing recordings of 40 to 190/min, of which the fastest have
    three quarters of the RR interval: more is not expected at any rate.
    """
    return min(0.335 + 0.1205 * rr_s - 0.0358 / rr_s, 0.75 * rr_s)


def delineate(
    waveform: NDArray[np.float64],
    times_s: NDArray[np.float64],
    rr_s: float,
    has_limbs: bool,
    has_p: bool,
    noise_mv: float,
) -> Marks:
    """Find the fiducial points of a beat.

    Parameters
    ----------
    waveform : ndarray, shape (n_rows, n_times)
        Of a :class:`~ecgml.measurements.representative.RepresentativeBeat`, or of one beat, in mV.
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
    velocity = spatial_velocity(waveform, fs, noise_mv)
    near = np.flatnonzero(np.abs(times_s) <= PEAK_WITHIN_S)
    # The middle of the complex is where it is steep for long: a pacing spike is steeper, and short.
    steepest = int(near[_filtered(velocity[None], _bell(fs, BODY_S))[0, near].argmax()])
    size = min(1.0, float(velocity[near].max()) / USUAL_MV_PER_S)
    onset = (steepest - _edge(velocity[steepest::-1], fs, ONSET, size)) / fs + times_s[0]
    offset = (steepest + _edge(velocity[steepest:], fs, OFFSET, size)) / fs + times_s[0]
    before = (times_s >= onset - 0.02) & (times_s <= onset)
    level = waveform[:, before].mean(axis=1, keepdims=True) if before.any() else 0.0
    t = _t_offset(waveform - level, times_s, fs, onset, offset, rr_s, has_limbs)
    p = (np.nan, np.nan)
    if has_p:
        leads = _all_leads(waveform, has_limbs)
        p = _p_edges(leads - leads[:, before].mean(axis=1, keepdims=True), times_s, fs, onset, t[0] - rr_s)
    return Marks(*p, onset, offset, *t)


def spatial_velocity(waveform: NDArray[np.float64], fs: float, noise_mv: float = 0.0) -> NDArray[np.float64]:
    """Return the norm of the leads' slopes, mV/s, shape (n_times,), as if they were eight whatever their number."""
    slope_s = min(SLOPE_S + SLOPE_S_PER_ROOT_MV * np.sqrt(max(0.0, noise_mv - QUIET_MV)), LONGEST_SLOPE_S)
    return np.sqrt(8 * np.square(_filtered(waveform, _line_slope(fs, round(float(slope_s), 3)))).mean(axis=0))


@functools.lru_cache(maxsize=32)
def _line_slope(fs: float, width_s: float) -> NDArray[np.float64]:
    """Return the kernel of the slope of the line of least squares, per s (Savitzky and Golay 1964)."""
    half = max(1, round(width_s * fs / 2))
    steps = np.arange(-half, half + 1)
    return steps / np.sum(steps**2) * fs


@functools.lru_cache(maxsize=32)
def _bell(fs: float, width_s: float) -> NDArray[np.float64]:
    bell = np.hanning(2 * round(width_s * fs / 2) + 3)
    return bell / bell.sum()


def _filtered(rows: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    half = len(kernel) // 2
    padded = np.pad(rows, ((0, 0), (half, half)), mode="edge")
    return sliding_window_view(padded, len(kernel), axis=1) @ kernel


def _edge(velocity: NDArray[np.float64], fs: float, edge: Edge, size: float) -> float:
    """Return how many samples after the first a velocity comes to rest."""
    outward = velocity[: round(edge.reach_s * fs) + 1]
    n_quiet = min(len(outward), round(QUIET_S * fs))
    sums = np.cumsum(np.concatenate(([0.0], outward)))
    quiet = float((sums[n_quiet:] - sums[:-n_quiet]).min()) / n_quiet
    threshold = float(np.hypot(size * edge.least_mv_per_s, min(edge.quiet_factor * quiet, MOST_MV_PER_S)))
    end = _held(outward < threshold, 0, round(edge.hold_s * fs))
    within, hold = round(AGAIN_S * fs), round(edge.again_s * fs)
    while end < len(outward):
        again = _held(outward[end : end + within] > AGAIN_FACTOR * threshold, 0, hold)
        if again >= min(within, len(outward) - end):
            break
        end = _held(outward < threshold, end + again, round(edge.hold_s * fs))
    if end >= len(outward):
        return float(len(outward) - 1)
    if end == 0 or not outward[end - 1] > outward[end]:
        return float(end)
    return end - (threshold - outward[end]) / (outward[end - 1] - outward[end])


def _held(flags: NDArray[np.bool_], start: int, hold: int) -> int:
    """Return the first index from a start at which flags begin to be True `hold` times on end; their number if none."""
    hold = max(1, hold)
    run = 0
    for index, flag in enumerate(flags[start:].tolist(), start):
        run = run + 1 if flag else 0
        if run == hold:
            return index - hold + 1
    return len(flags)


def _t_offset(
    waveform: NDArray[np.float64],
    times_s: NDArray[np.float64],
    fs: float,
    onset: float,
    offset: float,
    rr_s: float,
    has_limbs: bool,
) -> tuple[float, float]:
    leads = _all_leads(waveform, has_limbs)
    pace = float(np.sqrt(min(rr_s, 1.2)))
    magnitudes = np.abs(waveform)
    curves = np.vstack((np.sqrt(np.square(leads).mean(axis=0)), np.abs(leads).mean(axis=0), magnitudes))
    kernel = np.convolve(_bell(fs, round(T_SMOOTHING_S * pace, 3)), _line_slope(fs, round(T_SLOPE_S * pace, 3)))
    fall = -_filtered(curves, kernel)
    latest_s = min(onset + LATEST_RR_SHARE * rr_s - 0.02, times_s[-1] - 0.05)
    among = np.flatnonzero((times_s > offset + T_AFTER_QRS_S) & (times_s < latest_s))
    if not len(among):
        return np.nan, np.nan
    expected_s = onset + expected_qt_s(rr_s) - T_FALL_BEFORE_END_S
    weight = np.exp(-0.5 * ((times_s[among] - expected_s) / T_PRIOR_S) ** 2)
    rated = fall[:, among] * weight
    steepest = among[rated.argmax(axis=1)]
    strength = np.maximum(rated.max(axis=1), 0)
    each = np.arange(len(curves))
    steepness = fall[each, steepest]
    if steepness[0] <= 0 or steepness[1] <= 0:
        return np.nan, np.nan
    after = np.arange(fall.shape[1]) >= steepest[:, None]
    ends = {}
    for share in {share for _, share, _ in T_ENDS}:
        flat = after & (fall <= share * steepness[:, None])
        end = np.where(flat.any(axis=1), flat.argmax(axis=1), fall.shape[1] - 1)
        above, below = fall[each, end - 1], fall[each, end]
        part = np.where(above > below, (share * steepness - below) / np.where(above > below, above - below, 1), 0)
        ends[share] = times_s[end] - part.clip(0, 1) / fs
    candidates = []
    for curve, share, added_s in T_ENDS:
        if curve == "leads":
            end = _weighted_quantile(ends[share][2:], strength[2:], T_LEADS_QUANTILE)
        else:
            end = ends[share][0 if curve == "rms" else 1]
        candidates.append(end + added_s)
    return float(np.median(candidates)), float(times_s[steepest[0]])


def _p_edges(
    leads: NDArray[np.float64], times_s: NDArray[np.float64], fs: float, onset: float, last_t_s: float
) -> tuple[float, float]:
    """Return onset and offset of the P wave, s; leads start from the level before the QRS complex."""
    earliest_s = max(times_s[0], onset - P_REACH_S, min(np.nan_to_num(last_t_s, nan=-1), onset - 0.2))
    span = np.flatnonzero((times_s >= earliest_s) & (times_s <= onset))
    smooth = _filtered(leads, _bell(fs, P_SMOOTHING_S))[:, span]
    at_s = times_s[span] - onset
    moving = np.sqrt(
        np.square(_filtered(leads, np.convolve(_bell(fs, P_SMOOTHING_S), _line_slope(fs, P_SLOPE_S)))).mean(axis=0)
    )[span]
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
    rise = _filtered(np.sqrt(np.square(smooth - level).mean(axis=0))[None], _line_slope(fs, P_SLOPE_S))[0]
    up = left + int(rise[left : crest + 1].argmax())
    down = crest + int(rise[crest : right + 1].argmin())
    if rise[up] <= 0 or rise[down] >= 0:
        return np.nan, np.nan
    p_onset = up - _down_to(rise[up::-1], P_SHARE)
    p_offset = down + _down_to(-rise[down:], P_SHARE)
    start = times_s[span[0]]
    return start + p_onset / fs + P_INWARD_S, min(start + p_offset / fs + P_INWARD_S, onset)


def _down_to(slope: NDArray[np.float64], share: float) -> float:
    """Return how many samples after the first a slope is down to a share of it."""
    below = np.flatnonzero(slope <= share * slope[0])
    if not len(below):
        return len(slope) - 1.0
    end = int(below[0])
    return end - (share * slope[0] - slope[end]) / (slope[end - 1] - slope[end])


def _all_leads(rows: NDArray[np.float64], has_limbs: bool) -> NDArray[np.float64]:
    return np.concatenate((derived_limb_leads(rows[0], rows[1]), rows[2:])) if has_limbs else rows


def _weighted_quantile(values: NDArray[np.float64], weights: NDArray[np.float64], quantile: float) -> float:
    if not weights.sum() > 0:
        return float("nan")
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(np.interp(quantile * reached[-1], reached - weights[order] / 2, values[order]))
