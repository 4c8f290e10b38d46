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
from ecgml.records.readers.dicom_samples import gain_of, missing_of, samples_of
from ecgml.records.readers.loading import load_bytes
from ecgml.records.readers.options import Format, ReadOptions
from ecgml.records.readers.recording import Block, Recording, choose_recording, common_spans
from ecgml.records.record import Record
from ecgml.records.subject import read_subject

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_DEFLATED_BYTES = 10_000_000
"""A deflated file unpacks to up to a thousand times its size."""

_DEFLATED = b"1.2.840.10008.1.2.1.99"

# SCP-ECG and ISO/IEEE 11073 (MDC) number the leads alike.
_NUMBERS = {1: "I", 2: "II", 3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6"}
_NUMBERS |= {61: "III", 62: "aVR", 63: "aVL", 64: "aVF"}
_MDC_ECG_BLOCK = 2
_CODE = re.compile(r"(?:5\.6\.3-9-|2:)(\d+)")

_BEAT = re.compile(r"median|average|template|representative|\bbeat\b", re.IGNORECASE)

_NO_SIGNAL = ("DISCONNECTED", "INVALID", "TEST DATA")
_STATUSES = (*_NO_SIGNAL, "UNCALIBRATED", "QUESTIONABLE")


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
        If it is no DICOM file, damaged, compressed by a law, without leads, or of a unit that is not a voltage.
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
            blocks, others = _blocks(dataset.WaveformSequence, options, where)
            recording, notes = choose_recording(blocks, where)
            return _to_record(recording, others, notes, dataset, little, options, where)


def _blocks(groups: Sequence[Dataset], options: ReadOptions, where: str) -> tuple[list[Block], list[str]]:
    """Return the groups that hold leads, and the names of the channels of the others."""
    named = [[lead_of(channel) for channel in group.get("ChannelDefinitionSequence", ())] for group in groups]
    blocks = [
        Block(
            leads=leads,
            n_times=int(group.NumberOfWaveformSamples),
            fs=float(group.get("SamplingFrequency") or 0) or options.fs,
            start_s=float(group.get("MultiplexGroupTimeOffset") or 0) / 1000,
            content=group,
            is_original=str(group.get("WaveformOriginality", "ORIGINAL")).strip().upper() == "ORIGINAL",
            is_beat=bool(_BEAT.search(str(group.get("MultiplexGroupLabel") or ""))),
        )
        for group, names in zip(groups, named, strict=True)
        if (leads := tuple(name for name in names if name in LEADS))
    ]
    if not blocks:
        shown = ", ".join(name or "?" for names in named for name in names[:6])
        raise RecordError(f"{where}: none of the twelve leads among the channels ({shown[:80]!r})", "no leads")
    others = [name or "?" for names in named for name in names if not set(names) & set(LEADS)]
    return blocks, others


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
    recording: Recording,
    others: list[str],
    notes: Sequence[str],
    dataset: Dataset,
    little: bool,
    options: ReadOptions,
    where: str,
) -> Record:
    names: list[str] = []
    rows: list[NDArray[np.float32]] = []
    units: set[str] = set()
    faults: list[str] = []
    for block, span in zip(recording, common_spans(recording), strict=True):
        steps = samples_of(block.content, little, where)[:, span]
        for step, channel in zip(steps, block.content.ChannelDefinitionSequence, strict=True):
            lead = lead_of(channel)
            if lead not in LEADS:
                others = [*others, lead or "?"]
                continue
            scale, offset, unit = gain_of(channel, options, where)
            in_mv = ((step * scale) + offset).astype(np.float32)
            in_mv[missing_of(block.content, channel, step)] = np.nan
            if status := _status(channel):
                faults.append(f"{lead} is flagged {status}")
                in_mv[:] = np.nan if status in _NO_SIGNAL else in_mv
            names.append(lead)
            rows.append(in_mv)
            units.add(unit)
    stated_fs = recording[0].content.get("SamplingFrequency")
    fs = options.settle_fs(None if stated_fs is None else float(stated_fs), where)
    given, remarks = read_subject(dataset.get("PatientAge") or "", dataset.get("PatientSex") or "")
    notes = (*channels_not_taken(others), *notes, *faults, *remarks)
    only_unit = units.pop() if len(units) == 1 else None
    return assemble(np.stack(rows), names, fs, where, given=given, unit=only_unit, notes=notes)


def _status(channel: Dataset) -> str:
    """Return what is wrong with a channel as the device flags it; ``""`` where nothing is."""
    status = channel.get("ChannelStatus") or ""
    words = [str(word).strip().upper() for word in ([status] if isinstance(status, str) else status)]
    flagged = [word for word in _STATUSES if word in words]
    return flagged[0] if flagged else ""


def _recognises(path: Path, head: bytes) -> bool:
    return head[128:132] == b"DICM"


DICOM = Format("DICOM", frozenset({".dcm", ".dicom"}), _recognises, read_dicom)
