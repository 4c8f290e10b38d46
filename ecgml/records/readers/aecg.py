"""HL7 annotated ECG (aECG, the XML of the FDA's ECG warehouse; HL7 V3 aECG, 2004).

Every lead is a sequence; those of the same time make up the recording, whether they stand in one sequence set or in one
each. A derived series, which holds representative beats, is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.records.leads import canonical_lead, require_leads
from ecgml.records.readers.assembly import assemble, channels_not_taken
from ecgml.records.readers.loading import load_bytes
from ecgml.records.readers.missing import is_missing
from ecgml.records.readers.options import Format, ReadOptions
from ecgml.records.readers.recording import Block, choose_recording, common_spans
from ecgml.records.readers.safe_xml import parse_xml, root_name
from ecgml.records.record import Record
from ecgml.records.subject import read_subject

_ROOT = "AnnotatedECG"
_PROLOG_BYTES = 1_000_000
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "min": 60.0}
_HERTZ = frozenset({"hz", "1/s", "/s"})
"""Of a sampling frequency that stands in place of the increment."""


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
        If it is no well-formed aECG, defines entities, has no leads or no increment of time, or a unit is no voltage.
    """
    where = path.name
    root = parse_xml(load_bytes(path), where)
    if root.tag != _ROOT:
        raise RecordError(f"{where}: XML of kind {root.tag[:40]!r}, no {_ROOT}; export the ECG as HL7 aECG", "format")
    blocks, others = _blocks(root, options, where)
    if not blocks:
        raise RecordError(f"{where}: none of the twelve leads among its sequences{_with(others)}", "no leads")
    recording, notes = choose_recording(blocks, where)
    names = [block.leads[0] for block in recording]
    rows = [block.content.in_mv[span] for block, span in zip(recording, common_spans(recording), strict=True)]
    units = {block.content.unit for block in recording}
    fs = options.settle_fs(next((block.content.fs for block in recording if block.content.fs), None), where)
    given, remarks = _subject(root)
    unit = units.pop() if len(units) == 1 else None
    notes = (*others, *notes, *remarks)
    return assemble(np.stack(rows), names, fs, where, given=given, unit=unit, notes=notes)


class _Lead(NamedTuple):
    """The samples of a sequence."""

    in_mv: NDArray[np.float32]
    fs: float | None
    unit: str


def _blocks(root: Element, options: ReadOptions, where: str) -> tuple[list[Block], tuple[str, ...]]:
    """Return each lead as a block, and notes about the sequences that are none or have no samples."""
    blocks: list[Block] = []
    others: list[str] = []
    empty: list[str] = []
    for part, series in enumerate(_below(root, "component", "series")):
        sets = [list(_sequences(sequence_set)) for sequence_set in _below(series, "component", "sequenceSet")]
        clocks = [next((value for code, value in one if code.startswith("TIME_")), None) for one in sets]
        rates = [None if clock is None else _frequency(clock, where) for clock in clocks]
        known = {rate for rate in rates if rate is not None}
        for one, clock, rate in zip(sets, clocks, rates, strict=True):
            # Of several sets one alone may tell the increment.
            fs = rate or (min(known) if len(known) == 1 else None)
            start_s = None if clock is None else _start_s(clock)
            named = {code: canonical_lead(code) for code, _ in one if not code.startswith("TIME_")}
            others += [code for code, lead in named.items() if lead is None]
            values = [(lead, value) for code, value in one if (lead := named.get(code))]
            if values:
                require_leads([lead for lead, _ in values], where)
            for lead, value in values:
                if fault := _lacking(value):
                    empty.append(f"{lead}, which has no {fault}")
                    continue
                in_mv, unit = _voltages(value, lead, options, where)
                content = _Lead(in_mv, fs, unit)
                blocks.append(Block((lead,), in_mv.size, fs or options.fs, start_s, content, part=part))
    lacking = [f"not taken: {lead}" for lead in dict.fromkeys(empty)]
    return blocks, (*channels_not_taken(dict.fromkeys(others)), *lacking)


def _sequences(sequence_set: Element) -> Iterator[tuple[str, Element]]:
    """Return the code and value of each sequence of a set."""
    for sequence in _below(sequence_set, "component", "sequence"):
        code = next((child.get("code", "") for child in sequence if child.tag == "code"), "")
        value = next((child for child in sequence if child.tag == "value"), None)
        if value is not None:
            yield code, value


