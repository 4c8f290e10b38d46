"""Folds: every record is tested once, patients, days and sources never cross, validation is the training side's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgml.datasets.folds import Fold, date_folds, patient_folds, published_folds, source_folds, stratified_folds
from ecgml.datasets.published import read_folds
from ecgml.datasets.settings import SplitSettings
from ecgml.datasets.table import RecordTable
from ecgml.errors import TrainingError
from tests.datasets.tables import make_table

SETTINGS = SplitSettings()


def random_table(seed: int) -> RecordTable:
    """Return 400 records of about 150 patients, 40 days and 3 sources; patients have records on several days."""
    rng = np.random.default_rng(seed)
    patients = rng.integers(0, 150, 400)
    days = np.array([f"2018-{1 + day // 28:02d}-{1 + day % 28:02d}T09:30" for day in (patients // 4) % 40])
    days[rng.random(400) < 0.1] = ""
    sources = np.array(["a", "b", "c"])[np.minimum(patients // 60, 2)]
    return make_table(
        rng.choice(4, 400, p=[0.5, 0.3, 0.15, 0.05]), patients=patients, blocks=patients, dates=days, sources=sources
    )


def assert_sound(folds: list[Fold], table: RecordTable) -> None:
    """Every patient is on one side of each fold, validation and training share none, and no record is tested twice."""
    tested = np.sum([fold.parts == "test" for fold in folds], axis=0)
    assert tested.max() == 1
    for fold in folds:
        assert {"train", "val", "test"} <= set(fold.parts) <= {"train", "val", "test", ""}
        used = fold.parts != ""
        for patient in np.unique(table.blocks[used]):
            assert len(set(fold.parts[used & (table.blocks == patient)])) == 1


@pytest.mark.parametrize("seed", range(5))
def test_every_record_is_tested_once_and_patients_never_cross(seed: int) -> None:
    table = random_table(seed)
    for folds in (patient_folds(table, 5, SETTINGS), source_folds(table, SETTINGS)):
        assert_sound(folds, table)
        np.testing.assert_array_equal(np.sum([fold.parts == "test" for fold in folds], axis=0), 1)


@pytest.mark.parametrize("seed", range(5))
def test_days_never_cross_and_every_dated_record_is_tested_once(seed: int) -> None:
    table = random_table(seed)
    folds, days = date_folds(table, 4, SETTINGS), np.char.ljust(table.dates, 10)
    assert_sound(folds, table)
    tested = np.sum([fold.parts == "test" for fold in folds], axis=0)
    np.testing.assert_array_equal(tested, table.dates != "")
    for fold in folds:
        assert (fold.parts[table.dates == ""] == "").all()
        for day in set(days[table.dates != ""].tolist()):
            assert len(set(fold.parts[days == day])) == 1


def test_a_source_is_nowhere_but_in_the_test_part() -> None:
    table = random_table(0)
    for fold in source_folds(table, SETTINGS):
        assert set(table.sources[fold.parts == "test"]) == {fold.name}
        assert fold.name not in table.sources[np.isin(fold.parts, ["train", "val"])]


def test_a_patient_of_two_sources_is_not_trained_on_when_one_is_held_out() -> None:
    rng = np.random.default_rng(0)
    patients = np.arange(60)
    patients[59] = patients[0]
    sources = np.repeat(["a", "b"], 30)
    table = make_table(rng.integers(0, 2, 60), patients=patients, blocks=patients, sources=sources)
    held_out = {fold.name: fold.parts for fold in source_folds(table, SETTINGS)}
    assert held_out["a"][59] == ""
    assert held_out["b"][0] == ""


def test_classes_are_spread_evenly_over_folds() -> None:
    """With single records as groups a fold misses its even share of a class by less than one record."""
    labels = np.repeat([0, 1, 2, 3], [700, 203, 81, 7])
    fold_of = stratified_folds(labels, np.arange(len(labels)), 5, 0)
    for label, n in enumerate((700, 203, 81, 7)):
        counts = np.bincount(fold_of[labels == label], minlength=5)
        assert np.abs(counts - n / 5).max() < 1
    sizes = np.bincount(fold_of)
    assert sizes.max() - sizes.min() <= 4


def test_a_few_large_groups_fill_folds_of_like_size() -> None:
    """Nine groups of 190 records beside 50 single ones: three large groups a fold."""
    rng = np.random.default_rng(1)
    groups = np.concatenate([np.repeat(np.arange(9), 190), np.arange(9, 59)])
    fold_of = stratified_folds(rng.choice(4, len(groups), p=[0.7, 0.15, 0.1, 0.05]), groups, 3, 0)
    assert [len(np.unique(groups[(fold_of == fold) & (groups < 9)])) for fold in range(3)] == [3, 3, 3]


def test_validation_has_its_share_of_the_training_side() -> None:
    labels = np.arange(1000) % 4
    for fold in patient_folds(make_table(labels), 5, SETTINGS):
        assert (fold.parts == "val").sum() == pytest.approx(80, abs=4)


def test_same_seed_same_folds() -> None:
    table = random_table(0)
    first, again, other = (
        [fold.parts for fold in patient_folds(table, 3, settings)]
        for settings in (SETTINGS, SETTINGS, SplitSettings(split_seed=1))
    )
    np.testing.assert_array_equal(first, again)
    assert any((one != two).any() for one, two in zip(first, other, strict=True))


def test_published_folds_stand_as_they_are_but_for_patients_on_both_sides() -> None:
    numbers = np.array([*range(1, 11), 1, 3, -1, 0] * 3)
    patients = np.arange(len(numbers))
    patients[0], patients[11] = patients[9], patients[8]
    table = make_table(np.arange(len(numbers)) % 2, patients=patients, blocks=np.zeros(len(numbers), dtype=int))
    (fold,) = published_folds(table, numbers)
    assert set(np.flatnonzero(fold.parts == "test")) == set(np.flatnonzero(numbers == 10))
    assert set(np.flatnonzero(fold.parts == "val")) == set(np.flatnonzero(numbers == 9))
    left_out = set(np.flatnonzero((numbers >= 1) & (fold.parts == "")))
    assert left_out == {0, 11}
    assert published_folds(table, np.full(len(numbers), -1)) == []


def test_impossible_folds_are_refused_with_the_reason() -> None:
    with pytest.raises(TrainingError, match=r"4 independent groups of records \(by patient\) cannot fill 5 folds"):
        patient_folds(make_table([0, 1, 0, 1]), 5, SETTINGS)
    with pytest.raises(TrainingError, match=r"all 4 records are of one source \(source\)"):
        source_folds(make_table([0, 1, 0, 1]), SETTINGS)
    assert date_folds(make_table([0, 1, 0, 1]), 2, SETTINGS) == []


def test_folds_are_read_by_whichever_column_names_the_records(tmp_path: Path) -> None:
    """ECGBench's layout of Chapman-Shaoxing, and of PTB-XL with its numbers for names."""
    (tmp_path / "folds.csv").write_text(
        "FileName,fold,default_split\nECGData/MUSE_1.csv,3,train\nECGData/MUSE_2.csv,10,test\n"
    )
    ids = ["chapman/MUSE_2", "chapman/MUSE_1", "chapman/MUSE_9"]
    assert read_folds(tmp_path, ids).tolist() == [10, 3, -1]
    other = tmp_path / "ptbxl.csv"
    other.write_text(
        "ecg_id,patient_id,filename_lr,strat_fold\n1,15709,records100/00000/00001_lr,3\n2,1,x/00002_lr,9\n"
    )
    assert read_folds(other, ["ptbxl/00002", "ptbxl/00001"]).tolist() == [9, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("FileName,part\nr1,3\n", "has no column fold among FileName, part"),
        ("FileName,fold\nr1,train\n", "line 2: fold 'train', expected a whole number"),
        ("FileName,fold\nr1,1\nr1,2\n", "record r1 is in folds 1 and 2"),
        ("FileName,fold\nother,1\n", "names none of the 1 records"),
    ],
)
def test_a_file_that_is_no_use_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "folds.csv").write_text(content)
    with pytest.raises(TrainingError, match=message):
        read_folds(tmp_path / "folds.csv", ["cohort/r1"])


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="cannot be read as CSV") as caught:
        read_folds(tmp_path / "none.csv", ["cohort/r1"])
    assert "\n" not in str(caught.value)
