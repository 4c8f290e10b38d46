"""CSV and its kin: one row per time, one column per lead, or a row per lead; a header or none.

Chapman-Shaoxing's raw files have a header row, its denoised files none. What stands above the numbers and which column
is what is found by `layout`, what points and commas mean by `number_signs`, what a column of times states by
`time_column`. Plain tables of numbers go straight to float32 (`number_table`); tables with gaps go through pandas; what
that refuses is read again slowly, cell by cell, to accept it or to say where it is wrong.
"""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS, canonical_lead, require_leads
from ecgml.records.readers.assembly import assemble, channels_not_taken
from ecgml.records.readers.cells import MISSING, cells_of
from ecgml.records.readers.layout import Table, find_table
from ecgml.records.readers.loading import load_bytes
from ecgml.records.readers.missing import is_missing
from ecgml.records.readers.number_signs import decimal_and_thousands, plain_numbers
from ecgml.records.readers.number_table import parse_table
from ecgml.records.readers.options import Format, ReadOptions
from ecgml.records.readers.plain_text import decode, retabulate
from ecgml.records.readers.time_column import stated_fs
from ecgml.records.record import Record

_MISSING_CELLS = [*MISSING, *(word.upper() for word in MISSING if word), "NaN", "None", "Null"]
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_delimited(path: Path, options: ReadOptions) -> Record:
    """Read a delimited text file.

    Parameters
    ----------
    path : Path
    options : ReadOptions
        What the file does not tell: its sampling frequency unless a column of times or a line above the numbers does,
        its unit unless header or such a line does, and its leads where they have no names and are not twelve.

    Raises
    ------
    RecordError
        If it is empty, no text, has rows of different lengths, no lead columns, or a cell that is no number (an empty
        one is a missing value); if what its numbers or names mean cannot be told; or if sampling frequency or unit is
        unknown.
    """
    where = path.name
    table = find_table(load_bytes(path), where)
    if table.numbered and options.leads is None:
        raise RecordError(
            f"{where}: columns {table.numbered} are only numbered, as R numbers those without a name, and need not be "
            "chest leads; name the leads in the first row, or give leads",
            "no leads",
        )
    names = options.settle_leads(table.names, len(table.channels), where)
    require_leads(names, where)
    leads = {column: name for column, name in zip(table.channels, names, strict=True) if canonical_lead(name)}
    unit_of = dict(zip(table.channels, table.units, strict=False))
    stated = [unit_of.get(column) for column in leads]
    fs = options.settle_fs(_stated_fs(table, options, where), where)
    scale_of = {unit: options.settle_unit(unit, where) for unit in dict.fromkeys(stated)}
    scales = np.array([scale_of[unit] for unit in stated], dtype=np.float32)
    channels = parse_values(table, list(leads), where)
    if (missing := is_missing(channels)) is not None:
        channels[missing] = np.nan
    if (scales != 1).any():
        channels = channels * scales[:, None]
    units = {unit or options.unit for unit in stated}
    unit = units.pop() if len(units) == 1 else None
    return assemble(channels, list(leads.values()), fs, where, unit=unit, notes=channels_not_taken(filter(None, names)))


def is_table(head: bytes) -> bool:
    """Whether the beginning of a file is that of a text whose first row is words, none of them a lead.

    Such a file is a manifest, another table, or prose.
    """
    try:
        table = find_table(head, "")
    except RecordError:
        return False
    if table.names is None:
        return False
    # Prose has an I among its words.
    is_prose = table.delimiter == "\t" and b"\t" not in head and not table.has_numbers
    return is_prose or not any(map(canonical_lead, table.names))


def _stated_fs(table: Table, options: ReadOptions, where: str) -> float | None:
    """Return the sampling frequency that a line above the numbers or the column of times states."""
    if table.time is None or table.time_name is None:
        return table.fs
    given = table.fs or options.fs
    lines = decode(table.data[table.start :]).split("\n")
    cells = [cells_of(line, table.delimiter)[table.time] for line in lines if line.count(table.delimiter) >= table.time]
    cells = [cell for cell in cells if cell]
    by_times = stated_fs(cells, table.time_name.unit, given, where, table.first_line) if cells else None
    if table.fs and by_times and by_times != table.fs:
        raise RecordError(
            f"{where}: a line above the numbers says {table.fs:g} Hz, the column of times {by_times:g}; correct one",
            "contradiction",
        )
    return table.fs or by_times


