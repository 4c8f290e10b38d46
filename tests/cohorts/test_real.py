"""Real data sets open with the counts that their descriptions give."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from ecgml.cohorts.cohort import Cohort, read_entry
from ecgml.cohorts.diagnostics import read_diagnostics
from ecgml.cohorts.opening import open_cohorts
from ecgml.records.schemes import SCHEMES

pytestmark = pytest.mark.real


def _groups(cohorts: list[Cohort]) -> Counter:
    classes = [SCHEMES["groups"].class_of(entry.rhythms)[0] for cohort in cohorts for entry in cohort.entries]
    return Counter(name for name in classes if name)


@pytest.fixture(scope="module")
def opened(real_data) -> dict[str, Cohort]:
    """The data sets by their folder, opened once."""
    folders = ("chapman", "ptbxl", "ecg-arrhythmia", "cinc2021/chapman_ningbo", "cinc2021/georgia", "cinc2021/cpsc")
    cohorts = open_cohorts([real_data / folder for folder in folders])
    return dict(zip(folders, cohorts, strict=True))


@pytest.fixture(scope="module")
def diagnostics(real_data):
    """The published table."""
    return read_diagnostics(real_data / "chapman")


def test_the_published_table_has_the_published_counts(diagnostics):
    """Zheng et al. 2020, table 2."""
    counts = Counter(row.rhythms[0] for row in diagnostics.rows)
    assert counts == {
        "SB": 3889, "SR": 1826, "AFIB": 1780, "ST": 1568, "SVT": 587, "AF": 445, "SA": 399, "AT": 121, "AVNRT": 16,
        "AVRT": 8, "SAAWR": 7,
    }  # fmt: skip
    assert diagnostics.is_numbered
    assert diagnostics.warnings == ()


def test_twelve_rows_lack_an_atrial_rate_and_one_a_possible_qrs_duration(diagnostics):
    """Row 10,631 says 18 ms; no ventricle is that quick."""
    columns = {name for row in diagnostics.rows for name in row.given}
    assert {"age", "sex", "ventricular_rate", "t_axis"} < columns
    missing = Counter(name for row in diagnostics.rows for name in columns if name not in row.given)
    assert missing == {"atrial_rate": 12, "qrs_duration": 1}


def test_fourteen_pairs_of_rows_are_twins(diagnostics):
    counts = Counter(row.twin_key for row in diagnostics.rows)
    assert sum(count > 1 for count in counts.values()) == 14


def test_most_conditions_are_none_and_are_not_lost(diagnostics):
    none = sum(not row.others for row in diagnostics.rows)
    assert 4000 < none < 7000
    assert not any("NONE" in row.others for row in diagnostics.rows)


def test_a_partial_copy_of_chapman_opens(opened):
    cohort = opened["chapman"]
    assert (len(cohort.entries), cohort.rows_without_file, len(cohort.warnings)) == (22, 10_624, 1)
    assert read_entry(cohort.entries[0]).duration_s == 10


def test_editions_of_one_ecg_share_an_alias(opened):
    chapman, challenge = opened["chapman"], opened["cinc2021/chapman_ningbo"]
    denoised = next(entry for entry in chapman.entries if entry.record_id == "MUSE_20180209_172046_21000")
    raw = next(entry for entry in challenge.entries if entry.record_id == "JS00008")
    assert set(denoised.aliases) & set(raw.aliases) == {"JS00008"}
    assert denoised.rhythms == raw.rhythms == ("SR",)
    assert denoised.given["age"] == raw.given["age"]
    others = {alias for entry in chapman.entries for alias in entry.aliases} & {
        alias for entry in challenge.entries for alias in entry.aliases
    }
    assert others == {"JS00008"}


def test_the_table_joined_by_number_agrees_with_the_headers(opened, diagnostics):
    for folder in ("ecg-arrhythmia", "cinc2021/chapman_ningbo"):
        for entry in opened[folder].entries:
            number = int(entry.record_id[2:])
            if number <= len(diagnostics.rows):
                row = diagnostics.rows[number - 1]
                assert row.given["age"] == entry.given["age"]
                assert row.given["sex"] == entry.given["sex"]
                assert row.rhythms[0] in entry.rhythms


@pytest.mark.parametrize(
    ("folder", "n_records", "groups", "sources"),
    [
        ("cinc2021/georgia", 42, {"SR": 11, "SB": 8, "GSVT": 8, "AFIB": 3}, {"georgia": 42}),
        ("cinc2021/cpsc", 10, {"AFIB": 5}, {"cpsc": 10}),
        ("ecg-arrhythmia", 4, {"SB": 2, "AFIB": 2}, {"chapman-shaoxing": 4}),
    ],
)
def test_labelled_headers_open_with_their_counts(opened, folder, n_records, groups, sources):
    cohort = opened[folder]
    assert len(cohort.entries) == n_records
    assert _groups([cohort]) == groups
    assert Counter(entry.source for entry in cohort.entries) == sources


def test_the_external_cohort_holds_the_65_labelled_ecgs_of_its_description(opened):
    cohorts = [opened[name] for name in ("chapman", "cinc2021/chapman_ningbo", "ecg-arrhythmia")]
    # JS00008 (SR) is there twice.
    assert _groups(cohorts) == {"SB": 19, "AFIB": 13, "GSVT": 20, "SR": 13 + 1}


def test_ptbxl_opens_with_its_folds_and_groups(opened, real_data):
    cohort = opened["ptbxl"]
    assert len(cohort.entries) == 1732
    assert Counter(entry.fold for entry in cohort.entries) == {
        1: 212, 2: 178, 3: 177, 4: 193, 5: 207, 6: 156, 7: 196, 8: 171, 9: 242,
    }  # fmt: skip
    assert read_entry(cohort.entries[0]).fs == 100

    # The group rule of the data's description, spelt out.
    groups = {"SBRAD": "SB", "AFIB": "AFIB", "AFLT": "AFIB", "SR": "SR", "SARRH": "SR"}
    groups |= dict.fromkeys(("STACH", "SVTAC", "PSVT"), "GSVT")
    expected: Counter = Counter()
    with open(real_data / "ptbxl" / "labels.csv", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found = {groups[word] for word in row["rhythm_statements"].split("+") if word in groups}
            found = found - {"SR"} or found
            if len(found) == 1:
                expected[found.pop()] += 1
    assert _groups([cohort]) == expected == {"SR": 1433, "AFIB": 98, "GSVT": 59, "SB": 39}
