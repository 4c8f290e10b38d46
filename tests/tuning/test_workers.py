"""Commands in processes of their own: shared out, killed, stopped, gone on with."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from optuna.trial import TrialState

from tests.tuning.commands import Children, Command, check_whole, n_finished, n_running, study_run

pytestmark = pytest.mark.slow

Start = Callable[[dict[str, str], Path], Command]


def test_killed_worker_is_replaced_and_its_trial_done_again(
    options: dict[str, str], children: Children, start: Start, tmp_path: Path
) -> None:
    settings = {**options, "study": "jobs", "storage": str(tmp_path / "s.journal"), "n_trials": "6", "jobs": "2"}
    command = start({**settings, "epochs": "8"}, tmp_path / "log")
    command.wait_for(lambda trials: n_running(trials) == 2)
    command.workers()[0].kill()
    command.finish()
    assert "died (exit code -9)" in command.log.read_text()
    assert any("its worker died" in trial.user_attrs.get("reason", "") for trial in command.trials())
    check_whole(command, 6, children)


def test_killed_study_goes_on_with_the_same_command(
    options: dict[str, str], children: Children, start: Start, tmp_path: Path
) -> None:
    settings = {
        **options, "study": "killed", "storage": str(tmp_path / "s.journal"), "n_trials": "4", "jobs": "2",
    }  # fmt: skip
    command = start(settings, tmp_path / "log")
    command.wait_for(lambda trials: n_finished(trials) >= 1 and n_running(trials) >= 1)
    workers = command.workers()
    command.process.kill()
    for worker in workers:
        worker.kill()
    command.process.wait()
    psutil.wait_procs(workers)
    assert study_run(settings).info.status == "RUNNING"
    done = {trial.number: trial.value for trial in command.trials() if trial.state.is_finished()}
    again = start(settings, tmp_path / "log")
    again.finish()
    assert {number: again.trials()[number].value for number in done} == done
    check_whole(again, 4, children)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_stopped_study_closes_its_runs_and_goes_on(
    options: dict[str, str], children: Children, start: Start, tmp_path: Path, sign: signal.Signals
) -> None:
    settings = {
        **options, "study": sign.name.lower(), "storage": str(tmp_path / "s.journal"), "n_trials": "4", "jobs": "2",
    }  # fmt: skip
    command = start(settings, tmp_path / "log")
    command.wait_for(lambda trials: n_running(trials) == 2)
    command.process.send_signal(sign)
    assert command.process.wait(timeout=60) == 130, command.log.read_text()
    assert "same command again to resume study" in command.log.read_text()
    assert study_run(settings).info.status == "KILLED"
    assert {run.info.status for run in children(study_run(settings).info.run_id)} <= {"KILLED", "FINISHED"}
    assert not [trial for trial in command.trials() if trial.state == TrialState.RUNNING]
    again = start(settings, tmp_path / "log")
    again.finish()
    check_whole(again, 4, children)
