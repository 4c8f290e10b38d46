"""Splits: groups stay whole, classes stay in proportion, impossible splits are refused."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.datasets.duplicates import connected
from ecgml.datasets.settings import SplitSettings
from ecgml.datasets.splits import PARTS, describe, groups_by, split_records
from ecgml.errors import ConfigError, TrainingError
from tests.datasets.tables import make_table

SETTINGS = SplitSettings()


def test_patients_never_cross_splits() -> None:
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 200, 600)
    parts = split_records(make_table(rng.integers(0, 4, 600), blocks=blocks), SETTINGS)
    assert all(len(set(parts[blocks == block])) == 1 for block in np.unique(blocks))


def test_parts_have_the_fractions_and_class_proportions_asked_for() -> None:
    """With single records as groups a part misses its share of a class by less than one record."""
    labels = np.repeat([0, 1, 2, 3], [700, 200, 80, 20])
    parts = split_records(make_table(labels), SETTINGS)
    for part, fraction in zip(PARTS, (0.7, 0.1, 0.1, 0.1), strict=True):
        counts = np.bincount(labels[parts == part], minlength=4)
        np.testing.assert_allclose(counts, fraction * np.array([700, 200, 80, 20]), atol=1)


def test_large_blocks_are_given_out_as_evenly_as_they_allow() -> None:
    """Nine patient-wise folds of 190 beside 50 single records: six, one, one and one fold."""
    rng = np.random.default_rng(1)
    blocks = np.concatenate([np.repeat(np.arange(9), 190), np.arange(9, 59)])
    labels = rng.choice(4, len(blocks), p=[0.7, 0.15, 0.1, 0.05])
    parts = split_records(make_table(labels, blocks=blocks), SETTINGS)
    folds = [len(np.unique(blocks[(parts == part) & (blocks < 9)])) for part in PARTS]
    assert folds == [6, 1, 1, 1]


def test_same_seed_same_split_and_order_of_labels_is_no_matter() -> None:
    labels = np.repeat([0, 1], [80, 40])
    table = make_table(labels)
    np.testing.assert_array_equal(split_records(table, SETTINGS), split_records(table, SETTINGS))
    other = split_records(table, SplitSettings(split_seed=1))
    assert (other != split_records(table, SETTINGS)).any()


def test_every_part_gets_a_record_of_a_tiny_cohort() -> None:
    parts = split_records(make_table([0, 0, 1, 1, 2]), SETTINGS)
    assert set(parts) == set(PARTS)


@pytest.mark.parametrize(("split_by", "column"), [("date", "dates"), ("source", "sources")])
def test_dates_or_sources_never_cross_when_split_by_them(split_by: str, column: str) -> None:
    rng = np.random.default_rng(2)
    names = np.array([f"2018-01-{day:02d}T08:00" for day in rng.integers(1, 29, 400)])
    parts = split_records(make_table(rng.integers(0, 3, 400), **{column: names}), SplitSettings(split_by=split_by))
    assert all(len(set(parts[names == name])) == 1 for name in np.unique(names))


def test_sources_that_begin_alike_are_not_one() -> None:
    """Four hospitals of one city's name fill four parts; cut to their first letters they were one."""
    names = np.repeat([f"University Hospital {town}" for town in ("Ulm", "Bonn", "Jena", "Kiel")], 25)
    table = make_table(np.arange(100) % 2, sources=names)
    assert len(np.unique(groups_by(table, "source"))) == 4
    parts = split_records(table, SplitSettings(split_by="source"))
    assert set(parts) == set(PARTS)


def test_times_of_one_day_are_one_date() -> None:
    dates = np.array(["2018-02-09", "2018-02-09T08:00", "2018-02-09 23:59:59", "2018-02-10T08:00"])
    assert groups_by(make_table([0, 1, 0, 1], dates=dates), "date").tolist() == [0, 0, 0, 1]


def test_hours_of_a_day_never_cross_when_split_by_date() -> None:
    rng = np.random.default_rng(3)
    days = rng.integers(1, 29, 400)
    times = np.array(
        [f"2018-01-{day:02d}T{hour:02d}:00" for day, hour in zip(days, rng.integers(0, 24, 400), strict=True)]
    )
    parts = split_records(make_table(rng.integers(0, 3, 400), dates=times), SplitSettings(split_by="date"))
    assert all(len(set(parts[days == day])) == 1 for day in np.unique(days))


@pytest.mark.parametrize(("split_by", "column"), [("date", "dates"), ("source", "sources")])
def test_patients_never_cross_when_split_by_something_else(split_by: str, column: str) -> None:
    """Every tenth patient was recorded on two days, or in two hospitals, in a row."""
    rng = np.random.default_rng(4)
    blocks = np.concatenate([np.arange(200), np.arange(0, 200, 10)])
    names = np.array([f"2018-{1 + block // 28:02d}-{1 + block % 28:02d}" for block in blocks])
    names[200:] = np.roll(names[:200], 1)[::10]
    table = make_table(rng.integers(0, 3, 220), blocks=blocks, **{column: names})
    parts = split_records(table, SplitSettings(split_by=split_by))
    assert all(len(set(parts[blocks == block])) == 1 for block in np.unique(blocks))


def test_one_class_is_refused() -> None:
    with pytest.raises(TrainingError, match="5 labelled records, classes among them: 1; training needs two or more"):
        split_records(make_table([1, 1, 1, 1, 1]), SETTINGS)


def test_no_records_are_refused() -> None:
    with pytest.raises(TrainingError, match="0 labelled records"):
        split_records(make_table([]), SETTINGS)


def test_too_few_groups_are_refused_with_a_remedy() -> None:
    with pytest.raises(TrainingError, match=r"2 independent groups .*split_by=source.* cannot fill 4 parts"):
        split_records(
            make_table([0, 1, 0, 1], sources=np.array(["a", "a", "b", "b"])), SplitSettings(split_by="source")
        )


def test_fractions_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(ConfigError, match="leave 10% to train on"):
        SplitSettings(val_fraction=0.3, calibration_fraction=0.3, test_fraction=0.3)


def test_description_counts_every_class_of_every_part() -> None:
    table = make_table([0, 0, 1])
    assert describe(table, np.array(["train", "train", "test"]), ("A", "B")) == [
        "train 2: A 2, B 0",
        "val 0: A 0, B 0",
        "calibration 0: A 0, B 0",
        "test 1: A 0, B 1",
    ]


def test_records_are_connected_through_chains_of_shared_keys() -> None:
    keys = [["a"], ["b"], ["a", "c"], [], ["c", "d"], ["d"]]
    assert connected(keys).tolist() == [0, 1, 0, 2, 0, 0]
