"""Small data sets of every kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tests.cohorts.invented import COLUMNS, ROWS, write_table


@pytest.fixture
def table() -> Callable[..., Path]:
    """Return :func:`write_table`."""
    return write_table


@pytest.fixture
def chapman(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a Chapman-Shaoxing folder of three invented records, and returns it."""

    def write(
        name: str = "chapman",
        *,
        rows: Sequence[Sequence[str]] = ROWS,
        columns: Sequence[str] = COLUMNS,
        table: str = "Diagnostics.csv",
        delimiter: str = ",",
        signals: Mapping[str, Sequence[str]] | None = None,
    ) -> Path:
        root = tmp_path / name
        write_table(root / table, columns, rows, delimiter)
        for folder, stems in ({"ECGData": [row[0] for row in ROWS]} if signals is None else signals).items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            for stem in stems:
                (root / folder / f"{stem}.csv").write_text("1,2,3,4,5,6,7,8,9,10,11,12\n" * 3)
        return root

    return write


@pytest.fixture
def header() -> Callable[..., Path]:
    """Return a function that writes a WFDB header with its labels, and returns its path."""

    def write(path: Path, *comments: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        signal = f"{path.stem}.mat 16+24 1000/mV 16 0 0 0 0 II"
        lines = [f"{path.stem} 1 500 5000 05-May-2020 14:50:55", signal, *(f"#{comment}" for comment in comments)]
        path.write_text("\n".join(lines) + "\n")
        return path

    return write
