"""Resume a stopped job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from ecgml.config import resolve
from ecgml.errors import ConfigError, TrackingError, TrainingError
from ecgml.evaluation.scores import score
from ecgml.pipeline.job.lineage import ANCESTORS, Ancestor, ancestors_of_run
from ecgml.pipeline.job.model_run import ModelRun
from ecgml.pipeline.job.reporting import THREADS, Scored
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.pipeline.job.threads import choose_threads, using_threads
from ecgml.service.jobs import RESUMED_BY, has_data, refuse_running, runs_of_job
from ecgml.service.pages import run_link
from ecgml.service.runs import Child, children_of, move_children, read_run
from ecgml.service.tracker import Tracker


@dataclass(frozen=True)
class Interrupted:
    """A stopped job.

    Parameters
    ----------
    run_id : str
        The job's run.
    experiment_id : str
    children : mapping of str to Child
        Its models' runs by name, also those that are still under a run from which it was resumed itself.
    configuration : TrainConfiguration
    digest : str
        Of its data.
    n_threads : int
        CPU threads of its arithmetic.
    ancestors : tuple of Ancestor, or None
        The earlier models that it started from; None of a job of earlier versions, which did not note them.
    """

    run_id: str
    experiment_id: str
    children: Mapping[str, Child]
    configuration: TrainConfiguration
    digest: str
    n_threads: int
    ancestors: tuple[Ancestor, ...] | None = None

    def check(self, digest: str) -> None:
        """Refuse to resume with other data.

        Raises
        ------
        TrainingError
            If records, labels or split are not those the job began with.
        """
        if digest != self.digest:
            raise TrainingError(
                f"resume: the data differ from those of run {self.run_id} (files, labels or split differ); "
                "start a new job"
            )

    def check_start(self, ancestors: Sequence[Ancestor]) -> None:
        """Refuse to resume from another earlier model.

        Raises
        ------
        TrainingError
            If the checkpoint at the address is another than when the job began.
        """
        if self.ancestors is not None and [ancestor.run_id for ancestor in ancestors] != [
            ancestor.run_id for ancestor in self.ancestors
        ]:
            raise TrainingError(
                f"resume: init_from: {(self.ancestors or ancestors)[0].address} is not the model that "
                f"run {self.run_id} started from any more; put it back, or start a new job"
            )


def find_interrupted(run_id: str, options: Mapping[str, Any]) -> Interrupted:
    """Find a job by any of its runs: that which it was begun with, and those by which it was resumed.

    Parameters
    ----------
    run_id : str
    options : mapping
        Settings given beside it: none may differ from the job's own.

    Raises
    ------
    TrackingError
        If there is no such run, it is no job of ours, or it is still worked on.
    ConfigError
        If a setting given differs.
    """
    runs = runs_of_job(run_id)
    run = runs[-1]
    run_id = run.info.run_id
    if not has_data(run):
        raise TrackingError(f"resume: run {run_id} is not a training job that had loaded its data; start a new one")
    if run.info.status == "FINISHED":
        raise TrackingError(f"resume: run {run_id} has finished; nothing is left to resume")
    refuse_running(run)
    configuration = ModelRun.of(run_id).configuration
    requested = resolve(TrainConfiguration, options)
    for key, value in configuration.values().items():
        if requested.origins[key] == "option" and requested.values()[key] != value:
            raise ConfigError(f"{key}: a resumed job keeps its settings (here {value}); leave it out")
    children: dict[str, Child] = {}
    for job_run in runs:
        children |= children_of(job_run)
    tags = run.data.tags
    return Interrupted(
        run_id,
        run.info.experiment_id,
        children,
        configuration,
        tags["ecgml.data_digest"],
        int(tags.get(THREADS, torch.get_num_threads())),
        ancestors_of_run(run_id) if ANCESTORS in tags else None,
    )


def same_threads(interrupted: Interrupted | None, device: torch.device) -> AbstractContextManager[None]:
    """Use as many CPU threads as the stopped job, for bit-equal results; a new job chooses."""
    return using_threads(interrupted.n_threads if interrupted else choose_threads(device))


def adopt(interrupted: Interrupted, tracker: Tracker) -> list[str]:
    """Move a stopped job's models under the new run, link both runs, and return lines that describe it.

    The link comes first: killed in between, the job is found again by it, with its models wherever they are.

    Raises
    ------
    TrackingError
        If another process has resumed the job meanwhile.
    """
    if successor := read_run(interrupted.run_id).data.tags.get(RESUMED_BY):
        raise TrackingError(f"resume: run {successor} has resumed run {interrupted.run_id} meanwhile")
    Tracker(interrupted.run_id).tags({RESUMED_BY: tracker.run_id})
    move_children(interrupted.children, tracker.run_id)
    experiment = read_run(tracker.run_id).info.experiment_id
    lines = [f"Resumes job {run_link(experiment, interrupted.run_id)}."]
    lines += [
        f"{name}: {'finished before' if child.finished else 'resumed'}, run {run_link(experiment, child.run_id)}."
        for name, child in interrupted.children.items()
    ]
    return lines


def finished_model(child: Child, n_bootstrap: int) -> Scored:
    """Return the predictions and scores of a model that was finished before the job was stopped."""
    stored = dict(ModelRun.of(child.run_id).predictions)
    return Scored(stored, {what: score(predictions, n_bootstrap=n_bootstrap) for what, predictions in stored.items()})
