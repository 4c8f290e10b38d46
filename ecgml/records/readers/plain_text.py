"""The bytes of a text file -> UTF-8 with line feeds and ASCII signs, as the number parsers take it."""

from __future__ import annotations

import contextlib
import csv
import re

from ecgml.errors import RecordError

_BOM = b"\xef\xbb\xbf"
_UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_HEAD_BYTES = 1024
# The minus sign, small and full-width hyphens, and dashes, where they stand before a number.
_MINUS = re.compile(
    "[\N{MINUS SIGN}\N{EN DASH}\N{FIGURE DASH}\N{SMALL HYPHEN-MINUS}\N{FULLWIDTH HYPHEN-MINUS}](?=[\\d.,])"
)


def plain_text(data: bytes, where: str) -> bytes:
    """Return a text without zero bytes, byte order mark and old Macs' line ends.

    UTF-16 ("Unicode text") is told by its mark or its zero bytes. What is neither that nor UTF-8 is taken for Windows'
    code page 1252 (Latin-1 and more) where it is decoded.

    Raises
    ------
    RecordError
        If it is no text.
    """
    if (encoding := _utf_16(data[:_HEAD_BYTES])) is not None:
        data = data[: len(data) // 2 * 2].decode(encoding, "replace").removeprefix("\ufeff").encode()
    if b"\0" in data[:_HEAD_BYTES]:
        raise RecordError(f"{where}: is no text; save it as CSV in UTF-8", "format")
    data = data.removeprefix(_BOM)
    if b"\r" in data[:_HEAD_BYTES] and b"\n" not in data[:_HEAD_BYTES]:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data


def decode(data: bytes) -> str:
    """Return a text in UTF-8, else in the code page of Windows, with plain minus signs; never fails."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return text if text.isascii() else _MINUS.sub("-", text)


def _utf_16(head: bytes) -> str | None:
    if head[:2] in _UTF_16:
        return _UTF_16[head[:2]]
    n = len(head) // 2
    # Of Latin text every other byte is 0.
    if n > 8 and head[1::2].count(0) > 0.9 * n and not head[::2].count(0):
        return "utf-16-le"
    return "utf-16-be" if n > 8 and head[::2].count(0) > 0.9 * n and not head[1::2].count(0) else None


def retabulate(data: bytes, delimiter: str) -> bytes:
    """Return a text of quoted cells, or with columns of blanks, as one of plain cells between tabs, line by line."""
    if b'"' in data:
        lines = decode(data).split("\n")
        rows = (_cells(line, delimiter) for line in lines)
        return "\n".join("\t".join(cell.strip().replace("\t", " ") for cell in row) for row in rows).encode()
    return b"\n".join(b"\t".join(line.split()) for line in data.split(b"\n"))


def _cells(line: str, delimiter: str) -> list[str]:
    if '"' in line:
        # A quote may be anything in a damaged file: a carriage return in a cell, or a cell without an end.
        with contextlib.suppress(csv.Error):
            return next(csv.reader([line.strip()], delimiter=delimiter, skipinitialspace=True), [])
    return line.split(None if delimiter == " " else delimiter)
