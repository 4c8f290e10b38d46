"""The cells of a line of text: numbers, missing values, and names with a unit behind."""

from __future__ import annotations

import re
from functools import lru_cache

from ecgml.records.leads import canonical_lead
from ecgml.records.units import is_voltage

MISSING = frozenset({"", "nan", "-nan", "na", "n/a", "<na>", "null", "none", "#n/a", "#nv", "-"})
"""In lower case; among them Excel's in English and German, and the dash that rdsamp prints."""
NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)*|[.,]\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_UNIT_BEHIND = re.compile(r"(?P<name>.*[^\s_(\[/-])[\s_(\[/-]+(?P<unit>[^\W\d]+)\s*[)\]]?")
_IN = re.compile(r"\s+in$")
_GROUP_MARKS = re.compile(r"(?<=\d)['’\s](?=\d{3})")


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return a line's cells without blanks and quotes around them."""
    return [cell.strip().strip("\"'").strip() for cell in line.split(delimiter)]


def is_value(cell: str) -> bool:
    cell = cell.strip().strip("\"'").strip()
    return bool(NUMBER.fullmatch(cell)) or cell.lower() in MISSING or bool(NUMBER.fullmatch(_GROUP_MARKS.sub("", cell)))


def is_row(cells: list[str]) -> bool:
    """Whether most cells are numbers, or all are empty."""
    n_numbers = sum(map(is_value, cells)) - cells.count("")
    n_words = len(cells) - n_numbers - cells.count("")
    return n_words <= n_numbers


def first_cells(body: list[str], delimiter: str) -> list[str]:
    return [line.split(delimiter, 1)[0].strip().strip("\"'") for line in body]


def end_empty(body: list[str], delimiter: str) -> bool:
    """Whether the last column is empty, as a delimiter at the end of each row leaves it."""
    return all(line.rstrip("\r ").endswith(delimiter) for line in body)


def counts_rows(cells: list[str]) -> bool:
    """Whether cells are 0, 1, 2 … or 1, 2, 3 …, as far as they are looked at."""
    first = cells[0].removesuffix(".0")
    return first in ("0", "1") and all(
        cell.removesuffix(".0") == str(number) for number, cell in enumerate(cells, start=int(first))
    )


@lru_cache(maxsize=1024)
def split_unit(cell: str) -> tuple[str, str | None]:
    """Take a lead's unit off its name (``V1 (mV)``, ``V1 in µV``); leave every other cell as it is."""
    match = _UNIT_BEHIND.fullmatch(cell)
    if match and canonical_lead(match["name"]) and is_voltage(match["unit"]):
        return _IN.sub("", match["name"]), match["unit"]
    return cell, None
