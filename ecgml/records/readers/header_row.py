"""What stands above the numbers of a text: names of columns, units, statements such as ``# fs: 500``."""

from __future__ import annotations

import re
from itertools import pairwise

from ecgml.errors import RecordError
from ecgml.records.leads import canonical_lead
from ecgml.records.readers.cells import NUMBER, cells_of, counts_rows, end_empty, first_cells, split_unit
from ecgml.records.readers.time_column import is_time_unit, parse_time_name
from ecgml.records.units import is_voltage

SEPARATOR_LINE = re.compile(r'"?sep=.?"?,*', re.IGNORECASE)
# Not Excel's #N/A, which may be the first cell of a row.
COMMENT = re.compile(r"^\s*(?:#(?!N/A|NV)|%|//)+\s*", re.IGNORECASE)
_BETWEEN_WORDS = re.compile(r"[\s,;|\"]+")
_STATED_FS = re.compile(
    r"(?:\bfs\b|sampl\w*[\s_-]*(?:rate|freq\w*)|^\W*freq\w*|abtastrate|\bsfreq)\W*?(?:\(\s*hz\s*\))?[\s:=,;\"]*"
    r"(?P<fs>\d+(?:\.\d+)?)\s*(?P<kilo>k?)(?:hz|\b)",
    re.IGNORECASE | re.MULTILINE,
)
_STATED_UNIT = re.compile(r"\bunits?\b[\s:=,;\"]*(?P<unit>[^\W\d]+)", re.IGNORECASE)


def is_unit_row(cells: list[str]) -> bool:
    """Whether cells are units of voltage, perhaps with one of time."""
    named = [cell.strip("()[] ") for cell in cells if cell]
    return any(map(is_voltage, named)) and all(is_voltage(word) or is_time_unit(word) for word in named)


def header_cells(line: str, delimiter: str, body: list[str], where: str) -> list[str] | None:
    """Return the cells of a line above the numbers, one a column, if they are names."""
    if SEPARATOR_LINE.fullmatch(line.strip()):
        return None
    is_comment = bool(COMMENT.match(line))
    cells = cells_of(COMMENT.sub("", line), delimiter)
    has_leads = any(canonical_lead(split_unit(cell)[0]) for cell in cells)
    n_columns = body[0].count(delimiter) + 1
    if is_comment and len(words := _words(line)) == n_columns and all(map(canonical_lead, words)):
        return words
    if is_comment and not (has_leads and len(cells) == n_columns):
        return None
    if len(cells) == n_columns + 1 and not cells[-1]:
        cells.pop()
    if delimiter == "\t" and (n_words := len(cells) - n_columns + 1) > 1 and has_leads:
        # "Elapsed time" between columns of blanks is one name.
        time = " ".join(cells[:n_words])
        cells = [time, *cells[n_words:]] if parse_time_name(time) else cells
    if len(cells) == n_columns - 1 and (has_leads or len(cells) > 2):
        # A delimiter at the end of rows only; or R's names of rows, which have no name themselves.
        if end_empty(body, delimiter):
            return [*cells, ""]
        if counts_rows(first_cells(body, delimiter)):
            return ["", *cells]
    if len(cells) == n_columns:
        return cells
    if has_leads and len(cells) > 1:
        raise RecordError(
            f"{where}: the header has {len(cells)} columns, the rows have {n_columns}; correct it", "wrong columns"
        )
    return None


def require_no_names(above: list[str], delimiter: str, where: str) -> None:
    """Refuse names of leads higher up, whose columns nobody knows, and rows of numbers of other lengths."""
    for line in above:
        if sum(canonical_lead(word) is not None for word in _words(line)) > 2:
            raise RecordError(
                f"{where}: {line.strip()[:60]!r} names leads, but not one a column right above the numbers; correct it",
                "header",
            )
        cells = cells_of(line, delimiter)
        if len(cells) > 1 and all(map(NUMBER.fullmatch, cells)):
            raise RecordError(
                f"{where}: {line.strip()[:60]!r} has {len(cells)} columns, the rows below have more; correct it",
                "wrong columns",
            )


def _words(line: str) -> list[str]:
    """Return the words of a line in which names stand one behind the other: ``# leads: I II III``."""
    return [word for word in _BETWEEN_WORDS.split(COMMENT.sub("", line).rpartition(":")[2]) if word]


def numbers_columns(body: list[str], delimiter: str, where: str) -> bool:
    """Whether the first row of numbers only numbers the columns, perhaps behind the name of an index.

    No recording begins with 0, 1 … 11 of any unit; with three to seven columns it might, unless all else has decimals.
    Nor does one begin with 0, 10 … 110 (II is I + III), yet what such a row means is not known.
    """
    first, *others = (cells_of(line, delimiter) for line in body[:2])
    numbers = first if NUMBER.fullmatch(first[0]) else first[1:]
    if len(numbers) < 2 or not counts_rows(numbers):
        is_even = len(numbers) > 7 and _are_evenly_spaced(numbers)
        # Rows that are all like that are a ramp.
        if not is_even or any(_are_evenly_spaced(cells[-len(numbers) :]) for cells in others):
            return False
    elif len(numbers) > 7 or (len(body) > 1 and all("." in line for line in body[1:])):
        return True
    elif len(numbers) < 3:
        return False
    raise RecordError(
        f"{where}: the first row is {' '.join(numbers)}: numbers of the columns or a sample cannot be told; name the "
        "leads in the first row",
        "header",
    )


def _are_evenly_spaced(cells: list[str]) -> bool:
    """Whether cells are whole numbers that rise or fall by one step, not 0."""
    numbers = [cell.removesuffix(".0") for cell in cells]
    if not all(number.removeprefix("-").isdecimal() for number in numbers):
        return False
    steps = {int(after) - int(before) for before, after in pairwise(numbers)}
    return len(steps) == 1 and steps != {0}


def stated_above(above: list[str]) -> tuple[float | None, str | None]:
    """Return the sampling frequency (Hz) and the unit that lines above the numbers state."""
    stated = " \n".join(above)
    fs = (match := _STATED_FS.search(stated)) and float(match["fs"]) * (1000 if match["kilo"] else 1)
    unit = next((found["unit"] for found in _STATED_UNIT.finditer(stated) if is_voltage(found["unit"])), None)
    return fs or None, unit
