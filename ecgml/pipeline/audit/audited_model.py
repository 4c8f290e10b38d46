"""The model that an audit is about: its run, its checkpoint, its own records."""

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
from ecgml.evaluation.predictions import Predictions
from ecgml.models.registry import waveform_only
from ecgml.pipeline.compare.compare import ScoredModel, scored_model
from ecgml.pipeline.job.settings import DataSettings
from ecgml.pipeline.promote.comparison_input import read_past_job
from ecgml.records.schemes import scheme_named
from ecgml.service.models import fetch_checkpoint, pinned
from ecgml.service.runs import read_run, siblings_of
from ecgml.training.checkpoint import Checkpoint, load_checkpoint
from ecgml.training.device import choose_device


@dataclass(frozen=True, eq=False)
class AuditedModel:
    """The model that is audited.

    Parameters
    ----------
    run_id : str
    scored_model : ScoredModel
        Its name and stored predictions.
    checkpoint : Checkpoint
    folder : Path
        The checkpoint's.
    waveform_only : ScoredModel or None
        Its sibling that sees the waveform alone.
    """

    run_id: str
    scored_model: ScoredModel
    checkpoint: Checkpoint
    folder: Path
    waveform_only: ScoredModel | None

    @property
    def name(self) -> str:
        """Of its model."""
        return self.scored_model.name

    @property
    def test(self) -> Predictions:
        """The stored predictions of its test part."""
        return self.scored_model.predictions["test part"]


def find_audited_model(model: str, folder: Path) -> AuditedModel:
    """Fetch the model that is audited.

    Parameters
    ----------
    model : str
        A run's id, ``runs:/…``, ``models:/…`` or a checkpoint folder.
    folder : Path
        Where its checkpoint may be put.

    Raises
    ------
    EcgmlError
        If there is none, or its run is not in this tracking store.
    """
    bare = "/" not in model and not Path(model).expanduser().exists()
    address = f"runs:/{model}" if bare else pinned(model)[0]
    if address.startswith("runs:/"):
        scored_model(address)  # a job of several models is told apart, a run without predictions refused
    place = fetch_checkpoint(address, folder) if ":/" in address else Path(address).expanduser()
    checkpoint = load_checkpoint(place)
    run_id = str(checkpoint.facts.get("run_id", ""))
    if not run_id:
        raise EvaluationError(f"audit: {model} does not say which run made it; its test part cannot be known")
    siblings = siblings_of(read_run(run_id))
    others = {name for name, one in siblings.items() if one.finished and one.run_id != run_id}
    other = waveform_only(others)
    reference = scored_model(siblings[other].run_id) if other else None
    return AuditedModel(run_id, scored_model(run_id), checkpoint, place.absolute(), reference)


def data_of(run_id: str) -> dict[str, str]:
    """Return where a model's data lie, and how they were labelled."""
    params = read_run(run_id).data.params
    return {name: params[name] for name in ("data_dir", "scheme", "harmonise", "demo_records") if name in params}


@dataclass(frozen=True, eq=False)
class ModelParts:
    """The records that a model was trained and tested on, and where their waveforms are."""

    train: RecordTable
    test: RecordTable
    store: WindowStore


def model_parts(
    subject: AuditedModel, cohorts: Sequence[Cohort], caches: Mapping[str, CachedCohort], data: DataSettings
) -> ModelParts:
    """Find the model's own records among the data.

    Raises
    ------
    EvaluationError
        If the data are not those of the model.
    """
    with_files = [cohort for cohort in cohorts if cohort.name in caches]
    scheme = scheme_named(subject.checkpoint.scheme)
    table, _ = build_table(with_files, list(caches.values()), scheme, data.harmonise)
    stored = subject.test
    place_of = {record_id: place for place, record_id in enumerate(table.record_ids.tolist())}
    missing = [record_id for record_id in stored.record_ids if record_id not in place_of]
    if missing:
        raise EvaluationError(
            f"audit: {len(missing):,} of the model's {stored.n_records:,} test records are not in these data (first "
            f"{missing[0]}); give the data that it was trained on"
        )
    split = read_past_job(subject.run_id).split
    learnt = [place_of[name] for name in split.record[split.part == "train"] if name in place_of]
    train = table[np.array(learnt, dtype=np.int64)]
    return ModelParts(
        train[train.usable],
        table[np.array([place_of[record_id] for record_id in stored.record_ids])],
        WindowStore(list(caches.values()), choose_device("auto")),
    )
