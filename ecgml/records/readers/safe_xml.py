"""Parse untrusted XML: entities and document types are refused."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ecgml.errors import RecordError

MAX_DEPTH = 100

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def parse_xml(data: bytes, where: str) -> Element:
    """Parse XML into elements whose names have no namespace.

    Raises
    ------
    RecordError
        If it is not well-formed, defines a document type or entities, or is nested deeper than :data:`MAX_DEPTH`.
    """
    builder, depth = TreeBuilder(), 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise RecordError(f"{where}: nested deeper than {MAX_DEPTH} elements; this is no ECG", "format")
        builder.start(_local(name), {_local(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_local(name))

    def refuse(*_: object) -> None:
        raise RecordError(f"{where}: the XML defines a document type or entities, which are never read", "format")

    parser = expat.ParserCreate()
    parser.buffer_text, parser.buffer_size = True, 1 << 20
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.SkippedEntityHandler = refuse
    try:
        parser.Parse(_from_declaration(data), True)
        return builder.close()
    except expat.ExpatError as error:
        raise RecordError(f"{where}: no well-formed XML ({error}); export it again", "format") from None
    except (ValueError, LookupError, AssertionError) as error:  # an encoding that Python does not know; no root
        raise RecordError(f"{where}: no readable XML ({str(error)[:80]}); export it again", "format") from None


def _from_declaration(data: bytes) -> bytes:
    """Drop blanks before the XML declaration, where expat does not take any; a byte order mark stays."""
    at = data.find(b"<")
    if at % 2 and data[at - 1] == 0:  # big-endian UTF-16
        at -= 1
    mark = next((mark for mark in _BYTE_ORDER_MARKS if data.startswith(mark)), b"")
    blanks = data[len(mark) : max(at, 0)]
    return mark + data[at:] if blanks and not blanks.replace(b"\0", b"").strip() else data


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def root_name(data: bytes) -> bytes:
    """Return the name of the first element of an XML text, or what stands there instead."""
    text = data.replace(b"\0", b"")  # of UTF-16
    at = text.find(b"<")
    while at >= 0:
        for opening, closing in ((b"<?", b"?>"), (b"<!--", b"-->")):
            if text.startswith(opening, at):
                end = text.find(closing, at + len(opening))
                at = text.find(b"<", end) if end >= 0 else -1
                break
        else:
            return re.split(rb"[\s/>]", text[at + 1 : at + 80], maxsplit=1)[0].rpartition(b":")[2]
    return b""
