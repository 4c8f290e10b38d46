"""Your own files through manifest.csv and labels.yaml."""

from __future__ import annotations

import csv
import os
import re
import textwrap

import numpy as np
import pytest

from ecgml.cohorts.cohort import read_entry
from ecgml.cohorts.opening import open_cohort
from ecgml.errors import CohortError
from ecgml.records.clinical import accepted
from tests.conftest import ROOT


@pytest.fixture
def own(tmp_path):
    """Return a function that writes a manifest, labels and files, and returns their folder."""

    def write(*lines: str, labels: str | None = None, files: tuple[str, ...] = ("a.csv", "b.csv")):
        root = tmp_path / "own"
        root.mkdir(exist_ok=True)
        (root / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        if labels is not None:
            (root / "labels.yaml").write_text(labels, encoding="utf-8")
        for name in files:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("1,2,3,4,5,6,7,8,9,10,11,12\n" * 3)
        return root

    return write


def test_what_the_documentation_shows_opens_without_a_warning(own):
    text = (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")
    manifest, labels = (
        textwrap.dedent(re.search(rf"```{kind}\n(.*?)```", text, re.DOTALL)[1]) for kind in ("csv", "yaml")
    )
    files = ("ward7/0001.csv", "ward7/0002.csv", "lab/0003.npy", "lab/0004.hea")
    cohort = open_cohort(own(*manifest.splitlines(), labels=labels, files=files))
    assert cohort.warnings == ()
    assert [entry.rhythms for entry in cohort.entries] == [("AFIB",), (), ("SR",), ("AFIB",)]


def test_path_and_rhythm_are_enough(own):
    cohort = open_cohort(own("path,rhythm", "b.csv,SR", "a.csv,"))
    assert (cohort.kind, cohort.name, cohort.warnings) == ("manifest", "own", ())
    first, second = cohort.entries
    assert (first.record_id, first.rhythms, first.source, first.given) == ("a", (), "own", {})
    assert (second.record_id, second.rhythms) == ("b", ("SR",))


def test_every_optional_column_is_understood(own):
    columns = "path;rhythm;record_id;patient_id;age;sex;fs;unit;date;source;fold;ventricular_rate;qrs_duration"
    row = "a.csv;AFIB;r1;p1;63;female;250;uV;2020-02-29T10:00:00;Ward 7;4;88;96"
    cohort = open_cohort(own(columns, row))
    (entry,) = cohort.entries
    assert (entry.record_id, entry.patient_id, entry.date, entry.source, entry.fold) == (
        "r1",
        "p1",
        "2020-02-29",
        "Ward 7",
        4,
    )
    assert entry.given == {"age": 63, "sex": 1, "ventricular_rate": 88, "qrs_duration": 96}
    record = read_entry(entry)
    assert record.fs == 250
    np.testing.assert_allclose(record.waveform[0], 0.001)


@pytest.mark.parametrize("leads", ["V1 V2 V3 V4 V5 V6 I II III aVR aVL aVF", "V1;V2;V3;V4;V5;V6;I;II;III;aVR;aVL;aVF"])
def test_the_manifest_may_name_the_leads_of_columns_without_names(own, leads):
    root = own("path,rhythm,fs,unit,leads", f"a.csv,SR,500,mV,{leads}")
    (root / "a.csv").write_text("5,2,3,4,5,6,7,8,9,10,11,12\n" * 3)
    (entry,) = open_cohort(root).entries
    np.testing.assert_array_equal(read_entry(entry).waveform[:, 0], [7, 8, 9, 10, 11, 12, 5, 2, 3, 4, 5, 6])


@pytest.mark.parametrize("separator", ["+", ";", " + "])
def test_several_rhythms_share_a_cell(own, separator):
    (entry,) = open_cohort(own("path,rhythm", f'a.csv,"AFIB{separator}164890007"')).entries
    assert entry.rhythms == ("AFIB", "AF")


def test_labels_yaml_says_what_words_mean(own):
    labels = "Sinusrhythmus: SR\nVHF: AFIB\nSchrittmacher: null\n427084000: ST\n"
    root = own(
        "path,rhythm",
        "a.csv,VHF+Schrittmacher",
        "b.csv,Sinusrhythmus",
        "c.csv,427084000",
        labels=labels,
        files=("a.csv", "b.csv", "c.csv"),
    )
    cohort = open_cohort(root)
    assert [entry.rhythms for entry in cohort.entries] == [("AFIB",), ("SR",), ("ST",)]
    assert cohort.entries[0].others == ("Schrittmacher",)
    assert set(cohort.table) == {"manifest", "labels"}


def test_words_that_yaml_has_other_plans_for_stay_words(own):
    root = own("path,rhythm", "a.csv,NO+2020-01-01", "b.csv,on", labels="NO: SR\n2020-01-01: ~\non: AFIB\n")
    assert [entry.rhythms for entry in open_cohort(root).entries] == [("SR",), ("AFIB",)]


def test_unknown_words_are_answered_with_lines_to_paste_most_frequent_first(own):
    root = own("path,rhythm", "a.csv,Schrittmacher+Sinusrhythmus", "b.csv,Sinusrhythmus", labels="AFIB: AFIB")
    with pytest.raises(CohortError) as caught:
        open_cohort(root)
    head, *lines = str(caught.value).splitlines()
    assert head.endswith("2 words are no rhythms that we know; check these lines and paste them into "
                         f"{root / 'labels.yaml'}:")  # fmt: skip
    assert lines == ["Sinusrhythmus: SR  # 2 records", "Schrittmacher: null  # 1 record: which rhythm? null says none"]


AWKWARD = (
    "7:Zürich", "a: b", "# 1", "yes", "~", "null", "2020-01-01", "[x", "{y}", "- z", "'quoted", '"double"', "tail:",
    "*a", "&a", "!tag", "%x", "@x", "`x", "| x", "> x", "? x", "a #b", "a\tb", "two\nlines", "\N{NO-BREAK SPACE}x",
    "ECG \U0001f493", "x" * 300, "\\n",
)  # fmt: skip


def test_lines_can_be_pasted_whatever_the_words(own):
    root = own("path,rhythm", files=("a.csv",))
    with (root / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("path", "rhythm"), ("a.csv", "+".join(["Vorhofflimmern", *AWKWARD]))])
    with pytest.raises(CohortError) as caught:
        open_cohort(root)
    (root / "labels.yaml").write_text("VHF: AFIB\n" + str(caught.value).partition("\n")[2], encoding="utf-8")
    (entry,) = open_cohort(root).entries
    assert entry.rhythms == ("AFIB",)
    assert set(entry.others) == {word.strip() for word in AWKWARD}


@pytest.mark.parametrize("word", ["Ventricular tachycardia", "Junctional rhythm", "Supraventricular extrasystole"])
def test_no_rhythm_is_suggested_for_a_word_that_names_none(own, word):
    """Each resembles a rhythm's name by more than 60 % (difflib), and is another."""
    with pytest.raises(CohortError, match=rf"\n{word}: null  # 1 record: which rhythm"):
        open_cohort(own("path,rhythm", f"a.csv,{word}"))


def test_labels_yml_is_read_like_labels_yaml(own):
    root = own("path,rhythm", "a.csv,VHF")
    (root / "labels.yml").write_text("VHF: AFIB\n")
    cohort = open_cohort(root)
    assert cohort.entries[0].rhythms == ("AFIB",)
    assert cohort.table["labels"] == root / "labels.yml"
    (root / "labels.yaml").write_text("VHF: SR\n")
    with pytest.raises(CohortError, match=r"labels\.yaml and labels\.yml; keep one of them"):
        open_cohort(root)


def test_af_is_taken_for_flutter_only_with_a_warning(own):
    root = own("path,rhythm", "a.csv,AF")
    cohort = open_cohort(root)
    assert cohort.entries[0].rhythms == ("AF",)
    assert "AF is atrial flutter here" in cohort.warnings[0]
    (root / "labels.yaml").write_text("AF: AFIB")
    cohort = open_cohort(root)
    assert cohort.entries[0].rhythms == ("AFIB",)
    assert cohort.warnings == ()


def test_af_is_flutter_without_doubt_where_its_source_writes_fibrillation_otherwise(own):
    """As LUDB's manifest does; another hospital's AFIB says nothing of this one's AF."""
    rows = ("a.csv,AF,here", "b.csv,AFIB,here")
    cohort = open_cohort(own("path,rhythm,source", *rows))
    assert [entry.rhythms for entry in cohort.entries] == [("AF",), ("AFIB",)]
    assert cohort.warnings == ()
    cohort = open_cohort(own("path,rhythm,source", *rows, "c.csv,AF,there", files=("a.csv", "b.csv", "c.csv")))
    assert [warning for warning in cohort.warnings if "AF is atrial flutter here" in warning]


def test_files_in_folders_keep_their_folder_in_their_id(own):
    root = own("path,rhythm", "x/a.csv,SR", "y/a.csv,SB", files=("x/a.csv", "y/a.csv"))
    assert [entry.record_id for entry in open_cohort(root).entries] == ["x/a", "y/a"]


def test_paths_may_be_written_as_windows_does(own):
    root = own("path,rhythm", "x\\a.csv,SR", files=("x/a.csv",))
    assert [entry.record_id for entry in open_cohort(root).entries] == ["x/a"]
    with pytest.raises(CohortError, match="leads outside"):
        open_cohort(own("path,rhythm", "..\\own.csv,SR"))


def test_a_wfdb_record_may_be_named_without_suffix(own, header):
    root = own("path,rhythm", "rec,SR", files=())
    header(root / "rec.hea")
    assert open_cohort(root).entries[0].record_id == "rec"


@pytest.mark.parametrize("other", ["rec.hea", "rec.dat", "./rec"])
def test_a_record_by_two_names_is_the_same_record(own, header, other):
    root = own("path,rhythm,record_id", "rec,SR,1", f"{other},SB,2", files=())
    header(root / "rec.hea")
    (root / "rec.dat").touch()
    with pytest.raises(CohortError, match=r"row 3: path .*rec\.hea is that of row 2"):
        open_cohort(root)


def test_a_dot_in_the_name_of_a_record_is_no_suffix(own, header):
    root = own("path,rhythm", "p1.1,SR", "p1.2,SB", "p1.3,SB", "p1.4.hea,SR", "p1.5.csv,SR", files=("p1.5.csv",))
    for number in (1, 2, 4):
        header(root / f"p1.{number}.hea")
    cohort = open_cohort(root)
    assert [entry.record_id for entry in cohort.entries] == ["p1.1", "p1.2", "p1.4", "p1.5"]
    assert [entry.record_id for entry in cohort.absent] == ["p1.3"]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="the system has no links")
