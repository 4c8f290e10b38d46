"""AttributesDictionary: what the columns of a Diagnostics table mean, in which unit, and in which range."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ecgml.cohorts.tables import read_table

# "QT interval in msec", "Q onset(In samples)", "QT interval (ms)"
_UNIT = re.compile(r"(?P<label>.+?)\s*(?:\bin\s+(?P<word>\S+)|\((?:in\s+)?(?P<bracketed>[^()]+)\))", re.IGNORECASE)
_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\s*[-~–]\s*(-?\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Attribute:
    """What the dictionary says of one column."""

    label: str
    unit: str = ""
    """As written; empty where it says none."""
    low: float | None = None
    high: float | None = None
    """Its range, inclusive; None where it says none."""


def read_attributes(path: Path) -> dict[str, Attribute]:
    """Read an AttributesDictionary.

    Parameters
    ----------
    path : Path
        A spreadsheet with the columns ``Attributes`` and, if wanted, ``ValueRange`` and ``Description``.

    Returns
    -------
    attributes : dict of str to Attribute
        By the name of the table's column; a column without description is labelled by its name.

    Raises
    ------
    CohortError
        If it is no table or lacks the column ``Attributes``.
    """
    table = read_table(path, ("Attributes",), ("ValueRange", "Description"))
    blank = [""] * len(table)
    rows = zip(
        table.columns["Attributes"],
        table.columns.get("ValueRange", blank),
        table.columns.get("Description", blank),
        strict=True,
    )
    return {name: _parse(name, value_range, description) for name, value_range, description in rows if name}


def _parse(name: str, value_range: str, description: str) -> Attribute:
    label, unit = " ".join(description.split()) or name, ""
    if match := _UNIT.fullmatch(label):
        label, unit = match["label"], match["word"] or match["bracketed"].strip()
    bounds = _RANGE.fullmatch(value_range)
    low, high = map(float, bounds.groups()) if bounds else (None, None)
    return Attribute(label, unit, low, high)
