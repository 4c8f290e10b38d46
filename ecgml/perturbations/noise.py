"""Noise of electrodes, added to a record at a signal-to-noise ratio.

The ratio is that of the noise stress test (Moody, Muldrow and Mark, A noise stress test for arrhythmia detectors,
Comput Cardiol 11:381, 1984; PhysioNet's `nst`): the power of a sine of the QRS complexes' height over the noise's mean
power. A ratio of plain powers would call a slow rhythm noisier than a fast one. Differences from `nst`: noise is of
electrodes, so that Einthoven's law holds in it and one loose electrode shows in every lead that it takes part in; the
ratio therefore is that of all leads together; and the noise is simulated (`ecgml.cohorts.simulation.noise`), not
recorded, and runs from start to end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.simulation.noise import drift, mains, motion, muscle
from ecgml.cohorts.simulation.torso import ELECTRODES, LEADS_FROM_ELECTRODES
from ecgml.measurements.beats import detect_beats
from ecgml.records.record import Record

DrawNoise = Callable[[Record, np.random.Generator], NDArray[np.float64]]
"""Gives the noise of each electrode, shape (9, n_times), at any scale."""

QRS_S = (-0.05, 0.10)
"""Around a beat: where its height is measured."""

PULLS_HZ = 0.5
"""Electrodes pulled a second, of all nine."""


def baseline_wander(record: Record, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return slow drifts of each electrode, shape (9, n_times); any scale."""
    return drift(_times_s(record), 1.0, rng)


def muscle_noise(record: Record, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return tremor, mostly of 20 to 60 Hz, shape (9, n_times); any scale."""
    return muscle(_times_s(record), record.fs, 1.0, rng)


def mains_hum(frequency_hz: float) -> Callable[[Record, np.random.Generator], NDArray[np.float64]]:
    """Return what draws hum of a frequency; none of it is in a record sampled at twice of it or less.

    A recorder filters what it cannot sample.
    """

    def draw(record: Record, rng: np.random.Generator) -> NDArray[np.float64]:
        hum = mains(_times_s(record), rng, frequency_hz)
        return hum if record.fs > 2 * frequency_hz else np.zeros_like(hum)

    return draw


def electrode_motion(record: Record, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return pulls of single electrodes, at least one, shape (9, n_times); any scale."""
    times_s = _times_s(record)
    noise = np.zeros((len(ELECTRODES), len(times_s)))
    for _ in range(max(1, rng.poisson(PULLS_HZ * record.duration_s))):
        noise[rng.integers(len(ELECTRODES))] += motion(times_s, rng)
    return noise


def signal_power(record: Record) -> float:
    """Return the power of a sine as high as the QRS complexes, mV², mean over the leads that move.

    Without beats the height is that between the 0.5th and 99.5th percentile.
    """
    waveform = np.nan_to_num(record.waveform[alive(record.waveform)])
    beats = detect_beats(waveform, record.fs)
    start, stop = (round(edge * record.fs) for edge in QRS_S)
    places = [round(float(place)) for place in beats.positions]
    spans = [waveform[:, max(0, place + start) : place + stop] for place in places]
    heights = [np.ptp(span, axis=1) for span in spans if span.shape[1]]
    if not heights:
        heights = list(np.diff(np.percentile(waveform, [0.5, 99.5], axis=1), axis=0))
    return float(np.mean(np.square(np.median(heights, axis=0), dtype=np.float64)) / 8)


def alive(waveform: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which leads move, shape (12,): noise is not added to a lead that is not there."""
    known = np.where(np.isnan(waveform), np.nanmedian(waveform) if np.isfinite(waveform).any() else 0.0, waveform)
    return (np.ptp(known, axis=1) > 0) & np.isfinite(waveform).any(axis=1)


def add_noise(
    record: Record,
    draw: DrawNoise,
    snr_db: float,
    rng: np.random.Generator,
) -> Record:
    """Return a record with noise at a ratio; one without a signal, or with no noise drawn, is returned as it is.

    Parameters
    ----------
    record : Record
    draw : DrawNoise
    snr_db : float
        ``10 log10(signal power / noise power)`` over the leads that move.
    rng : numpy.random.Generator
    """
    moving = alive(record.waveform)
    if not moving.any():
        return record
    noise = LEADS_FROM_ELECTRODES @ draw(record, rng)
    noise -= noise.mean(axis=1, keepdims=True)
    power = float(np.mean(np.square(noise[moving])))
    if not power:
        return record
    noise *= np.sqrt(signal_power(record) / power / 10 ** (snr_db / 10))
    waveform = record.waveform.copy()
    waveform[moving] += noise[moving].astype(waveform.dtype)
    return replace(record, waveform=waveform)


def _times_s(record: Record) -> NDArray[np.float64]:
    return np.arange(record.waveform.shape[1]) / record.fs
