"""LUDB (Kalyakulina et al., IEEE Access 8:186181, 2020, 10.1109/ACCESS.2020.3029211): ludb.csv, WFDB records in data/.

A cell of ludb.csv holds its statements one a line. The headers repeat them as comments (``#Rhythm: Sinus rhythm.``), so
that records are labelled without the table, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from ecgml.cohorts.cohort import Cohort, Entry
from ecgml.cohorts.physionet import read_comments, subject_warnings
from ecgml.cohorts.places import paths_inside
from ecgml.cohorts.tables import clinical_values, plain_id, read_table, value_warnings
from ecgml.errors import CohortError
from ecgml.records.readers.wfdb_header import parse_comments
from ecgml.records.rhythms import RHYTHM_CODES

TABLE = "ludb.csv"
SOURCE = "ludb"
DURATION_S = 10.0

_SIGNALS = "data"
_RHYTHMS = "Rhythms"
_SUBJECT = {"age": "Age", "sex": "Sex"}
_STATEMENTS = (
    _RHYTHMS,
    "Electric axis of the heart",
    "Conduction abnormalities",
    "Extrasystolies",
    "Hypertrophies",
    "Cardiac pacing",
    "Ischemia",
    "Non-specific repolarization abnormalities",
    "Other states",
)
_MARK = "<diagnoses>:"
"""The comment behind which a header states its diagnoses."""

_CODES = {
    "sinus rhythm": "SR",
    "sinus tachycardia": "ST",
    "sinus bradycardia": "SB",
    "sinus arrhythmia": "SA",
    "irregular sinus rhythm": "SA",
    "atrial fibrillation": "AFIB",
    "atrial flutter, typical": "AF",
}
"""The seven rhythms by which LUDB's description counts its 200 records, one each. What else stands with a rhythm
(``Wandering atrial pacemaker`` with a sinus arrhythmia, ``Aberrant conduction``) is a further statement."""


def is_ludb(folder: Path) -> bool:
    """Whether a folder, or the one around its ``data``, has LUDB's table, or holds headers of LUDB's."""
    if _home(folder):
        return True
    header = next(_headers(folder), None)
    return header is not None and _MARK in read_comments(header)


def open_ludb(folder: Path, *, need_files: bool = True) -> Cohort:
    """Open a LUDB folder.

    Parameters
    ----------
    folder : Path
        The one with ludb.csv and ``data``, or either of them alone, or ``data`` itself.
    need_files : bool
        False: the table alone will do.

    Raises
    ------
    CohortError
        If the table lacks a column or names a record twice or outside the folder, or no record is there.
    """
    home = _home(folder)
    return _open_headers(folder) if home is None else _open_table(home, need_files)


def _open_table(home: Path, need_files: bool) -> Cohort:
    table = read_table(home / TABLE, ("ID", _RHYTHMS), (*_SUBJECT.values(), *_STATEMENTS[1:]))
    ids = [plain_id(cell) for cell in table.columns["ID"]]
    for row, record_id in enumerate(ids):
        if not record_id or ids.index(record_id) < row:
            raise CohortError(f"{table.where(row)}: ID {record_id!r}; each record needs one of its own")
    headers = list(_headers(home))
    place = headers[0].parent if headers else home / _SIGNALS
    paths = paths_inside(home, [str(place / f"{record_id}.hea") for record_id in ids], table.where)
    given = clinical_values(table, _SUBJECT)
    columns = [table.columns[name] for name in _STATEMENTS if name in table.columns]
    entries = [
        _entry(paths[row], ids[row], (line for column in columns for line in column[row].splitlines()), given[row])
        for row in sorted(range(len(table)), key=ids.__getitem__)
    ]
    there = tuple(entry for entry in entries if entry.path.is_file())
    if not there and need_files:
        raise CohortError(f"{home}: none of the {len(table):,} records of {TABLE} is there; fetch {_SIGNALS}/")
    n_absent = len(entries) - len(there)
    warnings = [f"{n_absent:,} of {len(table):,} rows of {TABLE} have no file; they are ignored"] if n_absent else []
    if stray := sorted({header.name for header in headers} - {path.name for path in paths}):
        warnings.append(f"{len(stray):,} headers in {place.name} are not in {TABLE} (first {stray[0]}); not used")
    return Cohort(
        name=home.name,
        kind="ludb",
        root=home,
        entries=there,
        absent=tuple(entry for entry in entries if not entry.path.is_file()),
        warnings=(*warnings, *value_warnings(table, _SUBJECT, given), *_unlabelled(there)),
        table={"labels": table.path},
    )


def _open_headers(folder: Path) -> Cohort:
    entries: list[Entry] = []
    notes: list[str] = []
    for header in sorted(_headers(folder)):
        comments = read_comments(header)
        parsed = parse_comments(comments)
        notes += parsed.notes
        statements = comments[comments.index(_MARK) + 1 :] if _MARK in comments else ()
        entries.append(_entry(header, header.stem, statements, parsed.given))
    if not entries:
        raise CohortError(f"{folder}: no LUDB header in it or in its {_SIGNALS}/")
    warnings = subject_warnings(notes, len(entries)) + _unlabelled(entries)
    return Cohort(folder.name, "ludb", folder, tuple(entries), warnings=tuple(warnings))


def _home(folder: Path) -> Path | None:
    """Return the folder that has the table: this one, or the one around its ``data``."""
    places = (folder, folder.parent) if folder.name == _SIGNALS else (folder,)
    return next((place for place in places if (place / TABLE).is_file()), None)


def _headers(folder: Path) -> Iterator[Path]:
    """Return the headers in a folder's ``data``, or else in the folder itself, in no order."""
    for place in (folder / _SIGNALS, folder):
        headers = (path for path in place.iterdir() if path.suffix == ".hea") if place.is_dir() else iter(())
        first = next(headers, None)
        if first:
            return itertools.chain([first], headers)
    return iter(())


def _entry(header: Path, record_id: str, lines: Iterable[str], given: dict[str, float]) -> Entry:
    statements = [statement for line in lines if (statement := line.strip().rstrip(".").rstrip())]
    codes = [_CODES.get(statement.removeprefix("Rhythm:").strip().lower()) for statement in statements]
    return Entry(
        record_id=record_id,
        path=header,
        rhythms=tuple(code for code in RHYTHM_CODES if code in codes),
        others=tuple(statement for statement, code in zip(statements, codes, strict=True) if code is None),
        given=given,
        # 200 records of 200 subjects.
        patient_id=record_id,
        source=SOURCE,
        promised_s=DURATION_S,
    )


def _unlabelled(entries: Iterable[Entry]) -> list[str]:
    without = [entry for entry in entries if not entry.rhythms]
    if not without:
        return []
    first, stated = without[0].record_id, next(iter(without[0].others), "nothing")
    return [f"{len(without):,} records state none of LUDB's rhythms: they are unlabelled (first {first}: {stated})"]
