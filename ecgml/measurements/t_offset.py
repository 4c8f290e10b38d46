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


def t_offset(
    leads: NDArray[np.float64],
    rows: NDArray[np.float64],
    times_s: NDArray[np.float64],
    fs: float,
    qrs: tuple[float, float],
    rr_s: float,
) -> float:
    """Return the end of the T wave, s after the middle of the beat; NaN where nothing falls.

    Parameters
    ----------
    leads, rows : ndarray, shape (n_leads, n_times), (n_rows, n_times)
        All leads and the independent ones, in mV, from the level before the QRS complex.
    times_s : ndarray, shape (n_times,)
        s after the middle of the QRS complex, evenly spaced.
    fs : float
        Hz.
    qrs : tuple of float
        Onset and offset of the QRS complex, s.
    rr_s : float
        RR interval, s.
    """
    onset, offset = qrs
    pace = float(np.sqrt(min(rr_s, 1.2)))
    curves = np.vstack((np.sqrt(np.square(leads).mean(axis=0)), np.abs(rows)))
    fall = -filtered(curves, smooth_slope(fs, round(T_SMOOTHING_S * pace, 3), round(T_SLOPE_S * pace, 3)))
    latest_s = min(onset + LATEST_RR_SHARE * rr_s - 0.02, times_s[-1] - 0.05)
    among = np.flatnonzero((times_s > offset + T_AFTER_QRS_S) & (times_s < latest_s))
    in_qrs = curves[0, (times_s >= onset) & (times_s <= offset)]
    if not len(among) or not len(in_qrs):
        return np.nan
    expected_s = onset + expected_qt_s(rr_s) - T_FALL_BEFORE_END_S
    rated = fall[:, among] * np.exp(-0.5 * ((times_s[among] - expected_s) / (T_PRIOR_S * pace)) ** 2)
    steepest = among[rated.argmax(axis=1)]
    weights = np.maximum(rated.max(axis=1), 0)[1:]
    if weights.sum() <= 0 or fall[0, steepest[0]] <= 0:
        return np.nan
    usual = in_qrs.max() * np.array([USUAL_RMS_FALL, *[USUAL_LEADS_FALL] * len(rows)])
    by_share = {share: _ends_s(fall, steepest, share, usual, fs) for share in {share for _, share, _ in T_ENDS}}
    candidates = [
        added_s + (ends[0] if quantile is None else _weighted_quantile(ends[1:], weights, quantile))
        for quantile, share, added_s in T_ENDS
        for ends in [by_share[share]]
    ]
    return float(times_s[0] + np.median(candidates))


def _ends_s(
    fall: NDArray[np.float64], steepest: NDArray[np.intp], share: float, usual: NDArray[np.float64], fs: float
) -> NDArray[np.float64]:
    """Return where each curve's fall is down to a share, s after the first sample."""
    each = np.arange(len(fall))
    most = np.maximum(fall[each, steepest], np.finfo(float).tiny)
    level = np.minimum(share * most**STEEPNESS_POWER * usual ** (1 - STEEPNESS_POWER), MOST_SHARE * most)
    return (
        np.array([at + down_to(curve[at:], limit) for curve, at, limit in zip(fall, steepest, level, strict=True)]) / fs
    )


def _weighted_quantile(values: NDArray[np.float64], weights: NDArray[np.float64], quantile: float) -> float:
    if not weights.sum() > 0:
        return float("nan")
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(np.interp(quantile * reached[-1], reached - weights[order] / 2, values[order]))
