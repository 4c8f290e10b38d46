"""Decimal and thousands separators: what the signs between the digits of a table mean, by all its numbers together.

A sign stands for thousands only where each number with it has three digits behind it and no number without it has more
than three: a table of numbers with three decimals has some below 1 (``0.125``) or of more digits before the sign.
"""

from __future__ import annotations

import re

from ecgml.errors import RecordError
from ecgml.records.readers.plain_text import decode

_GROUP_MARKS = "'\N{RIGHT SINGLE QUOTATION MARK}\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE} "
_MARKED_GROUPS = re.compile(rf"(?<![\d.:])\d{{1,3}}(?:[{_GROUP_MARKS}]\d{{3}})+(?!\d)", re.ASCII)
_MARKS = re.compile(f"[{_GROUP_MARKS}]")
_NO_GROUPS = {
    # One or two digits behind, four or more behind or before, nothing or a zero before: decimals.
    sign: re.compile(rf"{re.escape(sign)}(?:\d{{0,2}}(?!\d)|\d{{4}}|\d{{3}}[eE])|(?<!\d)0\d*{re.escape(sign)}\d|"
                     rf"\d{{4}}{re.escape(sign)}|(?<!\d){re.escape(sign)}\d")
    for sign in ".,"
}  # fmt: skip
_HEAD_BYTES = (256, 16_384)


def plain_numbers(data: bytes) -> bytes:
    """Take apostrophes and blanks of any kind out of numbers (``1'234``, ``1 234``), and write minus signs in ASCII."""
    return _MARKED_GROUPS.sub(lambda match: _MARKS.sub("", match[0]), decode(data)).encode()


def decimal_and_thousands(data: bytes, start: int, delimiter: str, columns: list[int], where: str) -> tuple[str, str]:
    """Return the decimal sign and the thousands separator ("" for none) of some columns of a table.

    Parameters
    ----------
    data : bytes
        The whole file.
    start : int
        Where the first row of numbers begins.
    delimiter : str
    columns : list of int
    where : str
        The file, for the message.

    Raises
    ------
    RecordError
        If it could be one or the other.
    """
    found = [sign for sign in ".," if sign != delimiter and data.find(sign.encode(), start) >= 0]
    if not found:
        return ".", ""
    # One look at the first numbers decides for nearly every file, a second for nearly all others.
    for n_bytes in _HEAD_BYTES if len(found) == 1 else ():
        head = data[start : start + n_bytes]
        first = _cells(head[: head.rfind(b"\n") + 1], 0, delimiter, columns)
        if _NO_GROUPS[found[0]].search(" ".join(first)):
            return found[0], ""
    cells = _cells(data, start, delimiter, columns)
    return _of_both(cells, where) if len(_signs(cells)) == 2 else _of_one(cells, where)


def _cells(data: bytes, start: int, delimiter: str, columns: list[int]) -> list[str]:
    rows = (line.split(delimiter) for line in decode(data[start:]).split("\n"))
    return [row[column].strip().strip("\"'") for row in rows for column in columns if column < len(row)]


def _signs(cells: list[str]) -> list[str]:
    return [sign for sign in ".," if any(sign in cell for cell in cells)]


def _of_both(cells: list[str], where: str) -> tuple[str, str]:
    """1.234,5: the decimal sign is the last, and there is one of it at most."""
    fitting = [
        (decimal, thousands)
        for decimal, thousands in (",.", ".,")
        if all(
            cell.count(decimal) < 2
            and thousands not in cell.partition(decimal)[2]
            and _is_grouped(cell.partition(decimal)[0], thousands)
            for cell in cells
        )
    ]
    if len(fitting) == 1:
        return fitting[0]
    raise RecordError(
        f"{where}: numbers with a point and numbers with a comma ({_example(cells, '.')}, {_example(cells, ',')}): "
        "which is the decimal sign cannot be told; save it with one of them and without thousands separators",
        "not a number",
    )


def _of_one(cells: list[str], where: str) -> tuple[str, str]:
    signs = _signs(cells)
    if not signs:
        return ".", ""
    sign = signs[0]
    if not all(_is_grouped(cell, sign) for cell in cells):
        return sign, ""
    if any(cell.count(sign) > 1 for cell in cells):
        return ".", sign
    digits = {cell.lstrip("+-") for cell in cells if cell and sign not in cell}
    if any(len(number) > 3 for number in digits if number.isdigit()):
        return sign, ""
    if any(number.isdigit() and int(number) for number in digits):
        return ("." if sign == "," else ","), sign
    example = _example(cells, sign)
    raise RecordError(
        f"{where}: {example} may be {example.replace(sign, '')} or a number with three decimals, as every number in "
        "the file; save it without thousands separators, or with another number of decimals",
        "not a number",
    )


def _is_grouped(cell: str, sign: str) -> bool:
    """Whether a number is whole, its thousands parted by a sign wherever that stands in it."""
    first, *groups = cell.lstrip("+-").split(sign)
    return not groups or (
        first.isdigit() and len(first) <= 3 and first[0] != "0" and all(len(x) == 3 and x.isdigit() for x in groups)
    )


def _example(cells: list[str], sign: str) -> str:
    return next((cell for cell in cells if sign in cell), "")[:20]
