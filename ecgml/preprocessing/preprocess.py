"""Record -> model waveform: the one function that cache and server share."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.measurements.beats import Beats, detect_beats
from ecgml.measurements.intervals import Intervals, measure_intervals
from ecgml.measurements.measure import measure
from ecgml.preprocessing.amplitude import amplitude_mv, implausible_amplitude
from ecgml.preprocessing.denoising import denoise
from ecgml.preprocessing.electrodes import exchanged_electrodes, limb_contradiction
from ecgml.preprocessing.filters import butterworth, resample, zero_phase
from ecgml.preprocessing.quality import (
    NOISY_MV,
    PLAUSIBLE_MV,
    bridge_gaps,
    gain_error,
    lead_faults,
    noise_mv,
    typical_mv,
)
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.clinical import INTERVAL_COLUMNS
from ecgml.records.leads import LEADS
from ecgml.records.record import Record
from ecgml.records.units import fitting_unit

STEP_MV = 0.001
"""Model waveforms are whole multiples of it: what is evaluated from the int16 cache is what is served."""

DEFAULT_MIN_DURATION_S = 5.0

SUSPECT = "suspect: "
"""Begins a note on what was left as it is."""

SUSPECT_AMPLITUDE = f"{SUSPECT}amplitude "
"""Begins a note on a record that is too large or too small."""

LEFT_OUT_MISSING = " left out: missing"
"""Ends a note on a lead of a record that is otherwise as it should be."""

MEASURED, DERIVED, MISSING = "measured leads: ", "derived: ", "missing: "
"""Begin the notes on a record some of whose limb leads are derived: which leads are what."""

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
        The record's own notes; what was found wanting and mended (leads left out, values clipped, filters skipped);
        and, after :data:`SUSPECT`, what is probably wrong with the leads' places or the gain.
    amplitude_mv : float
        What the typical lead spans; see `ecgml.preprocessing.amplitude`.
    faults : tuple of str or None, length 12
        Why each lead is not usable, None where it is.
    suspicions : tuple of str
        What is probably wrong with the leads' places or the gain, as in the notes.
    recorded : ndarray of float64, shape (12, n_recorded)
        The recording before any denoiser, in mV at ``recorded_fs``, bridged over short gaps; an unusable lead is 0
        throughout.
    recorded_fs : float
        Hz.
    beats : Beats or None
        Of the waveform.
    """

    waveform: NDArray[np.int16]
    measured: Mapping[str, float]
    notes: tuple[str, ...]
    amplitude_mv: float
    faults: tuple[str | None, ...] = ()
    suspicions: tuple[str, ...] = ()
    recorded: NDArray[np.float64] = field(default_factory=lambda: np.zeros((len(LEADS), 0)))
    recorded_fs: float = 500.0
    beats: Beats | None = None

    @functools.cached_property
    def intervals(self) -> Intervals:
        """PR, QRS, QT and axes of the recording as it was made, whether the model sees them or not."""
        return measure_intervals(self.recorded, self.recorded_fs)


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
    waveform = to_model_band(denoised.waveform, record.fs, settings)
    noisy = noise_mv(waveform, settings.fs) > NOISY_MV
    notes, faults = list(denoised.notes), list(denoised.faults)
    for index in np.flatnonzero(denoised.usable)[noisy]:
        faults[index] = "noisy"
        notes.append(f"{LEADS[index]} left out: noisy")
    _check_leads(record, faults, settings)
    usable, waveform = [fault is None for fault in faults], waveform[~noisy]
    steps = np.rint(waveform / STEP_MV)
    if np.abs(steps).max() > _LIMIT:
        notes.append("clipped at 32.767 mV")
    whole = np.zeros((len(LEADS), steps.shape[1]), dtype=np.int16)
    whole[usable] = np.clip(steps, -_LIMIT, _LIMIT)
    model_waveform = to_mv(whole)
    beats = detect_beats(model_waveform, settings.fs)
    measured = measure(model_waveform, settings.fs, beats)
    suspicions = exchanged_electrodes(model_waveform, beats, measured)
    if contradiction := limb_contradiction(record.waveform, usable):
        suspicions = (contradiction, *suspicions)
    amplitude = amplitude_mv(whole, STEP_MV)
    if implausible := implausible_amplitude(amplitude):
        suspicions = (implausible, *suspicions)
    notes += [SUSPECT + suspicion for suspicion in suspicions]
    prepared = PreparedRecord(
        whole, measured, tuple(notes), amplitude, tuple(faults), suspicions, denoised.recorded, record.fs, beats
    )
    if settings.intervals == "measured":
        found = prepared.intervals.values
        measured.update({name: found[name] for name in INTERVAL_COLUMNS if name in found})
    return prepared


