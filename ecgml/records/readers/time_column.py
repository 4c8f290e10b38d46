"""The sampling frequency that a column of times states."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError

SECONDS_PER_UNIT = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "sekunden", "secondes", "segundos"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds", "millisekunden"), 1e-3),
    **dict.fromkeys(("us", "µs", "μs", "usec", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("minute", "minutes"), 60.0),
    **dict.fromkeys(("hour", "hours"), 3600.0),
}
_TIMES = frozenset(
    {"time", "times", "t", "elapsed", "timestamp", "zeit", "temps", "tiempo", "tempo", "datetime", "date"}
)
_COUNTS = frozenset(
    {
        "",
        "sample",
        "samples",
        "sampleno",
        "index",
        "idx",
        "n",
        "no",
        "nr",
        "row",
        "frame",
        "unnamed:0",
        "sampleinterval",
    }
)
_CLOCK_UNIT = re.compile(r"(?:(?:hh?:)?mm?:ss(?:[.,]m+)?)?\s*(?:dd/mm/yyyy)?", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:[.,]\d+)?)", re.ASCII)
_DAY_S = 86_400.0
_EXACT = 1e-6
_MAX_DOUBT = 0.005
"""A sampling frequency known less exactly than this states nothing: times in whole seconds."""


@dataclass(frozen=True)
class TimeName:
    """What the name of a column of times or row numbers says."""

    unit: str | None
    """Of :data:`SECONDS_PER_UNIT`; None where it is not told."""
    counts: bool
    """Whether it numbers the rows, or may."""


def parse_time_name(cell: str) -> TimeName | None:
    """Return what a column's name says if it is one of times or row numbers: ``time (ms)``, ``t_s``, ``sample #``."""
    words = [word for word in re.split(r"[\s_()\[\]/#.,]+", cell.strip(" '\"").lower()) if word]
    units = [word for word in words if word in SECONDS_PER_UNIT]
    others = [word for word in words if word not in SECONDS_PER_UNIT and not _CLOCK_UNIT.fullmatch(word)]
    if "".join(others) in _COUNTS and not units:
        return TimeName(None, counts=True)
    is_time = all(word in _TIMES or word in ("in", "point", "points", "stamp") for word in others)
    return TimeName(units[-1] if units else None, counts=False) if is_time else None


def is_time_unit(cell: str) -> bool:
    """Whether a cell is a unit of time: ``s``, ``(ms)``, ``hh:mm:ss.mmm``, ``sample #``, ``0.002 sec`` or its parts."""
    word = cell.strip(" '\"()[]").lower().lstrip("0123456789. ")
    return word in SECONDS_PER_UNIT or bool(_CLOCK_UNIT.fullmatch(word)) or word in ("sample #", "samples", "sample")


def stated_fs(cells: list[str], unit: str | None, given: float | None, where: str, first_line: int) -> float | None:
    """Return the sampling frequency that times state, Hz, or None where they state none.

    Parameters
    ----------
    cells : list of str
        Of the column: numbers, or clock times such as ``00:00:01.234``.
    unit : str, optional
        Of numbers; None where it is not told. Steps below 0.1 are then taken for seconds, below 100 for milliseconds,
        else for microseconds, and steps of 1 for row numbers, which state nothing.
    given : float, optional
        What the caller gives: returned as it is if the times, as they are rounded, agree with it.
    where : str
        The file, for the message.
    first_line : int
        Of the first cell.

    Raises
    ------
    RecordError
        If times are missing or out of order: what is between them would be put together as if it were one recording.
    """
    is_clock = any(":" in cell for cell in cells)
    times, resolution = _parse(cells, is_clock)
    if times.size < 3 or np.isnan(times).any():
        return None
    steps = np.diff(times)
    if is_clock:
        steps = (steps + _DAY_S / 2) % _DAY_S - _DAY_S / 2
    usual = float(np.median(steps))
    span = float(steps.sum())
    if span <= 0 or usual < 0:
        return None
    odd = np.abs(steps - usual) > 1.01 * resolution + 0.4 * usual + 1e-9
    if odd.any():
        at = int(np.argmax(odd))
        raise RecordError(
            f"{where}: between lines {first_line + at} and {first_line + at + 1} time goes from {cells[at][:30]} to "
            f"{cells[at + 1][:30]}, elsewhere by {usual:g}: samples are missing or out of order; cut the "
            "recording there",
            "contradiction",
        )
    scale = 1.0 if is_clock else _scale(unit, span / steps.size)
    if scale is None:
        return None
    lowest, highest = (steps.size / scale / max(span + sign * resolution, 1e-12) for sign in (1, -1))
    if given is not None and lowest * (1 - _EXACT) <= given <= highest * (1 + _EXACT):
        return given
    estimate = steps.size / span / scale
    if highest - lowest > 2 * _MAX_DOUBT * estimate:
        return None
    whole = float(round(estimate))
    return whole if lowest * (1 - _EXACT) <= whole <= highest * (1 + _EXACT) else float(np.round(estimate, 6))


def _scale(unit: str | None, step: float) -> float | None:
    if unit is not None:
        return SECONDS_PER_UNIT[unit]
    if math.isclose(step, 1, rel_tol=_EXACT):
        return None
    return 1.0 if step < 0.1 else 1e-3 if step < 100 else 1e-6


def _parse(cells: list[str], is_clock: bool) -> tuple[NDArray[np.float64], float]:
    """Return times, and the step in which they are written, both in their unit (clock times: seconds)."""
    times = np.full(len(cells), np.nan)
    decimals = 0
    for row, cell in enumerate(cells):
        if is_clock:
            if not (match := _CLOCK.search(cell)):
                break
            hours, minutes, seconds = match.groups()
            times[row] = 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds.replace(",", "."))
            number = seconds
        else:
            number = cell.strip().strip("\"'").replace(",", ".")
            try:
                times[row] = float(number)
            except ValueError:
                break
        mantissa, _, exponent = number.lower().replace(",", ".").partition("e")
        decimals = max(decimals, len(mantissa.partition(".")[2]) - int(exponent or 0))
    return times, 10.0**-decimals
