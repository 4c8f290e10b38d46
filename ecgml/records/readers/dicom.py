"""DICOM waveforms: 12-lead, general and ambulatory ECG objects (DICOM PS3.3, A.34 and C.10.9).

A file holds one or several multiplex groups: channels sampled together. A short one holds a median beat, whatever it is
flagged as. Sensitivity, unit, baseline and lead of each channel stand beside it.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS, canonical_lead
from ecgml.records.readers.assembly import assemble, channels_not_taken
from ecgml.records.readers.loading import load_bytes
from ecgml.records.readers.missing import is_missing
from ecgml.records.readers.options import Format, ReadOptions
from ecgml.records.readers.recording import Block, Recording, choose_recording, common_spans
from ecgml.records.record import Record
from ecgml.records.subject import read_subject

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_DEFLATED_BYTES = 10_000_000
"""A deflated file unpacks to up to a thousand times its size."""

_DEFLATED = b"1.2.840.10008.1.2.1.99"

_DTYPES = {"SB": "i1", "UB": "u1", "SS": "i2", "US": "u2", "SL": "i4", "UL": "u4"}

# SCP-ECG and ISO/IEEE 11073 (MDC) number the leads alike.
_NUMBERS = {1: "I", 2: "II", 3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6"}
_NUMBERS |= {61: "III", 62: "aVR", 63: "aVL", 64: "aVF"}
_MDC_ECG_BLOCK = 2
_CODE = re.compile(r"(?:5\.6\.3-9-|2:)(\d+)")

_NO_SIGNAL = ("DISCONNECTED", "INVALID", "TEST DATA")
_STATUSES = (*_NO_SIGNAL, "UNCALIBRATED", "QUESTIONABLE")

_FEW = 0.5


def read_dicom(path: Path, options: ReadOptions) -> Record:
    """Read the rhythm of a DICOM ECG.

    Parameters
    ----------
    path : Path
        Groups that were recorded together are joined; of several recordings `recording.choose_recording` takes one.
    options : ReadOptions
        What the file does not tell.

    Raises
    ------
    RecordError
        If it is no DICOM file, damaged, compressed by a law, without leads, or of a unit that is no voltage.
    """
    where = path.name
    data = load_bytes(path)
    try:
        return _read(data, options, where)
    except RecordError:
        raise
    except Exception as error:  # pydicom raises whatever a damaged file makes it stumble over.
        said = " ".join(str(error).split())[:80]
        raise RecordError(f"{where}: no readable DICOM waveform ({said}); export it again", "format") from None


def _read(data: bytes, options: ReadOptions, where: str) -> Record:
    # Imported late: nobody who reads other formats waits for it.
    from pydicom import config, dcmread

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values against the letter of the standard
        with config.disable_value_validation():
            if _DEFLATED in data[:1024] and len(data) > MAX_DEFLATED_BYTES:
                raise RecordError(f"{where}: {len(data):,} bytes, deflated; save it unpacked", "too large")
            dataset = dcmread(io.BytesIO(data), force=True)
            if "WaveformSequence" not in dataset:
                raise RecordError(f"{where}: a DICOM file without waveforms; export the ECG, not its picture", "format")
            syntax = getattr(dataset.file_meta, "TransferSyntaxUID", None)
            little = syntax is None or syntax.is_little_endian
            recording, notes = choose_recording(_blocks(dataset.WaveformSequence, options, where), where)
            return _to_record(recording, notes, dataset, little, options, where)


def _blocks(groups: Sequence[Dataset], options: ReadOptions, where: str) -> list[Block]:
    """Return the groups that hold leads."""
    named = [[lead_of(channel) for channel in group.get("ChannelDefinitionSequence", ())] for group in groups]
    blocks = [
        Block(
            leads=leads,
            n_times=int(group.NumberOfWaveformSamples),
            fs=float(group.get("SamplingFrequency") or 0) or options.fs,
            start_s=float(group.get("MultiplexGroupTimeOffset") or 0) / 1000,
            content=group,
            is_original=str(group.get("WaveformOriginality", "ORIGINAL")).strip().upper() == "ORIGINAL",
        )
        for group, names in zip(groups, named, strict=True)
        if (leads := tuple(name for name in names if name in LEADS))
    ]
    if not blocks:
        shown = ", ".join(name or "?" for names in named for name in names[:6])
        raise RecordError(f"{where}: none of the twelve leads among the channels ({shown[:80]!r})", "no leads")
    return blocks


def lead_of(channel: Any) -> str | None:
    """Return the lead that a channel's coded source names: one of the twelve, else its own words, else None.

    Parameters
    ----------
    channel : pydicom.Dataset
        An item of a ChannelDefinitionSequence.
    """
    for source in channel.get("ChannelSourceSequence", ()):
        value, meaning = str(source.get("CodeValue", "")).strip(), str(source.get("CodeMeaning", "")).strip()
        scheme = str(source.get("CodingSchemeDesignator", "")).strip().upper()
        if match := _CODE.fullmatch(value):
            number = int(match[1])
        elif scheme == "MDC" and value.isdigit() and int(value) >> 16 == _MDC_ECG_BLOCK:
            number = int(value) & 0xFFFF
        else:
            number = None
        if number in _NUMBERS:
            return _NUMBERS[number]
        for words in (value, meaning):
            if lead := canonical_lead(words.split("(")[0]):
                return lead
        return meaning or value or None
    label = str(channel.get("ChannelLabel", "")).strip()
    return canonical_lead(label) or label or None


def _to_record(
    recording: Recording, notes: Sequence[str], dataset: Dataset, little: bool, options: ReadOptions, where: str
) -> Record:
    names: list[str] = []
    rows: list[NDArray[np.float32]] = []
    units: set[str] = set()
    others: list[str] = []
    faults: list[str] = []
    for block, span in zip(recording, common_spans(recording), strict=True):
        steps = _samples(block.content, little, where)[:, span]
        for step, channel in zip(steps, block.content.ChannelDefinitionSequence, strict=True):
            lead = lead_of(channel)
            if lead not in LEADS:
                others.append(lead or "?")
                continue
            scale, offset, unit = _gain(channel, options, where)
            in_mv = ((step * scale) + offset).astype(np.float32)
            in_mv[_missing(block.content, channel, step)] = np.nan
            if status := _status(channel):
                faults.append(f"{lead} is flagged {status}")
                in_mv[:] = np.nan if status in _NO_SIGNAL else in_mv
            names.append(lead)
            rows.append(in_mv)
            units.add(unit)
    stated_fs = recording[0].content.get("SamplingFrequency")
    fs = options.settle_fs(None if stated_fs is None else float(stated_fs), where)
    given, remarks = read_subject(dataset.get("PatientAge") or "", dataset.get("PatientSex") or "")
    unit = units.pop() if len(units) == 1 else None
    notes = (*channels_not_taken(others), *notes, *faults, *remarks)
    return assemble(np.stack(rows), names, fs, where, given=given, unit=unit, notes=notes)


def _status(channel: Dataset) -> str:
    """Return what is wrong with a channel as the device flags it; ``""`` where nothing is."""
    status = channel.get("ChannelStatus") or ""
    words = [str(word).strip().upper() for word in ([status] if isinstance(status, str) else status)]
    flagged = [word for word in _STATUSES if word in words]
    return flagged[0] if flagged else ""


def _missing(group: Dataset, channel: Dataset, steps: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return which samples of a channel are missing: declared, undeclared, or outside what the device calls valid."""
    marked = is_missing(steps)
    missing = np.zeros(steps.shape, np.bool_) if marked is None else marked
    if (padding := _step(group.get("WaveformPaddingValue"), steps.dtype)) is not None:
        missing |= steps == padding
    low, high = (_step(channel.get(name), steps.dtype) for name in ("ChannelMinimumValue", "ChannelMaximumValue"))
    if low is not None and high is not None and low < high:
        outside = (steps < low) | (steps > high)
        # Limits that most samples do not keep are no limits of this channel.
        if outside.mean() < _FEW:
            missing |= outside
    return missing


