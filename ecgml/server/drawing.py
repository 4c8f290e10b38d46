"""Data for drawing a record: raw and filtered samples, and the representative beat with its marks."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgml.measurements.intervals import Intervals
from ecgml.preprocessing.filters import butterworth, zero_phase
from ecgml.records.leads import LEADS
from ecgml.records.record import Record

FILTER_HZ = (0.5, 40.0)
"""Band of a monitor (IEC 60601-2-27), for a calm trace; assess ST segments unfiltered."""

MISSING = np.iinfo(np.int16).min
"""Stands for a missing sample."""

MARKS = (
    ("P onset", "p_onset", "pr_interval"),
    ("P offset", "p_offset", "pr_interval"),
    ("QRS onset", "qrs_onset", "qrs_duration"),
    ("QRS offset", "qrs_offset", "qrs_duration"),
    ("T offset", "t_offset", "qt_interval"),
)


def drawing_of(record: Record, intervals: Intervals) -> dict[str, Any]:
    """Return the data for drawing a record.

    Parameters
    ----------
    record : Record
    intervals : Intervals
        Measured in it.

    Returns
    -------
    drawing : dict
        ``fs``, Hz; ``n_times``; ``raw`` and ``filtered``: base64 of int16, µV, lead after lead, :data:`MISSING` where
        there is no value; ``filter``, in words; ``beat`` or None: ``fs``, ``start_ms`` (from the middle of the QRS
        complex), ``leads``, ``waveform`` (mV, rows of leads), ``marks`` (name, ms).
    """
    low, high = FILTER_HZ
    present = np.isfinite(record.waveform)
    filled = np.where(present, record.waveform, 0.0).astype(np.float64)
    sos = butterworth(2, low, min(high, 0.45 * record.fs), record.fs)
    return {
        "fs": record.fs,
        "n_times": record.waveform.shape[1],
        "raw": _packed(record.waveform, present),
        "filtered": _packed(zero_phase(filled, sos, record.fs), present),
        "filter": f"{low:g}-{high:g} Hz",
        "beat": _beat(intervals),
    }


def _packed(waveform: NDArray[np.floating], present: NDArray[np.bool_]) -> str:
    steps = np.clip(np.rint(np.nan_to_num(waveform) * 1000), MISSING + 1, -(MISSING + 1))
    return base64.b64encode(np.where(present, steps, MISSING).astype("<i2").tobytes()).decode()


def _beat(intervals: Intervals) -> dict[str, Any] | None:
    beat, marks = intervals.beat, intervals.marks
    if beat is None or marks is None:
        return None
    onset = np.abs(beat.times_s - marks.qrs_onset).argmin() if np.isfinite(marks.qrs_onset) else 0
    shown = beat.waveform - beat.waveform[:, onset, None]
    return {
        "fs": float(1 / np.median(np.diff(beat.times_s))),
        "start_ms": float(1000 * beat.times_s[0]),
        "leads": [LEADS[lead] for lead in beat.leads],
        "waveform": np.round(shown, 4).tolist(),
        "marks": [
            [title, float(1000 * getattr(marks, name))]
            for title, name, value in MARKS
            if value in intervals.values and np.isfinite(getattr(marks, name))
        ],
    }
