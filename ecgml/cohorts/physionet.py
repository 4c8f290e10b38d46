"""Folders of WFDB headers that carry their labels: PhysioNet's ecg-arrhythmia, the challenges of 2020 and 2021.

Only headers are read here, and of these only the comments. Where the Diagnostics table of the Chapman-Shaoxing set lies
beside them, its row n gives the measurements of record JS000n (checked on 10,244 records); labels stay those of the
header. The date of a header is not taken: in these sets it is the day of conversion.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ecgml.cohorts.cohort import Cohort, Entry
from ecgml.cohorts.diagnostics import SOURCE as CHAPMAN
from ecgml.cohorts.diagnostics import Diagnostics, DiagnosticsRow, read_diagnostics
from ecgml.cohorts.places import data_set_folder, is_simulated
from ecgml.cohorts.suggestion import manifest_for
from ecgml.errors import CohortError
from ecgml.records.readers.wfdb_header import MAX_HEADER_BYTES, Comments, comments_of, decode_header, parse_comments
from ecgml.records.rhythms import rhythm_of, rhythms_among

N_CHAPMAN = 10_646
"""JS00001 to JS10646 are Chapman-Shaoxing's, higher numbers Ningbo First Hospital's."""

# S23074 is the challenge's name for JS23074.
_JS = re.compile(r"J?S(\d{5})")
_PTBXL = re.compile(r"HR\d{5}")
_NO_SOURCE = re.compile(r"WFDBRecords|g?\d+")


def is_physionet(folder: Path) -> bool:
    """Whether there is a WFDB header anywhere in a folder."""
    return next(_headers(folder), None) is not None


def open_physionet(folder: Path) -> Cohort:
    """Open a folder of WFDB records, however deep.

    Raises
    ------
    CohortError
        If there is no header, or the Diagnostics table beside them is wrong.
    """
    headers = sorted(_headers(folder))
    if not headers:
        raise CohortError(f"{folder}: no .hea file in it")
    home = data_set_folder(folder)
    diagnostics = read_diagnostics(home)
    rows = diagnostics.rows[:N_CHAPMAN] if diagnostics and diagnostics.is_numbered else ()
    simulated = is_simulated(home)
    counts = Counter(map(os.path.basename, headers))
    entries: list[Entry] = []
    notes: list[str] = []
    for header in headers:
        comments = parse_comments(read_comments(header))
        notes += comments.notes
        place, stem = os.path.split(header[len(str(folder)) + 1 : -len(".hea")])
        entries.append(
            _entry(
                header,
                comments,
                # A name that is there twice (in two of a challenge's sets) is told apart by its folder.
                record_id=stem if counts[os.path.basename(header)] == 1 else f"{place}/{stem}".lstrip("/"),
                row=_row_of(stem, rows),
                source="simulated" if simulated else _source(stem, place) or folder.name,
                aliases=() if simulated else _aliases(stem, _row_of(stem, rows)),
            )
        )
    return Cohort(
        name=folder.name,
        kind="physionet",
        root=folder,
        entries=tuple(sorted(entries, key=lambda entry: entry.record_id)),
        warnings=tuple(_warnings(folder, entries, diagnostics, notes)),
        simulated=simulated,
        table=diagnostics.tables if diagnostics else {},
    )


def _headers(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in files:
            if name.lower().endswith(".hea"):
                yield os.path.join(place, name)


def _entry(
    header: str,
    comments: Comments,
    *,
    record_id: str,
    row: DiagnosticsRow | None,
    source: str,
    aliases: tuple[str, ...],
) -> Entry:
    statements, given = comments.statements, comments.given
    return Entry(
        record_id=record_id,
        path=Path(header),
        rhythms=rhythms_among(statements),
        others=tuple(statement for statement in statements if rhythm_of(statement) is None),
        given={**row.given, **given} if row else given,
        further=row.further if row else {},
        source=source,
        date=row.date if row else None,
        aliases=aliases,
        twin_key=row.twin_key if row else None,
    )


def read_comments(header: str | Path) -> tuple[str, ...]:
    """Return a header's comments; of one that cannot be read, none: reading the record says why."""
    try:
        with open(header, "rb") as file:
            data = file.read(MAX_HEADER_BYTES)
    except OSError:
        return ()
    return comments_of(decode_header(data))


def _row_of(stem: str, rows: tuple[DiagnosticsRow, ...]) -> DiagnosticsRow | None:
    match = _JS.fullmatch(stem)
    return rows[int(match[1]) - 1] if match and 0 < int(match[1]) <= len(rows) else None


def _aliases(stem: str, row: DiagnosticsRow | None) -> tuple[str, ...]:
    if match := _JS.fullmatch(stem):
        own = f"JS{match[1]}"
        return (own, *(alias for alias in row.aliases if alias != own)) if row else (own,)
    return (stem,) if _PTBXL.fullmatch(stem) else ()


def _source(stem: str, place: str) -> str | None:
    """Name a record's hospital or database: by its number, or by the folder that a challenge put it in."""
    if match := _JS.fullmatch(stem):
        return CHAPMAN if int(match[1]) <= N_CHAPMAN else "ningbo"
    return next((name for name in reversed(place.split(os.sep)) if name and not _NO_SOURCE.fullmatch(name)), None)


def _warnings(folder: Path, entries: list[Entry], diagnostics: Diagnostics | None, notes: list[str]) -> Iterator[str]:
    if diagnostics:
        yield from diagnostics.warnings
    if diagnostics and not diagnostics.is_numbered:
        name = diagnostics.path.name
        yield f"{name} is not the published table in its order; no measurements are joined to JS records"
    n_unlabelled = sum(not entry.rhythms and not entry.others for entry in entries)
    if n_unlabelled:
        text = f"{n_unlabelled:,} of {len(entries):,} headers have no #Dx statement: they are unlabelled"
        # Where some are labelled, a manifest would leave those labels aside.
        first: dict[str, dict[str, Any]] = {entry.path.relative_to(folder).as_posix(): {} for entry in entries[:2]}
        yield text if n_unlabelled < len(entries) else f"{text}; {manifest_for(first)}"
    yield from subject_warnings(notes, len(entries))


def subject_warnings(notes: list[str], n_headers: int) -> list[str]:
    """Return a line that counts the remarks of headers on age or sex; none where there are none."""
    return [f"{len(notes):,} of {n_headers:,} headers have a remark on age or sex (first: {notes[0]})"] if notes else []
