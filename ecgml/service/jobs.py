"""Training jobs and their runs: the first one and each that resumed it."""

from __future__ import annotations

import shlex

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from ecgml.errors import TrackingError
from ecgml.owner import process_identity
from ecgml.service.beat import OWNER
from ecgml.service.runs import closed_if_orphaned, launched_run, parent_of, read_run, runs_tagged

RESUMES, RESUMED_BY = "ecgml.resumes", "ecgml.resumed_by"
"""Tags of a job's run: the run that it resumes, set at its start; the run that resumed it, set when that run has its
data. Until then the resuming run has taken over nothing."""

COMMAND = "ecgml.command"
"""Tag of a run: ``train`` for a job."""

LAST = "last"
"""Stands for the id of the experiment's newest unfinished job."""


def runs_of_job(run_id: str) -> list[Run]:
    """Return the runs of a job, oldest first: the first one, then each that resumed the one before.

    Runs that were killed before they resumed anything are left out.

    Raises
    ------
    TrackingError
        If there is no such run, or it is a model's.
    """
    run = read_run(run_id)
    if parent := parent_of(run):
        raise TrackingError(f"resume: run {run_id} is a model's run within a job; give the job's, {parent}")
    passed = {run_id}
    while (before := _resumes(run)) and before not in passed:
        passed.add(before)
        try:
            run = read_run(before)
        except TrackingError:
            break  # deleted for good; the run that resumed it has everything
    runs = [run]
    while following := runs[-1].data.tags.get(RESUMED_BY):
        runs.append(read_run(following))
    return runs


def last_job(experiment_id: str) -> str:
    """Return the newest unfinished job of an experiment.

    Raises
    ------
    TrackingError
        If there is none.
    """
    n_finished = 0
    for run in runs_tagged(experiment_id, COMMAND, "train"):
        if run.info.run_id == launched_run():
            continue
        last = runs_of_job(run.info.run_id)[-1]
        if last.info.status == "FINISHED":
            n_finished += 1
        elif has_data(last):
            return str(last.info.run_id)
    finished = f" ({n_finished} finished)" if n_finished else ""
    raise TrackingError(
        f"resume: this experiment has no unfinished job that had loaded its data{finished}; start a new one, or "
        f"name a run, or an experiment other than {_name_of(experiment_id)!r} (MLFLOW_EXPERIMENT_NAME, or mlflow run "
        "--experiment-name)"
    )


def has_data(run: Run) -> bool:
    """Return whether a run is of a training job that has loaded its data."""
    tags = run.data.tags
    return "ecgml.data_digest" in tags and tags.get(COMMAND, "train") == "train" and "ecgml.study" not in tags


def refuse_running(run: Run) -> None:
    """Refuse a job that is running or being resumed; close runs whose process has ended.

    Raises
    ------
    TrackingError
        If there is one.
    """
    for candidate in (run, *runs_tagged(run.info.experiment_id, RESUMES, run.info.run_id)):
        if candidate.info.run_id != launched_run() and not closed_if_orphaned(candidate.info.run_id):
            host = candidate.data.tags.get(OWNER, "another host").partition(" ")[0]
            resumed_by = "" if candidate is run else f" and resumes run {run.info.run_id}"
            raise TrackingError(
                f"resume: run {candidate.info.run_id} is still running on {host}{resumed_by}; if it was killed there, "
                "try again in a minute"
            )


def claim(run_id: str, experiment_id: str, own_experiment_id: str) -> None:
    """Tag the run of ``mlflow run`` with the job that it resumes, so that it is found even if this run is killed early.

        Parameters
        ----------
        run_id, experiment_id : str
            Of the job.
        own_experiment_id : str
    The experiment in which this process was launched.

        Raises
        ------
        TrackingError
            If the two differ: a job's runs stay together.
    """
    if not (launched := launched_run()):
        return
    client = MlflowClient()
    if own_experiment_id != experiment_id:
        raise TrackingError(
            f"resume: run {run_id} belongs to the experiment {_name_of(experiment_id)!r}; resume it there: "
            f"{launch_to_resume(run_id, experiment_id)}"
        )
    for tag, value in ((COMMAND, "train"), (RESUMES, run_id), (OWNER, process_identity())):
        client.set_tag(launched, tag, value)


def launch_to_resume(run_id: str, experiment_id: str) -> str:
    """Return the ``mlflow run`` command that resumes a job in its own experiment."""
    return launch_command(experiment_id, f"resume={run_id}")


def launch_command(experiment_id: str, parameter: str) -> str:
    """Return the ``mlflow run`` command that trains in an experiment with a parameter, as a shell takes it."""
    name = shlex.quote(_name_of(experiment_id))
    return f"mlflow run . --env-manager local --experiment-name {name} -P {parameter}"


def _name_of(experiment_id: str) -> str:
    return MlflowClient().get_experiment(experiment_id).name


def _resumes(run: Run) -> str:
    """Return the run that a run resumes, by its tag or, under ``mlflow run``, by its parameter."""
    parameter = run.data.params.get("resume", "").strip("'")
    return run.data.tags.get(RESUMES) or (parameter if parameter != LAST else "")
