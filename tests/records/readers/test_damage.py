"""Whatever is done to a file, reading it gives a record or a RecordError, soon and in little memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS
from ecgml.records.reading import read_record
from tests.records.hospital import aecg, group, write_dicom

N_DAMAGES = 150

_TOKENS = (
    b"0",
    b"-1",
    b"99999999999",
    b"1e999",
    b"nan",
    b"/",
    b"..",
    b"\0",
    b"\xff",
    b",",
    b";",
    b"\n",
    b" ",
    b'"',
    b"(",
    b"#",
)


def _damages(data: bytes, seed: int) -> Iterator[bytes]:
    """Cut, flip, repeat and replace parts of a file, the first bytes more often: there is its header."""
    rng = np.random.default_rng(seed)
    for _ in range(N_DAMAGES):
        octets = bytearray(data)
        for _ in range(rng.integers(1, 4)):
            reach = len(octets) if rng.random() < 0.3 else min(len(octets), 400)
            start, length = int(rng.integers(0, max(reach, 1))), int(rng.integers(0, 20))
            kind = rng.integers(0, 5)
            if kind == 0:
                del octets[start:]
            elif kind == 1:
                octets[start : start + length] = rng.bytes(length)
            elif kind == 2:
                octets[start:start] = octets[start : start + 10 * length]
            elif kind == 3:
                octets[start : start + length] = _TOKENS[rng.integers(len(_TOKENS))]
            else:
                del octets[start : start + length]
        yield bytes(octets)


@pytest.fixture(params=["csv", "csv with header", "hea", "npy", "npz", "npz packed", "dcm", "aecg"])
def specimen(request, tmp_path: Path, steps, write_record, write_csv) -> Path:
    """A small valid file of each format."""
    kind = request.param
    if kind == "hea":
        return write_record(steps)
    if kind.startswith("csv"):
        return write_csv(steps.T / 8, header=LEADS if "header" in kind else None)
    if kind == "dcm":
        return write_dicom(tmp_path / "x.dcm", group(steps, 500.0))
    if kind == "aecg":
        path = tmp_path / "x.aecg"
        path.write_text(aecg(steps, 500.0).partition("<derivation>")[0] + "</series></component></AnnotatedECG>")
        return path
    path = tmp_path / f"x.{kind[:3]}"
    if kind == "npy":
        np.save(path, steps / 8)
    else:
        save = np.savez_compressed if "packed" in kind else np.savez
        save(path, waveform=steps / 8, fs=500, unit="uV", leads=LEADS)
    return path


def test_a_damaged_file_is_read_or_refused_and_nothing_else(specimen: Path):
    options = {} if specimen.suffix in (".hea", ".npz", ".dcm", ".aecg") else {"fs": 500, "unit": "uV"}
    assert read_record(specimen, **options).waveform.shape == (12, 200)
    messages = []
    tracemalloc.start()
    for damaged in _damages(specimen.read_bytes(), seed=len(specimen.suffix)):
        specimen.write_bytes(damaged)
        try:
            record = read_record(specimen, **options)
        except RecordError as error:
            messages.append(str(error))
        else:
            assert record.waveform.dtype == np.float32
            assert len(record.waveform) == 12
            assert record.fs > 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(messages) > N_DAMAGES / 10
    assert all(message.isprintable() for message in messages)
    assert peak < 30e6


@pytest.mark.parametrize("suffix", [".csv", ".hea", ".npy", ".npz", ".dcm", ".aecg", ".unknown", ""])
def test_noise_is_refused(tmp_path: Path, suffix: str):
    rng = np.random.default_rng(5)
    for size in (1, 10, 1000, 20_000):
        path = tmp_path / f"noise{suffix}"
        path.write_bytes(rng.bytes(size))
        with pytest.raises(RecordError, match="noise"):
            read_record(path, fs=500, unit="uV")


@pytest.mark.parametrize("cell", ['"a" \r b', '"' + "x" * 200_000], ids=["a carriage return", "no closing quote"])
def test_a_quoted_cell_that_python_cannot_read_is_a_record_error(tmp_path: Path, cell: str):
    path = tmp_path / "damaged.csv"
    path.write_bytes(f"{','.join(LEADS)}\n{cell},1,2\n1,2,3\n".encode())
    with pytest.raises(RecordError):
        read_record(path)
