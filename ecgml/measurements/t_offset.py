"""Where the T wave of a representative beat ends, over all leads.

It ends where the fall of a lead, or of all together, comes to a rest: where its slope is down to a share of its
steepest. Of its own steepest alone a steep T wave would end too early and a flat one too late, so the steepness that is
usual beside a QRS complex of that height has a part in it. Of three such ends the median counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgml.measurements.slopes import down_to, filtered, smooth_slope

T_AFTER_QRS_S = 0.06
"""The fall of the T wave is not sought closer to the end of the QRS complex, s."""

T_PRIOR_S = 0.06
"""How far, by standard deviation, the steepest fall may lie from where the rate lets it be expected, s, at an RR
interval of 1 s; it goes with its root."""

T_FALL_BEFORE_END_S = 0.05
"""Of the T wave: from its steepest fall to its end, usually, s."""

T_SMOOTHING_S, T_SLOPE_S = 0.03, 0.05
"""T waves are smoothed and their slopes fitted over so much, at an RR interval of 1 s; both go with its root."""

STEEPNESS_POWER = 0.8
"""With which power of its steepest the slope goes at which a fall ends."""

USUAL_LEADS_FALL, USUAL_RMS_FALL = 4.67, 3.33
"""Of the median T wave: the steepest fall of single leads and of all together, per s, over the QRS complex's height."""

MOST_SHARE = 0.8
"""However flat, a T wave does not end before its fall is down to this share of its steepest."""

T_ENDS = ((0.75, 0.3, 0.0128), (0.85, 0.3, 0.0105), (None, 0.2, 0.0088))
"""Which quantile of the leads' ends, weighted by how steeply they fall, or None for all together; down to which share;
and what is added to meet the tuning recordings' marks, s."""

LATEST_RR_SHARE = 0.8
"""The T wave falls most steeply before this share of the RR interval."""


def expected_qt_s(rr_s: float) -> float:
    """Return the QT interval that the rate lets expect, s: where to look, not what is found.

    Fitted to an electrocardiograph's of 399 Chapman-Shaoxing recordings of 40 to 190/min, of which the fastest have
    three quarters of the RR interval: more is not expected at any rate.
    """
    return min(0.335 + 0.1205 * rr_s - 0.0358 / rr_s, 0.75 * rr_s)


def t_offsets(
    leads: NDArray[np.float64],
    rows: NDArray[np.float64],
    times_s: NDArray[np.float64],
    fs: float,
    qrs: tuple[NDArray[np.float64], NDArray[np.float64]],
    rr_s: float,
) -> NDArray[np.float64]:
    """Return the end of each beat's T wave, s after the middle of the beat; NaN where nothing falls.

    Parameters
    ----------
    leads, rows : ndarray, shape (n_beats, n_leads, n_times), (n_beats, n_rows, n_times)
        All leads and the independent ones, in mV, from the level before the QRS complex.
    times_s : ndarray, shape (n_times,)
        s after the middle of the QRS complex, evenly spaced.
    fs : float
        Hz.
    qrs : tuple of ndarray, shape (n_beats,)
        Onset and offset of each QRS complex, s.
    rr_s : float
        RR interval, s.
    """
    onset, offset = (ends[:, None] for ends in qrs)
    pace = float(np.sqrt(min(rr_s, 1.2)))
    curves = np.concatenate((np.sqrt(np.square(leads).mean(axis=1, keepdims=True)), np.abs(rows)), axis=1)
    fall = -filtered(curves, smooth_slope(fs, round(T_SMOOTHING_S * pace, 3), round(T_SLOPE_S * pace, 3)))
    latest_s = np.minimum(onset + LATEST_RR_SHARE * rr_s - 0.02, times_s[-1] - 0.05)
    among = (times_s > offset + T_AFTER_QRS_S) & (times_s < latest_s)
    in_qrs = (times_s >= onset) & (times_s <= offset)
    qrs_height = np.max(curves[:, 0], axis=1, initial=-np.inf, where=in_qrs)
    expected_s = onset + expected_qt_s(rr_s) - T_FALL_BEFORE_END_S
    near = np.exp(-0.5 * ((times_s - expected_s) / (T_PRIOR_S * pace)) ** 2)
    rated = np.where(among[:, None], fall * near[:, None], -np.inf)
    steepest = rated.argmax(axis=2)
    weights = np.maximum(rated.max(axis=2), 0)[:, 1:]
    each = np.arange(len(rows))[:, None]
    most = np.maximum(fall[each, np.arange(fall.shape[1]), steepest], 0)  # (beats, curves)
    falls = (qrs_height >= 0) & (weights.sum(axis=1) > 0) & (most[:, 0] > 0)
    ends_s = np.full(len(rows), np.nan)
    if falls.any():
        found = _ends_s(fall[falls], steepest[falls], most[falls], weights[falls], qrs_height[falls], fs)
        ends_s[falls] = times_s[0] + found
    return ends_s


def _ends_s(
    fall: NDArray[np.float64],
    steepest: NDArray[np.intp],
    most: NDArray[np.float64],
    weights: NDArray[np.float64],
    qrs_height: NDArray[np.float64],
    fs: float,
) -> NDArray[np.float64]:
    """Return where each beat's falls have come to a rest, s after the first sample."""
    most = np.maximum(most, np.finfo(float).tiny)
    usual = qrs_height[:, None] * np.array([USUAL_RMS_FALL, *[USUAL_LEADS_FALL] * (fall.shape[1] - 1)])
    size = most**STEEPNESS_POWER, usual ** (1 - STEEPNESS_POWER)
    by_share = {
        share: (steepest + down_to(fall, steepest, np.minimum(share * size[0] * size[1], MOST_SHARE * most))) / fs
        for share in {share for _, share, _ in T_ENDS}
    }
    candidates = [
        added_s + (by_share[share][:, 0] if quantile is None else _quantiles(by_share[share][:, 1:], weights, quantile))
        for quantile, share, added_s in T_ENDS
    ]
    return np.sort(candidates, axis=0)[len(candidates) // 2]


def _quantiles(values: NDArray[np.float64], weights: NDArray[np.float64], quantile: float) -> NDArray[np.float64]:
    """Return a weighted quantile of each row."""
    order = np.arange(len(values))[:, None], np.argsort(values, axis=1)
    values, weights = values[order], weights[order]
    reached = np.cumsum(weights, axis=1)
    each = zip(quantile * reached[:, -1], reached - weights / 2, values, strict=True)
    return np.array([np.interp(wanted, places, row) for wanted, places, row in each])
