"""A recording as PhysioNet's ecg-arrhythmia has it: `WFDBRecords/NN/NNN/JSnnnnn.hea` and `.mat`, int16, 1 µV a step."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.simulation.quantisation import LSB_UV, MISSING, quantise
from ecgml.cohorts.simulation.tables import CONDITIONS
from ecgml.records.leads import LEADS
from ecgml.records.rhythms import RHYTHMS

_CONVERTED = "23-Mar-2021 12:00:00"
"""Headers of that edition are dated by their conversion, not by the recording."""

_SNOMED = {rhythm.code: rhythm.snomed[0] for rhythm in RHYTHMS}


def write_wfdb(folder: Path, number: int, waveform: NDArray[np.float32], row: dict[str, str | int]) -> Path:
    """Write a header and its samples, and return the samples' file.

    Parameters
    ----------
    folder : Path
        Of the data set.
    number : int
        Of the record, from zero; its name counts from one and is the row of Diagnostics.
    waveform : ndarray, shape (12, n_times)
        In mV at 500 Hz; NaN where there is no value.
    row : dict
        Of Diagnostics.
    """
    hundred, name = number // 100, f"JS{number + 1:05d}"
    place = folder / "WFDBRecords" / f"{hundred // 10 + 1:02d}" / f"{hundred + 10:03d}"
    place.mkdir(parents=True, exist_ok=True)
    counts = quantise(waveform)
    # The PhysioNet edition holds whole µV, rounded from the source's steps.
    microvolts = np.rint(LSB_UV * counts).clip(-32767, 32767).astype("<i2")
    microvolts[counts == MISSING] = -32768  # WFDB's mark of an invalid sample
    samples = place / f"{name}.mat"
    samples.write_bytes(_matlab_v4(microvolts))
    (place / f"{name}.hea").write_text(_header(name, microvolts, row), encoding="ascii", newline="\n")
    return samples


def _matlab_v4(values: NDArray[np.int16]) -> bytes:
    """Return a MATLAB version 4 file of one int16 matrix named `val`: 24 bytes, then column by column."""
    int16_little_endian, is_real = 30, 0
    head = struct.pack("<5i4s", int16_little_endian, *values.shape, is_real, len("val") + 1, b"val\0")
    return head + values.T.tobytes()


def _header(name: str, microvolts: NDArray[np.int16], row: dict[str, str | int]) -> str:
    checksums = microvolts.sum(axis=1, dtype=np.int64).astype(np.int16)
    signals = [
        f"{name}.mat 16+24 1000/mV 16 0 {values[0]} {checksum} 0 {lead}"
        for lead, values, checksum in zip(LEADS, microvolts, checksums, strict=True)
    ]
    conditions = [] if row["Beat"] == "NONE" else [CONDITIONS[code][1] for code in str(row["Beat"]).split()]
    statements = dict.fromkeys([_SNOMED[str(row["Rhythm"])], *conditions])
    return "\n".join(
        [
            f"{name} {len(LEADS)} 500 {microvolts.shape[1]} {_CONVERTED}",
            *signals,
            f"#Age: {row['PatientAge']}",
            f"#Sex: {str(row['Gender']).title()}",
            f"#Dx: {','.join(statements)}",
            *("#Rx: Unknown", "#Hx: Unknown", "#Sx: Unknown"),
            "",
        ]
    )
