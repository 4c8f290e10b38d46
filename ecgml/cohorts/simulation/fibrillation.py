"""Fibrillatory and flutter waves as an atrial dipole.

Fibrillation follows the sawtooth model of Stridh and Sörnmo (Spatiotemporal QRST cancellation techniques for analysis
of atrial fibrillation, 2001, 10.1109/10.959322): harmonics of a fundamental whose frequency and amplitude drift. We
differ in that frequency and amplitude drift at random rather than as sines, and that two partly independent sources
turn the dipole, so that V1 and the inferior leads do not repeat each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.simulation.waves import Waves

_SOURCES = np.array([[-0.35, 0.15, -0.75], [0.20, 0.70, 0.10], [0.30, -0.15, 0.15]])
"""Directions: right atrium, seen by V1 first; lower atria, seen by II, III and aVF; the rest."""

_N_HARMONICS = 4


def fibrillatory_dipole(atrial_hz: float, fs: float, n_times: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the atrial dipole of fibrillation.

    Parameters
    ----------
    atrial_hz : float
        Dominant frequency, 4 to 9 Hz.
    fs : float
        Sampling frequency, Hz.
    n_times : int
        Time points wanted.
    rng : Generator
        Source of chance.

    Returns
    -------
    dipole : ndarray, shape (3, n_times)
        In mV.
    """
    times_s = np.arange(n_times) / fs
    # Peak to peak in V1: fine below 0.1 mV, coarse above (Thurmann and Janney 1962, 10.1161/01.CIR.25.6.991).
    amplitude_mv = float(np.clip(0.045 * np.exp(rng.normal(0, 0.55)), 0.008, 0.16))
    organised = rng.random() ** 1.5
    dipole = np.zeros((3, n_times))
    for source, share in zip(_SOURCES, (1.0, rng.uniform(0.5, 1.2), rng.uniform(0.2, 0.6)), strict=True):
        frequency_hz = atrial_hz * (1 + 0.03 * rng.normal()) + (1.0 - 0.7 * organised) * _drift(rng, times_s, 0.1, 2.0)
        phase = 2 * np.pi * (np.cumsum(frequency_hz) / fs + rng.random())
        envelope = np.maximum(1 + 0.45 * _drift(rng, times_s, 0.1, 1.2), 0.15)
        harmonics = np.arange(1, _N_HARMONICS + 1)[:, None]
        # The harmonics of a sawtooth, weaker the less organised fibrillation is.
        sawtooth = np.sum(np.sin(harmonics * phase) / harmonics ** (2.2 - 0.9 * organised), axis=0)
        dipole += amplitude_mv * share * source[:, None] * (envelope * sawtooth)
    return dipole


def flutter_waves(cycles_s: NDArray[np.float64], rng: np.random.Generator) -> Waves:
    """Return the waves of flutter at given cycles.

    The circuit around the tricuspid valve mostly turns counter-clockwise: in II, III and aVF a slow descent, a faster
    fall and a steep rise, a small positive wave in V1; some turn the other way, and some lie elsewhere with low, less
    typical waves (Saoudi et al. 2001, 10.1053/euhj.2001.2658).

    Parameters
    ----------
    cycles_s : ndarray, shape (n_cycles,)
        When each cycle starts, s.
    rng : Generator
        Source of chance.
    """
    cycle_ms = 1000 * float(np.median(np.diff(cycles_s)))
    amplitude = float(np.clip(0.19 * np.exp(rng.normal(0, 0.40)), 0.05, 0.40))
    kind = str(rng.choice(["typical", "reverse", "atypical"], p=[0.7, 0.1, 0.2]))
    saw = Waves.table(
        (0.55 * cycle_ms, 0.18 * cycle_ms, 0.065 * cycle_ms, (0.05, -1.0, 0.10)),
        (0.72 * cycle_ms, 0.05 * cycle_ms, 0.17 * cycle_ms, (-0.05, 0.40, -0.10)),
        (0.62 * cycle_ms, 0.06 * cycle_ms, 0.09 * cycle_ms, (-0.15, 0.0, -0.75)),
    )
    if kind == "reverse":
        saw = saw.scaled(-0.8)
    if kind == "atypical":
        direction = rng.normal(0, 1, 3)
        saw = Waves.table(
            (0.5 * cycle_ms, 0.16 * cycle_ms, 0.12 * cycle_ms, tuple(0.7 * direction / np.linalg.norm(direction)))
        )
    gains = amplitude * np.maximum(1 + rng.normal(0, 0.05, cycles_s.size), 0.5)
    return saw.at(cycles_s, gains)


def _drift(
    rng: np.random.Generator, times_s: NDArray[np.float64], low_hz: float, high_hz: float
) -> NDArray[np.float64]:
    """Return a slow random process of unit variance, shape (n_times,): four sines in a band."""
    frequencies_hz, phases = rng.uniform(low_hz, high_hz, 4), rng.uniform(0, 2 * np.pi, 4)
    return np.sqrt(0.5) * np.sin(2 * np.pi * frequencies_hz[:, None] * times_s + phases[:, None]).sum(axis=0)