def parse_values(table: Table, columns: list[int], where: str) -> NDArray[np.float32]:
    """Parse the values of some columns.

    Parameters
    ----------
    table : Table
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
        If a row is shorter or longer than the others, a cell is no number, or what its separators mean cannot be told.
    """
    plain, decimal = _without_thousands(table, columns, where)
    values = _parse_plain(plain, decimal, columns)
    if values is None:
        plain, decimal = _without_thousands(_rewritten(table), columns, where)
        values = _parse_plain(plain, decimal, columns)
    if values is None and _has_equal_rows(plain):
        values = _parse_with_gaps(plain, decimal, columns)
    return _parse_slowly(plain, decimal, columns, where) if values is None else values


def _parse_plain(table: Table, decimal: str, columns: list[int]) -> NDArray[np.float32] | None:
    return parse_table(table.data, table.delimiter, decimal, table.n_columns, columns, table.start)


def _without_thousands(table: Table, columns: list[int], where: str) -> tuple[Table, str]:
    """Return a table without thousands separators, and its decimal sign."""
    decimal, thousands = decimal_and_thousands(table.data, table.start, table.delimiter, columns, where)
    if not thousands:
        return table, decimal
    above, body = table.data[: table.start], table.data[table.start :]
    return replace(table, data=above + body.replace(thousands.encode(), b"")), decimal


def _rewritten(table: Table) -> Table:
    """Return a table with tabs in place of quotes, its numbers without typographic signs."""
    above, body = table.data[: table.start], table.data[table.start :]
    delimiter = table.delimiter
    if b'"' in body:
        body, delimiter = retabulate(body, delimiter), "\t"
    return replace(table, data=above + plain_numbers(body), delimiter=delimiter)


def _has_equal_rows(table: Table) -> bool:
    """Whether every row is as long as the first: pandas fills short rows silently."""
    mark = table.delimiter.encode()
    return all(line.count(mark) == table.n_columns - 1 for line in table.data[table.start :].splitlines())


def _parse_with_gaps(table: Table, decimal: str, columns: list[int]) -> NDArray[np.float32] | None:
    """Return the values, or None where the slow way has to look."""
    try:
        # Values beyond float32 become infinite; those are looked at slowly.
        with np.errstate(over="ignore"):
            frame = pd.read_csv(
                io.BytesIO(table.data[table.start :]),
                sep=table.delimiter,
                decimal=decimal,
                header=None,
                usecols=columns,
                dtype=np.float32,
                na_values=_MISSING_CELLS,
                keep_default_na=False,
                low_memory=False,
            )
    except (ValueError, OverflowError):  # pandas' own errors are ValueErrors
        return None
    values = np.ascontiguousarray(frame.to_numpy().T)
    return None if np.isinf(values).any() else values


def _parse_slowly(table: Table, decimal: str, columns: list[int], where: str) -> NDArray[np.float32]:
    lines = decode(table.data[table.start :]).splitlines()
    rows = [(number, line) for number, line in enumerate(lines, start=table.first_line) if line.strip()]
    values = np.empty((len(rows), len(columns)), dtype=np.float32)
    for row, (number, line) in enumerate(rows):
        cells = cells_of(line, table.delimiter)
        if len(cells) != table.n_columns:
            is_cut = row == len(rows) - 1 and len(cells) < table.n_columns
            raise RecordError(
                f"{where}: line {number} has {len(cells)} columns, {table.n_columns} expected"
                + ("; the file is truncated, fetch it again" if is_cut else "; correct the line"),
                "truncated" if is_cut else "wrong columns",
            )
        for index, column in enumerate(columns):
            values[row, index] = _number(cells[column], decimal, table, number, column, where)
    return np.ascontiguousarray(values.T)


def _number(cell: str, decimal: str, table: Table, line: int, column: int, where: str) -> float:
    if cell.lower() in MISSING:
        return np.nan
    number = cell.replace(",", ".") if decimal == "," and "." not in cell else cell
    if not _NUMBER.fullmatch(number) or abs(float(number)) > 3e38:
        names = table.names or (LEADS if len(table.channels) == len(LEADS) else None)
        lead = f" ({names[table.channels.index(column)]})" if names else ""
        line, column = (column, line - 1) if table.is_turned else (line, column)
        raise RecordError(
            f"{where}: line {line + table.is_turned}, column {column + 1}{lead}: {cell[:40]!r} is not a number; "
            "correct or empty it",
            "not a number",
        )
    return float(number)


def _recognises(path: Path, head: bytes) -> bool:
    return head.startswith(_UTF_16_MARKS) or (b"\0" not in head and any(mark in head for mark in b",;\t"))


DELIMITED = Format("CSV", frozenset({".csv", ".tsv", ".txt"}), _recognises, read_delimited)
