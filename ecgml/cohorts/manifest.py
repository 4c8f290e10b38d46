"""Your own files, listed in manifest.csv with rhythms explained in labels.yaml; see docs/own-data.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecgml.cohorts.cohort import Cohort, Entry
from ecgml.cohorts.dates import parse_dates
from ecgml.cohorts.labels import LABELS, find_labels, read_labels, resolve_labels
from ecgml.cohorts.places import MANIFEST, is_simulated, paths_inside
from ecgml.cohorts.tables import Table, clinical_values, parse_fold, read_table, value_warnings
from ecgml.config import nearest
from ecgml.errors import CohortError, RecordError
from ecgml.records.clinical import CLINICAL_NAMES, parse_number
from ecgml.records.reading import files_of
from ecgml.records.rhythms import rhythms_among
from ecgml.records.units import mv_per_unit
from ecgml.records.words import plain_word

_REQUIRED = ("path", "rhythm")
_OPTIONAL = ("record_id", "patient_id", "fs", "unit", "leads", "date", "source", "fold", *CLINICAL_NAMES)

_MEANT = {
    **dict.fromkeys(("patient", "patientenid", "patientennummer"), "patient_id"),
    **dict.fromkeys(("alter",), "age"),
    **dict.fromkeys(("gender", "geschlecht", "sexe"), "sex"),
    **dict.fromkeys(("samplingrate", "samplingfrequency", "samplerate", "frequency", "hz", "abtastrate"), "fs"),
    **dict.fromkeys(("units", "einheit", "unite"), "unit"),
    **dict.fromkeys(("leadorder", "ableitungen", "derivations"), "leads"),
    **dict.fromkeys(("datum", "recordingdate"), "date"),
    **dict.fromkeys(("quelle", "hospital", "device"), "source"),
}
"""What else people call the columns."""


def is_manifest(folder: Path) -> bool:
    """Whether a folder has a manifest."""
    return (folder / MANIFEST).is_file()


def open_manifest(folder: Path, *, need_files: bool = True) -> Cohort:
    """Open a folder with a manifest.

    Parameters
    ----------
    folder : Path
    need_files : bool
        False: the manifest alone will do.

    Raises
    ------
    CohortError
        If a column is missing, a rhythm is unknown, a path leads outside the folder, a record is there twice, a cell is
        malformed, or no file is there.
    """
    table = read_table(folder / MANIFEST, _REQUIRED, _OPTIONAL)
    if not len(table):
        raise CohortError(f"{table.path}: has no row below its header; write one a recording")
    words = [_words(cell) for cell in table.columns["rhythm"]]
    labels = find_labels(folder)
    mapped = read_labels(labels) if labels else {}
    codes = resolve_labels(words, mapped, table.path, labels or folder / LABELS)
    given = clinical_values(table, {name: name for name in CLINICAL_NAMES})
    paths = _paths(table, folder)
    files = [files_of(path) for path in paths]
    # Of one record that goes by several names (0001, 0001.hea, 0001.dat) the first file is the same.
    firsts = paths_inside(folder, [str(first) for first, *_ in files], table.where)
    dates = parse_dates(table.columns.get("date", [""] * len(table)), table.where)
    entries = [
        _entry(table, row, paths[row], firsts[row], words[row], codes, given[row], dates[row], folder)
        for row in range(len(table))
    ]
    _check_once(table, firsts, "path")
    _check_once(table, [entry.record_id for entry in entries], "record_id")
    order = sorted(range(len(table)), key=lambda row: entries[row].record_id)
    is_there = [any(path.is_file() for path in own) for own in files]
    there = tuple(entries[row] for row in order if is_there[row])
    missing = [paths[row] for row in range(len(table)) if not is_there[row]]
    if not there and need_files:
        raise CohortError(
            f"{folder}: none of the {len(table):,} files of {MANIFEST} is there (first: {missing[0]}); paths start at "
            "its folder"
        )
    return Cohort(
        name=folder.name,
        kind="manifest",
        root=folder,
        entries=there,
        absent=tuple(entries[row] for row in order if not is_there[row]),
        warnings=(*_warnings(table, given, missing), *_af_warnings(entries, words, codes, mapped)),
        simulated=is_simulated(folder),
        table={"manifest": table.path, **({"labels": labels} if labels else {})},
    )


def _words(cell: str) -> list[str]:
    """Split a cell that may hold several rhythms: ``AFIB+BIGU`` or ``AFIB; BIGU``."""
    return [stripped for word in cell.replace(";", "+").split("+") if (stripped := word.strip())]


def _paths(table: Table, folder: Path) -> list[Path]:
    # Written on Windows, read anywhere.
    names = [name.replace("\\", "/") for name in table.columns["path"]]
    if "" in names:
        raise CohortError(f"{table.where(names.index(''))}: path is empty")
    return paths_inside(folder, names, table.where)


def _entry(
    table: Table,
    row: int,
    path: Path,
    first: Path,
    words: list[str],
    codes: dict[str, str | None],
    given: dict[str, float],
    date: str | None,
    folder: Path,
) -> Entry:
    where = table.where(row)

    def cell(column: str) -> str:
        return table.columns[column][row] if column in table.columns else ""

    return Entry(
        record_id=cell("record_id") or first.relative_to(folder).with_suffix("").as_posix(),
        path=path,
        rhythms=rhythms_among(code for word in words if (code := codes[word])),
        others=tuple(word for word in words if not codes[word]),
        given=given,
        patient_id=cell("patient_id") or None,
        source=cell("source") or folder.name,
        date=date,
        fold=parse_fold(cell("fold"), where),
        read_options=_read_options(cell("fs"), cell("unit"), cell("leads"), where),
    )


def _read_options(fs: str, unit: str, leads: str, where: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if fs:
        options["fs"] = parse_number(fs)
        if not 0 < options["fs"] < float("inf"):
            raise CohortError(f"{where}: fs {fs!r} is not a positive number (Hz)")
    if unit:
        try:
            mv_per_unit(unit, where)
        except RecordError as error:
            raise CohortError(str(error)) from None
        options["unit"] = unit
    if leads:
        options["leads"] = tuple(_words(leads.replace(",", ";"))) if set(leads) & set(",;+") else tuple(leads.split())
    return options


def _check_once(table: Table, values: Sequence[object], column: str) -> None:
    first: dict[object, int] = {}
    for row, value in enumerate(values):
        if first.setdefault(value, row) != row:
            other = table.numbers[first[value]]
            raise CohortError(f"{table.where(row)}: {column} {value} is that of row {other}, too; give each its own")


def _meant_column(name: str) -> str:
    if meant := _MEANT.get(plain_word(name)):
        return f", did you mean {meant!r}?"
    return nearest(name, (*_REQUIRED, *_OPTIONAL))


def _warnings(table: Table, given: list[dict[str, float]], missing: list[Path]) -> list[str]:
    warnings = [f"{MANIFEST}: column {name!r} is not known{_meant_column(name)}; ignored" for name in table.unknown]
    if table.short:
        rows = "1 row has" if len(table.short) == 1 else f"{len(table.short):,} rows have"
        warnings.append(
            f"{MANIFEST}: {rows} fewer cells than the header (first: row {table.short[0]}); what lacks counts as empty"
        )
    warnings += value_warnings(table, {name: name for name in CLINICAL_NAMES}, given)
    if missing:
        warnings.append(
            f"{len(missing):,} of {len(table):,} rows of {MANIFEST} have no file (first: {missing[0]}); ignored"
        )
    return warnings


def _af_warnings(
    entries: list[Entry], words: list[list[str]], codes: dict[str, str | None], mapped: dict[str, str | None]
) -> list[str]:
    """Say that AF is flutter, unless its sources write fibrillation otherwise: their AF is not that."""
    with_af = {entry.source for entry, own in zip(entries, words, strict=True) if "AF" in own}
    with_afib = {
        entry.source for entry, own in zip(entries, words, strict=True) if any(codes[word] == "AFIB" for word in own)
    }
    if "AF" in mapped or with_af <= with_afib:
        return []
    return [
        f"{MANIFEST}: AF is atrial flutter here, as in the Chapman-Shaoxing set; if you mean fibrillation, write "
        f"'AF: AFIB' in {LABELS}, else 'AF: AF'"
    ]