def test_a_header_that_leads_outside_the_folder_is_refused_under_every_name(own, header, tmp_path):
    header(tmp_path / "elsewhere" / "rec.hea")
    for name in ("rec", "rec.dat", "rec.hea"):
        root = own("path,rhythm", f"{name},SR", files=())
        (root / "rec.hea").unlink(missing_ok=True)
        (root / "rec.hea").symlink_to(tmp_path / "elsewhere" / "rec.hea")
        with pytest.raises(CohortError, match="leads outside"):
            open_cohort(root)


def test_rows_without_a_file_are_counted_and_the_first_is_named(own):
    root = own("path,rhythm", "a.csv,SR", "gone.csv,SB")
    cohort = open_cohort(root)
    assert (len(cohort.entries), cohort.rows_without_file) == (1, 1)
    assert [entry.rhythms for entry in cohort.absent] == [("SB",)]
    assert cohort.warnings == (f"1 of 2 rows of manifest.csv have no file (first: {root / 'gone.csv'}); ignored",)


def test_a_manifest_alone_opens_where_no_file_is_needed(own):
    cohort = open_cohort(own("path,rhythm", "gone.csv,SB", files=()), need_files=False)
    assert (cohort.entries, len(cohort.absent)) == ((), 1)


def test_misspelt_columns_and_implausible_values_are_warned_of(own):
    cohort = open_cohort(own("path,rhythm,patientid,age", "a.csv,SR,p1,630", "b.csv,SR,p2,63"))
    assert cohort.warnings == (
        "manifest.csv: column 'patientid' is not known, did you mean 'patient_id'?; ignored",
        "manifest.csv: age: 1 value is not understood or implausible, so missing (first '630'); "
        "accepted: 0 to 120 years",
    )


