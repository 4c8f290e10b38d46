"""LUDB as it is published, in part, and without its table."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from ecgml.cohorts.cohort import read_entry
from ecgml.cohorts.opening import open_cohort
from ecgml.errors import CohortError
from ecgml.records.schemes import SCHEMES

COLUMNS = (
    "ID", "Sex", "Age", "Rhythms", "Electric axis of the heart", "Conduction abnormalities", "Extrasystolies",
    "Hypertrophies", "Cardiac pacing", "Ischemia", "Non-specific repolarization abnormalities", "Other states",
)  # fmt: skip

AXIS = "Electric axis of the heart: normal\n"

# Invented; every cell of text ends in a line break, as in the published table.
ROWS = tuple(
    (*cells, *[""] * (len(COLUMNS) - len(cells)))
    for cells in (
        ("1", "F\n", "51\n", "Sinus bradycardia\n", "Electric axis of the heart: left axis deviation\n"),
        ("2", "M\n", "64\n", "Atrial flutter, typical\n", AXIS),
        ("3", "M\n", "11\n", "Sinus arrhythmia\nWandering atrial pacemaker\n", AXIS),
        ("34", "F\n", ">89\n", "Sinus rhythm\n", "", "III degree AV-block\n", "", "", "UNIpolar ventricular pacing\n"),
        ("10", "F\n", "30\n", "Irregular sinus rhythm\n", *[""] * 5, "Ischemia: septal\nIschemia: apical\n"),
        ("11", "F\n", "70\n", "Atrial fibrillation\nAberrant conduction\n"),
        ("12", "F\n", "40\n", "Sinus tachycardia\n"),
    )
)
RHYTHMS = {
    "1": ("SB",), "2": ("AF",), "3": ("SA",), "34": ("SR",), "10": ("SA",), "11": ("AFIB",), "12": ("ST",),
}  # fmt: skip


@pytest.fixture
def ludb(tmp_path, header):
    """Return a function that writes a LUDB folder, its headers stating what the table does, and returns it."""

    def write(rows=ROWS, *, table: bool = True, headers: bool = True) -> Path:
        root = tmp_path / "ludb"
        root.mkdir(exist_ok=True)
        if table:
            with open(root / "ludb.csv", "w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([COLUMNS, *rows])
        for record_id, sex, age, rhythms, *others in rows if headers else ():
            statements = [f"{line}. " for cell in (f"Rhythm: {rhythms}", *others) for line in cell.splitlines()]
            comments = (f"<age>: {age.strip()}", f"<sex>: {sex.strip()}", "<diagnoses>:", *statements)
            header(root / "data" / f"{record_id}.hea", *comments)
        return root

    return write


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("place", ["", "data"])
def test_every_rhythm_is_read_from_the_table_and_from_the_headers_alone(ludb, table, place):
    cohort = open_cohort(ludb(table=table) / place)
    assert (cohort.kind, bool(cohort.table)) == ("ludb", table)
    assert [warning for warning in cohort.warnings if "'>89' counts as 90 years" not in warning] == []
    assert {entry.record_id: entry.rhythms for entry in cohort.entries} == RHYTHMS
    of = {entry.record_id: entry for entry in cohort.entries}
    assert of["1"].given == {"age": 51, "sex": 1}
    assert of["2"].given == {"age": 64, "sex": 0}
    assert of["34"].given == {"age": 90, "sex": 1}
    assert of["1"].others == ("Electric axis of the heart: left axis deviation",)
    assert of["11"].others == ("Aberrant conduction",)
    assert of["10"].others == ("Ischemia: septal", "Ischemia: apical")
    assert of["34"].others == ("III degree AV-block", "UNIpolar ventricular pacing")
    assert {(entry.source, entry.promised_s) for entry in cohort.entries} == {("ludb", 10.0)}
    assert len({entry.patient_id for entry in cohort.entries}) == len(ROWS)


def test_a_pacemaker_that_wanders_leaves_a_sinus_arrhythmia_its_group(ludb):
    """LUDB's description counts each of its 200 records under one of seven rhythms; this one under sinus arrhythmia."""
    entry = next(entry for entry in open_cohort(ludb()).entries if entry.record_id == "3")
    assert SCHEMES["groups"].class_of(entry.rhythms) == ("SR", "")
    assert "Wandering atrial pacemaker" in entry.others


def test_a_manifest_beside_the_table_wins(ludb):
    root = ludb()
    (root / "manifest.csv").write_text("path,rhythm\ndata/1.hea,SR\n")
    assert open_cohort(root).kind == "manifest"


def test_a_partial_copy_opens_with_its_rows_and_headers_counted(ludb, header):
    root = ludb()
    (root / "data" / "2.hea").unlink()
    header(root / "data" / "201.hea")
    cohort = open_cohort(root)
    assert len(cohort.entries) == len(ROWS) - 1
    assert [entry.record_id for entry in cohort.absent] == ["2"]
    assert cohort.warnings[:2] == (
        "1 of 7 rows of ludb.csv have no file; they are ignored",
        "1 headers in data are not in ludb.csv (first 201.hea); not used",
    )


def test_a_table_without_records_opens_where_no_file_is_needed(ludb):
    root = ludb(headers=False)
    assert len(open_cohort(root, need_files=False).absent) == len(ROWS)
    with pytest.raises(CohortError, match=r"none of the 7 records of ludb\.csv is there; fetch data/"):
        open_cohort(root)


def test_a_rhythm_that_ludb_does_not_have_is_no_label_and_is_told(ludb):
    cohort = open_cohort(ludb([("1", "F\n", "51\n", "Idioventricular rhythm\n", *[""] * 8)]))
    assert (cohort.entries[0].rhythms, cohort.entries[0].others) == ((), ("Idioventricular rhythm",))
    assert cohort.warnings == (
        "1 records state none of LUDB's rhythms: they are unlabelled (first 1: Idioventricular rhythm)",
    )


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (("1", "1"), r"ludb\.csv, row 3: ID '1'; each record needs one of its own"),
        (("1", ""), r"ludb\.csv, row 3: ID ''"),
        (("1", "../../x"), r"row 3: path .* leads outside"),
    ],
)
def test_a_wrong_id_is_refused_with_its_place(ludb, ids, message):
    ludb()
    rows = [(record_id, *ROWS[0][1:]) for record_id in ids]
    with pytest.raises(CohortError, match=message):
        open_cohort(ludb(rows, headers=False))


def test_a_folder_of_ludb_and_others_is_not_mixed_into_one(ludb, header):
    root = ludb(table=False).parent
    header(root / "georgia" / "E00001.hea", "Dx: 426783006")
    with pytest.raises(CohortError, match="is not a data set but contains georgia, ludb; give their folders"):
        open_cohort(root)


@pytest.mark.real
def test_real_headers_say_what_was_written_down_of_them_by_hand(real_data, tmp_path):
    """The folder's own manifest is a person's; without it the headers speak."""
    listed = open_cohort(real_data / "ludb")
    assert listed.kind == "manifest"
    shutil.copytree(real_data / "ludb" / "data", tmp_path / "ludb" / "data")
    cohort = open_cohort(tmp_path / "ludb")
    assert (cohort.kind, cohort.warnings, len(cohort.entries)) == ("ludb", (), 103)
    expected = {entry.path.stem: (entry.rhythms, entry.given) for entry in listed.entries}
    assert {entry.record_id: (entry.rhythms, entry.given) for entry in cohort.entries} == expected
    assert read_entry(cohort.entries[0]).duration_s == 10