def _lacking(value: Element) -> str | None:
    """Return what a lead's value lacks of a scaled list, which makes it no signal."""
    parts = {child.tag: child for child in value}
    if "digits" not in parts or not (parts["digits"].text or "").strip():
        return "digits"
    return None if "scale" in parts else "scale"


def _with(notes: Sequence[str]) -> str:
    return "".join(f"; {note}" for note in notes)


def _below(element: Element, *names: str) -> Iterator[Element]:
    """Return what lies at a path of element names below an element."""
    found = [element]
    for name in names:
        found = [child for parent in found for child in parent if child.tag == name]
    return iter(found)


def _frequency(value: Element, where: str) -> float | None:
    """Return the sampling frequency of a generated list of times (data types GLIST_TS and GLIST_PQ), Hz."""
    increment = next((child for child in value if child.tag == "increment"), None)
    if increment is None:
        return None
    unit = increment.get("unit", "s").strip()
    step = _number(increment.get("value"), "increment", where)
    if unit.lower() in _HERTZ and step > 0:
        return step
    if unit not in _SECONDS or step <= 0:
        raise RecordError(
            f"{where}: an increment of {step:g} {unit[:10]}; it must be positive, in {' or '.join(_SECONDS)}", "format"
        )
    # 0.002 s is 500 Hz, not 500.00000000000006.
    return float(np.round(1 / (step * _SECONDS[unit]), 6))


def _start_s(value: Element) -> float | None:
    """Return when a generated list of times begins, s: by the calendar, or from the series' own zero."""
    head = next((child for child in value if child.tag == "head"), None)
    text = "" if head is None else head.get("value", "")
    if head is not None and head.get("unit") in _SECONDS:
        return _finite(text, _SECONDS[head.get("unit", "s")])
    moment = re.match(r"(\d{8})(\d{2})(\d{2})(\d{2}(?:\.\d{1,6})?)", text, re.ASCII)
    day = _day(text)
    if moment is None or day is None:
        return None
    return day.toordinal() * 86_400.0 + int(moment[2]) * 3600 + int(moment[3]) * 60 + float(moment[4])


def _finite(text: str, scale: float) -> float | None:
    try:
        number = float(text) * scale
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _voltages(value: Element, lead: str, options: ReadOptions, where: str) -> tuple[NDArray[np.float32], str]:
    """Return one lead in mV and its unit: origin + scale * digits (data type SLIST_PQ)."""
    parts = {child.tag: child for child in value}
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
        voltages = (offset + scale * digits).astype(np.float32)
    if (missing := is_missing(digits)) is not None:
        voltages[missing] = np.nan
    return voltages, unit or options.unit or "mV"


def _number(text: str | None, what: str, where: str) -> float:
    try:
        number = float(text or "")
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise RecordError(f"{where}: {what} is {(text or '')[:20]!r}, not a number", "not a number")
    return number


def _subject(root: Element) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return age and sex of the subject, where the file says them, and what of them is not understood."""
    person = next((one for one in root.iter("subjectDemographicPerson")), None)
    if person is None:
        return {}, ()
    codes = {child.tag: child for child in person}
    sex = codes["administrativeGenderCode"].get("code", "") if "administrativeGenderCode" in codes else ""
    birth = codes["birthTime"].get("value", "") if "birthTime" in codes else ""
    times = [one for series in _below(root, "component", "series", "effectiveTime") for one in series]
    taken = next((day for one in times if (day := _day(one.get("value", "")))), None)
    born = _day(birth)
    if born is None or taken is None:
        return read_subject(sex=sex)
    years = (taken - born).days // 365.2425
    return read_subject(f"{years:g}", sex)


def _day(text: str) -> datetime | None:
    """Return the day of an HL7 time, which may tell year or month alone: the middle of that."""
    match = re.match(r"(\d{4})(\d{2})?(\d{2})?", text, re.ASCII)
    try:
        return datetime(int(match[1]), int(match[2] or 7), int(match[3] or (15 if match[2] else 1))) if match else None
    except ValueError:
        return None


def _recognises(path: Path, head: bytes) -> bool:
    start = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if _ROOT.encode() in head.replace(b"\0", b""):
        return True
    # A comment, such as a licence, may be longer than the head.
    return start.startswith((b"<?xml", b"<!--")) and root_name(load_bytes(path, length=_PROLOG_BYTES)) == _ROOT.encode()


AECG = Format("HL7 aECG", frozenset({".aecg"}), _recognises, read_aecg)
