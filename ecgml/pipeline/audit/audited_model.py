"""The audited model: run, checkpoint and records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecgml.cohorts.cohort import Cohort
from ecgml.datasets.cache import CachedCohort
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable, build_table
from ecgml.errors import EvaluationError
from ecgml.models.registry import waveform_only
from ecgml.pipeline.job.model_run import ModelRun
from ecgml.pipeline.job.settings import DataSettings
from ecgml.records.schemes import scheme_named
from ecgml.training.device import choose_device


def find_audited_model(model: str, folder: Path) -> ModelRun:
    """Fetch the audited model.

    Parameters
    ----------
    model : str
        Of `ecgml.pipeline.job.model_run.ModelRun`.
    folder : Path
        Where its checkpoint may be put; the processes that perturb records load it from there.

    Raises
    ------
    EcgmlError
        If there is none, its run is not in this tracking store, or that has no predictions of its test part.
    """
    subject = ModelRun.open(model).on_this_machine(folder)
    if not subject.run_id:
        raise EvaluationError(f"audit: {model} does not name its run, so its test part is unknown; name the run")
    subject.predictions["test"]  # read before the work begins
    return subject


def waveform_only_sibling(subject: ModelRun) -> ModelRun | None:
    """Return the waveform-only model of the same job, if any."""
    name = waveform_only(subject.siblings)
    return subject.siblings[name] if name else None


@dataclass(frozen=True, eq=False)
class ModelParts:
    """The records that a model was trained and tested on, and where their waveforms are."""

    train: RecordTable
    test: RecordTable
    store: WindowStore


def model_parts(
    subject: ModelRun, cohorts: Sequence[Cohort], caches: Mapping[str, CachedCohort], data: DataSettings
) -> ModelParts:
    """Find the model's training and test records in the data.

    Raises
    ------
    EvaluationError
        If the data are not those of the model.
    """
    with_files = [cohort for cohort in cohorts if cohort.name in caches]
    scheme = scheme_named(subject.checkpoint.scheme)
    table, _ = build_table(with_files, list(caches.values()), scheme, data.harmonise)
    stored = subject.predictions["test"]
    place_of = {record_id: place for place, record_id in enumerate(table.record_ids.tolist())}
    missing = [record_id for record_id in stored.record_ids if record_id not in place_of]
    if missing:
        raise EvaluationError(
            f"audit: {len(missing):,} of the model's {stored.n_records:,} test records are not in these data (first "
            f"{missing[0]}); give the data that it was trained on"
        )
    split = subject.split
    learnt = [place_of[name] for name in split.record[split.part == "train"] if name in place_of]
    train = table[np.array(learnt, dtype=np.int64)]
    return ModelParts(
        train[train.usable],
        table[np.array([place_of[record_id] for record_id in stored.record_ids])],
        WindowStore(list(caches.values()), choose_device("auto")),
    )
