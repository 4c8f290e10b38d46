"""How the text of a delimited file is laid out: what stands above the numbers, and which column is what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS, canonical_lead, numbering
from ecgml.records.readers.cells import cells_of, counts_rows, end_empty, first_cells, is_row, is_value, split_unit
from ecgml.records.readers.header_row import (
    COMMENT,
    SEPARATOR_LINE,
    header_cells,
    is_unit_row,
    numbers_columns,
    require_no_names,
    stated_above,
)
from ecgml.records.readers.plain_text import decode, plain_text, retabulate
from ecgml.records.readers.time_column import TimeName, parse_time_name
from ecgml.records.units import is_voltage

_HEAD_BYTES, _LONG_HEAD_BYTES = 4096, 65_536
_N_LOOKED_AT = 24
_LEAST_COUNTED = 16
_MOST_LEADS, _LEAST_TIMES = 40, 64


@dataclass(frozen=True)
class Table:
    """A text of numbers and how it is laid out."""

    data: bytes
    """Plain text; rewritten with tabs where cells are quoted, columns are blanks, or a row is a lead."""
    delimiter: str
    start: int
    """Where the first row of numbers begins in `data`."""
    first_line: int
    """Which line that is."""
    n_columns: int
    channels: tuple[int, ...]
    """Columns that may be leads."""
    names: tuple[str, ...] | None = None
    """Of the channels, without units; None where there is none, or numbers only."""
    units: tuple[str | None, ...] = ()
    """Of the channels, as told by the header, a row below it (``mV``), or a line above (``# unit: uV``)."""
    time: int | None = None
    """The column of times or row numbers."""
    time_name: TimeName | None = None
    fs: float | None = None
    """As a line above the numbers states it (``# fs: 500``), Hz."""
    numbered: str | None = None
    """A header that numbers the channels by a letter of leads, so that names must be given: ``V1 to V12``."""
    is_turned: bool = False
    """Whether a row of the file is a lead."""
    has_numbers: bool = True


def find_table(data: bytes, where: str) -> Table:
    """Find out how a text is laid out.

    A header is the last row above the numbers that has their number of cells; units may stand below it. A first row of
    consecutive numbers from 0 or 1 (pandas, MATLAB) only numbers the columns.

    Raises
    ------
    RecordError
        If it is no text, holds nothing, or its header does not fit its rows.
    """
    data = plain_text(data, where)
    table = _find(data, _HEAD_BYTES, where)
    # What stands above the numbers may be long.
    return table if table.has_numbers or len(data) <= _HEAD_BYTES else _find(data, _LONG_HEAD_BYTES, where)


def _find(data: bytes, n_bytes: int, where: str) -> Table:
    """Find out how a text is laid out by its first lines."""
    lines = _first_lines(data, n_bytes)
    if not any(map(str.strip, lines)):
        if data.strip():
            return Table(data, ",", 0, 1, 1, (0,), ("",), has_numbers=False)
        raise RecordError(f"{where}: holds nothing but blanks; fetch it again", "empty")
    typical = next((line for line in reversed(lines) if line.strip() and not COMMENT.match(line)), lines[-1])
    delimiter = _delimiter(typical)
    if len(typical.split(delimiter)) >= _LEAST_TIMES and (turned := _turned(data, delimiter, where)):
        return replace(_find(turned, _HEAD_BYTES, where), is_turned=True)
    if delimiter == " " or any('"' in line for line in lines):
        data, delimiter = retabulate(data, delimiter), "\t"
        lines = _first_lines(data, n_bytes)
    return _table(data, lines, delimiter, where)


def _first_lines(data: bytes, n_bytes: int) -> list[str]:
    """Return the first lines, the whole ones only if there are several."""
    head = data[:n_bytes]
    if len(data) > n_bytes:
        cut = head.rfind(b"\n")
        head = head[:cut] if cut > 0 else data.split(b"\n", 1)[0]
    return decode(head).split("\n")


def _delimiter(line: str) -> str:
    for mark in ";\t":
        if mark in line:
            return mark
    by_comma, by_blank = line.split(","), line.split()
    # "-0,5 0,3": decimal commas between blanks.
    is_blank = len(by_blank) > 1 and all(map(is_value, by_blank)) and not all(map(is_value, by_comma))
    return " " if is_blank or (len(by_comma) == 1 and len(by_blank) > 1) else ","


def _table(data: bytes, lines: list[str], delimiter: str, where: str) -> Table:
    n_columns = _n_columns(lines, delimiter)
    first = next((at for at, line in enumerate(lines) if line.strip() and _is_first(line, delimiter, n_columns)), None)
    if first is None:
        return _table_of_words(data, lines, delimiter)
    above = [line for line in lines[:first] if line.strip()]
    body = [line for line in lines[first : first + _N_LOOKED_AT] if line.strip()]
    header: Sequence[str] | None = None
    units: tuple[str, ...] = ()
    if above and is_unit_row(cells := cells_of(COMMENT.sub("", above[-1]), delimiter)):
        n_words = max(1, len(cells) - n_columns + 1)
        units = (" ".join(cells[:n_words]), *cells[n_words:])
        above.pop()
    if above and (header := header_cells(above[-1], delimiter, body, where)) is not None:
        above.pop()
    elif numbers_columns(body, delimiter, where):
        header, body = cells_of(body[0], delimiter), body[1:]
        first += 1
    require_no_names(above, delimiter, where)
    start = _start_of(data, first)
    fs, unit = stated_above(above)
    table = Table(data, delimiter, start, first + 1, n_columns, tuple(range(n_columns)), fs=fs or None)
    table = _with_header(table, header, units, body) if header else _without_index(table, body)
    if unit:
        table = replace(table, units=tuple(told or unit for told in table.units or [None] * len(table.channels)))
    return table


def _n_columns(lines: list[str], delimiter: str) -> int:
    """Return how many cells most lines have."""
    first, *others = (line.count(delimiter) for line in (lines[0], lines[len(lines) // 2], lines[-1]))
    if first and others == [first, first]:
        return first + 1
    counts = Counter(line.count(delimiter) + 1 for line in reversed(lines[:_N_LOOKED_AT]) if line.strip())
    return counts.most_common(1)[0][0]


def _is_first(line: str, delimiter: str, n_columns: int) -> bool:
    return line.count(delimiter) == n_columns - 1 and not COMMENT.match(line) and is_row(cells_of(line, delimiter))


def _table_of_words(data: bytes, lines: list[str], delimiter: str) -> Table:
    """A header without a row of numbers: a manifest, another table, prose, or a recording that is cut short."""
    at = next(at for at, line in enumerate(lines) if line.strip() and not SEPARATOR_LINE.fullmatch(line.strip()))
    names, units = zip(*map(split_unit, cells_of(COMMENT.sub("", lines[at]), delimiter)), strict=True)
    n = len(names)
    return Table(data, delimiter, _start_of(data, at + 1), at + 2, n, tuple(range(n)), names, units, has_numbers=False)


def _start_of(data: bytes, n_lines: int) -> int:
    start = 0
    for _ in range(n_lines):
        end = data.find(b"\n", start)
        if end < 0:
            return len(data)
        start = end + 1
    return start


def _with_header(table: Table, header: Sequence[str], units: tuple[str, ...], body: list[str]) -> Table:
    names, told = map(list, zip(*map(split_unit, header), strict=True))
    for column, unit in enumerate(units[: len(told)]):
        if is_voltage(unit.strip("()[] ")):
            told[column] = told[column] or unit.strip("()[] ")
    time_names = {
        column: replace(found, unit=found.unit or _time_unit(units, column))
        for column, name in enumerate(header)
        if not told[column] and not canonical_lead(names[column]) and (found := parse_time_name(name)) is not None
    }
    word = numbering(header)
    if word is not None:
        # Of thirteen columns without names (pandas: Unnamed: 0 …) the first may be an index, of twelve it is lead I.
        is_index = table.n_columns == len(LEADS) + 1 and counts_rows(first_cells(body, table.delimiter))
        time_names = {0: TimeName(None, counts=True)} if is_index else {}
    named = [column for column, found in time_names.items() if not found.counts]
    # Beside a clock a date tells nothing.
    named.sort(key=lambda column: header[column].strip().lower() == "date")
    unnamed = [column for column, found in time_names.items() if found.counts]
    time = next(iter([*named, *unnamed]), None)
    channels = tuple(column for column in range(table.n_columns) if column not in time_names)
    kept = tuple(names[column] for column in channels)
    if word is None and len(kept) > 1:
        word = numbering(kept)
    is_doubtful = word is not None and word.lower() in ("v", "c")
    return replace(
        table,
        channels=channels,
        names=kept if word is None else None,
        units=tuple(told[column] for column in channels),
        time=time,
        time_name=None if time is None else time_names[time],
        numbered=f"{kept[0]} to {kept[-1]}" if is_doubtful else None,
    )


def _time_unit(units: tuple[str, ...], column: int) -> str | None:
    found = parse_time_name(units[column]) if column < len(units) else None
    return found.unit if found else None


def _without_index(table: Table, body: list[str]) -> Table:
    """Take a column of row numbers or times, or an empty one at the end, off a table without a header."""
    n = table.n_columns
    if n not in (1, len(LEADS)) and end_empty(body, table.delimiter):
        n -= 1
    # Both begin with 0 or 1, nearly no recording does.
    is_index = len(body) >= _LEAST_COUNTED and n > 1 and body[0].lstrip(" \"'")[:1] in ("0", "1")
    if is_index:
        first = first_cells(body, table.delimiter)
        is_index = counts_rows(first) or (n == len(LEADS) + 1 and _are_times(first))
    if is_index:
        return replace(table, channels=table.channels[1:n], time=0, time_name=TimeName(None, counts=True))
    return table if n == table.n_columns else replace(table, channels=table.channels[:n])


def _are_times(cells: list[str]) -> bool:
    """Whether numbers grow by one step from 0, to their rounding; or are clock times."""
    if all(":" in cell for cell in cells):
        return True
    try:
        times = [float(cell.replace(",", ".")) for cell in cells]
    except ValueError:
        return False
    step = times[-1] / (len(times) - 1)
    return step > 0 and all(abs(time - index * step) < 0.6 * step for index, time in enumerate(times))


def _turned(data: bytes, delimiter: str, where: str) -> bytes | None:
    """Return a text whose rows are leads with its rows as columns, between tabs; None where it is none."""
    lines = decode(data).split("\n", 4 * _MOST_LEADS)
    rows: list[list[str]] = []
    above: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        cells = cells_of(line, delimiter) if delimiter != " " else line.split()
        if len(cells) < _LEAST_TIMES and not rows:
            above.append(f"# {COMMENT.sub('', line)}")
            continue
        rows.append(cells)
        if len(rows) > _MOST_LEADS:
            return None
        if len(cells) != len(rows[0]):
            if len(rows) == 2 and len(cells) == len(rows[0]) + 1:
                rows[0].insert(0, "")
                continue
            raise RecordError(
                f"{where}: line {number} has {len(cells):,} values, {len(rows[0]):,} expected (a row is a lead); the "
                "file is truncated, fetch it again",
                "truncated",
            )
    columns = list(zip(*rows, strict=True))
    if not any(columns[-1]):
        columns.pop()
    return "\n".join([*above, *("\t".join(column) for column in columns)]).encode()
