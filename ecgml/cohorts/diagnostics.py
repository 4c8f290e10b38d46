"""The Diagnostics table of the Chapman-Shaoxing set (Zheng et al., Scientific Data 7:48, 2020).

One row a record: file name, rhythm, other conditions, age, sex and what the cardiograph measured. Its 17-column edition
has a date of birth, which is never read.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ecgml.cohorts.dates import parse_date
from ecgml.cohorts.places import is_simulated
from ecgml.cohorts.tables import Table, clinical_values, find_table, read_table, value_warnings
from ecgml.config import nearest
from ecgml.errors import CohortError
from ecgml.records.clinical import CLINICAL_COLUMNS, parse_number
from ecgml.records.rhythms import RHYTHM_CODES, RHYTHMS, rhythm_of

SOURCE = "chapman-shaoxing"

_CLINICAL = {column.name: column.diagnostics for column in CLINICAL_COLUMNS if column.diagnostics}
_SUBJECT = {name: _CLINICAL[name] for name in ("age", "sex")}
_REQUIRED = ("FileName", "Rhythm", "Beat", *_CLINICAL.values())
_FURTHER = ("QRSCount", "QOnset", "QOffset", "TOffset")
_MEASUREMENTS = (*_CLINICAL.values(), *_FURTHER)

_PUBLISHED_ORDER = 0x96AB1D55
"""CRC-32 of the published table's file names: only in that order does row n belong to PhysioNet's JS000n."""

_MUSE_NAME = re.compile(r"MUSE_(\d{4})(\d{2})(\d{2})_\d{6}_\d{5}")


@dataclass(frozen=True)
class DiagnosticsRow:
    """What the table says of one record."""

    name: str
    """File name without suffix."""
    rhythms: tuple[str, ...]
    others: tuple[str, ...]
    given: Mapping[str, float]
    further: Mapping[str, float]
    """The measurements that are no clinical columns, by the table's names."""
    date: str | None
    """ISO 8601, from the file name."""
    twin_key: str | None
    """All 13 measurements and the rhythm: rows that share it are near-certainly one ECG."""
    aliases: tuple[str, ...]
    """The ids of the record in the set's editions."""


@dataclass(frozen=True)
class Diagnostics:
    """The whole table."""

    path: Path
    rows: tuple[DiagnosticsRow, ...]
    """In the table's order."""
    is_numbered: bool
    """Whether row n is the PhysioNet edition's JS000n."""
    warnings: tuple[str, ...]
    tables: Mapping[str, Path]
    """All tables that were read, by role."""


def read_diagnostics(folder: Path) -> Diagnostics | None:
    """Read the Diagnostics table of a folder, and the tables beside it; None if there is none.

    Raises
    ------
    CohortError
        If it is no table, a column is missing, a name is there twice or is no file name, or a rhythm is unknown.
    """
    path = find_table(folder, "Diagnostics")
    if path is None:
        return None
    table = read_table(path, _REQUIRED, _MEASUREMENTS)
    names = _file_names(table)
    tables = {"diagnostics": path}
    for role, stem in (("rhythms", "RhythmNames"), ("attributes", "AttributesDictionary")):
        if beside := find_table(folder, stem):
            tables[role] = beside
    rhythms = [rhythm.upper() for rhythm in table.columns["Rhythm"]]
    codes = _rhythm_codes(rhythms, path.name, tables.get("rhythms"))
    given = clinical_values(table, _CLINICAL)
    further = _further(table)
    simulated = is_simulated(folder)
    is_published = zlib.crc32("\n".join(names).encode()) == _PUBLISHED_ORDER
    rows = tuple(
        DiagnosticsRow(
            name=name,
            rhythms=tuple(filter(None, [codes.get(rhythm)])),
            others=(*([rhythm] if rhythm and not codes[rhythm] else []), *_beats(table.columns["Beat"][row])),
            given=given[row],
            further=further[row],
            date=_date(name),
            twin_key=_twin_key(table, row),
            # A simulated file bears a name of the real set's pattern, and is not that record.
            aliases=() if simulated else _aliases(name, row + 1 if is_published else None),
        )
        for row, (name, rhythm) in enumerate(zip(names, rhythms, strict=True))
    )
    # Of age and sex alone: an AtrialRate of 0 is the published table's way to say that there is none.
    warnings = (*_attribute_warnings(table, tables), *value_warnings(table, _SUBJECT, given))
    return Diagnostics(path, rows, is_published or simulated, warnings, tables)


