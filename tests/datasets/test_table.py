"""The table: labels as written and harmonised, each ECG once, groups that contain each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecgml.cohorts.cohort import Cohort, Entry
from ecgml.datasets.cache import CachedCohort, Quarantined
from ecgml.datasets.table import RecordTable, build_table
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.schemes import SCHEMES, Scheme

GROUPS = SCHEMES["groups"]
RATE = CLINICAL_NAMES.index("ventricular_rate")


def entry(name: str, rhythms: str = "SR", **fields: object) -> Entry:
    return Entry(name, Path(f"{name}.csv"), tuple(rhythms.split("+")) if rhythms else (), **fields)


def make(name: str, entries: list[Entry], *, bad: tuple[str, ...] = (), rate: float = 70, same: str = "") -> tuple:
    """Return a cohort and its cache: one window a record, every fingerprint its own unless named in `same`."""
    usable = [one.record_id for one in entries if one.record_id not in bad]
    measured = np.full((len(usable), len(CLINICAL_NAMES)), np.nan, dtype=np.float32)
    measured[:, RATE] = rate
    cached = CachedCohort(
        np.zeros((len(usable), 12, 10), np.int16), np.full(len(usable), 10, np.int32), tuple(usable),
        np.arange(len(usable) + 1), measured,
        tuple("same" if same and one in same.split() else f"{name}-{one}" for one in usable), ("",) * len(usable),
        tuple(Quarantined(one, "flat", f"{one}: flat") for one in bad), "digest",
    )  # fmt: skip
    return Cohort(name, "manifest", Path(name), tuple(entries)), cached


def build(*made: tuple, rule: str = "sinus_rate", scheme: str = "groups") -> tuple[RecordTable, dict[str, str]]:
    table, left_out = build_table([cohort for cohort, _ in made], [cache for _, cache in made], SCHEMES[scheme], rule)
    return table, {one.record_id: one.reason for one in left_out}


def names(table: RecordTable, column: str = "y_written") -> list[str]:
    return [GROUPS.classes[label] for label in getattr(table, column)]


@pytest.mark.parametrize(("rate", "harmonised"), [(50, "SB"), (70, "SR"), (110, "GSVT")])
def test_sinus_rhythm_is_harmonised_by_its_rate_and_kept_as_written_beside(rate: float, harmonised: str) -> None:
    table, _ = build(make("a", [entry("1", "SR"), entry("2", "AFIB")], rate=rate))
    assert names(table) == ["SR", "AFIB"]
    assert names(table, "y_harmonised") == [harmonised, "AFIB"]


def test_given_rate_beats_the_measured_one() -> None:
    table, _ = build(make("a", [entry("1", "SR", given={"ventricular_rate": 55.0})], rate=70))
    assert names(table, "y_harmonised") == ["SB"]


def test_given_intervals_are_not_seen_by_a_model_that_is_fed_measured_ones() -> None:
    cohort, cached = make("a", [entry("1", given={"qt_interval": 377.0, "age": 50.0})])
    for intervals, qt in (("given", 377), ("measured", np.nan)):
        table, _ = build((cohort, replace(cached, preprocessing=PreprocessingSettings(intervals=intervals))))
        given = [table.given[0, CLINICAL_NAMES.index(name)] for name in ("qt_interval", "age")]
        assert given == pytest.approx([qt, 50], nan_ok=True)


def test_without_a_rule_labels_stay_as_written() -> None:
    table, _ = build(make("a", [entry("1", "SR")], rate=50), rule="none")
    assert names(table, "y_harmonised") == ["SR"]


def test_labels_by_band_are_those_of_the_rule() -> None:
    table, _ = build(make("a", [entry("1", "SR"), entry("2", "AFIB"), entry("3", "ST")]))
    bands = [[GROUPS.classes[label] for label in row] for row in table.y_by_band]
    assert bands == [["SB", "SR", "GSVT"], ["AFIB"] * 3, ["SB", "SR", "GSVT"]]
    assert table.sinus.tolist() == [True, False, True]


def test_records_without_a_class_are_left_out_with_the_reason() -> None:
    table, left_out = build(make("a", [entry("1", ""), entry("2", "AFIB+ST"), entry("3", "SR")]))
    assert table.record_ids.tolist() == ["a/3"]
    assert left_out == {"a/1": "no rhythm of the scheme", "a/2": "ambiguous: AFIB and GSVT"}


def test_quarantined_record_is_a_row_that_says_why() -> None:
    table, _ = build(make("a", [entry("1"), entry("2")], bad=("1",)))
    assert table.usable.tolist() == [False, True]
    assert table.notes.tolist() == ["1: flat", ""]
    assert table.n_windows.tolist() == [0, 1]


def test_same_ecg_under_two_names_counts_once() -> None:
    table, left_out = build(
        make("raw", [entry("JS00008", aliases=("JS00008",))]),
        make("denoised", [entry("MUSE_1", aliases=("JS00008", "MUSE_1"))]),
    )
    assert table.record_ids.tolist() == ["raw/JS00008"]
    assert left_out == {"denoised/MUSE_1": "the same ECG is present in another format"}


def test_of_one_ecg_in_two_forms_the_usable_one_stays() -> None:
    table, _ = build(
        make("raw", [entry("JS00008", aliases=("x",))], bad=("JS00008",)),
        make("denoised", [entry("MUSE_1", aliases=("x",))]),
    )
    assert table.record_ids.tolist() == ["denoised/MUSE_1"]


def test_equal_waveforms_are_the_same_ecg() -> None:
    table, left_out = build(make("a", [entry("1"), entry("2"), entry("3")], same="1 3"))
    assert table.record_ids.tolist() == ["a/1", "a/2"]
    assert list(left_out) == ["a/3"]


def test_patients_and_twins_are_grouped_and_folds_make_blocks() -> None:
    table, _ = build(
        make("a", [entry("1", patient_id="p"), entry("2", patient_id="p"), entry("3", twin_key="t"),
                   entry("4", twin_key="t"), entry("5", fold=1), entry("6", fold=1), entry("7", fold=2)]),
        make("b", [entry("1", patient_id="p"), entry("2", fold=1)]),
    )  # fmt: skip
    patients, blocks = table.patients.tolist(), table.blocks.tolist()
    assert patients[0] == patients[1]
    assert patients[2] == patients[3]
    assert len(set(patients)) == 7
    assert blocks[4] == blocks[5] != blocks[6]
    assert blocks[7] != blocks[0]
    assert blocks[8] not in blocks[:8]
    for fine, coarse in ((table.ecgs, table.patients), (table.patients, table.blocks)):
        assert all(len(set(coarse[fine == group])) == 1 for group in np.unique(fine))


def test_windows_are_numbered_through_all_cohorts() -> None:
    table, _ = build(make("a", [entry("1"), entry("2")]), make("b", [entry("1"), entry("2")], bad=("1",)))
    assert table.first_window.tolist() == [0, 1, 0, 2]


def test_rows_are_selected_and_joined() -> None:
    table, _ = build(make("a", [entry("1"), entry("2"), entry("3")]))
    assert table[np.array([2, 0])].record_ids.tolist() == ["a/3", "a/1"]
    assert RecordTable.join([table[:1], table[2:]]).record_ids.tolist() == ["a/1", "a/3"]


def test_eleven_rhythms_are_classes_of_their_own() -> None:
    table, _ = build(make("a", [entry("1", "AF"), entry("2", "SVT")]), scheme="rhythms")
    assert [SCHEMES["rhythms"].classes[label] for label in table.y_written] == ["AF", "SVT"]


def test_cohort_of_another_name_does_not_share_patients() -> None:
    first, second = make("a", [entry("1", patient_id="p")]), make("b", [entry("1", patient_id="p")])
    table, _ = build(first, (replace(second[0], name="c"), second[1]))
    assert len(set(table.patients)) == 2


@pytest.mark.parametrize("rate", [50, 70, 110])
def test_labels_stay_as_written_where_a_scheme_has_no_class_for_the_rhythm_of_a_rate(rate: float) -> None:
    cohort, cached = make("a", [entry("1", "SR"), entry("2", "AFIB"), entry("3", "SB")], rate=rate)
    scheme = Scheme("mine", "", {"AFIB": ("AFIB",), "SR": ("SR", "SA")})
    table, left_out = build_table([cohort], [cached], scheme, "sinus_rate")
    assert table.y_written.tolist() == table.y_harmonised.tolist() == [1, 0]
    assert [one.record_id for one in left_out] == ["a/3"]
