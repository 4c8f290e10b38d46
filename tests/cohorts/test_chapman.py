"""The Chapman-Shaoxing folder in all editions, and every way in which its table can be wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ecgml.cohorts.cohort import read_entry
from ecgml.cohorts.opening import open_cohort
from ecgml.errors import CohortError
from tests.cohorts.invented import COLUMNS, ROWS


@pytest.mark.parametrize(
    ("table", "delimiter"), [("Diagnostics.csv", ","), ("Diagnostics.csv", ";"), ("Diagnostics.xlsx", "")]
)
def test_every_edition_of_the_table_opens_the_same(chapman, table, delimiter):
    cohort = open_cohort(chapman(table=table, delimiter=delimiter))
    assert (cohort.kind, cohort.name, cohort.rows_without_file, cohort.warnings) == ("chapman", "chapman", 0, ())
    assert [entry.record_id for entry in cohort.entries] == sorted(row[0] for row in ROWS)
    entry = cohort.entries[-1]
    assert entry.record_id == "MUSE_20180113_171327_27000"
    assert entry.rhythms == ("AFIB",)
    assert entry.others == ("RBBB", "TWC")
    assert entry.given == {
        "age": 85, "sex": 0, "ventricular_rate": 117, "atrial_rate": 234, "qrs_duration": 114, "qt_interval": 356,
        "qt_corrected": 496, "r_axis": 81, "t_axis": -27,
    }  # fmt: skip
    assert entry.date == "2018-01-13"
    assert entry.source == "chapman-shaoxing"
    assert entry.promised_s == 10
    assert entry.aliases == ("MUSE_20180113_171327_27000",)


def test_beat_none_is_no_statement_and_an_atrial_rate_of_0_is_missing(chapman):
    entry = open_cohort(chapman()).entries[0]
    assert entry.record_id == "MUSE_20180111_165520_97000"
    assert entry.others == ()
    assert "atrial_rate" not in entry.given


def test_the_date_of_birth_is_never_read(chapman):
    rows = [(*row, "1950-01-01") for row in ROWS]
    cohort = open_cohort(chapman(columns=(*COLUMNS, "DateofBirth"), rows=rows))
    assert len(cohort.entries) == 3
    assert "1950" not in repr(cohort)


def test_recordings_are_read_in_microvolts_at_500_hz(chapman):
    record = read_entry(open_cohort(chapman()).entries[0])
    assert record.fs == 500
    np.testing.assert_allclose(record.waveform[:, 0], np.arange(1, 13) / 1000, rtol=1e-6)


@pytest.mark.parametrize(
    "folder", ["ECGData", "ECGDataDenoised", "ECGDataDenoisedDownloaded", "my signals", ".", "ECGData/ECGData"]
)
def test_recordings_are_found_in_any_folder(chapman, folder):
    cohort = open_cohort(chapman(signals={folder: [row[0] for row in ROWS]}))
    assert len(cohort.entries) == 3
    assert cohort.warnings == ()


def test_raw_recordings_are_preferred_and_the_choice_is_told(chapman):
    names = [row[0] for row in ROWS]
    root = chapman(signals={"ECGDataDenoised": names, "ECGData": names[:2], "old": names[:1]})
    cohort = open_cohort(root)
    assert {entry.path.parent.name for entry in cohort.entries} == {"ECGData"}
    assert cohort.warnings[0] == (
        "ECGData (2 records) is used, not ECGDataDenoised (3), old (1); give the folder itself to choose"
    )


def test_a_folder_of_recordings_can_be_given_itself(chapman):
    names = [row[0] for row in ROWS]
    root = chapman(signals={"ECGData": names, "ECGDataDenoised": names})
    cohort = open_cohort(root / "ECGDataDenoised")
    assert cohort.name == "ECGDataDenoised"
    assert {entry.path.parent.name for entry in cohort.entries} == {"ECGDataDenoised"}
    assert cohort.warnings == ()


def test_rows_without_a_file_are_counted_and_warned_of_once(chapman):
    cohort = open_cohort(chapman(signals={"ECGData": [ROWS[0][0]]}))
    assert cohort.rows_without_file == 2
    assert [entry.record_id for entry in cohort.absent] == sorted(row[0] for row in ROWS[1:])
    assert {entry.rhythms for entry in cohort.absent} == {("SA",), ("SB",)}
    assert cohort.warnings == (
        "2 of 3 rows of Diagnostics.csv have no file in ECGData (a partial copy); they are ignored",
    )


def test_files_that_the_table_does_not_name_are_warned_of(chapman):
    cohort = open_cohort(chapman(signals={"ECGData": [*(row[0] for row in ROWS), "stray", "tray"]}))
    assert len(cohort.entries) == 3
    assert cohort.warnings == ("2 files in ECGData are not in Diagnostics.csv (first stray); not used",)


def test_a_table_alone_opens_where_no_file_is_needed(chapman):
    cohort = open_cohort(chapman(signals={}), need_files=False)
    assert (cohort.entries, cohort.rows_without_file) == ((), 3)
    assert cohort.absent[0].given["age"] == 20


def test_numbers_that_are_no_clinical_columns_are_kept_apart(chapman):
    entry = open_cohort(chapman()).entries[-1]
    assert entry.further == {"QRSCount": 19, "QOnset": 208, "QOffset": 265, "TOffset": 386}
    assert not entry.further.keys() & entry.given.keys()


def test_a_table_without_any_of_its_files_is_refused(chapman):
    with pytest.raises(
        CohortError, match=r"none of the 3 records of Diagnostics\.csv has its CSV file; looked for ECGData/"
    ):
        open_cohort(chapman(signals={"ECGData": ["other"]}))


def _with(row: int, column: str, cell: str) -> list[tuple[str, ...]]:
    rows = [list(values) for values in ROWS]
    rows[row][COLUMNS.index(column)] = cell
    return [tuple(values) for values in rows]


def test_an_age_that_is_hidden_counts_as_90_and_is_warned_of(chapman):
    cohort = open_cohort(chapman(rows=_with(0, "PatientAge", "90+")))
    assert {entry.record_id: entry.given["age"] for entry in cohort.entries}[ROWS[0][0]] == 90
    assert cohort.warnings == ("Diagnostics.csv: age: 1 of 3 read with a remark (age '90+' counts as 90 years)",)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (_with(1, "FileName", ROWS[0][0]), "1 names are there more than once, first 'MUSE_20180113_171327_27000'"),
        (_with(1, "FileName", ""), "row 3: FileName is empty"),
        (_with(1, "FileName", "../secret"), r"row 3: FileName '\.\./secret' has a path separator"),
        (_with(1, "FileName", "a/b"), "row 3: FileName 'a/b' has a path separator"),
        (_with(1, "FileName", "a\\b"), "has a path separator"),
        (_with(1, "FileName", ".."), "has a path separator"),
        (_with(1, "Rhythm", "AFBI"), r"unknown rhythm 'AFBI' \(1 rows, did you mean 'AFIB'\?\); correct it or define"),
        (_with(1, "Rhythm", "XYZ"), r"unknown rhythm 'XYZ' \(1 rows\)"),
    ],
)
def test_a_wrong_row_is_refused_with_its_place_and_value(chapman, rows, message):
    with pytest.raises(CohortError, match=rf"Diagnostics\.csv.*{message}"):
        open_cohort(chapman(rows=rows))


@pytest.mark.parametrize("column", ["FileName", "Rhythm", "Beat", "PatientAge", "TAxis"])
def test_a_table_without_one_of_its_columns_is_refused(chapman, column):
    place = COLUMNS.index(column)
    rows = [row[:place] + row[place + 1 :] for row in ROWS]
    with pytest.raises(CohortError, match=rf"Diagnostics\.csv: column {column} missing"):
        open_cohort(chapman(columns=COLUMNS[:place] + COLUMNS[place + 1 :], rows=rows))


def test_what_is_no_table_at_all_is_refused(chapman):
    root = chapman()
    (root / "Diagnostics.csv").write_text("<html>404</html>")
    with pytest.raises(CohortError, match=r"Diagnostics\.csv: columns FileName, Rhythm, .* missing \(found: <html>"):
        open_cohort(root)


def test_an_empty_rhythm_leaves_the_record_unlabelled(chapman):
    cohort = open_cohort(chapman(rows=_with(1, "Rhythm", "")))
    assert [entry.rhythms for entry in cohort.entries] == [("SA",), (), ("AFIB",)]


@pytest.mark.parametrize(
    "name", ["RhythmNames.csv", "RhythmNames.xlsx", "RhythmNames/any.csv", "RhythmNames.csv/part.csv"]
)
def test_rhythm_names_define_codes_of_their_own(chapman, table, name):
    root = chapman(rows=_with(1, "Rhythm", "VHF"))
    table(root / name, ("Acronym Name", "Full Name"), (("VHF", "Atrial Fibrillation"), ("SI", "Sinus Irregularity")))
    cohort = open_cohort(root)
    assert cohort.entries[1].rhythms == ("AFIB",)
    assert "rhythms" in cohort.table


def test_the_full_name_decides_what_an_acronym_means(chapman, table):
    """There are tables in which AF is fibrillation; here it is flutter unless the table says otherwise."""
    root = chapman(rows=_with(1, "Rhythm", "AF"))
    assert open_cohort(root).entries[1].rhythms == ("AF",)
    table(root / "RhythmNames.csv", ("Acronym Name", "Full Name"), (("AF", "Atrial  fibrillation"),))
    assert open_cohort(root).entries[1].rhythms == ("AFIB",)


def test_a_documented_rhythm_outside_the_eleven_is_a_further_statement(chapman, table):
    root = chapman(rows=_with(1, "Rhythm", "VT"))
    table(root / "RhythmNames.csv", ("Acronym Name", "Full Name"), (("VT", "Ventricular Tachycardia"),))
    entry = open_cohort(root).entries[1]
    assert (entry.rhythms, entry.others) == ((), ("VT", "TWC"))


def test_si_of_rhythm_names_is_sa_of_the_table(chapman):
    assert open_cohort(chapman(rows=_with(2, "Rhythm", "SI"))).entries[0].rhythms == ("SA",)


def test_attributes_that_the_table_lacks_are_warned_of(chapman, table):
    root = chapman()
    table(root / "AttributesDictionary.csv", ("Attributes", "Type"), (("FileName", "String"), ("Height", "Numeric")))
    assert open_cohort(root).warnings == ("Diagnostics.csv lacks Height, which AttributesDictionary.csv describes",)


def test_rows_that_share_all_measurements_and_the_rhythm_are_twins(chapman):
    rows = [ROWS[0], ("other", *ROWS[0][1:]), ("third", "AF", *ROWS[0][2:])]
    entries = open_cohort(chapman(rows=rows, signals={"ECGData": [row[0] for row in rows]})).entries
    keys = {entry.record_id: entry.twin_key for entry in entries}
    assert keys["other"] == keys[ROWS[0][0]]
    assert keys["third"] != keys["other"]


def test_a_table_in_another_order_gives_no_numbers_to_its_records(chapman):
    """Row n is PhysioNet's JS000n in the published order only: a sorted copy would mark the wrong duplicates."""
    assert not any(alias.startswith("JS") for entry in open_cohort(chapman()).entries for alias in entry.aliases)


def test_simulated_records_say_so_and_are_no_editions_of_real_ones(chapman):
    root = chapman()
    (root / "SIMULATED.json").write_text(json.dumps({"simulated": True}))
    cohort = open_cohort(root)
    assert cohort.simulated
    assert {entry.source for entry in cohort.entries} == {"simulated"}
    assert not any(entry.aliases for entry in cohort.entries)
