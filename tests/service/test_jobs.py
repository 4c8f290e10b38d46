"""Which job is gone on with: of its many runs that which has its models; of many jobs the newest unfinished one."""

from __future__ import annotations

import socket
import time

import pytest
from mlflow.tracking import MlflowClient

from ecgml.errors import TrackingError
from ecgml.owner import process_identity
from ecgml.service.beat import BEAT, OWNER
from ecgml.service.jobs import (
    COMMAND,
    RESUMED_BY,
    RESUMES,
    claim,
    last_job,
    launch_to_resume,
    refuse_running,
    runs_of_job,
)
from ecgml.service.runs import open_run
from tests.owners import ended_owner

DATA = {"ecgml.data_digest": "0", COMMAND: "train"}


@pytest.fixture
def experiment(registry: MlflowClient) -> str:
    """Return an experiment of its own."""
    return registry.create_experiment(f"jobs {len(registry.search_experiments())}")


def make(client: MlflowClient, experiment: str, status: str, start_time: int, **tags: str) -> str:
    run_id = client.create_run(
        experiment, start_time=start_time, tags={**DATA, OWNER: process_identity(), **tags}
    ).info.run_id
    if status != "RUNNING":
        client.set_terminated(run_id, status)
    return run_id


def test_the_last_is_the_newest_job_that_has_not_finished(registry: MlflowClient, experiment: str) -> None:
    with pytest.raises(TrackingError, match="this experiment has no unfinished job"):
        last_job(experiment)
    make(registry, experiment, "FINISHED", 1)
    with pytest.raises(TrackingError, match=r"its data \(1 finished\); start a new one, or name a run"):
        last_job(experiment)
    make(registry, experiment, "KILLED", 2)
    newest = make(registry, experiment, "FAILED", 3)
    make(registry, experiment, "FINISHED", 4)
    # Of other commands, and of a job that was killed before its data, there is nothing to go on with.
    make(registry, experiment, "KILLED", 5, **{COMMAND: "explore"})
    registry.set_terminated(
        registry.create_run(experiment, start_time=6, tags={COMMAND: "train"}).info.run_id, "KILLED"
    )
    assert last_job(experiment) == newest


def test_the_last_is_followed_to_where_it_was_taken_over(
    registry: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make(registry, experiment, "KILLED", 1)
    second = make(registry, experiment, "KILLED", 2, **{RESUMES: first})
    registry.set_tag(first, RESUMED_BY, second)
    # Killed before it had taken over anything; launched, and not yet ours.
    third = make(registry, experiment, "KILLED", 3, **{RESUMES: second})
    fourth = registry.create_run(experiment, start_time=4).info.run_id
    registry.log_param(fourth, "resume", f"'{third}'")
    registry.set_terminated(fourth, "KILLED")
    for run_id in (first, second, third, fourth):
        assert [run.info.run_id for run in runs_of_job(run_id)] == [first, second]
    assert last_job(experiment) == second
    own = registry.create_run(experiment, start_time=5).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", own)
    claim(second, experiment, experiment)
    assert registry.get_run(own).data.tags[OWNER] == process_identity()
    assert last_job(experiment) == second
    assert [run.info.run_id for run in runs_of_job(own)] == [first, second]
    with pytest.raises(TrackingError, match=r"belongs to the experiment 'jobs \d+'.*: mlflow run \."):
        claim(second, experiment, "0")


def test_the_command_that_goes_on_with_a_job_names_its_experiment(registry: MlflowClient, experiment: str) -> None:
    """`mlflow run` without a name works in the experiment Default, where the job is not."""
    name = registry.get_experiment(experiment).name  # with a blank
    command = launch_to_resume("4d1e", experiment)
    assert command.endswith(f"--experiment-name '{name}' -P resume=4d1e")
    with pytest.raises(TrackingError, match=f"an experiment other than '{name}' .*--experiment-name"):
        last_job(experiment)


def test_a_job_that_is_worked_on_is_refused_and_one_whose_process_is_gone_is_closed(
    registry: MlflowClient, experiment: str
) -> None:
    host = socket.gethostname()
    running = make(registry, experiment, "RUNNING", 1)
    assert last_job(experiment) == running
    with pytest.raises(TrackingError, match=f"run {running} is still running on {host}; if it was killed there"):
        refuse_running(registry.get_run(running))
    registry.set_tag(running, OWNER, ended_owner())
    refuse_running(registry.get_run(running))
    assert registry.get_run(running).info.status == "KILLED"
    # Its node is gone, and it is requeued on another: a day's wait would be a lost day.
    elsewhere = make(registry, experiment, "RUNNING", 1, **{OWNER: "another-node 1 1.00", BEAT: f"{time.time():.0f}"})
    with pytest.raises(TrackingError, match="still running on another-node"):
        refuse_running(registry.get_run(elsewhere))
    registry.set_tag(elsewhere, BEAT, f"{time.time() - 90:.0f}")
    refuse_running(registry.get_run(elsewhere))
    assert registry.get_run(elsewhere).info.status == "KILLED"
    # Another process reads its data, and is about to go on with it.
    other = make(registry, experiment, "RUNNING", 2, **{RESUMES: running})
    with pytest.raises(TrackingError, match=f"run {other} is still running on {host} and resumes run {running}"):
        refuse_running(registry.get_run(running))
    registry.set_terminated(other)


def test_a_run_says_from_its_first_moment_whose_it_is_and_what_it_goes_on_with(
    registry: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between making a run and tagging it would leave one that nobody closes, and that leads nowhere."""

    def killed(*words: object, **named: object) -> None:
        raise AssertionError("tagged after it was made")

    monkeypatch.setattr("mlflow.set_tags", killed)
    with open_run(experiment, "job", tags={RESUMES: "before"}) as run:
        tags = registry.get_run(run.info.run_id).data.tags
    assert tags[RESUMES] == "before"
    assert tags[OWNER] == process_identity()
