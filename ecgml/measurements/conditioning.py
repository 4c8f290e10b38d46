"""A recording as its intervals are measured on it: independent leads, zero-phase band, one sampling frequency."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ecgml.measurements.axes import LIMB_PROJECTION
from ecgml.measurements.median import median

_Float = TypeVar("_Float", np.float32, np.float64)

WORKING_HZ = 500.0
"""Every recording is brought to about this; nothing above its half is left by the band."""

BAND_HZ = (0.4, 100.0)
"""Half power of a zero-phase Butterworth band of second order: a high-pass of up to 0.5 Hz moves no mark."""

QRS_BAND_HZ = (5.0, 40.0)
"""By which beats are aligned: QRS complexes without T waves, wander and muscle noise."""

QRS_HZ = 500.0
"""At 250 Hz beats are aligned less well: 90 % of QRS durations within 7.8 ms of the cardiograph's instead of 7.3."""

SLOW_HZ = 100.0
"""At which beats are sought; see `ecgml.measurements.beats`."""

SLOW_BAND_HZ = 20.0
"""Where that is cut off: P waves and what tells beats lie below, muscle noise above."""

PAD_S = 0.5
"""The recording is continued this far beyond its ends by its image, so that the filter meets no step, s."""

MAINS_HZ = (50.0, 60.0)
MAINS_HALF_HZ = 0.6
"""Half the band in which the mains' frequency lies."""

BESIDE_MAINS_HZ = 6.0
"""What hum is compared with lies at most this far beside it."""

HUM_RATIO = 6.0
"""Hum is what stands out by this factor; it is cut down to what is beside it."""


@dataclass(frozen=True, eq=False)
class Conditioned:
    """A recording in its working band.

    Parameters
    ----------
    waveform, qrs, slow : ndarray of float32, shape (n_rows, n_times)
        In mV, from the same start: in the whole band, in that of the QRS complex, and below 20 Hz.
    fs, qrs_fs, slow_fs : float
        Of each, Hz.
    """

    waveform: NDArray[np.float32]
    fs: float
    qrs: NDArray[np.float32]
    qrs_fs: float
    slow: NDArray[np.float32]
    slow_fs: float


def independent_leads(waveform: NDArray[np.floating]) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """Return the leads that tell something of their own, and which of the twelve they are.

    The six limb leads are two, seen from different sides: any two of them give I and II.

    Parameters
    ----------
    waveform : ndarray, shape (12, n_times)
        In mV; a lead that stands still is unusable.

    Returns
    -------
    rows : ndarray, shape (n_rows, n_times)
        I and II, where two limb leads move, else the one that does; the chest leads that move.
    leads : tuple of int, length n_rows
        Their places in `ecgml.records.leads.LEADS`.
    """
    moving = np.flatnonzero(np.ptp(waveform, axis=1) > 0) if waveform.shape[1] else np.empty(0, dtype=np.intp)
    limbs, chest = moving[moving < 6], moving[moving >= 6]
    kept = (*((0, 1) if len(limbs) >= 2 else map(int, limbs)), *map(int, chest))
    rows = waveform[list(kept)].astype(np.float64, copy=False)
    if len(limbs) >= 2 and tuple(limbs[:2]) != (0, 1):
        frontal = np.linalg.pinv(LIMB_PROJECTION[limbs]) @ waveform[limbs].astype(np.float64)
        rows[:2] = LIMB_PROJECTION[:2] @ frontal
    return rows, kept


def twelve_leads(rows: NDArray[_Float], leads: tuple[int, ...]) -> NDArray[np.float64]:
    """Return all leads of independent ones, shape (12, n_times); 0 where one is not there."""
    waveform = np.zeros((12, rows.shape[1]))
    waveform[list(leads)] = rows
    if leads[:2] == (0, 1):
        waveform[:6] = derived_limb_leads(rows[0], rows[1])
    return waveform


def derived_limb_leads(one: NDArray[_Float], two: NDArray[_Float]) -> NDArray[_Float]:
    """Return I, II, III, aVR, aVL and aVF of I and II (Einthoven, Goldberger), shape (6, n_times)."""
    return np.stack((one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2))


