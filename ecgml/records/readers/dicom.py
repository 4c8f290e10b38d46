"""DICOM waveforms: 12-lead, general and ambulatory ECG objects (DICOM PS3.3, A.34 and C.10.9).

A file holds one or several multiplex groups: channels sampled together. The rhythm is in an original group; a group of
derived waveforms holds a median beat. Sensitivity, unit, baseline and lead of each channel stand beside it.
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
from ecgml.records.clinical import parse_number, parse_sex, plausible
from ecgml.records.leads import LEADS, canonical_lead
from ecgml.records.readers.assembly import assemble
from ecgml.records.readers.loading import load_bytes
from ecgml.records.readers.options import Format, ReadOptions
from ecgml.records.record import Record

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


def read_dicom(path: Path, options: ReadOptions) -> Record:
    """Read the rhythm of a DICOM ECG.

    Parameters
    ----------
    path : Path
        Groups that were recorded together are joined; of several recordings the longest original one is taken.
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
            group = _rhythm(dataset.WaveformSequence, where)
            return _to_record(group, dataset, little, options, where)


def _rhythm(groups: Sequence[Dataset], where: str) -> list[Dataset]:
    """Return the groups that make up the rhythm: the longest original recording with leads in it."""
    found: dict[tuple, list[Dataset]] = {}
    for group in groups:
        if any(lead_of(channel) in LEADS for channel in group.ChannelDefinitionSequence):
            is_original = str(group.get("WaveformOriginality", "ORIGINAL")).upper() == "ORIGINAL"
            fs, n_times = float(group.get("SamplingFrequency") or 0), int(group.NumberOfWaveformSamples)
            offset = float(group.get("MultiplexGroupTimeOffset") or 0)
            found.setdefault((is_original, n_times / fs if fs > 0 else 0.0, fs, n_times, offset), []).append(group)
    if not found:
        named = [
            str(lead_of(channel) or "?") for group in groups for channel in group.get("ChannelDefinitionSequence", ())
        ]
        raise RecordError(
            f"{where}: none of the twelve leads among the channels ({', '.join(named[:6])[:80]!r})", "no leads"
        )
    return found[max(found, key=lambda key: key[:2])]


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


def _to_record(groups: list[Dataset], dataset: Dataset, little: bool, options: ReadOptions, where: str) -> Record:
    names: list[str] = []
    rows: list[NDArray[np.float32]] = []
    units: set[str] = set()
    for group in groups:
        steps = _samples(group, little, where)
        for index, channel in enumerate(group.ChannelDefinitionSequence):
            lead = lead_of(channel)
            if lead not in LEADS:
                continue
            scale, offset, unit = _gain(channel, options, where)
            in_mv = ((steps[index] * scale) + offset).astype(np.float32)
            if (padding := _padding(group, steps.dtype)) is not None:
                in_mv[steps[index] == padding] = np.nan
            names.append(lead)
            rows.append(in_mv)
            units.add(unit)
    fs = options.settle_fs(float(fs) if (fs := groups[0].get("SamplingFrequency")) is not None else None, where)
    age, sex = str(dataset.get("PatientAge") or ""), str(dataset.get("PatientSex") or "")
    given = plausible({"age": _age(age), "sex": parse_sex(sex)})
    unit = units.pop() if len(units) == 1 else None
    return assemble(np.stack(rows), names, fs, where, given=given, unit=unit)


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


def _padding(group: Dataset, dtype: np.dtype) -> int | None:
    """Return the step that stands for a missing sample."""
    value = group.get("WaveformPaddingValue")
    if value is None:
        return None
    if isinstance(value, bytes):
        return int(np.frombuffer(value[: dtype.itemsize], dtype)[0]) if len(value) >= dtype.itemsize else None
    return int(np.array(int(value)).astype(dtype))


def _age(text: str) -> float:
    """Return an age in years: ``054Y``, ``018M``, ``003W``, ``010D`` (value representation AS)."""
    per_year = {"Y": 1.0, "M": 12.0, "W": 52.18, "D": 365.25}
    text = text.strip().upper()
    return parse_number(text[:-1]) / per_year[text[-1]] if text[-1:] in per_year else parse_number(text)


def _recognises(path: Path, head: bytes) -> bool:
    return head[128:132] == b"DICM"


DICOM = Format("DICOM", frozenset({".dcm", ".dicom"}), _recognises, read_dicom)
