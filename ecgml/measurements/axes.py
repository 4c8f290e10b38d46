"""Where QRS complex and T wave point in the frontal plane.

Against an electrocardiograph's axes of 30 Chapman-Shaoxing recordings, by which the stretches below were chosen, the
median error is 2.5 degrees for the QRS complex and 4 for the T wave. These are of the model waveform;
`ecgml.measurements.intervals` measures them, and QRS duration and QT interval, on the recording as made.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgml.measurements.beat_stack import stack_beats
from ecgml.measurements.beats import Beats
from ecgml.measurements.median import median

LIMB_LEAD_DEGREES = (0, 60, 120, -150, -30, 90)
"""I, II, III, aVR, aVL, aVF in Bailey's hexaxial system (Bailey 1943)."""

BASELINE_S = -0.07
"""Between P wave and QRS complex, s from the middle of the complex."""

QRS_HALF_S = 0.05
"""Half the stretch in which the QRS complex is sought, s."""

T_START_S = 0.14
T_END_SQRT_S = 0.40
"""The T wave lies between this after the beat and this times the root of the RR interval (Bazett 1920), both in s."""

LEAST_QRS_MV = 0.1
LEAST_T_MV = 0.05
"""A vector shorter than this in the frontal plane has no direction to speak of."""

# Einthoven's leads see the heart's vector whole, Goldberger's (against the mean of two electrodes) sqrt(3)/2 of it.
_GAINS = np.array([1, 1, 1, *[np.sqrt(3) / 2] * 3])
_DIRECTIONS = np.stack([np.cos(np.deg2rad(LIMB_LEAD_DEGREES)), np.sin(np.deg2rad(LIMB_LEAD_DEGREES))], axis=1)
LIMB_PROJECTION = _DIRECTIONS * _GAINS[:, None]
"""What the limb leads see of a frontal vector (left, feet), shape (6, 2)."""


def axis_measurements(waveform: NDArray[np.floating], beats: Beats) -> dict[str, float]:
    """Measure the axes of the median beat.

    Parameters
    ----------
    waveform : ndarray, shape (12, n_times)
        In mV; limb leads that stand still are ignored.
    beats : Beats
        Of that waveform, at least two.

    Returns
    -------
    measured : dict of str to float
        ``r_axis``, by the net amplitude of the QRS complex, and ``t_axis``, by the net area of the T wave, in degrees,
        above -180 up to 180. Absent with fewer than two limb leads, or where the vector is too short to point.
    """
    limbs = np.flatnonzero(np.ptp(waveform[:6], axis=1) > 0)
    rr_s = float(median(beats.rr_s))
    t_end_s = T_END_SQRT_S * np.sqrt(rr_s)
    stack, times = stack_beats(waveform[limbs], beats, BASELINE_S, max(t_end_s, QRS_HALF_S))
    if len(limbs) < 2 or not len(stack):
        return {}
    beat = median(stack, axis=0)  # (limb leads, times)
    beat -= beat[:, :1]
    qrs = beat[:, np.abs(times) <= QRS_HALF_S]
    t_wave = beat[:, (times >= T_START_S) & (times <= t_end_s)]
    measured = {}
    if (r_axis := frontal_axis(qrs.max(axis=1) + qrs.min(axis=1), limbs, LEAST_QRS_MV)) is not None:
        measured["r_axis"] = r_axis
    if t_wave.size and (t_axis := frontal_axis(t_wave.mean(axis=1), limbs, LEAST_T_MV)) is not None:
        measured["t_axis"] = t_axis
    return measured


def frontal_axis(heights: NDArray[np.float64], limbs: NDArray[np.intp], least_mv: float) -> float | None:
    """Return the direction, degrees, of the vector that the limb leads see, or None where it is too short."""
    (towards_left, towards_feet), *_ = np.linalg.lstsq(LIMB_PROJECTION[limbs], heights, rcond=None)
    if np.hypot(towards_left, towards_feet) < least_mv:
        return None
    return float(np.degrees(np.arctan2(towards_feet, towards_left)))
