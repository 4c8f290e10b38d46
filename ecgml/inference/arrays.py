"""Arrays of a request -> records and clinical values: what every server that takes arrays shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.records.clinical import CLINICAL_COLUMNS, CLINICAL_NAMES, ClinicalColumn, is_plausible
from ecgml.records.leads import LEADS
from ecgml.records.readers.assembly import assemble
from ecgml.records.record import Record
from ecgml.records.units import mv_per_unit

DEFAULT_FS = 500.0
DEFAULT_UNIT = "mV"

FS_RANGE_HZ = (50.0, 20_000.0)
"""Below the model band is not in the signal; beyond either end somebody gave kHz or samples."""


def records_of(waveform: NDArray[np.floating], fs: float, unit: str) -> list[Record]:
    """Return a batch of waveforms as records, named by their place: ``record 0``.

    Parameters
    ----------
    waveform : ndarray, shape (n_records, 12, n_times)
        NaN in all leads at a record's end is padding.
    fs : float
        Hz.
    unit : str

    Raises
    ------
    RecordError
        If shape, sampling frequency or unit are of no use, a record holds no value or is too long.
    """
    waveform = np.asarray(waveform, dtype=np.float32)
    if waveform.ndim != 3 or waveform.shape[1] != len(LEADS):
        raise RecordError(f"waveform: shape {waveform.shape}; (records, {len(LEADS)} leads, times) is needed", "shape")
    low, high = FS_RANGE_HZ
    if not low <= fs <= high:
        raise RecordError(f"fs: {fs:g}; a sampling frequency from {low:g} to {high:,.0f} Hz is needed", "no fs")
    scale = mv_per_unit(unit, "unit")
    # JSON knows NaN and Infinity by these names, and MLflow takes both.
    waveform = np.where(np.isfinite(waveform), waveform, np.float32(np.nan))
    if scale != 1:
        waveform = waveform * np.float32(scale)
    return [
        assemble(*_leads_of(_without_padding(one)), float(fs), f"record {index}", unit=unit)
        for index, one in enumerate(waveform)
    ]


def _without_padding(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    filled = np.flatnonzero(~np.isnan(waveform).all(axis=0))
    return waveform[:, : filled[-1] + 1 if filled.size else 0]


def _leads_of(waveform: NDArray[np.float32]) -> tuple[NDArray[np.float32], Sequence[str]]:
    """Return the leads that hold a value, and their names: one that is null throughout is absent, as from a file."""
    there = ~np.all(np.isnan(waveform), axis=1)
    if there.all() or not there.any():
        return waveform, LEADS
    return waveform[there], [lead for lead, held in zip(LEADS, there, strict=True) if held]


def clinical_of(
    rows: NDArray[np.floating] | None, n_records: int
) -> tuple[list[dict[str, float]], list[tuple[str, ...]]]:
    """Return the given clinical values of each record by name, and notes on those that are not used.

    Parameters
    ----------
    rows : ndarray, shape (n_records, n_features), or None
        NaN where a value is missing.
    n_records : int

    Raises
    ------
    RecordError
        If the shape does not fit.
    """
    if rows is None:
        return [{}] * n_records, [()] * n_records
    rows = np.asarray(rows, dtype=float)
    if rows.shape != (n_records, len(CLINICAL_NAMES)):
        columns = ", ".join(CLINICAL_NAMES)
        raise RecordError(
            f"clinical: shape {rows.shape} beside {n_records} waveform{'s' * (n_records != 1)}; "
            f"({n_records}, {len(CLINICAL_NAMES)}) is needed: {columns}",
            "shape",
        )
    rows = np.where(np.isfinite(rows), rows, np.nan)
    given = [dict(zip(CLINICAL_NAMES, row, strict=True)) for row in rows.tolist()]
    return given, [tuple(_not_used(values)) for values in given]


def _not_used(values: Mapping[str, float]) -> list[str]:
    return [
        f"{column.name} {values[column.name]:g} is not used: {_range(column)}"
        for column in CLINICAL_COLUMNS
        if not math.isnan(values[column.name]) and not is_plausible(column, values[column.name])
    ]


def _range(column: ClinicalColumn) -> str:
    if column.name == "sex":
        return f"it must be {column.unit}"
    return f"outside {column.low:g} to {column.high:g} {column.unit}".rstrip()
