"""Predict perturbed records, from the recording through preprocessing, as in serving."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.cohort import Entry, read_entry
from ecgml.datasets.parallel import parallel_map
from ecgml.datasets.table import RecordTable
from ecgml.datasets.windows import cut_windows
from ecgml.errors import RecordError
from ecgml.evaluation.robustness import Perturbed
from ecgml.inference.predictor import Predictor, PredictorInput
from ecgml.perturbations.clinical import ClinicalValues
from ecgml.perturbations.matrix import UNPERTURBED, Condition, all_conditions
from ecgml.pipeline.job.scoring import to_predictions
from ecgml.preprocessing.preprocess import preprocess
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.clinical import CLINICAL_NAMES, Origin, clinical_row
from ecgml.records.record import Record
from ecgml.training.device import one_thread


@dataclass(frozen=True, eq=False)
class PerturbationTask:
    """One record to be perturbed in every way.

    Parameters
    ----------
    number : int
        Its place among those perturbed.
    entry : Entry
    given, others : ndarray of float32, shape (n_features,)
        Clinical values of this record, and of another patient's.
    columns : tuple of str
        Clinical columns to be taken away one by one.
    seed : int
    checkpoint : Path
        Folder.
    """

    number: int
    entry: Entry
    given: NDArray[np.float32]
    others: NDArray[np.float32]
    columns: tuple[str, ...]
    seed: int
    checkpoint: Path


def perturbation_tasks(
    table: RecordTable, entries: dict[str, Entry], checkpoint: Path, n_records: int, seed: int
) -> tuple[NDArray[np.int64], list[PerturbationTask]]:
    """Choose records of all classes in turn, so that rare classes are included.

    Parameters
    ----------
    table : RecordTable
        What to choose from.
    entries : dict of str to Entry
        By the table's record ids.
    checkpoint : Path
        Folder.
    n_records : int
        At most.
    seed : int

    Returns
    -------
    rows : ndarray of int64, shape (n_chosen,)
    tasks : list of PerturbationTask, length n_chosen
    """
    random = np.random.default_rng(seed)
    queues = [
        random.permutation(np.flatnonzero(table.y_harmonised == label)) for label in np.unique(table.y_harmonised)
    ]
    turns = sorted(
        (place, index, row) for index, queue in enumerate(queues) for place, row in enumerate(queue.tolist())
    )
    rows = np.array(sorted(row for *_, row in turns[:n_records]), dtype=np.int64)
    is_available = np.isfinite(np.where(np.isnan(table.given[rows]), table.measured[rows], table.given[rows])).any(
        axis=0
    )
    columns = tuple(name for name, available in zip(CLINICAL_NAMES, is_available, strict=True) if available)
    exchanged = table.given[np.roll(rows, len(rows) // 2)]
    tasks = [
        PerturbationTask(
            number, entries[str(table.record_ids[row])], table.given[row], exchanged_row, columns, seed, checkpoint
        )
        for number, (row, exchanged_row) in enumerate(zip(rows.tolist(), exchanged, strict=True))
    ]
    return rows, tasks


def seconds_per_record(tasks: Sequence[PerturbationTask]) -> float:
    """Time one record under every perturbation, s."""
    _predictor(tasks[0].checkpoint)
    start = time.perf_counter()
    perturb(tasks[0])
    return time.perf_counter() - start


def predict_perturbed(
    table: RecordTable,
    tasks: Sequence[PerturbationTask],
    classes: tuple[str, ...],
    n_jobs: int,
    on_record: Callable[[int], None] = lambda done: None,
) -> tuple[Perturbed, list[Perturbed]]:
    """Predict every record under every condition.

    Parameters
    ----------
    table : RecordTable
        The records of the tasks.
    tasks : sequence of PerturbationTask
    classes : tuple of str
    n_jobs : int
        Processes; results do not depend on them.
    on_record : callable
        Called with the number of records done.

    Returns
    -------
    reference : Perturbed
        The records as they are, by harmonised labels: what training meant by the classes.
    perturbed : list of Perturbed
    """
    conditions = [UNPERTURBED, *all_conditions(tasks[0].columns)]
    y_prob = np.full((len(conditions), len(tasks), len(classes)), np.nan)
    abstained = np.ones((len(conditions), len(tasks)), dtype=bool)
    jobs = [(task,) for task in tasks]
    for done, (number, probabilities, is_silent) in enumerate(parallel_map(perturb, jobs, n_jobs), start=1):
        y_prob[:, number], abstained[:, number] = probabilities, is_silent
        on_record(done)
    everything = [
        Perturbed(
            condition.kind,
            condition.strength,
            to_predictions(table, condition_prob, classes, harmonised=True),
            is_silent,
        )
        for condition, condition_prob, is_silent in zip(conditions, y_prob, abstained, strict=True)
    ]
    return everything[0], everything[1:]


def perturb(task: PerturbationTask) -> tuple[int, NDArray[np.float64], NDArray[np.bool_]]:
    """Predict one record under every condition, the unperturbed first.

    Returns
    -------
    number : int
        The task's.
    y_prob : ndarray, shape (n_conditions, n_classes)
        NaN where preprocessing refused the record.
    abstained : ndarray of bool, shape (n_conditions,)
        Also where it was refused.
    """
    predictor = _predictor(task.checkpoint)
    classes = predictor.checkpoint.classes
    conditions = [UNPERTURBED, *all_conditions(task.columns)]
    y_prob, abstained = np.full((len(conditions), len(classes)), np.nan), np.ones(len(conditions), dtype=bool)
    try:
        record = read_entry(task.entry)
    except RecordError:
        return task.number, y_prob, abstained
    prepared = {}
    for place, condition in enumerate(conditions):
        # A seed for each record and condition: results depend neither on workers nor on other conditions.
        rng = np.random.default_rng([task.seed, task.number, place])
        with contextlib.suppress(RecordError):  # refused: no probabilities, counts as abstained
            prepared[place] = _prepare(task, record, condition, rng, predictor.checkpoint.preprocessing)
    with one_thread():
        predictions = predictor.describe([conditions[place].kind for place in prepared], list(prepared.values()))
    for place, prediction in zip(prepared, predictions, strict=True):
        y_prob[place] = [prediction.probabilities[name] for name in classes]
        abstained[place] = prediction.abstained
    return task.number, y_prob, abstained


def _prepare(
    task: PerturbationTask,
    record: Record,
    condition: Condition,
    rng: np.random.Generator,
    settings: PreprocessingSettings,
) -> PredictorInput:
    """Return what the model sees."""
    ready = preprocess(condition.of_record(record, rng) if condition.of_record else record, settings)
    windows, n_valid = cut_windows(ready.waveform, settings.n_times)
    measured = clinical_row({}, ready.measured)[0]
    values = ClinicalValues(task.given, measured, task.others)
    row = (condition.of_clinical(values) if condition.of_clinical else values.row).astype(np.float32)
    origins = np.where(np.isnan(row), Origin.MISSING, Origin.GIVEN).astype(np.uint8)
    rate = ready.measured.get("ventricular_rate", np.nan)
    return PredictorInput(windows, n_valid, row, origins, rate, ready.notes)


@lru_cache(maxsize=1)
def _predictor(folder: Path) -> Predictor:
    return Predictor.load(folder)
