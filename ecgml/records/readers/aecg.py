"""HL7 annotated ECG (aECG, the XML of the FDA's ECG warehouse; HL7 V3 aECG, 2004).

Of a file's series the longest with leads is read; a derived series, which holds representative beats, is not looked at.
Entities and document types are refused: a file that defines none needs none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.records.clinical import parse_sex, plausible
from ecgml.records.leads import LEADS, canonical_lead
from ecgml.records.readers.assembly import assemble
from ecgml.records.readers.loading import load_bytes
from ecgml.records.readers.options import Format, ReadOptions
from ecgml.records.record import Record

MAX_DEPTH = 100

_ROOT = "AnnotatedECG"
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "min": 60.0}


def read_aecg(path: Path, options: ReadOptions) -> Record:
    """Read the rhythm of an aECG file.

    Parameters
    ----------
    path : Path
    options : ReadOptions
        What the file does not tell.

    Raises
    ------
    RecordError
        If it is no well-formed aECG, defines entities, has no leads or no increment of time, its leads are of different
        lengths, or a unit is no voltage.
    """
    where = path.name
    root = _parse(load_bytes(path), where)
    if root.tag != _ROOT:
        raise RecordError(f"{where}: XML of kind {root.tag[:40]!r}, no {_ROOT}; export the ECG as HL7 aECG", "format")
    sets = [one for series in _below(root, "component", "series") for one in _below(series, "component", "sequenceSet")]
    found = [leads for one in sets for leads in _leads(one, options, where)]
    if not found:
        raise RecordError(f"{where}: none of the twelve leads among its sequences", "no leads")
    names, rows, fs, unit = max(found, key=lambda item: item[1].shape[1] / (item[2] or 1.0))
    return assemble(rows, names, options.settle_fs(fs, where), where, given=_subject(root), unit=unit)


def _parse(data: bytes, where: str) -> Element:
    """Parse XML, without entities, into elements whose names have no namespace."""
    builder, depth = TreeBuilder(), 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise RecordError(f"{where}: nested deeper than {MAX_DEPTH} elements; this is no aECG", "format")
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
        parser.Parse(data, True)
        return builder.close()
    except expat.ExpatError as error:
        raise RecordError(f"{where}: no well-formed XML ({error}); export it again", "format") from None
    except (ValueError, LookupError, AssertionError) as error:  # an encoding that Python does not know; no root
        raise RecordError(f"{where}: no readable XML ({str(error)[:80]}); export it again", "format") from None


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _below(element: Element, *names: str) -> Iterator[Element]:
    """Return what lies at a path of element names below an element."""
    found = [element]
    for name in names:
        found = [child for parent in found for child in parent if child.tag == name]
    return iter(found)


def _leads(
    sequences: Element, options: ReadOptions, where: str
) -> Iterator[tuple[list[str], NDArray[np.float32], float | None, str | None]]:
    """Return the leads of a sequence set with their sampling frequency, if it has any."""
    fs, names, rows, units = None, [], [], set()
    for sequence in _below(sequences, "component", "sequence"):
        code = next((child.get("code", "") for child in sequence if child.tag == "code"), "")
        value = next((child for child in sequence if child.tag == "value"), None)
        if value is None:
            continue
        if code.startswith("TIME_"):
            fs = _frequency(value, where)
        elif (lead := canonical_lead(code)) in LEADS:
            row, unit = _voltages(value, lead, options, where)
            names.append(lead)
            rows.append(row)
            units.add(unit)
    if rows:
        if len({row.size for row in rows}) > 1:
            lengths = ", ".join(f"{name} {row.size:,}" for name, row in zip(names, rows, strict=True))
            raise RecordError(f"{where}: leads of different lengths ({lengths}); it is truncated", "truncated")
        yield names, np.stack(rows), fs, units.pop() if len(units) == 1 else None


def _frequency(value: Element, where: str) -> float | None:
    """Return the sampling frequency of a generated list of times, Hz."""
    increment = next((child for child in value if child.tag == "increment"), None)
    if increment is None:
        return None
    unit = increment.get("unit", "s")
    step = _number(increment.get("value"), "increment", where)
    if unit not in _SECONDS or step <= 0:
        raise RecordError(
            f"{where}: an increment of {step:g} {unit[:10]}; it must be positive, in {' or '.join(_SECONDS)}", "format"
        )
    # 0.002 s is 500 Hz, not 500.00000000000006.
    return float(np.round(1 / (step * _SECONDS[unit]), 6))


def _voltages(value: Element, lead: str, options: ReadOptions, where: str) -> tuple[NDArray[np.float32], str]:
    """Return one lead in mV and its unit: origin + scale * digits (data type SLIST_PQ)."""
    parts = {child.tag: child for child in value}
    if "digits" not in parts or "scale" not in parts:
        raise RecordError(f"{where}: lead {lead} without {'digits' if 'digits' not in parts else 'scale'}", "format")
    unit = parts["scale"].get("unit")
    in_mv = options.settle_unit(unit, where)
    scale = _number(parts["scale"].get("value"), "scale", where) * in_mv
    offset = 0.0
    if (origin := parts.get("origin")) is not None:
        per_unit = ReadOptions().settle_unit(origin.get("unit", unit), where) if origin.get("unit") else in_mv
        offset = _number(origin.get("value"), "origin", where) * per_unit
    if scale == 0:
        raise RecordError(f"{where}: lead {lead} has scale 0", "wrong gain")
    try:
        digits = np.array((parts["digits"].text or "").split(), dtype=np.float64)
    except ValueError as error:
        raise RecordError(f"{where}: digits of lead {lead}: {str(error)[:60]}", "not a number") from None
    with np.errstate(over="ignore"):
        return (offset + scale * digits).astype(np.float32), unit or options.unit or "mV"


def _number(text: str | None, what: str, where: str) -> float:
    try:
        number = float(text or "")
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise RecordError(f"{where}: {what} is {(text or '')[:20]!r}, not a number", "not a number")
    return number


def _subject(root: Element) -> dict[str, float]:
    """Return age and sex of the subject, where the file says them."""
    person = next((one for one in root.iter("subjectDemographicPerson")), None)
    if person is None:
        return {}
    codes = {child.tag: child for child in person}
    given = {}
    if "administrativeGenderCode" in codes:
        given["sex"] = parse_sex(codes["administrativeGenderCode"].get("code", ""))
    born = _day(codes["birthTime"].get("value", "")) if "birthTime" in codes else None
    times = [one for series in _below(root, "component", "series", "effectiveTime") for one in series]
    taken = next((day for one in times if (day := _day(one.get("value", "")))), None)
    if born and taken:
        given["age"] = float((taken - born).days // 365.2425)
    return plausible(given)


def _day(text: str) -> datetime | None:
    match = re.match(r"\d{8}", text)
    try:
        return datetime.strptime(match[0], "%Y%m%d") if match else None
    except ValueError:
        return None


def _recognises(path: Path, head: bytes) -> bool:
    return _ROOT.encode() in head.replace(b"\0", b"")


AECG = Format("HL7 aECG", frozenset({".aecg"}), _recognises, read_aecg)
