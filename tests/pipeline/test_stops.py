"""Killed at any moment: what was written is whole or recognisably not, runs are closed, the job goes on bit for bit."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
import torch
from mlflow.tracking import MlflowClient
from safetensors.torch import load_file

from ecgml.errors import ConfigError, TrackingError, TrainingError
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.train.resume import find_interrupted
from ecgml.pipeline.train.train import train
from ecgml.service.jobs import launch_to_resume
from tests.conftest import ROOT
from tests.pipeline.conftest import Job

pytestmark = pytest.mark.slow


def start(options: dict[str, str], log: Path, n_threads: int = 1) -> subprocess.Popen:
    words = [word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", value)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(n_threads)}
    with log.open("w") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "ecgml", "train", *words], stdout=output, stderr=subprocess.STDOUT, env=environment
        )


def wait_for(log: Path, text: str, process: subprocess.Popen) -> None:
    for _ in range(6000):  # 5 min: a busy machine is slow, a dead process ends it at once
        if text in log.read_text():
            return
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def latest_parent(experiment: str) -> str:
    runs = MlflowClient().search_runs([experiment], order_by=["attributes.start_time DESC"])
    return next(run.info.run_id for run in runs if "mlflow.parentRunId" not in run.data.tags)


def weights_of(parent: str, experiment: str) -> dict[str, dict]:
    children = MlflowClient().search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    return {
        run.info.run_name: load_file(
            mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/checkpoint/model.safetensors")
        )
        for run in children
    }


def test_killed_job_resumes_to_the_weights_of_an_uninterrupted_one(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, experiment = MlflowClient(), job.parent.info.experiment_id
    options = {**job.options, "epochs": "5"}
    # Killed on another number of threads than it is resumed on: the job keeps its own.
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    torch.set_num_threads(2)
    try:
        whole = train(options, Console())
    finally:
        torch.set_num_threads(1)
    log = tmp_path / "log"
    process = start(options, log, n_threads=2)
    # The first model is done, the second in its midst.
    wait_for(log, "baseline epoch 3/5", process)
    process.kill()
    process.wait()
    killed = latest_parent(experiment)
    assert client.get_run(killed).info.status == "RUNNING"

    resumed = train({}, Console(), resume=killed)
    assert torch.get_num_threads() == 1
    assert client.get_run(killed).info.status == "KILLED"
    assert client.get_run(killed).data.tags["ecgml.resumed_by"] == resumed
    run = client.get_run(resumed)
    assert run.data.tags["ecgml.resumes"] == killed
    assert f"runs/{killed}" in run.data.tags["mlflow.note.content"]
    expected, found = weights_of(whole, experiment), weights_of(resumed, experiment)
    assert set(found) == {"fusion", "baseline"}
    for name, weights in expected.items():
        assert all((weights[key] == found[name][key]).all() for key in weights), name
    for child in client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{resumed}'"):
        assert child.info.status == "FINISHED"
        steps = [point.step for point in client.get_metric_history(child.info.run_id, "val_loss")]
        assert sorted(set(steps)) == [1, 2, 3, 4, 5]
    assert not list(Path(options["cache_dir"]).glob("training/*"))
    # Both lead to the finished job, and that has nothing left to do.
    for run_id in (killed, resumed):
        with pytest.raises(TrackingError, match=f"run {resumed} has finished"):
            train({}, Console(), resume=run_id)


def test_asked_to_end_a_job_closes_its_runs_as_killed(job: Job, tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start({**job.options, "epochs": "50", "models": "baseline"}, log)
    wait_for(log, "baseline epoch 2/50", process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 130
    parent = latest_parent(job.parent.info.experiment_id)
    assert MlflowClient().get_run(parent).info.status == "KILLED"
    assert "stopped" in log.read_text()
    assert f"--resume {parent}" in log.read_text()
    assert launch_to_resume(parent, job.parent.info.experiment_id) in log.read_text()


KILLED_WITHIN = """
import os, signal, sys
import ecgml.pipeline.train.{module} as module
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.train.train import train