def test_german_and_french_words_dates_and_decimal_commas_are_understood(own):
    root = own(
        "path;rhythm;age;sex;qt_interval;date",
        "a.csv;SR;63 Jahre;weiblich;398,5;02.03.2021",
        "b.csv;SR;71 ans;homme;400;3.3.2021 10:33",
    )
    cohort = open_cohort(root)
    assert cohort.warnings == ()
    assert [entry.given for entry in cohort.entries] == [
        {"age": 63, "sex": 1, "qt_interval": 398.5},
        {"age": 71, "sex": 0, "qt_interval": 400},
    ]
    assert [entry.date for entry in cohort.entries] == ["2021-03-02", "2021-03-03"]


def test_a_sex_that_is_not_understood_is_reported_with_the_words_that_are(own):
    (warning,) = open_cohort(own("path,rhythm,sex", "a.csv,SR,x", "b.csv,SR,unbekannt")).warnings
    assert warning.startswith("manifest.csv: sex: 2 values are not understood or implausible, so missing (first 'x')")
    assert warning.endswith("accepted: " + accepted("sex"))


@pytest.mark.parametrize(("name", "meant"), [("Geschlecht", "sex"), ("Abtast-Rate", "fs"), ("Unité", "unit")])
def test_a_column_by_another_name_is_answered_with_its_own(own, name, meant):
    (warning,) = open_cohort(own(f"path,rhythm,{name}", "a.csv,SR,")).warnings
    assert warning == f"manifest.csv: column {name!r} is not known, did you mean {meant!r}?; ignored"