@dataclass(frozen=True, eq=False)
class DenoisedRecord:
    """A record checked and denoised, at its own sampling rate.

    Parameters
    ----------
    waveform : ndarray, shape (n_usable, n_times)
        In mV, the usable leads only.
    faults : tuple of str or None, length 12
        What is wrong with each lead, None with a usable one.
    notes : tuple of str
        The record's own; leads left out, filters skipped.
    recorded : ndarray of float64, shape (12, n_times)
        Before the denoiser, bridged over short gaps; an unusable lead is 0 throughout.
    """

    waveform: NDArray[np.floating]
    faults: tuple[str | None, ...]
    notes: tuple[str, ...]
    recorded: NDArray[np.float64]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which leads are there, shape (12,)."""
        return np.array([fault is None for fault in self.faults])


def denoise_record(record: Record, settings: PreprocessingSettings, promised_s: float | None = None) -> DenoisedRecord:
    """Check a record and denoise its usable leads: the first half of :func:`preprocess`, whose arguments it takes.

    Raises
    ------
    RecordError
        As :func:`preprocess`.
    """
    _check_duration(record, settings, promised_s)
    if (factor := gain_error(record.waveform)) is not None:
        raise _wrong_gain(record, factor)
    faults = lead_faults(record.waveform, record.fs, settings.max_amplitude_mv)
    usable = np.array([fault is None for fault in faults])
    _check_leads(record, faults, settings)
    waveform = bridge_gaps(record.waveform if usable.all() else record.waveform[usable]).astype(np.float64)
    denoised, skipped = denoise(waveform, record.fs, settings.denoise)
    recorded = waveform
    if not usable.all():
        recorded = np.zeros(record.waveform.shape)
        recorded[usable] = waveform
    notes = _notes_on_leads(record, faults)
    return DenoisedRecord(denoised, tuple(faults), (*record.notes, *notes, *skipped), recorded)


def _notes_on_leads(record: Record, faults: Sequence[str | None]) -> list[str]:
    """Say which leads are left out; of a record with derived leads first which were measured."""
    left_out = {lead: fault for lead, fault in zip(LEADS, faults, strict=True) if fault}
    notes = []
    if record.derived:
        missing = [lead for lead, fault in left_out.items() if fault == "missing"]
        derived = [lead for lead in record.derived if lead not in missing]
        measured = [lead for lead in LEADS if lead not in (*record.derived, *missing)]
        listed = ((MEASURED, measured), (DERIVED, derived), (MISSING, missing))
        notes += [start + ", ".join(leads) for start, leads in listed if leads]
        left_out = {lead: fault for lead, fault in left_out.items() if fault != "missing"}
    return [*notes, *(f"{lead} left out: {fault}" for lead, fault in left_out.items())]


def usable_waveform(record: Record) -> NDArray[np.float64]:
    """Return a record's twelve leads as recorded, bridged over short gaps; a lead that is not usable is 0 throughout.

    Parameters
    ----------
    record : Record
        As read.

    Returns
    -------
    waveform : ndarray, shape (12, n_times)
        In mV at the record's own sampling rate: what `ecgml.measurements.intervals` takes.

    Raises
    ------
    RecordError
        As :func:`preprocess`.
    """
    return denoise_record(record, PreprocessingSettings()).recorded


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
    if promised_s:
        raise RecordError(
            f"{record.name}: {n_times:,} samples at {record.fs:g} Hz, at least {expected:,} expected; the file is "
            "probably truncated, fetch it again or pass "
            f"--min-duration-s {max(0.1, int(record.duration_s * 10) / 10):g}",
            "truncated",
        )
    raise RecordError(
        f"{record.name}: {n_times:,} samples at {record.fs:g} Hz are {record.duration_s:.3g} s; at least {least:g} s "
        f"are needed{_and_notes(record)}",
        "too short",
    )


def _wrong_gain(record: Record, factor: float) -> RecordError:
    times, way = (factor, "large") if factor > 1 else (1 / factor, "small")
    size = f"{f'{times:,.0f}' if times < 1e7 else f'{times:.0e}'} times too {way}"
    typical = typical_mv(record.waveform)
    fitting = fitting_unit(typical, record.unit, PLAUSIBLE_MV) if record.unit else None
    taken = f" (taken for {record.unit}; {fitting} would fit)" if fitting else ""
    return RecordError(
        f"{record.name}: the typical lead spans {np.format_float_positional(typical, 3, fractional=False, trim='-')} "
        f"mV, about {size} for an ECG: its unit or gain is wrong{taken}",
        "wrong gain",
    )


def _check_leads(record: Record, faults: Sequence[str | None], settings: PreprocessingSettings) -> None:
    # A derived lead says nothing that those it was derived from do not say.
    measured = [lead for lead, fault in zip(LEADS, faults, strict=True) if not fault and lead not in record.derived]
    n_measured = len(measured)
    if n_measured >= settings.min_leads:
        return
    counts = Counter(fault for fault in faults if fault)
    reason = counts.most_common(1)[0][0] if counts else "missing"
    what = f"usable {'measured ' * bool(record.derived)}lead{'s' * (n_measured != 1)}"
    listed = [f"{count} {fault}" for fault, count in counts.most_common()]
    if record.derived:
        what += f" ({', '.join(measured)})" if measured else ""
        listed.insert(0, f"{len(record.derived)} derived")
    # What a file never had is no defect of the recording: it may be meant to have so few.
    remedy = f"; used with min_leads {n_measured} (--min-leads)" if measured and reason == "missing" else ""
    raise RecordError(
        f"{record.name}: {n_measured} {what}, {settings.min_leads} needed ({', '.join(listed)}){remedy}"
        f"{_and_notes(record)}",
        reason,
    )


def _and_notes(record: Record) -> str:
    """Return what was found in the file beside the leads: it may be why they are too few or too short."""
    return "".join(f"; {note}" for note in record.notes)
