"""Small recordings in every format."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgml.records.leads import LEADS

Steps = NDArray[np.int16]


@pytest.fixture(scope="session")
def wfdb() -> ModuleType:
    """Return the wfdb package, the reference for WFDB files (its import warns of what pandas deprecates)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("wfdb")


@pytest.fixture
def steps() -> Steps:
    """Return 200 samples of 12 leads as a converter gives them, shape (12, 200)."""
    return np.random.default_rng(7).integers(-2000, 2000, size=(12, 200), dtype=np.int16)


@pytest.fixture
def write_record(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a WFDB record as PhysioNet's challenges do, and returns its header's path."""

    def write(
        steps: Steps,
        name: str = "JS00001",
        *,
        folder: Path = tmp_path,
        record_line: str | None = None,
        gain: str = "1000/mV",
        leads: Sequence[str] = LEADS,
        checksums: bool = True,
        comments: Sequence[str] = ("Age: 59", "Sex: Female", "Dx: 426177001,164934002"),
        newline: str = "\n",
    ) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        # MATLAB's v4 header: int16, rows, columns, real, length of the name, the name.
        head = np.array([30, *steps.shape, 0, 4], dtype="<i4").tobytes() + b"val\0"
        (folder / f"{name}.mat").write_bytes(head + steps.T.astype("<i2").tobytes())
        lines = [record_line or f"{name} {len(steps)} 500 {steps.shape[1]} 05-May-2020 14:50:55"]
        for row, lead in zip(steps, leads, strict=True):
            total = int(np.int64(row.sum(dtype=np.int64)).astype(np.int16)) if checksums else 0
            lines.append(f"{name}.mat 16+24 {gain} 16 0 {row[0]} {total} 0 {lead}")
        lines += [f"#{comment}" for comment in comments]
        path = folder / f"{name}.hea"
        path.write_bytes((newline.join(lines) + newline).encode())
        return path

    return write


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a table of numbers, shape (n_times, n_columns), and returns its path."""

    def write(
        values: NDArray,
        name: str = "record.csv",
        *,
        header: Sequence[str] | None = None,
        delimiter: str = ",",
        decimal: str = ".",
    ) -> Path:
        lines = [delimiter.join(header)] if header else []
        lines += [delimiter.join(f"{value:g}".replace(".", decimal) for value in row) for row in values]
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write