def test_rows_with_fewer_cells_than_the_header_are_warned_of(own):
    cohort = open_cohort(own("path,rhythm,age,sex", "a.csv,SR,63,m", "b.csv,SB"))
    assert cohort.entries[1].given == {}
    assert cohort.warnings == (
        "manifest.csv: 1 row has fewer cells than the header (first: row 3); what lacks counts as empty",
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("path,rhythm",), "has no row below its header; write one a recording"),
        (("path,rhythm,date", "a.csv,SR,02/03/2021"), "row 2: date '02/03/2021': is the day first, or the month"),
        (("path", "a.csv"), "column rhythm missing"),
        (("path,rhythm", ",SR"), "row 2: path is empty"),
        (("path,rhythm", "../own.csv,SR"), r"row 2: path '\.\./own\.csv' leads outside"),
        (("path,rhythm", "/etc/passwd,SR"), "row 2: path '/etc/passwd' leads outside"),
        (("path,rhythm", "link.csv,SR"), r"row 2: path 'link\.csv' leads outside"),
        (("path,rhythm", "folder/a.csv,SR"), r"row 2: path 'folder/a\.csv' leads outside"),
        (("path,rhythm", "a.csv,SR", "./a.csv,SB"), r"row 3: path .*a\.csv is that of row 2, too"),
        (("path,rhythm,record_id", "a.csv,SR,1", "b.csv,SB,1"), "row 3: record_id 1 is that of row 2, too"),
        (("path,rhythm,fs", "a.csv,SR,fast"), "row 2: fs 'fast' is not a positive number"),
        (("path,rhythm,fs", "a.csv,SR,-500"), "row 2: fs '-500' is not a positive number"),
        (("path,rhythm,unit", "a.csv,SR,mmHg"), "row 2: unit 'mmHg' is not a voltage"),
        (("path,rhythm,date", "a.csv,SR,today"), "row 2: date 'today' is not ISO 8601"),
        (("path,rhythm,fold", "a.csv,SR,x"), "row 2: fold 'x' is not a whole number"),
    ],
)
def test_a_wrong_row_is_refused_with_its_place_and_value(own, tmp_path, lines, message):
    root = own(*lines)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.csv").write_text("1\n")
    os.symlink(tmp_path / "outside" / "a.csv", root / "link.csv")
    os.symlink(tmp_path / "outside", root / "folder")
    with pytest.raises(CohortError, match=rf"manifest\.csv.*{message}"):
        open_cohort(root)


def test_a_manifest_without_any_of_its_files_is_refused(own):
    with pytest.raises(
        CohortError,
        match=r"none of the 1 files of manifest\.csv is there \(first: .*gone\.csv\); paths start at its folder",
    ):
        open_cohort(own("path,rhythm", "gone.csv,SR"))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("- SR\n", "must map names to values; write lines like 'VHF: AFIB'"),
        ("VHF: [", "expected the node content"),
        ("VHF: Vorhofflimmern\n", "VHF: 'Vorhofflimmern' is no rhythm, did you mean 'AFIB'"),
        ("VHF: AFB\n", "VHF: 'AFB' is no rhythm, did you mean 'AFIB'"),
        ("VHF: !!python/object/apply:os.abort []\n", r"VHF: \[\] is no rhythm"),
        ("VHF: {AFIB: 1}\n", "VHF: .* is no rhythm"),
    ],
)
def test_a_wrong_labels_file_is_refused(own, labels, message):
    with pytest.raises(CohortError, match=rf"labels\.yaml[:,] .*{message}"):
        open_cohort(own("path,rhythm", "a.csv,SR", labels=labels))
