"""PTB-XL: its table, its two sampling frequencies, its rhythm statements."""

from __future__ import annotations

import pytest

from ecgml.cohorts.opening import open_cohort
from ecgml.errors import CohortError

COLUMNS = (
    "ecg_id", "patient_id", "age", "sex", "recording_date", "scp_codes", "strat_fold", "filename_lr", "filename_hr",
)  # fmt: skip

ROWS = tuple(
    (*row, f"records100/00000/{row[0].zfill(5)}_lr", f"records500/00000/{row[0].zfill(5)}_hr")
    for row in (
        ("1", "15709.0", "56.0", "1", "1984-11-09 09:17:34", "{'NORM': 100.0, 'SR': 0.0}", "3"),
        ("2", "13243.0", "300.0", "0", "1984-11-14 12:55:37", "{'AFLT': 0.0, 'SVTAC': 0.0}", "2"),
        ("3", "", "", "", "", "{'LVH': 100.0}", "10"),
    )
)


@pytest.fixture
def ptbxl(tmp_path, table, header):
    """Return a function that writes the table and the headers named."""

    def write(*headers: str, rows=ROWS, columns=COLUMNS, name="ptbxl_database.csv"):
        # Quoted: scp_codes holds commas.
        table(tmp_path / name, columns, [[f'"{cell}"' for cell in row] for row in rows])
        for path in headers or [row[-1] for row in rows]:
            header(tmp_path / f"{path}.hea")
        return tmp_path

    return write


def test_the_table_is_understood(ptbxl):
    cohort = open_cohort(ptbxl())
    assert (cohort.kind, cohort.warnings, cohort.rows_without_file) == ("ptbxl", (), 0)
    first, second, third = cohort.entries
    assert [entry.record_id for entry in cohort.entries] == ["00001", "00002", "00003"]
    assert (first.rhythms, first.others) == (("SR",), ("NORM",))
    assert (second.rhythms, second.others) == (("AF", "SVT"), ())
    assert (third.rhythms, third.others) == ((), ("LVH",))
    assert first.given == {"age": 56, "sex": 1}
    assert third.given == {}
    assert (first.patient_id, third.patient_id) == ("15709", None)
    assert (first.date, third.date) == ("1984-11-09", None)
    assert [entry.fold for entry in cohort.entries] == [3, 2, 10]
    assert first.aliases == ("HR00001",), "the challenges' name of the record"
    assert first.source == "ptb-xl"


def test_an_age_of_300_is_90(ptbxl):
    assert open_cohort(ptbxl()).entries[1].given == {"age": 90, "sex": 0}


def test_an_age_of_other_form_is_read_and_what_is_none_is_warned_of(ptbxl):
    cohort = open_cohort(ptbxl(rows=_with("age", ">89")))
    assert cohort.entries[0].given["age"] == 90
    assert cohort.warnings == ("ptbxl_database.csv: age: 1 of 3 read with a remark (age '>89' counts as 90 years)",)
    cohort = open_cohort(ptbxl(rows=_with("age", "old")))
    assert "age" not in cohort.entries[0].given
    assert "age: 1 value is not understood or implausible, so missing (first 'old')" in cohort.warnings[0]


def test_500_hz_is_used_unless_more_records_are_there_at_100_hz(ptbxl):
    low, high = [row[-2] for row in ROWS], [row[-1] for row in ROWS]
    root = ptbxl(*high, *low)
    assert {entry.path.stem[-2:] for entry in open_cohort(root).entries} == {"hr"}
    (root / f"{high[0]}.hea").unlink()
    cohort = open_cohort(root)
    assert {entry.path.stem[-2:] for entry in cohort.entries} == {"lr"}
    assert len(cohort.entries) == 3


def test_rows_without_a_file_are_counted(ptbxl):
    cohort = open_cohort(ptbxl(ROWS[1][-1]))
    assert (len(cohort.entries), cohort.rows_without_file) == (1, 2)
    assert [entry.record_id for entry in cohort.absent] == ["00001", "00003"]
    assert cohort.warnings == ("2 of 3 rows of ptbxl_database.csv have no file (filename_hr); they are ignored",)


def test_a_table_alone_opens_where_no_file_is_needed(ptbxl):
    cohort = open_cohort(ptbxl("elsewhere/00001"), need_files=False)
    assert (cohort.entries, len(cohort.absent)) == ((), 3)
    assert cohort.absent[0].given


def test_a_table_of_labels_is_understood(ptbxl):
    columns = ("ecg_id", "age", "sex", "rhythm_statements", "strat_fold", "filename_lr")
    rows = (("1", "56.0", "Female", "SR+BIGU", "3", "r/1_lr"), ("2", "", "", "", "4", "r/2_lr"))
    first, second = open_cohort(ptbxl(rows=rows, columns=columns, name="labels.csv")).entries
    assert (first.rhythms, first.others, first.given["sex"]) == (("SR",), ("BIGU",), 1)
    assert (second.rhythms, second.others) == ((), ())


def _with(column: str, cell: str):
    return [tuple(cell if name == column else value for name, value in zip(COLUMNS, ROWS[0], strict=True)), *ROWS[1:]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (_with("ecg_id", "2"), "ecg_id 00002 is there more than once"),
        (_with("scp_codes", "NORM"), "row 2: scp_codes 'NORM' is not a dict of statements"),
        (_with("scp_codes", "__import__('os').abort()"), "row 2: scp_codes .* is not a dict of statements"),
        (_with("scp_codes", "(" * 5000), "row 2: scp_codes .* is not a dict of statements"),
        (_with("strat_fold", "one"), "row 2: fold 'one' is not a whole number"),
        (_with("recording_date", "yesterday"), "row 2: date 'yesterday' is not ISO 8601"),
        (_with("filename_hr", "../../etc/passwd"), r"row 2: path '\.\./\.\./etc/passwd\.hea' leads outside"),
        (_with("filename_lr", "/etc/passwd"), "row 2: path '/etc/passwd.hea' leads outside"),
    ],
)
def test_a_wrong_row_is_refused_with_its_place_and_value(ptbxl, rows, message):
    root = ptbxl("records500/00000/00001_hr", rows=rows)
    with pytest.raises(CohortError, match=rf"ptbxl_database\.csv.*{message}"):
        open_cohort(root)


def test_a_table_without_any_of_its_files_is_refused(ptbxl):
    with pytest.raises(CohortError, match=r"none of the 3 records of ptbxl_database\.csv is there; fetch records500/"):
        open_cohort(ptbxl("elsewhere/x"))


def test_a_table_without_statements_is_refused(ptbxl):
    with pytest.raises(CohortError, match=r"column scp_codes \(or rhythm_statements\) missing"):
        open_cohort(ptbxl("r/1_lr", columns=("ecg_id", "strat_fold", "filename_lr"), rows=(("1", "1", "r/1_lr"),)))


def test_a_labels_table_of_something_else_is_not_ptbxl(tmp_path, header):
    (tmp_path / "labels.csv").write_text("file,label\na,1\n")
    header(tmp_path / "a.hea", "Dx: 426177001")
    assert open_cohort(tmp_path).kind == "physionet"
