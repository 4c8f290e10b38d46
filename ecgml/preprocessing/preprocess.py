"""Record -> model waveform: the one function that cache and server share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.measurements.measure import measure
from ecgml.preprocessing.denoising import denoise
from ecgml.preprocessing.filters import butterworth, resample, zero_phase
from ecgml.preprocessing.quality import bridge_gaps, lead_faults
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.leads import LEADS
from ecgml.records.record import Record

STEP_MV = 0.001
"""Model waveforms are whole multiples of it: what is evaluated from the int16 cache is what is served."""

DEFAULT_MIN_DURATION_S = 5.0

_LOWPASS_ORDER = 6
_HIGHPASS_ORDER = 2
_LIMIT = np.iinfo(np.int16).max


@dataclass(frozen=True, eq=False)
class PreparedRecord:
    """A record as a model sees it, before it is cut into windows.

    Parameters
    ----------
    waveform : ndarray of int16, shape (12, n_times)
        In steps of :data:`STEP_MV`; an unusable lead is 0 throughout.
    measured : mapping of str to float
        What `ecgml.measurements` finds in it, by the names of `ecgml.records.clinical`.
    notes : tuple of str
        What was found wanting and mended: leads left out, values clipped, filters skipped.
    """

    waveform: NDArray[np.int16]
    measured: Mapping[str, float]
    notes: tuple[str, ...]


def preprocess(record: Record, settings: PreprocessingSettings, promised_s: float | None = None) -> PreparedRecord:
    """Check, denoise, resample, filter and measure a record.

    Parameters
    ----------
    record : Record
        As read.
    settings : PreprocessingSettings
    promised_s : float, optional
        The length that the data set promises, s: a shorter file is truncated.

    Raises
    ------
    RecordError
        If the record is too short or too few of its leads carry a signal; its reason says which.
    """
    denoised = denoise_record(record, settings, promised_s)
    steps = np.rint(to_model_band(denoised.waveform, record.fs, settings) / STEP_MV)
    clipped = np.abs(steps).max() > _LIMIT
    whole = np.zeros((len(LEADS), steps.shape[1]), dtype=np.int16)
    whole[denoised.usable] = np.clip(steps, -_LIMIT, _LIMIT)
    notes = (*denoised.notes, *(["clipped at 32.767 mV"] if clipped else []))
    return PreparedRecord(whole, measure(to_mv(whole), settings.fs), notes)


@dataclass(frozen=True, eq=False)
class DenoisedRecord:
    """A record checked and denoised, at its own sampling rate.

    Parameters
    ----------
    waveform : ndarray of float64, shape (n_usable, n_times)
        In mV, the usable leads only.
    usable : ndarray of bool, shape (12,)
    notes : tuple of str
        Leads left out, filters skipped.
    """

    waveform: NDArray[np.float64]
    usable: NDArray[np.bool_]
    notes: tuple[str, ...]


def denoise_record(record: Record, settings: PreprocessingSettings, promised_s: float | None = None) -> DenoisedRecord:
    """Check a record and denoise its usable leads: the first half of :func:`preprocess`, whose arguments it takes.

    Raises
    ------
    RecordError
        As :func:`preprocess`.
    """
    _check_duration(record, settings, promised_s)
    faults = lead_faults(record.waveform, record.fs, settings.max_amplitude_mv)
    usable = np.array([fault is None for fault in faults])
    if usable.sum() < settings.min_leads:
        raise _unusable(record, faults, settings)
    waveform = bridge_gaps(record.waveform[usable]).astype(np.float64)
    denoised, skipped = denoise(waveform, record.fs, settings.denoise)
    notes = [f"{LEADS[index]} left out: {fault}" for index, fault in enumerate(faults) if fault]
    return DenoisedRecord(denoised, usable, (*notes, *skipped))


def to_model_band(waveform: NDArray[np.floating], fs: float, settings: PreprocessingSettings) -> NDArray[np.floating]:
    """Bring a waveform to the model's sampling frequency and band, whatever its source.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        In mV, finite.
    fs : float
        Its sampling frequency, Hz.
    settings : PreprocessingSettings

    Returns
    -------
    waveform : ndarray, shape (n_leads, n_out)
        In mV at ``settings.fs``.
    """
    # Filtered at the model's rate only: there the filters are the same to the last bit for every source.
    waveform = resample(waveform, fs, settings.fs)
    lowpass = butterworth(_LOWPASS_ORDER, None, settings.lowpass_hz, settings.fs)
    highpass = butterworth(_HIGHPASS_ORDER, settings.highpass_hz, None, settings.fs)
    return zero_phase(waveform, np.concatenate([lowpass, highpass]), settings.fs)


def to_mv(waveform: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return a cached waveform in mV."""
    return waveform.astype(np.float32) * np.float32(STEP_MV)


def _check_duration(record: Record, settings: PreprocessingSettings, promised_s: float | None) -> None:
    least = settings.min_duration_s or promised_s or DEFAULT_MIN_DURATION_S
    # Half a sample of grace: 10 s at 257 Hz is 2570 samples, give or take rounding.
    if record.waveform.shape[1] + 0.5 >= least * record.fs:
        return
    n_times, expected = record.waveform.shape[1], round(least * record.fs)
    raise RecordError(
        f"{record.name}: {n_times:,} samples at {record.fs:g} Hz, at least {expected:,} expected; the file is probably "
        f"truncated, fetch it again or pass --min-duration-s {max(0.1, int(record.duration_s * 10) / 10):g}",
        "truncated" if promised_s else "too short",
    )


def _unusable(record: Record, faults: list[str | None], settings: PreprocessingSettings) -> RecordError:
    counts = Counter(fault for fault in faults if fault)
    listed = ", ".join(f"{count} {fault}" for fault, count in counts.most_common())
    n_usable = len(faults) - sum(counts.values())
    return RecordError(
        f"{record.name}: {n_usable} usable leads, {settings.min_leads} needed ({listed})", counts.most_common(1)[0][0]
    )
