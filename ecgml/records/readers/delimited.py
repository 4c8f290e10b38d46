"""CSV and its kin: one row per time, one column per lead, a header row or none.

Chapman-Shaoxing's raw files have a header row, its denoised files none. Delimiters are comma, semicolon (then with
decimal point or comma) and tab. Plain tables of numbers go straight to float32 (`number_table`); tables with gaps go
through pandas; what that refuses is read again slowly, cell by cell, to accept it or to say where it is wrong.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS, canonical_lead, require_leads
from ecgml.records.readers.assembly import assemble
from ecgml.records.readers.loading import load_bytes
from ecgml.records.readers.number_table import parse_table
from ecgml.records.readers.options import Format, ReadOptions
from ecgml.records.record import Record
from ecgml.records.units import is_voltage

_MISSING = frozenset({"", "nan", "na", "n/a", "null", "none"})
_MISSING_CELLS = [*_MISSING, *(word.upper() for word in _MISSING if word), "NaN", "None", "Null"]
_UNIT_BEHIND = re.compile(r"(?P<name>.*[^\s_(\[/-])[\s_(\[/-]+(?P<unit>[^\W\d]+)\s*[)\]]?")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_BOM = b"\xef\xbb\xbf"
_HEAD_BYTES = 16_384


@dataclass(frozen=True)
class Layout:
    """How the text of a delimited file is laid out."""

    delimiter: str
    decimal: str
    names: tuple[str, ...] | None
    """Of the header row, without units; None where there is none."""
    n_columns: int
    units: tuple[str | None, ...] = ()
    """Of the header row, where it tells a lead's: ``V1 (mV)``, ``V1 [uV]``, ``V1 / mV``, ``V1_mV``."""


def read_delimited(path: Path, options: ReadOptions) -> Record:
    """Read a delimited text file.

    Parameters
    ----------
    path : Path
    options : ReadOptions
        What the file does not tell: always its sampling frequency, its unit unless the header row does, and its leads
        where there is no header row and not twelve columns.

    Raises
    ------
    RecordError
        If it is empty, no text, has rows of different lengths, no lead columns, or a cell that is no number (an empty
        one is a missing value); or if sampling frequency or unit is unknown.
    """
    where = path.name
    fs = options.settle_fs(None, where)
    data = load_bytes(path)
    layout = parse_layout(data, where)
    names = options.settle_leads(layout.names, layout.n_columns, where)
    require_leads(names, where)
    columns = [column for column, name in enumerate(names) if canonical_lead(name)]
    stated = [layout.units[column] if layout.units else None for column in columns]
    scales = np.array([options.settle_unit(unit, where) for unit in stated], dtype=np.float32)
    channels = parse_values(data, layout, columns, where)
    if (scales != 1).any():
        channels *= scales[:, None]
    units = {unit or options.unit for unit in stated}
    unit = units.pop() if len(units) == 1 else None
    return assemble(channels, [names[column] for column in columns], fs, where, unit=unit)


def parse_layout(data: bytes, where: str) -> Layout:
    """Find delimiter, decimal sign and header row.

    The first row is a header if no cell of it is a number or a missing value.

    Raises
    ------
    RecordError
        If the file is no text or holds nothing.
    """
    head = data[:_HEAD_BYTES].removeprefix(_BOM).lstrip()
    if b"\0" in head:
        raise RecordError(f"{where}: is no text; save it as CSV in UTF-8", "format")
    if not head:
        raise RecordError(f"{where}: holds nothing but blanks; fetch it again", "empty")
    first_line = _header_text(head.splitlines()[0])
    delimiter = next((mark for mark in ";\t" if mark in first_line), ",")
    cells = _cells(first_line, delimiter)
    is_header = not any(_NUMBER.fullmatch(cell) or cell.lower() in _MISSING - {""} for cell in cells) and any(cells)
    decimal = "," if delimiter != "," and b"," in data else "."
    if not is_header:
        return Layout(delimiter, decimal, None, len(cells))
    names, units = zip(*map(_split_unit, cells), strict=True)
    return Layout(delimiter, decimal, names, len(cells), units)


def is_table(head: bytes) -> bool:
    """Whether the beginning of a file is that of a text whose first row is words, none of them a lead.

    Such a file is a manifest, another table, or prose.
    """
    try:
        layout = parse_layout(head, "")
    except RecordError:
        return False
    return layout.names is not None and not any(map(canonical_lead, layout.names))


