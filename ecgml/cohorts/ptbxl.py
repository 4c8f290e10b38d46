"""PTB-XL (Wagner et al., Scientific Data 7:154, 2020, 10.1038/s41597-020-0495-6): a table and WFDB records.

Its rhythm statements carry likelihood 0, so that being there is what counts. The table is ``ptbxl_database.csv``, or a
``labels.csv`` of the columns ecg_id, age, sex, rhythm_statements, strat_fold and filename_lr.
"""

from __future__ import annotations

import ast
from pathlib import Path

from ecgml.cohorts.cohort import Cohort, Entry
from ecgml.cohorts.dates import parse_date
from ecgml.cohorts.places import paths_inside
from ecgml.cohorts.tables import Table, clinical_values, parse_fold, plain_id, read_table, value_warnings
from ecgml.errors import CohortError
from ecgml.records.clinical import parse_number
from ecgml.records.rhythms import rhythm_of, rhythms_among
from ecgml.records.subject import OLDEST_AGE

_TABLES = ("ptbxl_database.csv", "labels.csv")
_REQUIRED = ("ecg_id", "strat_fold")
_SUBJECT = {"age": "age", "sex": "sex"}
_OPTIONAL = (
    "patient_id",
    "age",
    "sex",
    "recording_date",
    "scp_codes",
    "rhythm_statements",
    "filename_hr",
    "filename_lr",
)

SOURCE = "ptb-xl"
DURATION_S = 10.0

HIDDEN_AGE = 300.0
"""PTB-XL writes 300 for patients older than 89."""


def is_ptbxl(folder: Path) -> bool:
    """Whether a folder has PTB-XL's table."""
    return _find_table(folder) is not None


def open_ptbxl(folder: Path, *, need_files: bool = True) -> Cohort:
    """Open a PTB-XL folder.

    Parameters
    ----------
    folder : Path
        The one with the table. Records of 500 Hz are used, unless more of them are there at 100 Hz.
    need_files : bool
        False: the table alone will do.

    Raises
    ------
    CohortError
        If a column is missing, an id is there twice, a cell cannot be understood, a path leads outside the folder, or
        no record is there.
    """
    path = _find_table(folder)
    if path is None:
        raise CohortError(f"{folder}: no {' or '.join(_TABLES)}")
    table = read_table(path, _REQUIRED, _OPTIONAL)
    ids = [plain_id(cell).zfill(5) for cell in table.columns["ecg_id"]]
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise CohortError(f"{path.name}: ecg_id {twice} is there more than once")
    statements = _statements(table)
    headers, there, column = _headers(folder, table)
    if not there and need_files:
        raise CohortError(f"{folder}: none of the {len(table):,} records of {path.name} is there; fetch records500/")
    given = _given(table)
    patients = table.columns.get("patient_id", [""] * len(table))
    dates = table.columns.get("recording_date", [""] * len(table))
    entries = {
        row: Entry(
            record_id=ids[row],
            path=headers[row],
            rhythms=rhythms_among(statements[row]),
            others=tuple(statement for statement in statements[row] if rhythm_of(statement) is None),
            given=given[row],
            patient_id=plain_id(patients[row]) or None,
            source=SOURCE,
            date=parse_date(dates[row], table.where(row)),
            fold=parse_fold(table.columns["strat_fold"][row], table.where(row)),
            # The challenges' name of the record.
            aliases=(f"HR{ids[row]}",),
            promised_s=DURATION_S,
        )
        for row in sorted(range(len(table)), key=lambda row: ids[row])
    }
    n_absent = len(table) - len(there)
    partial = f"{n_absent:,} of {len(table):,} rows of {path.name} have no file ({column}); they are ignored"
    return Cohort(
        name=folder.name,
        kind="ptbxl",
        root=folder,
        entries=tuple(entry for row, entry in entries.items() if row in there),
        absent=tuple(entry for row, entry in entries.items() if row not in there),
        warnings=(*([partial] if n_absent else []), *value_warnings(table, _SUBJECT, given)),
        table={"labels": path},
    )


def _find_table(folder: Path) -> Path | None:
    """Return the table; a labels.csv of another kind of data set is none."""
    for name in _TABLES:
        path = folder / name
        if path.is_file():
            with open(path, encoding="utf-8-sig", errors="replace") as file:
                header = file.readline(10_000).lower()
            if "ecg_id" in header and "filename_" in header:
                return path
    return None


def _headers(folder: Path, table: Table) -> tuple[list[Path], set[int], str]:
    """Return the header of each row, the rows whose header is there, and the column that names them."""
    candidates = []
    for column in ("filename_hr", "filename_lr"):
        if column in table.columns:
            paths = paths_inside(folder, [f"{name}.hea" for name in table.columns[column]], table.where)
            candidates.append((paths, {row for row, path in enumerate(paths) if path.is_file()}, column))
    if not candidates:
        raise CohortError(f"{table.path.name}: column filename_hr or filename_lr missing")
    return max(candidates, key=lambda candidate: len(candidate[1]))


def _statements(table: Table) -> list[list[str]]:
    """Return the statements of each row."""
    if "rhythm_statements" in table.columns:
        return [[word for word in cell.split("+") if word] for cell in table.columns["rhythm_statements"]]
    if "scp_codes" not in table.columns:
        raise CohortError(f"{table.path.name}: column scp_codes (or rhythm_statements) missing")
    return [_parse_scp(cell, table.where(row)) for row, cell in enumerate(table.columns["scp_codes"])]


def _parse_scp(cell: str, where: str) -> list[str]:
    """Return the codes of a Python dict such as ``{'NORM': 100.0, 'SR': 0.0}``."""
    try:
        codes = ast.literal_eval(cell) if len(cell) < 10_000 else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        codes = None
    if not isinstance(codes, dict):
        raise CohortError(f"{where}: scp_codes {cell[:60]!r} is not a dict of statements")
    return [str(code) for code in codes]


def _given(table: Table) -> list[dict[str, float]]:
    """Return age and sex of each row."""
    given = clinical_values(table, _SUBJECT)
    for row, cell in enumerate(table.columns.get("age", [])):
        if parse_number(cell) == HIDDEN_AGE:
            given[row]["age"] = OLDEST_AGE
    return given
