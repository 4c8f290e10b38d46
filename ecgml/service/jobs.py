"""Jobs of training and the runs that they went through: begun, killed, resumed, killed again."""

from __future__ import annotations

import shlex

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from ecgml.errors import TrackingError
from ecgml.owner import own_identity
from ecgml.service.beat import OWNER
from ecgml.service.runs import closed_if_orphaned, launched_run, parent_of, read_run, runs_tagged

RESUMES, RESUMED_BY = "ecgml.resumes", "ecgml.resumed_by"
"""Tags of a job's run: what it means to go on with, from its first moment; by what it was gone on with, from when that
had its data. A run between the two has taken over nothing."""

COMMAND = "ecgml.command"
"""Tag of a run: ``train`` for a job."""

LAST = "last"
"""In place of a run's id: the newest unfinished job of the experiment."""


def runs_of_job(run_id: str) -> list[Run]:
    """Return the runs of a job, oldest first: as it was begun, then each that took it over from the one before.

    Runs that were killed before they took over anything are passed by.

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
            break  # deleted for good: what took over from it has all
    runs = [run]
    while following := runs[-1].data.tags.get(RESUMED_BY):
        runs.append(read_run(following))
    return runs


def last_job(experiment_id: str) -> str:
    """Return the newest job of an experiment that has not finished.

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
        f"resume: no job of this experiment was stopped after it had reached its data{finished}; start a new one, or "
        f"name a run, or an experiment other than {_name_of(experiment_id)!r} (MLFLOW_EXPERIMENT_NAME, or mlflow run "
        "--experiment-name)"
    )


def has_data(run: Run) -> bool:
    """Whether a run is of a training job that got as far as its data."""
    tags = run.data.tags
    return "ecgml.data_digest" in tags and tags.get(COMMAND, "train") == "train" and "ecgml.study" not in tags


def refuse_worked_on(run: Run) -> None:
    """Refuse a job that a process still works on, or that one is about to go on with; close runs whose owner is gone.

    Raises
    ------
    TrackingError
        If there is one.
    """
    for one in (run, *runs_tagged(run.info.experiment_id, RESUMES, run.info.run_id)):
        if one.info.run_id != launched_run() and not closed_if_orphaned(one.info.run_id):
            host = one.data.tags.get(OWNER, "another host").partition(" ")[0]
            goes_on = "" if one is run else f", and goes on with run {run.info.run_id}"
            raise TrackingError(
                f"resume: run {one.info.run_id} is still running on {host}{goes_on}; if it was killed there, a minute "
                "of silence shows it: try again then"
            )


def claim(run_id: str, experiment_id: str, own_experiment_id: str) -> None:
    """Note on the run of ``mlflow run`` which job it goes on with: killed before it has its data, it leads there.

    Parameters
    ----------
    run_id, experiment_id : str
        Of the job.
    own_experiment_id : str
        That this process was launched in.

    Raises
    ------
    TrackingError
        If that is another one: a job's runs stay together.
    """
    if not (launched := launched_run()):
        return
    client = MlflowClient()
    if own_experiment_id != experiment_id:
        raise TrackingError(
            f"resume: run {run_id} is of the experiment {_name_of(experiment_id)!r}; launch it there: "
            f"{launch_to_resume(run_id, experiment_id)}"
        )
    for tag, value in ((COMMAND, "train"), (RESUMES, run_id), (OWNER, own_identity())):
        client.set_tag(launched, tag, value)


def launch_to_resume(run_id: str, experiment_id: str) -> str:
    """Return the ``mlflow run`` command that goes on with a job, in its experiment; without, it would be refused."""
    return launch_command(experiment_id, f"resume={run_id}")


def launch_command(experiment_id: str, parameter: str) -> str:
    """Return the ``mlflow run`` command that trains in an experiment with a parameter, as a shell takes it."""
    name = shlex.quote(_name_of(experiment_id))
    return f"mlflow run . --env-manager local --experiment-name {name} -P {parameter}"


def _name_of(experiment_id: str) -> str:
    return MlflowClient().get_experiment(experiment_id).name


def _resumes(run: Run) -> str:
    """Return the run that a run means to go on with; of ``mlflow run``, which notes it first, the parameter."""
    asked = run.data.params.get("resume", "").strip("'")
    return run.data.tags.get(RESUMES) or (asked if asked != LAST else "")