def killed(*words):
    {first}
    os.kill(os.getpid(), signal.SIGKILL)

own, module.{name} = module.{name}, killed
train({{}}, Console(), resume=sys.argv[1])
"""
"""A resumed job that is killed where it comes to a function, perhaps after a part of that was done."""

MOMENTS = [
    ("train", "load_data", "pass"),  # before its data
    ("train", "report_job", "pass"),  # its run is open, and knows nothing of its data
    ("train", "adopt", "pass"),  # it has its data, and has taken over nothing
    ("resume", "move_children", "pass"),  # it has taken over, the models are still elsewhere
    ("resume", "move_children", "own(dict([next(iter(words[0].items()))]), words[1])"),  # one of two has moved
    ("train", "WindowStore", "pass"),  # all have
]


def test_a_resumed_job_killed_at_any_moment_leads_to_the_same_models(job: Job, tmp_path: Path) -> None:
    """Each time the newest run is resumed, as a queue does that knows no other: a resume of a resume of a resume."""
    client, experiment, log = MlflowClient(), job.parent.info.experiment_id, tmp_path / "log"
    process = start({**job.options, "epochs": "3"}, log)
    wait_for(log, "baseline epoch 2/3", process)
    process.kill()
    process.wait()
    killed = latest_parent(experiment)
    models = {run.info.run_name: run.info.run_id for run in client.search_runs(
        [experiment], f"tags.`mlflow.parentRunId` = '{killed}'")}  # fmt: skip
    assert set(models) == {"fusion", "baseline"}
    for module, name, first in MOMENTS:
        # `mlflow run -P resume=…` makes a run before anything of ours works.
        launched = client.create_run(
            experiment, tags={"mlflow.project.entryPoint": "main", "mlflow.project.env": "local"}
        ).info.run_id
        client.log_param(launched, "resume", killed)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MLFLOW_RUN_ID": launched}
        script = KILLED_WITHIN.format(module=module, name=name, first=first)
        done = subprocess.run(
            [sys.executable, "-c", script, killed], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        killed = launched
        interrupted = find_interrupted(killed, {})
        assert {name: child.run_id for name, child in interrupted.children.items()} == models, (module, name)
        assert interrupted.children["fusion"].finished
    stream = io.StringIO()
    resumed = train({}, Console(stream), resume="last")
    found = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{resumed}'")
    assert {run.info.run_name: run.info.run_id for run in found} == models
    assert {run.info.status for run in found} == {"FINISHED"}
    assert "fusion: finished before" in stream.getvalue()
    assert "baseline epoch 1/3" not in stream.getvalue()
    with pytest.raises(TrackingError, match=f"run {resumed} has finished"):
        train({}, Console(), resume=killed)


@pytest.fixture
def stopped(job: Job) -> Iterator[str]:
    """Return the run of a job as a kill would leave it."""
    run_id = job.parent.info.run_id
    MlflowClient().set_terminated(run_id, "KILLED")
    yield run_id
    MlflowClient().set_terminated(run_id, "FINISHED")


def test_resumed_job_keeps_its_settings_and_its_data(job: Job, stopped: str) -> None:
    run_id = stopped
    with pytest.raises(ConfigError, match=r"epochs: a resumed job keeps its settings \(here 2\); leave it out"):
        train({"epochs": "7"}, Console(), resume=run_id)
    assert find_interrupted(run_id, {"epochs": "2"}).configuration.fit.epochs == 2
    with pytest.raises(TrackingError, match=f"a model's run within a job; give the job's, {run_id}"):
        train({}, Console(), resume=job.children["fusion"].info.run_id)
    interrupted = find_interrupted(run_id, {})
    with pytest.raises(TrainingError, match="the data differ from those of run"):
        interrupted.check("another digest")
