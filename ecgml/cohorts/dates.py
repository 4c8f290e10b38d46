"""Acquisition dates as tables write them -> ISO 8601."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence

from ecgml.errors import CohortError

ACCEPTED = "write 2018-01-31 or 31.01.2018"

_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})(?:[\sT,]+[\d:.]+)?")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[\sT,]+[\d:.]+(?:\s?[AaPp][Mm])?)?")
_YEAR_FIRST = re.compile(r"(\d{4})[./](\d{1,2})[./](\d{1,2})(?:[\sT,]+[\d:.]+)?")


def parse_date(cell: str, where: str) -> str | None:
    """Return a date in ISO 8601 without its time; None for an empty cell.

    Raises
    ------
    CohortError
        If it is no date of ISO 8601.
    """
    if not cell:
        return None
    try:
        return datetime.datetime.fromisoformat(cell).date().isoformat()
    except ValueError:
        raise CohortError(f"{where}: date {cell!r} is not ISO 8601; {ACCEPTED}") from None


def parse_dates(cells: Sequence[str], where: Callable[[int], str]) -> list[str | None]:
    """Return a column of dates in ISO 8601 without their times; None for empty cells.

    Accepted are ISO 8601, year first with dots or slashes, and day.month.year. With slashes some write the day first,
    others the month: that is accepted where a number above 12 in the column tells.

    Parameters
    ----------
    cells : sequence of str
    where : callable
        Row -> what messages call it.

    Raises
    ------
    CohortError
        If a cell is no such date, or the slashes of the column do not tell day from month.
    """
    slashed = {row: match for row, cell in enumerate(cells) if (match := _SLASHED.fullmatch(cell))}
    is_day_first = any(int(match[1]) > 12 for match in slashed.values())
    is_month_first = any(int(match[2]) > 12 for match in slashed.values())
    if slashed and is_day_first == is_month_first:
        row, match = next(iter(slashed.items()))
        fault = "some dates of the column have the day first, others" if is_day_first else "is the day first, or"
        raise CohortError(f"{where(row)}: date {cells[row]!r}: {fault} the month? {ACCEPTED}")
    return [_parse(cell, where(row), is_day_first) for row, cell in enumerate(cells)]


def _parse(cell: str, where: str, is_day_first: bool) -> str | None:
    if match := _DOTTED.fullmatch(cell):
        day, month, year = match.groups()
    elif match := _YEAR_FIRST.fullmatch(cell):
        year, month, day = match.groups()
    elif match := _SLASHED.fullmatch(cell):
        day, month, year = match.groups() if is_day_first else (match[2], match[1], match[3])
    else:
        return parse_date(cell, where)
    try:
        return datetime.date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise CohortError(f"{where}: date {cell!r} is no day of the calendar; {ACCEPTED}") from None
