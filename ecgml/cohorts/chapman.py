"""The Chapman-Shaoxing set as published on figshare: a Diagnostics table and a folder of CSV files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ecgml.cohorts.cohort import Cohort, Entry
from ecgml.cohorts.diagnostics import SOURCE, Diagnostics, DiagnosticsRow, read_diagnostics
from ecgml.cohorts.physionet import is_physionet
from ecgml.cohorts.places import is_simulated
from ecgml.cohorts.tables import find_table
from ecgml.errors import CohortError

SIGNAL_FOLDERS = ("ECGData", "ECGDataDenoised", "ECGDataDenoisedDownloaded")
"""Folders of recordings in order of preference; raw ones first, since serving receives raw recordings."""

_TABLES = frozenset({"Diagnostics", "RhythmNames", "ConditionNames", "AttributesDictionary"})

FS = 500.0
DURATION_S = 10.0
UNIT = "uV"


@dataclass(frozen=True)
class _SignalFolder:
    path: Path
    files: dict[str, Path]
    """CSV files by name without suffix."""
    n_known: int
    """How many of them the table names."""


def is_chapman(folder: Path) -> bool:
    """Whether a folder has a Diagnostics table and no WFDB header, or is a folder of CSV files beside such a table."""
    if find_table(folder, "Diagnostics"):
        return not is_physionet(folder)
    return find_table(folder.parent, "Diagnostics") is not None and bool(_csv_files(folder))


def open_chapman(folder: Path, *, need_files: bool = True) -> Cohort:
    """Open a Chapman-Shaoxing folder.

    Parameters
    ----------
    folder : Path
        The one with the Diagnostics table, or the folder of recordings in it where there are several.
    need_files : bool
        False: the table alone will do.

    Raises
    ------
    CohortError
        If the table is wrong (see `ecgml.cohorts.diagnostics`) or none of its records has a file.
    """
    chosen = None if find_table(folder, "Diagnostics") else folder
    root = folder if chosen is None else folder.parent
    diagnostics = read_diagnostics(root)
    if diagnostics is None:
        raise CohortError(f"{root}: no Diagnostics.csv or Diagnostics.xlsx")
    names = {row.name for row in diagnostics.rows}
    candidates = [chosen] if chosen else [root, *_subfolders(root)]
    found = _signal_folders(candidates, names)
    if not found and need_files:
        looked = ", ".join(f"{name}/" for name in SIGNAL_FOLDERS)
        raise CohortError(
            f"{root}: none of the {len(names):,} records of {diagnostics.path.name} has its CSV file; "
            f"looked for {looked} and other folders of CSV files"
        )
    signals = found[0] if found else _SignalFolder(root / SIGNAL_FOLDERS[0], {}, 0)
    simulated = is_simulated(root)
    source = "simulated" if simulated else SOURCE
    entries = sorted((_entry(row, signals, source) for row in diagnostics.rows), key=lambda entry: entry.record_id)
    there = tuple(entry for entry in entries if entry.record_id in signals.files)
    return Cohort(
        name=folder.name,
        kind="chapman",
        root=root,
        entries=there,
        absent=tuple(entry for entry in entries if entry.record_id not in signals.files),
        warnings=(*diagnostics.warnings, *_warnings(diagnostics, signals, found[1:], len(there))),
        simulated=simulated,
        table=diagnostics.tables,
    )


def _entry(row: DiagnosticsRow, signals: _SignalFolder, source: str) -> Entry:
    return Entry(
        record_id=row.name,
        path=signals.files.get(row.name, signals.path / f"{row.name}.csv"),
        rhythms=row.rhythms,
        others=row.others,
        given=row.given,
        further=row.further,
        source=source,
        date=row.date,
        aliases=row.aliases,
        twin_key=row.twin_key,
        promised_s=DURATION_S,
        read_options={"fs": FS, "unit": UNIT},
    )


def _signal_folders(candidates: Iterable[Path], names: set[str]) -> list[_SignalFolder]:
    """Return the folders with recordings that the table names, the preferred one first."""
    found = []
    for path in candidates:
        files = _csv_files(path)
        n_known = len(names & files.keys())
        if n_known:
            found.append(_SignalFolder(path, files, n_known))
    ranks = {name: rank for rank, name in enumerate(SIGNAL_FOLDERS)}
    return sorted(found, key=lambda signals: (ranks.get(signals.path.name, len(ranks)), str(signals.path)))


def _subfolders(root: Path) -> list[Path]:
    """Folders two levels down: unpacking ECGData.zip may leave ECGData/ECGData."""
    first = sorted(path for path in root.iterdir() if path.is_dir())
    return [*first, *(path for folder in first for path in sorted(folder.iterdir()) if path.is_dir())]


def _csv_files(folder: Path) -> dict[str, Path]:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv")
    return {path.stem: path for path in files if path.stem not in _TABLES}


def _warnings(diagnostics: Diagnostics, signals: _SignalFolder, unused: list[_SignalFolder], n_rows: int) -> list[str]:
    table = diagnostics.path.name
    warnings = []
    if unused:
        others = ", ".join(f"{other.path.name} ({other.n_known:,})" for other in unused)
        warnings.append(
            f"{signals.path.name} ({signals.n_known:,} records) is used, not {others}; give the folder itself to choose"
        )
    if n_rows < len(diagnostics.rows):
        warnings.append(
            f"{len(diagnostics.rows) - n_rows:,} of {len(diagnostics.rows):,} rows of {table} have no file in "
            f"{signals.path.name} (a partial copy); they are ignored"
        )
    stray = sorted(signals.files.keys() - {row.name for row in diagnostics.rows})
    if stray:
        warnings.append(f"{len(stray):,} files in {signals.path.name} are not in {table} (first {stray[0]}); not used")
    return warnings


def is_denoised(cohort: Cohort) -> bool:
    """Return whether a cohort's recordings were denoised by their publishers, by folder name."""
    return any(entry.path.parent.name.startswith("ECGDataDenoised") for entry in cohort.entries)