def _split_unit(cell: str) -> tuple[str, str | None]:
    """Take a lead's unit off its name; leave every other cell as it is."""
    match = _UNIT_BEHIND.fullmatch(cell)
    if match and canonical_lead(match["name"]) and is_voltage(match["unit"]):
        return match["name"], match["unit"]
    return cell, None


def parse_values(data: bytes, layout: Layout, columns: list[int], where: str) -> NDArray[np.float32]:
    """Parse the values of some columns.

    Parameters
    ----------
    data : bytes
        The whole file.
    layout : Layout
    columns : list of int
        Those wanted.
    where : str
        The file, for the message.

    Returns
    -------
    values : ndarray of float32, shape (len(columns), n_rows)
        In the file's unit; NaN where a cell is empty.

    Raises
    ------
    RecordError
        If a row is shorter or longer than the first, or a cell is no number.
    """
    start = 0 if layout.names is None else data.index(b"\n") + 1 if b"\n" in data else len(data)
    values = parse_table(data, layout.delimiter, layout.decimal, layout.n_columns, columns, start)
    if values is None and _has_equal_rows(data, layout):
        values = _parse_with_gaps(data, layout, columns)
    return _parse_slowly(data, layout, columns, where) if values is None else values


def _has_equal_rows(data: bytes, layout: Layout) -> bool:
    """Whether every row is as long as the first: pandas fills short rows silently."""
    mark = layout.delimiter.encode()
    return all(line.count(mark) == layout.n_columns - 1 for line in data.splitlines())


def _parse_with_gaps(data: bytes, layout: Layout, columns: list[int]) -> NDArray[np.float32] | None:
    """Return the values, or None where the slow way has to look."""
    try:
        # Values beyond float32 become infinite; those are looked at slowly.
        with np.errstate(over="ignore"):
            table = pd.read_csv(
                io.BytesIO(data),
                sep=layout.delimiter,
                decimal=layout.decimal,
                header=None,
                skiprows=0 if layout.names is None else 1,
                usecols=columns,
                dtype=np.float32,
                na_values=_MISSING_CELLS,
                keep_default_na=False,
                low_memory=False,
            )
    except (ValueError, OverflowError):  # pandas' own errors are ValueErrors
        return None
    values = np.ascontiguousarray(table.to_numpy().T)
    return None if np.isinf(values).any() else values


def _parse_slowly(data: bytes, layout: Layout, columns: list[int], where: str) -> NDArray[np.float32]:
    lines = _text(data).splitlines()
    rows = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if layout.names is not None:
        rows = rows[1:]
    values = np.empty((len(rows), len(columns)), dtype=np.float32)
    for row, (number, line) in enumerate(rows):
        cells = _cells(line, layout.delimiter)
        if len(cells) != layout.n_columns:
            is_cut = row == len(rows) - 1 and len(cells) < layout.n_columns
            raise RecordError(
                f"{where}: line {number} has {len(cells)} columns, {layout.n_columns} expected"
                + ("; the file is truncated, fetch it again" if is_cut else "; correct the line"),
                "truncated" if is_cut else "wrong columns",
            )
        for index, column in enumerate(columns):
            values[row, index] = _number(cells[column], layout, number, column, where)
    return np.ascontiguousarray(values.T)


def _number(cell: str, layout: Layout, line: int, column: int, where: str) -> float:
    if cell.lower() in _MISSING:
        return np.nan
    text = cell.replace(",", ".") if layout.decimal == "," else cell
    if not _NUMBER.fullmatch(cell) or (layout.decimal == "." and "," in cell) or abs(float(text)) > 3e38:
        names = layout.names or (LEADS if layout.n_columns == len(LEADS) else None)
        lead = f" ({names[column]})" if names else ""
        raise RecordError(
            f"{where}: line {line}, column {column + 1}{lead}: {cell[:40]!r} is not a number; correct or empty it",
            "not a number",
        )
    return float(text)


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip().strip('"').strip() for cell in line.split(delimiter)]


def _header_text(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _text(data: bytes) -> str:
    # Latin-1 never fails; numbers are ASCII in either.
    return data.removeprefix(_BOM).decode("latin-1")


def _recognises(path: Path, head: bytes) -> bool:
    return b"\0" not in head and any(mark in head for mark in b",;\t")


DELIMITED = Format("CSV", frozenset({".csv", ".tsv", ".txt"}), _recognises, read_delimited)