def condition(rows: NDArray[np.float64], fs: float) -> Conditioned:
    """Bring leads to the working band and sampling frequencies.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, n_times)
        In mV, at least half a second.
    fs : float
        Hz.
    """
    n_times = rows.shape[1]
    # Single precision is 0.1 µV of 1 V, and half the time; offsets of electrodes are no part of the signal.
    single: NDArray[np.float32] = (rows - rows.mean(axis=1, keepdims=True)).astype(np.float32)
    pad = min(round(PAD_S * fs), n_times - 1)
    # The image is turned about the end's value, so that neither value nor slope jumps.
    head, tail = 2 * single[:, :1] - single[:, pad:0:-1], 2 * single[:, -1:] - single[:, -2 : -pad - 2 : -1]
    padded = np.concatenate((head, single, tail), axis=1)
    n_fast = fft.next_fast_len(padded.shape[1], real=True)
    # The rest of the transform leads back from the last value to the first.
    share = np.linspace(0, 1, n_fast - padded.shape[1] + 2, dtype=np.float32)[1:-1]
    ramp = padded[:, -1:] + share * (padded[:, :1] - padded[:, -1:])
    spectrum = fft.rfft(np.concatenate((padded, ramp), axis=1), axis=1)
    hz = np.arange(spectrum.shape[1]) * fs / n_fast
    spectrum *= _gain(len(hz), fs / n_fast, BAND_HZ)
    _cut_hum(spectrum, hz)
    at_working = (spectrum, hz, n_fast, fs, pad, n_times)
    waveform, working_fs = _sampled(*at_working, WORKING_HZ)
    qrs_gain = _gain(len(hz), fs / n_fast, QRS_BAND_HZ)
    qrs, qrs_fs = _sampled(np.multiply(spectrum, qrs_gain), *at_working[1:], QRS_HZ)
    slow_gain = _gain(len(hz), fs / n_fast, (BAND_HZ[0] / 10, SLOW_BAND_HZ))
    slow, slow_fs = _sampled(np.multiply(spectrum, slow_gain), *at_working[1:], SLOW_HZ)
    return Conditioned(waveform, working_fs, qrs, qrs_fs, slow, slow_fs)


@functools.lru_cache(maxsize=16)
def _gain(n_hz: int, step_hz: float, band_hz: tuple[float, float]) -> NDArray[np.float32]:
    low, high = band_hz
    hz = np.arange(n_hz) * step_hz
    return (hz**4 / (hz**4 + low**4) / (1 + (hz / high) ** 4)).astype(np.float32)


def _cut_hum(spectrum: NDArray[np.complex64], hz: NDArray[np.float64]) -> None:
    for mains_hz in MAINS_HZ:
        apart_hz = np.abs(hz - mains_hz)
        near, beside = (
            np.flatnonzero(apart_hz <= MAINS_HALF_HZ),
            np.flatnonzero((apart_hz > MAINS_HALF_HZ) & (apart_hz <= BESIDE_MAINS_HZ)),
        )
        if not len(near) or hz[-1] < mains_hz + MAINS_HALF_HZ:
            continue
        level = median(np.abs(spectrum[:, beside]))[:, None]
        hum = np.abs(spectrum[:, near])
        loud = hum.max(axis=1, keepdims=True) > HUM_RATIO * level
        spectrum[:, near] *= np.where(loud, np.minimum(1, level / np.maximum(hum, np.finfo(float).tiny)), 1)


def _sampled(
    spectrum: NDArray[np.complex64],
    hz: NDArray[np.float64],
    n_fast: int,
    fs: float,
    pad: int,
    n_times: int,
    wanted_hz: float,
) -> tuple[NDArray[np.float32], float]:
    """Return the recording at about a sampling frequency, and that frequency exactly."""
    n_out = 2 * round(n_fast * wanted_hz / fs / 2)
    out_fs = n_out * fs / n_fast
    # A shift by a part of a sample brings the start of the recording onto a sample.
    start = round(pad / fs * out_fs)
    late_s = pad / fs - start / out_fs
    kept = spectrum[:, : n_out // 2 + 1]
    if late_s:
        kept = kept * np.exp(2j * np.pi * hz[: kept.shape[1]] * late_s).astype(np.complex64)
    sampled = fft.irfft(kept, n_out, axis=1) * (n_out / n_fast)
    return sampled[:, start : start + max(1, int((n_times - 1) / fs * out_fs) + 1)], out_fs
