"""Which kind a folder is of, and names that are unique in a job."""

from __future__ import annotations

import pytest

from ecgml.cohorts.cohort import read_entry
from ecgml.cohorts.opening import open_cohort, open_cohorts
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.errors import CohortError


def test_a_missing_folder_is_said_to_be_missing(tmp_path):
    with pytest.raises(CohortError, match="absent does not exist; give the folder of a data set"):
        open_cohort(tmp_path / "absent")


def test_a_file_is_no_data_set(chapman):
    with pytest.raises(CohortError, match=r"Diagnostics\.csv is a file; give the folder that holds it"):
        open_cohort(chapman() / "Diagnostics.csv")


def test_a_folder_of_no_known_kind_is_answered_with_what_was_looked_for_and_found(tmp_path):
    (tmp_path / "pictures").mkdir()
    for name in ("a.png", "b.png", "README"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(
        CohortError, match=r"no known kind of data set; looked for manifest\.csv, ptbxl_database"
    ) as caught:
        open_cohort(tmp_path)
    assert str(caught.value).endswith("found 1 folders, 2 files (.png), 1 files (no suffix)")
    assert "\n" not in str(caught.value)


def test_an_empty_folder_is_of_no_known_kind(tmp_path):
    with pytest.raises(CohortError, match="found nothing"):
        open_cohort(tmp_path)


def test_a_manifest_beats_what_else_is_there(chapman):
    root = chapman()
    (root / "manifest.csv").write_text("path,rhythm\nECGData/MUSE_20180113_171327_27000.csv,SR\n")
    assert open_cohort(root).kind == "manifest"


def test_a_folder_of_data_sets_is_not_mixed_into_one(chapman, header):
    root = chapman().parent
    header(root / "georgia" / "E00001.hea", "Dx: 426783006")
    with pytest.raises(CohortError, match=r"is not a data set but contains chapman, georgia; give their folders"):
        open_cohort(root)


def test_cohorts_of_one_name_are_told_apart_by_their_folders(tmp_path, header):
    for place in ("a/data", "b/data", "c"):
        header(tmp_path / place / "x.hea", "Dx: 426783006")
    opened = open_cohorts([tmp_path / "a" / "data", tmp_path / "c", tmp_path / "b" / "data"])
    assert [cohort.name for cohort in opened] == ["a-data", "c", "b-data"]


def test_names_stay_unique_when_the_folders_around_are_alike(tmp_path, header):
    for place in ("1/a/data", "2/a/data"):
        header(tmp_path / place / "x.hea", "Dx: 426783006")
    opened = open_cohorts([tmp_path / "1" / "a" / "data", tmp_path / "2" / "a" / "data"])
    assert [cohort.name for cohort in opened] == ["a-data", "a-data-2"]


def test_a_data_set_given_twice_is_refused(chapman):
    root = chapman()
    with pytest.raises(CohortError, match="chapman is given 2 times; give it once"):
        open_cohorts([root, root / "ECGData" / ".."])


def test_no_paths_are_no_cohorts():
    assert open_cohorts([]) == []


@pytest.mark.parametrize(("layout", "kind"), [("chapman", "chapman"), ("wfdb", "physionet")])
def test_the_simulated_demo_opens_and_says_so(tmp_path, layout, kind):
    write_demo(tmp_path / "demo", n_records=12, seed=1, layout=layout)
    cohort = open_cohort(tmp_path / "demo")
    assert (cohort.kind, cohort.simulated, len(cohort.entries), cohort.warnings) == (kind, True, 12, ())
    for entry in cohort.entries:
        assert len(entry.given) > 6
        assert len(entry.rhythms) == 1
        record = read_entry(entry)
        assert (record.fs, record.waveform.shape) == (500, (12, 5000))


def test_opening_twice_gives_the_same_entries(chapman):
    root = chapman()
    assert open_cohort(root) == open_cohort(root)
