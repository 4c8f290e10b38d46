"""Whether P waves are there to be measured: in sinus rhythm, and neither in fibrillation nor in flutter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgml.measurements.flutter import flutter_measurements
from ecgml.measurements.p_wave import p_wave_measurements
from ecgml.measurements.qrs_edges import QUIET_MV
from ecgml.measurements.representative import RepresentativeBeat
from ecgml.measurements.rr import rr_measurements

CONSISTENT = 0.6
"""Least likeness of what precedes the beats (`p_consistency`): of 312 sinus rhythms 311 reach it, of 65
fibrillations 1."""

CONSISTENT_IRREGULAR, IRREGULAR = 0.75, 0.6
"""It must be higher where fewer RR intervals than the second agree: of such flutters 0.68, of such sinus rhythms,
but for one, 0.77 and more."""

FLUTTER_SHARE, FLUTTER_MV = 0.20, 0.03
"""Flutter swings more than the first between the beats, and its waves do not stand up in I and II as much as the
second; fast sinus rhythm may do either."""

SURELY_FLUTTER_SHARE = 0.33
"""No matter which way they point; of 312 sinus rhythms 3 are above."""

P_WINDOW_S = (-0.20, -0.08)
"""Where the atrial wave before a beat lies, s from the middle of the QRS complex."""

HALF_RR, SLOWEST_2_TO_1_S = (0.44, 0.56), 0.75
"""What precedes the beat and comes again about half an RR interval later is an atrial wave of which every other one is
conducted; not at longer RR intervals, s."""

FLUTTER_CYCLE_S = (0.16, 0.22)
"""What precedes the beat and came so long before is a flutter wave, of which every third or fourth is conducted: 270 to
375/min, s."""

SAME = 0.9
"""So much alike both are: of 312 sinus rhythms none above 0.86."""

AFTER_QRS_S = 0.06
"""From here on after the middle of the beat there is nothing of the complex, s."""

SAME_SIZE = 1.5
"""It is as high as before, within this factor: a T wave is higher."""


def p_wave_reason(beat: RepresentativeBeat) -> str | None:
    """Say why P waves cannot be measured, or return None where they can."""
    beats = beat.slow_beats
    measured = p_wave_measurements(beat.slow, beats)
    if "p_consistency" not in measured:
        return "no stretch before the beats is clear of the T wave: P waves not told apart"
    consistency, regularity = measured["p_consistency"], rr_measurements(beats.rr_s).get("rr_concordance", 1.0)
    if consistency < (CONSISTENT_IRREGULAR if regularity < IRREGULAR else CONSISTENT):
        if beat.noise_mv > QUIET_MV:
            return "P waves lost in noise, or none"
        return "no P wave that keeps time with the beats"
    share = flutter_measurements(beat.slow, beats).get("flutter_share", 0.0)
    if share >= SURELY_FLUTTER_SHARE or (share >= FLUTTER_SHARE and measured.get("p_amplitude", 0.0) < FLUTTER_MV):
        return "flutter waves instead of P waves"
    if _likeness(beat, -np.arange(*FLUTTER_CYCLE_S, 0.01)) > SAME:
        return "flutter waves instead of P waves"
    if beat.rr_s < SLOWEST_2_TO_1_S and _likeness(beat, np.arange(*HALF_RR, 0.01) * beat.rr_s) > SAME:
        return "two atrial waves to a beat: flutter or tachycardia conducted 2:1"
    return None


def _likeness(beat: RepresentativeBeat, shifts_s: NDArray[np.float64]) -> float:
    """Return how alike what precedes the complex and what is by one of the shifts later are, at most 1."""
    start, n_window = (round(value * beat.fs) for value in (P_WINDOW_S[0], P_WINDOW_S[1] - P_WINDOW_S[0]))
    middle = int(np.abs(beat.times_s).argmin())
    before = _without_line(beat.waveform[:, middle + start : middle + start + n_window])
    first = middle + start + np.rint(shifts_s * beat.fs).astype(np.intp)
    is_in_qrs = (shifts_s > 0) & ((first - middle) / beat.fs < AFTER_QRS_S)
    first = first[~is_in_qrs & (first >= 0) & (first + n_window <= beat.waveform.shape[1])]
    later = _without_line(beat.waveform[:, first[:, None] + np.arange(n_window)])  # (rows, shifts, window)
    size, sizes = np.sqrt(np.square(before).sum()), np.sqrt(np.square(later).sum(axis=(0, 2)))
    alike = (sizes > size / SAME_SIZE) & (sizes < size * SAME_SIZE)
    products = (before[:, None] * later[:, alike]).sum(axis=(0, 2))
    return float((products / (size * sizes[alike])).max(initial=-1.0))


def _without_line(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    slope = np.linspace(-1, 1, rows.shape[-1])
    slope /= np.linalg.norm(slope)
    rows = rows - rows.mean(axis=-1, keepdims=True)
    return rows - (rows @ slope)[..., None] * slope
