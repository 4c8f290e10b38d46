"""Commands in processes of their own: shared out, killed, stopped, gone on with."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import mlflow
import optuna
import psutil
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from optuna.trial import FrozenTrial, TrialState

from tests.conftest import ROOT
from tuning.queue import n_begun, superseded
from tuning.storage import StudyStorage

pytestmark = pytest.mark.slow

Children = Callable[[str], list[Run]]


class Command:
    """`python -m tuning` in a process of its own."""

    def __init__(self, options: dict[str, str], log: Path) -> None:
        words = [word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", value)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        self.log, self.options = log, options
        with log.open("a") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tuning", *words], stdout=output, stderr=subprocess.STDOUT, env=environment
            )

    def wait_for(self, condition: Callable[[list[FrozenTrial]], bool], timeout_s: float = 120) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition(self.trials()):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def trials(self) -> list[FrozenTrial]:
        with contextlib.closing(StudyStorage(self.options["storage"])) as store, contextlib.suppress(KeyError):
            study = optuna.load_study(study_name=self.options["study"], storage=store.storage)
            return study.get_trials(deepcopy=False)
        return []

    def finish(self) -> str:
        code = self.process.wait(timeout=300)
        text = self.log.read_text()
        assert code == 0, text
        return text.strip().splitlines()[-1]

    def workers(self) -> list[psutil.Process]:
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in found if "spawn_main" in " ".join(one.cmdline())]


def study_run(options: dict[str, str]) -> Run:
    runs = mlflow.search_runs(
        search_all_experiments=True, filter_string=f"run_name = '{options['study']}'", output_format="list"
    )
    return runs[0]


def check_whole(command: Command, n_trials: int, children: Children) -> None:
    """No trial lost, none done twice but those whose worker died, every run closed and as the study says."""
    trials = command.trials()
    again = superseded(trials)
    kept = [trial for trial in trials if trial.number not in again]
    assert n_begun(trials) == len(kept) == n_trials
    assert {trial.state for trial in kept} <= {TrialState.COMPLETE, TrialState.PRUNED}
    runs = children(study_run(command.options).info.run_id)
    by_number = {int(run.data.tags["ecgml.trial"]): run for run in runs}
    assert len(by_number) == len(runs)
    status = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "KILLED", TrialState.FAIL: "KILLED"}
    for trial in trials:
        if trial.number in by_number or trial.number not in again:
            assert by_number[trial.number].info.status == status[trial.state]
            assert by_number[trial.number].data.tags["ecgml.trial_state"] == trial.state.name
    assert study_run(command.options).info.status == "FINISHED"
    client = MlflowClient()
    experiments = [one.experiment_id for one in client.search_experiments()]
    assert not client.search_runs(experiments, "attributes.status = 'RUNNING'")


def n_finished(trials: list[FrozenTrial]) -> int:
    return sum(trial.state.is_finished() for trial in trials)


def n_running(trials: list[FrozenTrial]) -> int:
    return sum(trial.state == TrialState.RUNNING and "run_id" in trial.user_attrs for trial in trials)


def test_killed_worker_is_replaced_and_its_trial_done_again(
    options: dict[str, str], children: Children, tmp_path: Path
) -> None:
    settings = {**options, "study": "jobs", "storage": str(tmp_path / "s.journal"), "n_trials": "6", "jobs": "2"}
    command = Command({**settings, "epochs": "8"}, tmp_path / "log")
    command.wait_for(lambda trials: n_running(trials) == 2)
    command.workers()[0].kill()
    command.finish()
    assert "died (exit code -9); another takes its place" in command.log.read_text()
    assert any("its worker died" in trial.user_attrs.get("reason", "") for trial in command.trials())
    check_whole(command, 6, children)


def test_killed_study_goes_on_with_the_same_command(
    options: dict[str, str], children: Children, tmp_path: Path
) -> None:
    settings = {
        **options, "study": "killed", "storage": str(tmp_path / "s.journal"), "n_trials": "4", "jobs": "2",
    }  # fmt: skip
    command = Command(settings, tmp_path / "log")
    command.wait_for(lambda trials: n_finished(trials) >= 1 and n_running(trials) >= 1)
    workers = command.workers()
    command.process.kill()
    for worker in workers:
        worker.kill()
    command.process.wait()
    psutil.wait_procs(workers)
    assert study_run(settings).info.status == "RUNNING"
    done = {trial.number: trial.value for trial in command.trials() if trial.state.is_finished()}
    again = Command(settings, tmp_path / "log")
    again.finish()
    assert {number: again.trials()[number].value for number in done} == done
    check_whole(again, 4, children)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_stopped_study_closes_its_runs_and_goes_on(
    options: dict[str, str], children: Children, tmp_path: Path, sign: signal.Signals
) -> None:
    settings = {
        **options, "study": sign.name.lower(), "storage": str(tmp_path / "s.journal"), "n_trials": "4", "jobs": "2",
    }  # fmt: skip
    command = Command(settings, tmp_path / "log")
    command.wait_for(lambda trials: n_running(trials) == 2)
    command.process.send_signal(sign)
    assert command.process.wait(timeout=60) == 130, command.log.read_text()
    assert "the same command goes on with study" in command.log.read_text()
    assert study_run(settings).info.status == "KILLED"
    assert {run.info.status for run in children(study_run(settings).info.run_id)} <= {"KILLED", "FINISHED"}
    assert not [trial for trial in command.trials() if trial.state == TrialState.RUNNING]
    again = Command(settings, tmp_path / "log")
    again.finish()
    check_whole(again, 4, children)
