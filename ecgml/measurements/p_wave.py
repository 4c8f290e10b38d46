"""Whether a P wave comes before each beat, how high, and which way.

In sinus rhythm the stretch before the QRS complex looks alike from beat to beat; fibrillatory waves keep no time with
it. Signal averaging makes the P wave visible (Stafford, Robinson and Vincent 1995, Heart 74:413); where they average
hundreds of beats to measure its shape, we ask of some ten beats whether it is there at all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgml.measurements.beat_stack import stack_beats
from ecgml.measurements.beats import Beats
from ecgml.measurements.median import median

STRETCH_S = (-0.26, -0.08)
"""Where P waves are compared, s from the middle of the QRS complex: none of the complex itself, little T wave."""

CREST_S = (-0.22, -0.12)
"""Where the middle of a P wave may lie, s from the middle of the QRS complex."""

SHOULDER_S = 0.05
"""A P wave is measured against the signal this long before and after, s: half of its duration."""

CLEAR_OF_LAST_S = 0.1
"""Stretches must start this long after the last QRS complex, s: above 167/min nothing is said of P waves."""

_LEAST_BEATS = 3
_TINY = np.finfo(np.float64).tiny
_I, _II, _AVR = 0, 1, 3


def p_wave_measurements(waveform: NDArray[np.floating], beats: Beats) -> dict[str, float]:
    """Measure P waves.

    Parameters
    ----------
    waveform : ndarray, shape (12, n_times)
        In mV; leads that stand still are ignored.
    beats : Beats
        Of that waveform.

    Returns
    -------
    measured : dict of str to float
        ``p_consistency``: the median correlation of the stretch before a beat with the mean of those before the other
        beats, over all leads: near 1 with P waves, near 0 in fibrillation, between with noise. ``p_amplitude``: height
        of the median P wave in mV in the direction in which the sinus node drives it, the mean of I, II and -aVR;
        negative where the atria are driven the other way, and where the T wave before runs into it, above 110/min or
        so. Each is absent without three stretches to judge by.
    """
    measured = {}
    moves = np.ptp(waveform, axis=1) > 0
    stack, _ = stack_beats(waveform[moves], beats, *STRETCH_S, clear_of_last_s=CLEAR_OF_LAST_S)
    if len(stack) >= _LEAST_BEATS:
        measured["p_consistency"] = _consistency(stack)

    towards_sinus_p = [sign * waveform[lead] for lead, sign in ((_I, 1), (_II, 1), (_AVR, -1)) if moves[lead]]
    if towards_sinus_p:
        start_s, end_s = CREST_S[0] - SHOULDER_S, CREST_S[1] + SHOULDER_S
        mean_lead = np.mean(towards_sinus_p, axis=0)[None]
        stack, _ = stack_beats(mean_lead, beats, start_s, end_s, clear_of_last_s=CLEAR_OF_LAST_S)
        if len(stack) >= _LEAST_BEATS:
            measured["p_amplitude"] = _crest(median(stack[:, 0], axis=0), round(SHOULDER_S * beats.fs))
    return measured


def _consistency(stack: NDArray[np.float64]) -> float:
    flat = _without_line(stack).reshape(len(stack), -1)
    units = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), _TINY)
    # A beat is compared with the others only: with itself among them few beats would look more alike than many.
    others = units.sum(axis=0) - units
    agreement = (units * others).sum(axis=1)
    return float(median(agreement / np.maximum(np.linalg.norm(others, axis=1), _TINY)))


def _without_line(stack: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the straight line out of each stretch of each lead: baseline wander and the end of the T wave."""
    slope = np.linspace(-1, 1, stack.shape[-1])
    slope /= np.linalg.norm(slope)
    stack = stack - stack.mean(axis=-1, keepdims=True)
    return stack - (stack @ slope)[..., None] * slope


def _crest(lead: NDArray[np.float64], shoulder: int) -> float:
    height = lead[shoulder:-shoulder] - (lead[: -2 * shoulder] + lead[2 * shoulder :]) / 2
    return float(height[np.abs(height).argmax()])
