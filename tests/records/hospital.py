"""Writers of what hospitals export: DICOM by pydicom, aECG by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, TwelveLeadECGWaveformStorage, generate_uid

from ecgml.records.leads import LEADS

MDC = ("2:1", "2:2", "2:61", "2:62", "2:63", "2:64", "2:3", "2:4", "2:5", "2:6", "2:7", "2:8")
SCP = tuple(code.replace("2:", "5.6.3-9-") for code in MDC)
_KINDS = {"int8": "SB", "uint8": "UB", "int16": "SS", "uint16": "US"}
_KINDS |= {"int32": "SL", "uint32": "UL", "int64": "SV", "uint64": "UV"}


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a code sequence item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def group(
    steps: NDArray[np.integer],
    fs: float,
    *,
    sensitivity: float = 1.0,
    unit: str = "uV",
    codes: Sequence[str] = MDC,
    scheme: str = "MDC",
    names: Sequence[str] = LEADS,
    originality: str = "ORIGINAL",
    correction: float = 1.0,
    baseline: float = 0.0,
    offset_ms: float = 0.0,
) -> Dataset:
    """Return a multiplex group of steps, shape (n_channels, n_times)."""
    item = Dataset()
    item.MultiplexGroupTimeOffset, item.WaveformOriginality = offset_ms, originality
    item.NumberOfWaveformChannels, item.NumberOfWaveformSamples = steps.shape
    item.SamplingFrequency = fs
    item.ChannelDefinitionSequence = []
    for code, name in zip(codes, names, strict=True):
        channel = Dataset()
        channel.ChannelSourceSequence = [coded(code, scheme, f"Lead {name}")]
        channel.ChannelSensitivity = sensitivity
        channel.ChannelSensitivityUnitsSequence = [coded(unit, "UCUM", unit)]
        channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = correction, baseline
        channel.WaveformBitsStored = 8 * steps.dtype.itemsize
        item.ChannelDefinitionSequence.append(channel)
    item.WaveformBitsAllocated = 8 * steps.dtype.itemsize
    item.WaveformSampleInterpretation = _KINDS[steps.dtype.name]
    item.WaveformData = np.ascontiguousarray(steps.T).tobytes()
    item["WaveformData"].VR = "OB" if steps.dtype.itemsize == 1 else "OW"
    return item


def write_dicom(path: Path, *groups: Dataset, syntax: str = ExplicitVRLittleEndian, **attributes: object) -> Path:
    """Write a 12-lead ECG object."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = TwelveLeadECGWaveformStorage, generate_uid()
    dataset.Modality, dataset.PatientSex, dataset.PatientAge = "ECG", "F", "054Y"
    dataset.WaveformSequence = list(groups)
    for name, value in attributes.items():
        setattr(dataset, name, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    return path


def aecg(
    steps: NDArray[np.integer],
    fs: float,
    *,
    scale: float = 1.0,
    unit: str = "uV",
    names: Sequence[str] = LEADS,
    origin: float = 0.0,
    before: str = "",
    increment: str = "",
    prefix: str = "",
) -> str:
    """Return an aECG file of one series, steps of shape (n_leads, n_times), with a derived series of noughts."""
    increment = increment or f'<increment value="{1 / fs!r}" unit="s"/>'

    def sequence_set(rows: NDArray[np.integer]) -> str:
        sequences = [
            f'<component><sequence><code code="TIME_ABSOLUTE"/><value xsi:type="GLIST_TS">'
            f'<head value="20180209172046.000"/>{increment}</value></sequence></component>'
        ]
        for name, row in zip(names, rows, strict=True):
            digits = " ".join(map(str, row.tolist()))
            sequences.append(
                f'<component><sequence><code code="MDC_ECG_LEAD_{name.upper()}"/><value xsi:type="SLIST_PQ">'
                f'<origin value="{origin!r}" unit="{unit}"/><scale value="{scale!r}" unit="{unit}"/>'
                f"<digits>{digits}</digits></value></sequence></component>"
            )
        return f"<component><sequenceSet>{''.join(sequences)}</sequenceSet></component>"

    text = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'{before}<AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        "<componentOf><timepointEvent><componentOf><subjectAssignment><subject><trialSubject><subjectDemographicPerson>"
        '<administrativeGenderCode code="F"/><birthTime value="19640101"/>'
        "</subjectDemographicPerson></trialSubject></subject></subjectAssignment></componentOf></timepointEvent>"
        '</componentOf><component><series><effectiveTime><low value="20180209172046"/></effectiveTime>'
        f"{sequence_set(steps)}<derivation><derivedSeries>{sequence_set(np.zeros((len(names), 99999), int))}"
        "</derivedSeries></derivation></series></component></AnnotatedECG>"
    )
    if prefix:
        for tag in ("AnnotatedECG", "series", "component", "sequenceSet", "sequence", "value", "digits", "scale"):
            text = text.replace(f"<{tag}>", f"<{prefix}:{tag}>").replace(f"</{tag}>", f"</{prefix}:{tag}>")
            text = text.replace(f"<{tag} ", f"<{prefix}:{tag} ")
        text = text.replace('xmlns="', f'xmlns:{prefix}="')
    return text
