"""Folders of labelled headers: ecg-arrhythmia, the challenges, and the table joined by number."""

from __future__ import annotations

import json
import os

import pytest

from ecgml.cohorts.opening import open_cohort
from ecgml.errors import CohortError
from tests.cohorts.invented import COLUMNS, ROWS


def test_labels_age_and_sex_come_from_the_header(tmp_path, header):
    header(tmp_path / "g1" / "E00271.hea", "Age: 59", "Sex: Female", "Dx: 426783006,164889003,59118001")
    cohort = open_cohort(tmp_path)
    assert cohort.kind == "physionet"
    (entry,) = cohort.entries
    assert entry.record_id == "E00271"
    assert entry.rhythms == ("SR", "AFIB")
    assert entry.others == ("59118001",)
    assert entry.given == {"age": 59, "sex": 1}
    assert entry.path == tmp_path / "g1" / "E00271.hea"
    assert entry.date is None, "a header's date is the day of its conversion"


def test_ages_that_are_hidden_or_not_understood_are_warned_of(tmp_path, header):
    for number, age in enumerate([">89", "045Y", "about 60"]):
        header(tmp_path / f"r{number}.hea", f"Age: {age}", "Dx: 426783006")
    cohort = open_cohort(tmp_path)
    assert [entry.given.get("age") for entry in cohort.entries] == [90, 45, None]
    assert cohort.warnings == ("2 of 3 headers have a remark on age or sex (first: age '>89' counts as 90 years)",)


@pytest.mark.parametrize("folder", ["", "g1", "WFDBRecords/01/010", "training/georgia/g1"])
def test_headers_are_found_however_deep(tmp_path, header, folder):
    header(tmp_path / folder / "E00001.hea", "Dx: 426783006")
    (tmp_path / "RECORDS").write_text("E00001\n")
    (tmp_path / "ConditionNames_SNOMED-CT.csv").write_text("Acronym Name,Full Name,Snomed_CT\nSB,x,426177001\n")
    assert [entry.record_id for entry in open_cohort(tmp_path).entries] == ["E00001"]


def test_the_source_is_the_hospital_as_far_as_number_or_folder_tell(tmp_path, header):
    header(tmp_path / "training" / "georgia" / "g1" / "E00001.hea", "Dx: 1")
    header(tmp_path / "training" / "all" / "JS10646.hea", "Dx: 1")
    header(tmp_path / "training" / "all" / "JS10647.hea", "Dx: 1")
    header(tmp_path / "top.hea", "Dx: 1")
    sources = {entry.record_id: entry.source for entry in open_cohort(tmp_path).entries}
    assert sources == {"E00001": "georgia", "JS10646": "chapman-shaoxing", "JS10647": "ningbo", "top": tmp_path.name}


def test_a_name_in_two_folders_is_told_apart_by_them(tmp_path, header):
    for folder in ("a", "b"):
        header(tmp_path / folder / "JS00001.hea", "Dx: 426177001")
    entries = open_cohort(tmp_path).entries
    assert [entry.record_id for entry in entries] == ["a/JS00001", "b/JS00001"]
    assert {entry.aliases for entry in entries} == {("JS00001",)}


def test_the_challenges_misspelt_number_is_the_records_own(tmp_path, header):
    header(tmp_path / "S23074.hea", "Dx: 426177001")
    (entry,) = open_cohort(tmp_path).entries
    assert (entry.record_id, entry.aliases, entry.source) == ("S23074", ("JS23074",), "ningbo")


def test_headers_without_a_diagnosis_are_unlabelled_and_warned_of(tmp_path, header):
    header(tmp_path / "a.hea", "Dx: 426177001")
    header(tmp_path / "b.hea", "Age: 3")
    (tmp_path / "c.hea").write_bytes(b"")
    cohort = open_cohort(tmp_path)
    assert [entry.rhythms for entry in cohort.entries] == [("SB",), (), ()]
    assert cohort.warnings == ("2 of 3 headers have no #Dx statement: they are unlabelled",)


@pytest.fixture
def arrhythmia(tmp_path, table, header):
    """A simulated ecg-arrhythmia folder: two records and the table whose rows they are."""
    header(tmp_path / "WFDBRecords" / "01" / "010" / "JS00001.hea", "Age: 85", "Dx: 426177001")
    header(tmp_path / "WFDBRecords" / "01" / "010" / "JS00009.hea", "Dx: 426783006")
    table(tmp_path / "Diagnostics.csv", COLUMNS, ROWS)
    (tmp_path / "SIMULATED.json").write_text(json.dumps({"simulated": True}))
    return tmp_path


@pytest.mark.parametrize("given", ["", "WFDBRecords", "WFDBRecords/01"])
def test_measurements_are_joined_by_number_and_labels_stay_the_headers(arrhythmia, given):
    cohort = open_cohort(arrhythmia / given)
    first, ninth = cohort.entries
    assert first.given["ventricular_rate"] == 117
    assert first.rhythms == ("SB",), "row 1 of the table says AFIB"
    assert first.date == "2018-01-13"
    assert first.twin_key is not None
    assert (ninth.given, ninth.twin_key) == ({}, None)
    assert cohort.simulated
    assert {entry.source for entry in cohort.entries} == {"simulated"}
    assert not any(entry.aliases for entry in cohort.entries)


def test_a_table_that_is_not_the_published_one_is_not_joined(arrhythmia):
    (arrhythmia / "SIMULATED.json").unlink()
    cohort = open_cohort(arrhythmia)
    assert cohort.entries[0].given == {"age": 85}
    assert cohort.warnings == (
        "Diagnostics.csv is not the published table in its order; no measurements are joined to JS records",
    )


def test_headers_beside_a_table_are_preferred_to_calling_them_missing(arrhythmia):
    assert open_cohort(arrhythmia).kind == "physionet"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_header_that_may_not_be_read_is_left_to_the_reader(tmp_path, header):
    header(tmp_path / "a.hea", "Dx: 426177001").chmod(0)
    assert open_cohort(tmp_path).entries[0].rhythms == ()


def test_a_wrong_table_is_refused_even_beside_headers(arrhythmia):
    (arrhythmia / "Diagnostics.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CohortError, match=r"Diagnostics\.csv: columns FileName"):
        open_cohort(arrhythmia)