def _samples(group: Dataset, little: bool, where: str) -> NDArray[np.integer]:
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


def _gain(channel: Dataset, options: ReadOptions, where: str) -> tuple[float, float, str]:
    """Return mV of one step, mV to add, and the unit of a channel (PS3.3 C.10.9.1.4.2)."""
    sensitivity = channel.get("ChannelSensitivity")
    if sensitivity is None:
        raise RecordError(
            f"{where}: a channel without sensitivity: how much one of its steps is cannot be known; export it again",
            "format",
        )
    units = channel.get("ChannelSensitivityUnitsSequence") or ()
    unit = str(units[0].get("CodeValue", "")).strip() if len(units) else None
    in_mv = options.settle_unit(unit, where)
    correction = channel.get("ChannelSensitivityCorrectionFactor")
    scale = float(sensitivity) * (1.0 if correction is None else float(correction)) * in_mv
    baseline = float(channel.get("ChannelBaseline") or 0) * in_mv
    if not (np.isfinite(scale) and scale != 0 and np.isfinite(baseline)):
        raise RecordError(f"{where}: sensitivity {float(sensitivity):g}; a number other than 0 is needed", "wrong gain")
    return scale, baseline, unit or options.unit or "mV"


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


def _recognises(path: Path, head: bytes) -> bool:
    return head[128:132] == b"DICM"


DICOM = Format("DICOM", frozenset({".dcm", ".dicom"}), _recognises, read_dicom)
