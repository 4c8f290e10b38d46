"""`python -m tuning` in processes of its own, and what must hold when they are done."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import mlflow
import optuna
import psutil
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from optuna.trial import FrozenTrial, TrialState

from tests.conftest import ROOT
from tuning.queue import OWNER, RUN_ID, n_begun, retried
from tuning.storage import StudyStorage

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

    def wait_for(self, condition: Callable[[list[FrozenTrial]], bool], timeout_s: float = 300) -> None:
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
        code = self.process.wait(timeout=600)
        text = self.log.read_text()
        assert code == 0, text
        return text.strip().splitlines()[-1]

    def is_trying(self, trials: list[FrozenTrial]) -> bool:
        """Whether its own worker, which is this process where there is one job, has a trial under way."""
        process = f" {self.process.pid} "
        return any(trial.state == TrialState.RUNNING and process in trial.user_attrs.get(OWNER, "") for trial in trials)

    def end(self) -> None:
        """Kill what is left of it."""
        if self.process.poll() is None:
            for worker in self.workers():
                worker.kill()
            self.process.kill()
        self.process.wait()

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
    again = retried(trials)
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
    return sum(trial.state == TrialState.RUNNING and RUN_ID in trial.user_attrs for trial in trials)
