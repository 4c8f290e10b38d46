"""A model by its address, with everything stored in its run, typed and read on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from ecgml.errors import TrackingError
from ecgml.evaluation.answer_files import read_answers
from ecgml.evaluation.answers import Answers
from ecgml.evaluation.prediction_files import read_predictions
from ecgml.evaluation.predictions import Predictions
from ecgml.pipeline.job.artifacts import (
    SCORED,
    SPLIT,
    TITLES,
    read_artifact,
    read_configuration,
    read_split,
)
from ecgml.pipeline.job.lineage import (
    Ancestor,
    Lineage,
    ancestors_of,
    ancestors_of_job,
    ancestors_of_run,
    cautions_of,
    read_lineage,
)
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.report.evaluated import answers_file, predictions_file
from ecgml.service.address import is_local, pin, run_and_path
from ecgml.service.model_card import card_of_run
from ecgml.service.models import fetch_checkpoint, read_checkpoint, refuse_job
from ecgml.service.pyfunc import CHECKPOINT
from ecgml.service.runs import children_of, parent_of, read_run
from ecgml.service.store import check_store
from ecgml.service.tracker import artifact_names
from ecgml.training.checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
class ModelRun:
    """A model and the run that trained it.

    Everything is read on first use. What the run lacks, or stores only in part, raises a TrackingError then; a
    damaged checkpoint is a CheckpointError, damaged predictions are an EvaluationError.

    Parameters
    ----------
    address : str
        A checkpoint folder, ``runs:/<run id>``, ``models:/<name>/<version>`` or ``models:/<LoggedModel's id>``.
    version : str or None
        Number of the registered model's version, where it is one.
    """

    address: str
    version: str | None = None

    @classmethod
    def open(cls, address: str) -> ModelRun:
        """Return the model at an address, with an alias resolved.

        Parameters
        ----------
        address : str
            A checkpoint folder, a run's id, ``runs:/<run id>``, ``models:/<name>@<alias>`` or
            ``models:/<name>/<version>``.

        Raises
        ------
        TrackingError
            If there is no such run, model, version or alias, or the run is a job's, whose models have runs of their
            own: these are named.
        """
        if "/" not in address and not Path(address).expanduser().exists():
            address = f"runs:/{address}"
        address, version = pin(address)
        if run_id := _made_by(address):
            check_store()
            refuse_job(run_id)
        return cls(address, version)

    @classmethod
    def of(cls, run_id: str) -> ModelRun:
        """Return the model of a run; for a job's run only settings and data are available."""
        return cls(f"runs:/{run_id}")

    @cached_property
    def run_id(self) -> str:
        """The run that trained it; empty if unknown."""
        return _made_by(self.address) or str(self.checkpoint.facts.get("run_id", ""))

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The trained model."""
        return read_checkpoint(self.address)

    def on_this_machine(self, folder: Path) -> ModelRun:
        """Return it with a local checkpoint folder as its address, downloaded into ``folder`` if needed."""
        if is_local(self.address):
            return ModelRun(str(Path(self.address).expanduser().absolute()), self.version)
        return ModelRun(str(fetch_checkpoint(self.address, folder).absolute()), self.version)

    @cached_property
    def name(self) -> str:
        """Name of its run: the architecture, unless renamed."""
        return read_run(self.run_id).info.run_name

    @cached_property
    def tags(self) -> Mapping[str, str]:
        """Tags of its run."""
        return read_run(self.run_id).data.tags

    @cached_property
    def metrics(self) -> Mapping[str, float]:
        """The last value of each metric of its run."""
        return read_run(self.run_id).data.metrics

    @property
    def data_digest(self) -> str:
        """Digest of the records, labels and parts that it was trained and tested on."""
        if "ecgml.data_digest" not in self.tags:
            raise TrackingError(
                f"run {self.run_id} does not name its data (no tag ecgml.data_digest): train it with ecgml"
            )
        return self.tags["ecgml.data_digest"]

    @property
    def is_simulated(self) -> bool:
        """Whether it was trained or tested on simulated records."""
        return self.tags.get("ecgml.simulated") == "true"

    @cached_property
    def configuration(self) -> TrainConfiguration:
        """The settings that it was trained with."""
        return read_configuration(self.run_id)

    @cached_property
    def split(self) -> pd.DataFrame:
        """The part and attributes of each record."""
        try:
            return read_split(self.run_id)
        except ValueError as error:
            raise TrackingError(f"{SPLIT} of run {self.run_id} is damaged: {error}") from None

    @cached_property
    def artifacts(self) -> set[str]:
        """Names of its run's artifacts."""
        return artifact_names(self.run_id)

    @cached_property
    def predictions(self) -> Mapping[str, Predictions]:
        """The stored predictions, ``"test"`` first, then ``"external"`` where there was such a cohort."""
        files = {what: predictions_file(what) for what in SCORED}
        stored = {
            what: read_artifact(self.run_id, file, read_predictions)
            for what, file in files.items()
            if file in self.artifacts
        }
        if "test" not in stored:
            run = read_run(self.run_id).info
            raise TrackingError(
                f"run {self.run_id} ({run.run_name}, {run.status}) has no predictions; give the run of a model that "
                "was trained to its end"
            )
        return stored

    def answers(self, what: str) -> Answers | None:
        """Return its answers on a part; None for a run of earlier versions, which did not store them."""
        file = answers_file(what)
        if file not in self.artifacts:
            return None
        return read_artifact(self.run_id, file, lambda path: read_answers(path, self.predictions[what]))

    @property
    def card(self) -> str | None:
        """The model card that its run logged; None if there is none."""
        return card_of_run(self.run_id)

    @cached_property
    def models(self) -> dict[str, ModelRun]:
        """The finished models of a job, by name."""
        children = children_of(read_run(self.run_id))
        return {name: ModelRun.of(child.run_id) for name, child in children.items() if child.finished}

    @cached_property
    def siblings(self) -> dict[str, ModelRun]:
        """The other finished models of its job, by name."""
        job = parent_of(read_run(self.run_id))
        others = ModelRun.of(job).models if job else {}
        return {name: model for name, model in others.items() if model.run_id != self.run_id}

    @cached_property
    def ancestors(self) -> tuple[Ancestor, ...]:
        """The models that it was started from (``init_from``), nearest first."""
        return ancestors_of_run(self.run_id) if _made_by(self.address) else ancestors_of(self.checkpoint)

    @cached_property
    def lineage(self) -> Lineage:
        """All records that it and its ancestors learnt from."""
        return read_lineage(self.ancestors, self.run_id)

    @property
    def start_lineage(self) -> Lineage:
        """Records that its ancestors learnt from."""
        return read_lineage(self.ancestors)

    @property
    def job_lineage(self) -> Lineage:
        """Records that the ancestors of its job learnt from, which the job left out of its tests."""
        return read_lineage(ancestors_of_job(self.run_id))

    @property
    def cautions(self) -> list[str]:
        """Cautions about stored predictions of records that are not unseen."""
        return cautions_of(self.run_id, {TITLES[what]: stored for what, stored in self.predictions.items()})


def _made_by(address: str) -> str:
    run_id, path = run_and_path(address)
    return run_id if path in ("", CHECKPOINT) else ""
