"""Samples of a DICOM waveform: how they are coded, what one step is in mV, and which are missing (PS3.3, C.10.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.records.readers.missing import is_missing
from ecgml.records.readers.options import ReadOptions

if TYPE_CHECKING:
    from pydicom import Dataset

_DTYPES = {"SB": "i1", "UB": "u1", "SS": "i2", "US": "u2", "SL": "i4", "UL": "u4", "SV": "i8", "UV": "u8"}

_FEW = 0.5
"""Limits beyond which more of a channel lies are not taken for its own."""


def samples_of(group: Dataset, little: bool, where: str) -> NDArray[np.integer]:
    """Return a group's samples as the converter's steps, shape (n_channels, n_times)."""
    interpretation = str(group.WaveformSampleInterpretation).upper()
    if interpretation not in _DTYPES:
        raise RecordError(
            f"{where}: samples of kind {interpretation[:8]!r} are not read, only {', '.join(_DTYPES)}", "format"
        )
    dtype = np.dtype(("<" if little else ">") + _DTYPES[interpretation])
    if int(group.WaveformBitsAllocated) != 8 * dtype.itemsize:
        raise RecordError(
            f"{where}: {group.WaveformBitsAllocated} bits a sample do not fit samples of kind {interpretation}",
            "format",
        )
    n_channels, n_times = len(group.ChannelDefinitionSequence), int(group.NumberOfWaveformSamples)
    values = bytes(group.WaveformData)
    if n_channels < 1 or n_times < 1 or len(values) < n_channels * n_times * dtype.itemsize:
        there = len(values) // max(1, n_channels * dtype.itemsize)
        raise RecordError(
            f"{where}: holds {there:,} samples a channel of {n_times:,}; it is truncated, export it again", "truncated"
        )
    return np.frombuffer(values, dtype, n_channels * n_times).reshape(n_times, n_channels).T


def gain_of(channel: Dataset, options: ReadOptions, where: str) -> tuple[float, float, str]:
    """Return mV of one step, mV to add, and the unit of a channel (PS3.3 C.10.9.1.4.2)."""
    sensitivity = channel.get("ChannelSensitivity")
    if sensitivity is None:
        raise RecordError(
            f"{where}: a channel without sensitivity: how much one of its steps is cannot be known; export it again",
            "format",
        )
    units = channel.get("ChannelSensitivityUnitsSequence") or []
    unit = str(units[0].get("CodeValue", "")).strip() if len(units) else None
    in_mv = options.settle_unit(unit, where)
    correction = channel.get("ChannelSensitivityCorrectionFactor")
    scale = float(sensitivity) * (1.0 if correction is None else float(correction)) * in_mv
    baseline = float(channel.get("ChannelBaseline") or 0) * in_mv
    if not (np.isfinite(scale) and scale != 0 and np.isfinite(baseline)):
        raise RecordError(f"{where}: sensitivity {float(sensitivity):g}; a number other than 0 is needed", "wrong gain")
    return scale, baseline, unit or options.unit or "mV"


def missing_of(group: Dataset, channel: Dataset, steps: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return which samples of a channel are missing: declared, undeclared, or outside what the device calls valid."""
    marked = is_missing(steps)
    missing = np.zeros(steps.shape, np.bool_) if marked is None else marked
    if (padding := _step(group.get("WaveformPaddingValue"), steps.dtype)) is not None:
        missing |= steps == padding
    low, high = (_step(channel.get(name), steps.dtype) for name in ("ChannelMinimumValue", "ChannelMaximumValue"))
    if low is not None and high is not None and low < high:
        outside = (steps < low) | (steps > high)
        if outside.mean() < _FEW:
            missing |= outside
    return missing


def _step(value: Any, dtype: np.dtype) -> int | None:
    """Return a step that stands beside the samples in their own type (PS3.5, 8.3); None where there is none."""
    if value is None:
        return None
    if not isinstance(value, bytes):
        return int(np.array(int(value)).astype(dtype))
    if len(value) < dtype.itemsize:
        return None
    step = np.frombuffer(value[: dtype.itemsize], dtype)[0]
    # Seen in a public writer: 0x8000 with its bytes the wrong way round, which would be 128.
    lowest = np.iinfo(dtype).min
    return lowest if dtype.kind == "i" and step.byteswap() == lowest else int(step)
