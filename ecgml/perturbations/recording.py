"""How a record was written: gain, sampling frequency, duration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ecgml.measurements.beats import detect_beats
from ecgml.preprocessing.filters import resample
from ecgml.records.record import Record

BLEND_S = 0.04
"""Over which a repetition takes over from what it follows."""


def with_gain(record: Record, factor: float) -> Record:
    """Return a record whose values are so many times as large: a wrong unit, another amplifier."""
    return replace(record, waveform=(record.waveform * factor).astype(record.waveform.dtype))


def at_rate(record: Record, fs: float) -> Record:
    """Return a record sampled at another frequency, Hz; missing values stay missing."""
    if fs == record.fs:
        return record
    missing = np.isnan(record.waveform)
    waveform = resample(_filled(record.waveform), record.fs, fs).astype(record.waveform.dtype)
    if missing.any():
        places = (np.arange(waveform.shape[1]) * record.fs / fs).astype(int).clip(0, missing.shape[1] - 1)
        waveform = np.where(missing[:, places], np.nan, waveform).astype(record.waveform.dtype)
    return replace(record, waveform=waveform, fs=fs)


def of_duration(record: Record, duration_s: float) -> Record:
    """Return a record of another length: its beginning, or itself repeated.

    Repeated is a whole number of RR intervals, from between two beats to between two beats, so that no interval is cut;
    one level passes into the other within :data:`BLEND_S`. Without three beats the whole record is repeated.
    """
    n_wanted, n_times = round(duration_s * record.fs), record.waveform.shape[1]
    if n_wanted <= n_times:
        return replace(record, waveform=record.waveform[:, :n_wanted])
    start, stop = _period(record)
    n_blend = min(round(BLEND_S * record.fs), start, (stop - start) // 2)
    pieces = [record.waveform[:, :stop]]
    length = stop
    rise = np.linspace(0, 1, n_blend + 2, dtype=record.waveform.dtype)[1:-1]
    while length < n_wanted:
        # What comes before the period's start is what the repetition grows out of, as the period's end fades.
        tail, before = pieces[-1][:, -n_blend:], record.waveform[:, start - n_blend : start]
        if n_blend:
            pieces[-1] = np.concatenate([pieces[-1][:, :-n_blend], tail * (1 - rise) + before * rise], axis=1)
        pieces.append(record.waveform[:, start:stop])
        length += stop - start
    return replace(record, waveform=np.concatenate(pieces, axis=1)[:, :n_wanted])


def _period(record: Record) -> tuple[int, int]:
    """Return where a whole number of RR intervals begins and ends, a third of an interval before a beat."""
    positions = detect_beats(_filled(record.waveform), record.fs).positions
    if len(positions) < 3:
        return 0, record.waveform.shape[1]
    lead_in = float(np.median(np.diff(positions))) / 3
    inside = positions[positions >= lead_in] - lead_in
    if len(inside) < 2:
        return 0, record.waveform.shape[1]
    return round(inside[0]), round(inside[-1])


def _filled(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a waveform with straight lines where values are missing, 0 where all are."""
    if not np.isnan(waveform).any():
        return waveform
    filled, times = waveform.copy(), np.arange(waveform.shape[1])
    for lead in filled:
        known = np.isfinite(lead)
        lead[~known] = np.interp(times[~known], times[known], lead[known]) if known.any() else 0.0
    return filled
