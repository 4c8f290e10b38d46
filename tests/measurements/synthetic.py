"""Twelve leads whose beats are known, to measure against.

P, QRS and T are Gaussian bumps, each along one direction of a dipole that the twelve leads see from where they are.
They are functions of time, so that any sampling frequency shows the same beats.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import signal

LEAD_DIRECTIONS = np.array(
    # Limb leads by their angles in the frontal plane (left, feet, front); chest leads roughly by their places.
    [
        (1, 0, 0),
        (0.5, 0.866, 0),
        (-0.5, 0.866, 0),
        (-0.75, -0.433, 0),
        (0.75, -0.433, 0),
        (0, 0.866, 0),
        (-0.4, 0, 0.9),
        (0, 0, 1),
        (0.3, 0, 0.95),
        (0.6, 0, 0.8),
        (0.9, 0, 0.4),
        (1, 0, 0),
    ]
)

# Centre and width (s), and dipole (mV: left, feet, front). The Q and S waves make the complex biphasic, as it is.
_P = (-0.16, 0.020, (0.08, 0.12, 0.03))
_QRS = ((-0.024, 0.008, (-0.1, -0.1, 0.2)), (0.0, 0.011, (0.9, 0.8, -0.3)), (0.026, 0.009, (-0.2, -0.2, -0.4)))
_T = (0.26, 0.045, (0.25, 0.2, 0.1))


def beat_times(rate_bpm: float, duration_s: float, first_s: float = 0.4) -> NDArray[np.float64]:
    """Return the times of a regular rhythm, s, clear of both ends."""
    return np.arange(first_s, duration_s - 0.3, 60 / rate_bpm)


def irregular_times(rate_bpm: float, duration_s: float, cv: float, seed: int) -> NDArray[np.float64]:
    """Return the times of a rhythm with independent RR intervals, gamma distributed as in fibrillation, s."""
    mean = 60 / rate_bpm
    rr = np.random.default_rng(seed).gamma(1 / cv**2, mean * cv**2, size=int(3 * duration_s / mean))
    times = 0.4 + np.concatenate(([0.0], np.cumsum(np.maximum(rr, 0.3))))
    return times[times < duration_s - 0.3]


def ecg(
    times_s: Sequence[float] | NDArray[np.float64],
    duration_s: float = 10.0,
    fs: float = 100.0,
    p_height: float = 1.0,
    t_height: float = 1.0,
    qrs_width: float = 1.0,
) -> NDArray[np.float32]:
    """Return twelve leads in mV with a beat at each of the times, shape (12, n_times).

    ``p_height`` and ``t_height`` multiply those waves; ``qrs_width`` stretches the complex. PR and QT intervals shorten
    with the RR interval by Bazett's square root.
    """
    clock = np.arange(round(duration_s * fs)) / fs
    times = np.asarray(times_s, dtype=float)
    pace = np.sqrt(min(1.0, float(np.median(np.diff(times))))) if len(times) > 1 else 1.0
    waves = [
        (_P[0] * pace, _P[1], np.multiply(_P[2], p_height)),
        *((centre * qrs_width, width * qrs_width, np.array(dipole)) for centre, width, dipole in _QRS),
        (_T[0] * pace, _T[1] * pace, np.multiply(_T[2], t_height)),
    ]
    dipole = np.zeros((3, len(clock)))
    for centre, width, direction in waves:
        course = np.exp(-0.5 * ((clock - times[:, None] - centre) / width) ** 2).sum(axis=0)
        dipole += np.outer(direction, course)
    return (LEAD_DIRECTIONS @ dipole).astype(np.float32)


def muscle_noise(n_leads: int, n_times: int, fs: float, rms_mv: float, seed: int = 0) -> NDArray[np.float32]:
    """Return noise of 5 to 40 Hz, independent in each lead, shape (n_leads, n_times)."""
    white = np.random.default_rng(seed).standard_normal((n_leads, n_times))
    noise = signal.sosfiltfilt(signal.butter(2, (5, 40), "bandpass", fs=fs, output="sos"), white, axis=1)
    return (noise * rms_mv / noise.std()).astype(np.float32)


def atrial_waves(
    rate_hz: float, duration_s: float, fs: float, height_mv: float, wander_hz: float = 0.0, seed: int = 0
) -> NDArray[np.float32]:
    """Return flutter waves, or fibrillatory ones whose rate wanders, seen most in inferior leads, shape (12, n_times).

    The wander is a table of values 0.05 s apart, so that any sampling frequency shows the same waves.
    """
    clock = np.arange(round(duration_s * fs)) / fs
    knots = np.arange(0, duration_s + 0.05, 0.05)
    drift = signal.lfilter([1.0], [1.0, -0.7], np.random.default_rng(seed).standard_normal(len(knots)))
    rate = rate_hz + wander_hz * np.interp(clock, knots, drift / drift.std())
    phase = 2 * np.pi * np.cumsum(rate) / fs
    wave = np.sin(phase) + 0.3 * np.sin(2 * phase)
    return (height_mv * np.outer(LEAD_DIRECTIONS @ (0.1, -0.9, 0.4), wave)).astype(np.float32)
