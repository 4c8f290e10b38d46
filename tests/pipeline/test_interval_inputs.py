"""A model that is fed measured intervals: training rows, robustness and explanations see the same columns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecgml.cohorts.cohort import read_entry
from ecgml.cohorts.pool import simulated_pool
from ecgml.datasets.cache import open_or_fill
from ecgml.datasets.table import RecordTable, build_table
from ecgml.inference.predictor import Predictor
from ecgml.perturbations.matrix import UNPERTURBED, all_conditions
from ecgml.pipeline.audit.robustness import _prepare, perturbation_tasks
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.clinical import CLINICAL_NAMES, INTERVAL_COLUMNS
from ecgml.records.schemes import SCHEMES
from ecgml.server.explaining import explain
from ecgml.training.data import clinical_values
from tests.untrained import untrained_checkpoint

PLACES = [CLINICAL_NAMES.index(name) for name in INTERVAL_COLUMNS]
MEASURED = PreprocessingSettings(intervals="measured")
COHORT = simulated_pool(4)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> RecordTable:
    cached = open_or_fill(COHORT, MEASURED, tmp_path_factory.mktemp("cache"))
    return build_table([COHORT], [cached], SCHEMES["groups"], "none")[0]


def test_training_is_fed_what_serving_is_fed(table: RecordTable) -> None:
    rows = clinical_values(table)
    predictor = Predictor(replace(untrained_checkpoint(), preprocessing=MEASURED))
    for row, record_id in zip(rows, table.record_ids, strict=True):
        entry = next(one for one in COHORT.entries if record_id == f"{COHORT.name}/{one.record_id}")
        np.testing.assert_array_equal(row[PLACES], predictor.prepare(read_entry(entry)).clinical[PLACES])
    assert np.isfinite(rows[:, PLACES]).any(axis=0).all()


def test_robustness_takes_the_measured_intervals_away_one_by_one(table: RecordTable, tmp_path: Path) -> None:
    entries = {f"{COHORT.name}/{one.record_id}": one for one in COHORT.entries}
    rows, tasks = perturbation_tasks(table, entries, tmp_path, 4, 0)
    assert set(INTERVAL_COLUMNS) <= set(tasks[0].columns)
    record, rng = read_entry(tasks[0].entry), np.random.default_rng(0)
    whole = _prepare(tasks[0], record, UNPERTURBED, rng, MEASURED).clinical
    np.testing.assert_array_equal(whole[PLACES], clinical_values(table[rows[:1]])[0, PLACES])
    gone = next(one for one in all_conditions(tasks[0].columns) if one.of_clinical and one.strength == "qt_interval")
    without = _prepare(tasks[0], record, gone, rng, MEASURED).clinical
    assert np.isnan(without[CLINICAL_NAMES.index("qt_interval")])
    assert without[CLINICAL_NAMES.index("qrs_duration")] == whole[CLINICAL_NAMES.index("qrs_duration")]


@pytest.mark.parametrize("intervals", ["given", "measured"])
def test_an_explanation_names_intervals_where_they_are_fed(intervals: str) -> None:
    predictor = Predictor(replace(untrained_checkpoint(), preprocessing=PreprocessingSettings(intervals=intervals)))
    prepared = predictor.prepare(read_entry(COHORT.entries[0]))
    explained = set(explain(predictor, prepared, "SR")["clinical"])
    assert (set(INTERVAL_COLUMNS) <= explained) == (intervals == "measured")
    assert not explained.isdisjoint({"ventricular_rate"})