def _file_names(table: Table) -> list[str]:
    names = [name[:-4] if name.lower().endswith(".csv") else name for name in table.columns["FileName"]]
    for row, name in enumerate(names):
        if not name:
            raise CohortError(f"{table.where(row)}: FileName is empty")
        # A name becomes part of a path.
        if "/" in name or "\\" in name or "\0" in name or name in (".", ".."):
            raise CohortError(f"{table.where(row)}: FileName {name!r} has a path separator; a plain name is needed")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise CohortError(f"{table.path.name}: {len(twice)} names are there more than once, first {twice[0]!r}")
    return names


def _rhythm_codes(rhythms: list[str], where: str, rhythm_names: Path | None) -> dict[str, str | None]:
    """Return the code of each rhythm that the table uses; None for one that is documented but not known."""
    documented = _documented_rhythms(rhythm_names) if rhythm_names else {}
    counts = Counter(rhythm for rhythm in rhythms if rhythm)
    codes = {rhythm: documented.get(rhythm) or rhythm_of(rhythm) for rhythm in counts}
    unknown = [rhythm for rhythm in counts if codes[rhythm] is None and rhythm not in documented]
    if unknown:
        valid = [*documented, *RHYTHM_CODES]
        listed = ", ".join(f"{code!r} ({counts[code]} rows{nearest(code, valid)})" for code in unknown[:5])
        raise CohortError(f"{where}: unknown rhythm {listed}; correct it or define it in RhythmNames.csv")
    return codes


def _documented_rhythms(path: Path) -> dict[str, str | None]:
    """Return what RhythmNames says: acronym -> code of the rhythm with that full name."""
    table = read_table(path, ("Acronym Name", "Full Name"))
    by_name = {_plain(rhythm.name): rhythm.code for rhythm in RHYTHMS}
    pairs = zip(table.columns["Acronym Name"], table.columns["Full Name"], strict=True)
    # The full name decides: elsewhere AF is often written for fibrillation, not flutter.
    return {acronym.upper(): by_name.get(_plain(name)) or rhythm_of(acronym) for acronym, name in pairs}


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("atrioventricular", "av").split())


def _beats(cell: str) -> list[str]:
    return [beat for beat in cell.split() if beat.upper() != "NONE"]


def _further(table: Table) -> list[dict[str, float]]:
    columns = {name: [parse_number(cell) for cell in table.columns[name]] for name in _FURTHER if name in table.columns}
    return [
        {name: values[row] for name, values in columns.items() if math.isfinite(values[row])}
        for row in range(len(table))
    ]


def _twin_key(table: Table, row: int) -> str | None:
    cells = [table.columns[column][row] for column in _MEASUREMENTS if column in table.columns]
    complete = len(cells) == len(_MEASUREMENTS) and all(cells)
    # A spreadsheet may have turned 85 into 85.0.
    values = [cell.removesuffix(".0") for cell in (table.columns["Rhythm"][row].upper(), *cells)]
    return " ".join(values) if complete else None


def _date(name: str) -> str | None:
    match = _MUSE_NAME.fullmatch(name)
    try:
        return parse_date("-".join(match.groups()), name) if match else None
    except CohortError:
        return None


def _aliases(name: str, number: int | None) -> tuple[str, ...]:
    muse = (name,) if _MUSE_NAME.fullmatch(name) else ()
    return muse if number is None else (f"JS{number:05d}", *muse)


def _attribute_warnings(table: Table, tables: Mapping[str, Path]) -> tuple[str, ...]:
    if "attributes" not in tables:
        return ()
    described = read_table(tables["attributes"], ("Attributes",)).columns["Attributes"]
    there = {name.lower() for name in (*table.columns, *table.unknown)}
    absent = [name for name in described if name and name.lower() not in there]
    return (
        (f"{table.path.name} lacks {', '.join(absent)}, which {tables['attributes'].name} describes",) if absent else ()
    )
