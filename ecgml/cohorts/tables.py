"""Spreadsheets as columns of text: .csv (comma, semicolon or tab) and .xlsx."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecgml.errors import CohortError
from ecgml.records.clinical import accepted, parse_number, parse_sex, plausible
from ecgml.records.subject import read_age

TABLE_SUFFIXES = (".csv", ".xlsx")


@dataclass(frozen=True)
class Table:
    """The columns of a spreadsheet that were asked for."""

    path: Path
    columns: Mapping[str, list[str]]
    """By the name asked for; cells as text, stripped, ``""`` where empty."""
    numbers: tuple[int, ...]
    """The row number of each row in the file, for messages."""
    unknown: tuple[str, ...]
    """Columns of the file that were not asked for."""
    short: tuple[int, ...] = ()
    """The numbers of rows with fewer cells than the header; what they lack is empty."""

    def __len__(self) -> int:
        return len(self.numbers)

    def where(self, row: int) -> str:
        """Return what messages call a row."""
        return f"{self.path.name}, row {self.numbers[row]}"


def find_table(folder: Path, stem: str) -> Path | None:
    """Find a table by its name without suffix: a file, or a folder of that name that holds one."""
    for place in (folder / f"{stem}.csv", folder / f"{stem}.xlsx", folder / stem):
        if place.is_file() and place.suffix:
            return place
        if place.is_dir():
            held = sorted(path for path in place.iterdir() if path.suffix.lower() in TABLE_SUFFIXES)
            if held:
                return held[0]
    return None


def read_table(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> Table:
    """Read a spreadsheet's columns by name, whatever their case and order; the others are dropped unread.

    Raises
    ------
    CohortError
        If it is no table, lacks a required column, names a column twice, or a row is longer than the header.
    """
    rows = _rows(path)
    header = rows[0][1] if rows else []
    names = [name.lower() for name in header]
    for name in {name for name in names if name and names.count(name) > 1}:
        raise CohortError(f"{path.name}: column {header[names.index(name)]!r} is there twice")
    places = {name: names.index(name.lower()) for name in (*required, *optional) if name.lower() in names}
    missing = [name for name in required if name not in places]
    if missing:
        found = " ".join(", ".join(header).split())[:120] or "nothing"
        raise CohortError(
            f"{path.name}: column{'s' * (len(missing) > 1)} {', '.join(missing)} missing (found: {found})"
        )
    for number, cells in rows[1:]:
        if any(cells[len(header) :]):
            raise CohortError(f"{path.name}, row {number}: {len(cells)} cells, the header has {len(header)}")
    columns = {
        name: [cells[place] if place < len(cells) else "" for _, cells in rows[1:]] for name, place in places.items()
    }
    asked = {name.lower() for name in places}
    unknown = tuple(name for name in header if name and name.lower() not in asked)
    short = tuple(number for number, cells in rows[1:] if len(cells) < len(header))
    return Table(path, columns, tuple(number for number, _ in rows[1:]), unknown, short)


def clinical_values(table: Table, columns: Mapping[str, str]) -> list[dict[str, float]]:
    """Return the clinical values of each row, as far as they are plausible.

    Parameters
    ----------
    table : Table
    columns : mapping of str to str
        Name of `ecgml.records.clinical` -> column of the table; absent columns are passed over.
    """
    parsers = {"sex": parse_sex, "age": _parse_age}
    parsed = {
        name: [parsers.get(name, _parse_decimal)(cell) for cell in table.columns[column]]
        for name, column in columns.items()
        if column in table.columns
    }
    return [plausible({name: values[row] for name, values in parsed.items()}) for row in range(len(table))]


def value_warnings(table: Table, columns: Mapping[str, str], given: Sequence[Mapping[str, float]]) -> list[str]:
    """Say which clinical values were not understood or are implausible, and which ages are only bounds.

    Parameters
    ----------
    table : Table
    columns : mapping of str to str
        Those of :func:`clinical_values` that are to be looked at.
    given : sequence of mapping
        What that returned.
    """
    warnings = []
    for name, column in columns.items():
        cells = table.columns.get(column, [])
        bad = [cell for cell, values in zip(cells, given, strict=False) if cell and name not in values]
        if bad:
            values = "1 value is" if len(bad) == 1 else f"{len(bad):,} values are"
            warnings.append(
                f"{table.path.name}: {name}: {values} not understood or implausible, so missing (first {bad[0]!r}); "
                f"accepted: {accepted(name)}"
            )
        if name == "age" and (notes := [age.note for cell in cells if (age := read_age(cell)).note and age.years >= 0]):
            warnings.append(f"{table.path.name}: age: {len(notes):,} of {len(cells):,} read with a remark ({notes[0]})")
    return warnings


def _parse_age(cell: str) -> float:
    return read_age(cell).years


def _parse_decimal(cell: str) -> float:
    """Return a number with decimal point or comma: none of the clinical columns goes into thousands."""
    return parse_number(cell.replace(",", ".", 1))


def plain_id(cell: str) -> str:
    """Return an id that a spreadsheet may have turned into a fraction: 15709.0."""
    return cell.removesuffix(".0")


def parse_fold(cell: str, where: str) -> int | None:
    """Return a fold; None for an empty cell.

    Raises
    ------
    CohortError
        If it is no whole number.
    """
    number = parse_number(cell)
    if not cell:
        return None
    if not number.is_integer():
        raise CohortError(f"{where}: fold {cell!r} is not a whole number")
    return int(number)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return (row number, cells) of each row that is not blank."""
    try:
        rows = _read_xlsx(path) if path.suffix.lower() == ".xlsx" else _read_csv(path)
    except OSError as error:
        raise CohortError(f"{path}: cannot be read: {error.strerror}") from None
    return [(number, cells) for number, cells in enumerate(rows, start=1) if any(cells)]


def _read_csv(path: Path) -> list[list[str]]:
    data = path.read_bytes()
    if b"\0" in data:
        raise CohortError(f"{path.name}: is no text; save it as CSV in UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    header = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    try:
        return [
            [cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        ]
    except csv.Error as error:
        raise CohortError(f"{path.name}: is no table: {error}") from None


def _read_xlsx(path: Path) -> list[list[str]]:
    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings():
            # Styles and extensions that openpyxl does not know are none of our business.
            warnings.simplefilter("ignore")
            sheet = load_workbook(io.BytesIO(path.read_bytes()), read_only=True).worksheets[0]
            return [[_cell(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    except OSError:
        raise
    except Exception as error:  # openpyxl raises whatever a damaged file makes it stumble over.
        raise CohortError(f"{path.name}: is no readable spreadsheet ({' '.join(str(error).split())[:80]})") from None


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
