"""Runs of ours that nobody works on any more are closed, and no others."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pytest
import yaml
from mlflow.tracking import MlflowClient

from ecgml.owner import process_identity
from ecgml.service import beat as beat_module
from ecgml.service.beat import BEAT, OWNER
from ecgml.service.runs import close_abandoned, noted_failure, open_run
from ecgml.service.trials import TrialRun
from tests.conftest import ROOT
from tests.owners import ended_owner


@pytest.fixture
def experiment(registry: MlflowClient) -> str:
    """Return an experiment of its own."""
    return registry.create_experiment(f"jobs {len(registry.search_experiments())}")


def runs_of(client: MlflowClient, experiment: str, **tags: dict[str, str]) -> dict[str, str]:
    return {name: client.create_run(experiment, tags=own).info.run_id for name, own in tags.items()}


def expect(client: MlflowClient, runs: dict[str, str], closed: set[str]) -> None:
    try:
        done = set(close_abandoned())
        assert {name for name, run_id in runs.items() if run_id in done} == closed
        for name, run_id in runs.items():
            assert client.get_run(run_id).info.status == ("KILLED" if name in closed else "RUNNING"), name
    finally:
        for run_id in runs.values():
            client.set_terminated(run_id, "KILLED")


def test_run_whose_owner_is_gone_is_closed_and_one_that_lives_is_not(registry: MlflowClient, experiment: str) -> None:
    client = registry
    now, long_ago = f"{time.time():.0f}", f"{time.time() - 25 * 3600:.0f}"
    elsewhere = process_identity().replace(process_identity().split()[0], "another-host")
    host, pid, start, _, *machine = ended_owner().split()
    container = " ".join([host, pid, start, "pid:[1]", *machine])
    runs = runs_of(
        client,
        experiment,
        gone={OWNER: ended_owner()},
        alive={OWNER: process_identity(), BEAT: long_ago},
        reused={
            OWNER: process_identity().replace(process_identity().split()[2], "1"),
            BEAT: now,
        },  # another has its number
        elsewhere={OWNER: elsewhere, BEAT: now},
        silent={OWNER: elsewhere, BEAT: long_ago},
        mute={OWNER: elsewhere},
        beside={OWNER: container, BEAT: now},  # a container that shares the host's name
        earlier={OWNER: f"{host} {pid} 1.00", BEAT: now},  # as an earlier version wrote it
        foreign={},
    )
    runs |= runs_of(client, client.create_experiment("beside"), other={OWNER: ended_owner()})
    expect(client, runs, {"gone", "reused", "silent", "other"})


def launched(client: MlflowClient, experiment: str, source: str, entry_point: str = "main", **params: str) -> str:
    """Make a run as `mlflow run` does before it builds the environment; on a server, where age decides, a day ago."""
    age_s = 0 if mlflow.get_tracking_uri().startswith("sqlite:") else 25 * 3600
    tags = {"mlflow.source.type": "PROJECT", "mlflow.project.entryPoint": entry_point, "mlflow.source.name": source}
    started_ms = int((time.time() - age_s) * 1000)
    run_id = client.create_run(experiment, started_ms, {**tags, "mlflow.project.env": "conda"}).info.run_id
    for name, value in params.items():
        client.log_param(run_id, name, value)
    return run_id


def own_parameters(entry_point: str) -> dict[str, str]:
    return dict.fromkeys(
        yaml.safe_load((ROOT / "MLproject").read_text())["entry_points"][entry_point]["parameters"], ""
    )


def test_only_a_launch_of_this_project_that_failed_is_closed(
    registry: MlflowClient, experiment: str, tmp_path: Path
) -> None:
    client = registry
    own, address = own_parameters("main"), ROOT.as_uri()
    runs = {
        "own": launched(client, experiment, str(ROOT), **own),
        "own repository": launched(client, experiment, address, **own),
        "other project": launched(client, experiment, str(tmp_path), **own),
        "other address": launched(client, experiment, "https://example.org/team/theirs", **own),
        "same path, other parameters": launched(client, experiment, str(ROOT), data="x"),
        "other entry point": launched(client, experiment, str(ROOT), "theirs", **own),
    }
    commit = launched(client, experiment, address, **own)
    client.set_tag(commit, "mlflow.source.git.commit", "0" * 40)
    expect(client, {**runs, "same path, other repository": commit}, {"own", "own repository"})


def test_launch_is_alive_while_its_own_mlflow_run_is(registry: MlflowClient, experiment: str, tmp_path: Path) -> None:
    client = registry
    wait = [sys.executable, "-c", "print(flush=True); input()", "mlflow", "run", "."]
    is_embedded = mlflow.get_tracking_uri().startswith("sqlite:")
    # A server's processes may be on any host, so that only age decides there.
    for folder, closed in ((tmp_path, {"own"}), (ROOT, set() if is_embedded else {"own"})):
        with subprocess.Popen(wait, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as launcher:
            launcher.stdout.readline()
            runs = {"own": launched(client, experiment, str(ROOT), **own_parameters("main"))}
            expect(client, runs, closed)
            launcher.communicate(b"\n")


@pytest.mark.parametrize(("launched_as", "name"), [("merciful-stork-371", "demo 2026-01-02 03:04"), ("mine", "mine")])
def test_run_of_mlflow_run_is_named_after_its_data_unless_a_person_named_it(
    launched_as: str, name: str, registry: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = registry.create_run(experiment, run_name=launched_as).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    with open_run(experiment, "demo 2026-01-02 03:04") as run:
        assert run.info.run_id == run_id
    assert registry.get_run(run_id).info.run_name == name


def test_run_shows_that_it_lives(registry: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = registry
    monkeypatch.setattr(beat_module, "BEAT_S", 0.05)

    def beats(run_id: str) -> None:
        first = client.get_run(run_id).data.tags
        assert first[OWNER] == process_identity()
        client.set_tag(run_id, BEAT, "0")
        for _ in range(600):
            if client.get_run(run_id).data.tags[BEAT] != "0":
                return
            time.sleep(0.05)
        raise AssertionError(run_id)

    with open_run(experiment, "job") as parent:
        beats(parent.info.run_id)
        with open_run(experiment, "child", parent_id=parent.info.run_id) as child:
            beats(child.info.run_id)
    trial = TrialRun(experiment, parent.info.run_id, "trial", {}, {})
    beats(trial.run_id)
    trial.close("FINISHED", {})
    monkeypatch.setenv("MLFLOW_RUN_ID", launched(client, experiment, "elsewhere"))
    with noted_failure():
        beats(os.environ["MLFLOW_RUN_ID"])
    client.set_terminated(os.environ["MLFLOW_RUN_ID"])
