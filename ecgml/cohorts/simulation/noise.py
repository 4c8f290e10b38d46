"""What electrodes pick up besides the heart: breathing, mains, muscle, motion.

Each electrode has its own disturbance, which every lead that it takes part in then shows (Sörnmo and Laguna,
Bioelectrical Signal Processing in Cardiac and Neurological Applications, 2005, chapter 7; the kinds of noise are those
of Moody et al.'s noise stress test, Comput Cardiol 11:381, 1984).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter

from ecgml.cohorts.simulation.patient import Patient
from ecgml.cohorts.simulation.torso import ELECTRODES

_MAINS_HZ = 50.0
_N_DRIFTS = 6


def electrode_noise(patient: Patient, fs: float, n_times: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the disturbance of each electrode.

    Parameters
    ----------
    patient : Patient
        Its breathing moves the baseline.
    fs : float
        Sampling frequency, Hz.
    n_times : int
        Time points wanted.
    rng : Generator
        Source of chance.

    Returns
    -------
    noise : ndarray, shape (9, n_times)
        In mV, electrodes in the order of `ecgml.cohorts.simulation.torso.ELECTRODES`.
    """
    times_s = np.arange(n_times) / fs
    # One number says how quiet the patient lay and how well the electrodes stuck: most do, a few do not at all.
    unrest = float(np.exp(rng.normal(0, 0.55)))
    noise = _wander(patient, times_s, unrest, rng)
    noise += mains(times_s, rng)
    noise += muscle(times_s, fs, unrest, rng)
    for _ in range(rng.poisson(0.12 * unrest)):
        noise[rng.integers(len(ELECTRODES))] += motion(times_s, rng)
    return noise


def _wander(
    patient: Patient, times_s: NDArray[np.float64], unrest: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Breathing and slow drifts of the electrodes' half-cell potentials."""
    breathing = 0.018 * np.exp(rng.normal(0, 0.7, (len(ELECTRODES), 1))) * rng.choice([-1, 1], (len(ELECTRODES), 1))
    return breathing * patient.breath(times_s) + drift(times_s, unrest, rng)


def drift(times_s: NDArray[np.float64], unrest: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Slow drifts of the electrodes' half-cell potentials, below 0.5 Hz, mV, shape (9, n_times)."""
    frequencies_hz = rng.uniform(0.03, 0.5, (_N_DRIFTS, 1))
    phases = rng.uniform(0, 2 * np.pi, (_N_DRIFTS, 1))
    drifts = np.sin(2 * np.pi * frequencies_hz * times_s + phases) / (1 + 10 * frequencies_hz)
    # Drifts of neighbouring electrodes are independent: skin, not body.
    loose = np.exp(rng.normal(0, 0.8, (len(ELECTRODES), 1)))
    weights = 0.028 * unrest * loose * rng.normal(0, 1, (len(ELECTRODES), _N_DRIFTS))
    return weights @ drifts


def mains(
    times_s: NDArray[np.float64], rng: np.random.Generator, frequency_hz: float = _MAINS_HZ
) -> NDArray[np.float64]:
    """Hum of the mains, of each electrode's own strength and nearly one phase, mV, shape (9, n_times)."""
    amplitude_mv = 0.0015 * np.exp(rng.normal(0, 1.0, (len(ELECTRODES), 1)))
    phases = rng.normal(rng.uniform(0, 2 * np.pi), 0.4, (len(ELECTRODES), 1))
    return amplitude_mv * np.sin(2 * np.pi * frequency_hz * times_s + phases)


def muscle(times_s: NDArray[np.float64], fs: float, unrest: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Tremor: noise with most power between 20 and 60 Hz that comes and goes; the amplifier's own on top.

    In mV, shape (9, n_times).
    """
    rms_mv = 0.006 * unrest * np.exp(rng.normal(0, 0.45, (len(ELECTRODES), 1)))
    swell = 1 + 0.6 * np.sin(2 * np.pi * rng.uniform(0.05, 0.4) * times_s + rng.uniform(0, 2 * np.pi))
    white = rng.standard_normal((len(ELECTRODES), times_s.size), dtype=np.float32)
    coloured = lfilter(*butter(1, [18, min(70, 0.45 * fs)], "bandpass", fs=fs), white, axis=1)
    coloured /= coloured.std(axis=1, keepdims=True)
    return rms_mv * swell * coloured + 0.0015 * white


def motion(times_s: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """An electrode that is pulled: a step with the exponential return of an AC-coupled amplifier, mV, (n_times,)."""
    after_s = times_s - rng.uniform(0, times_s[-1])
    height_mv = rng.choice([-1, 1]) * 0.25 * np.exp(rng.normal(0, 0.7))
    decay = np.exp(-after_s.clip(0) / rng.uniform(0.15, 1.2))
    return height_mv * decay / (1 + np.exp(-np.clip(after_s / 0.006, -50, 50)))
