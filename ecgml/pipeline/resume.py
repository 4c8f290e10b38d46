"""Going on with a job that was stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from ecgml.config import Configuration, from_json, resolve
from ecgml.errors import ConfigError, TrackingError, TrainingError
from ecgml.evaluation.prediction_files import read_predictions
from ecgml.evaluation.scores import score
from ecgml.pipeline.reporting import THREADS, Scored
from ecgml.pipeline.settings import TRAIN_SECTIONS
from ecgml.pipeline.threads import choose_threads
from ecgml.service.runs import Child, children_of, move_children, read_run
from ecgml.service.tracker import Tracker, fetch_artifact

RESUMES, RESUMED_BY = "ecgml.resumes", "ecgml.resumed_by"


@dataclass(frozen=True)
class Interrupted:
    """A job that was stopped.

    Parameters
    ----------
    run_id : str
        The job's run.
    children : mapping of str to Child
        Its models' runs by name.
    configuration : Configuration
    digest : str
        Of its data.
    n_threads : int
        CPU threads of its arithmetic.
    """

    run_id: str
    children: Mapping[str, Child]
    configuration: Configuration
    digest: str
    n_threads: int

    def check(self, digest: str) -> None:
        """Refuse to go on with other data.

        Raises
        ------
        TrainingError
            If records, labels or split are not those the job began with.
        """
        if digest != self.digest:
            raise TrainingError(
                f"resume: the data are not those that run {self.run_id} began with (files, labels or split differ); "
                "start a new job"
            )


def find_interrupted(run_id: str, options: Mapping[str, Any]) -> Interrupted:
    """Find a job by its run, or by the run that it was begun with before it was resumed.

    Parameters
    ----------
    run_id : str
    options : mapping
        Settings given beside it: none may differ from the job's own.

    Raises
    ------
    TrackingError
        If there is no such run, or it is no job of ours.
    ConfigError
        If a setting given differs.
    """
    run = read_run(run_id)
    if parent := run.data.tags.get("mlflow.parentRunId"):
        raise TrackingError(f"resume: run {run_id} is a model's run within a job; give the job's, {parent}")
    while following := run.data.tags.get(RESUMED_BY):
        run = read_run(following)
    run_id = run.info.run_id
    if "ecgml.data_digest" not in run.data.tags:
        raise TrackingError(f"resume: run {run_id} is no training job that got as far as its data; start a new one")
    if run.info.status == "RUNNING":
        raise TrackingError(f"resume: run {run_id} is still running")
    if run.info.status == "FINISHED":
        raise TrackingError(f"resume: run {run_id} has finished; there is nothing left to go on with")
    with TemporaryDirectory(prefix="ecgml-") as folder:
        content = json.loads(fetch_artifact(f"runs:/{run_id}/config.json", Path(folder)).read_text())
    sections = {
        name: from_json(section, content["settings"].get(name, {}), f"config.json of run {run_id}")
        for name, section in TRAIN_SECTIONS.items()
    }
    configuration = Configuration(sections, content["origins"])
    given = resolve(TRAIN_SECTIONS, options)
    for key, own in configuration.values().items():
        if given.origins[key] == "option" and given.values()[key] != own:
            raise ConfigError(f"{key}: a resumed job keeps its settings (here {own}); leave it out")
    n_threads = int(run.data.tags.get(THREADS, torch.get_num_threads()))
    return Interrupted(run_id, children_of(run), configuration, run.data.tags["ecgml.data_digest"], n_threads)


@contextmanager
def same_threads(interrupted: Interrupted | None, device: torch.device) -> Iterator[None]:
    """Compute with as many CPU threads as the stopped job did, so that not a bit differs; a new job chooses."""
    before = torch.get_num_threads()
    n_threads = interrupted.n_threads if interrupted else choose_threads(device)
    if n_threads != before:
        torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)


def adopt(interrupted: Interrupted, tracker: Tracker) -> list[str]:
    """Move a stopped job's models under the new run, tag both jobs, return lines that link them."""
    move_children(interrupted.children, tracker.run_id)
    tracker.tags({RESUMES: interrupted.run_id})
    Tracker(interrupted.run_id).tags({RESUMED_BY: tracker.run_id})
    experiment = read_run(tracker.run_id).info.experiment_id
    address = f"#/experiments/{experiment}/runs/"
    lines = [f"Goes on with job [{interrupted.run_id}]({address}{interrupted.run_id})."]
    lines += [
        f"{name}: {'finished before' if child.finished else 'resumed'}, run [{child.run_id}]({address}{child.run_id})."
        for name, child in interrupted.children.items()
    ]
    return lines


def finished_model(child: Child, n_bootstrap: int) -> Scored:
    """Return the predictions and scores of a model that was finished before the job was stopped."""
    scored = Scored()
    with TemporaryDirectory(prefix="ecgml-") as folder:
        for what, name in (("test", "predictions.csv"), ("external", "external_predictions.csv")):
            try:
                path = fetch_artifact(f"runs:/{child.run_id}/{name}", Path(folder))
            except TrackingError:
                if what == "test":
                    raise
                continue
            scored.predictions[what] = read_predictions(path)
            scored.scores[what] = score(scored.predictions[what], n_bootstrap=n_bootstrap)
    return scored
