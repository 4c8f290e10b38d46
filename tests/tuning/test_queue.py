"""The queue: totals, retries, resumption; with a database or a journal, without training anything."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from ecgml.errors import TuningError
from tests.owners import ended_owner
from tuning import queue as queues
from tuning.queue import OWNER, REASON, RETRY_OF, Queue, n_begun, retried
from tuning.storage import StudyStorage


@pytest.fixture(params=["journal", "sqlite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StudyStorage]:
    """Return a storage of each embedded kind."""
    address = {"journal": str(tmp_path / "s.journal"), "sqlite": f"sqlite:///{tmp_path}/s.db"}[request.param]
    with contextlib.closing(StudyStorage(address)) as store:
        yield store


def make_queue(storage: StudyStorage, n_trials: int, deaths: list | None = None) -> Queue:
    study = optuna.create_study(storage=storage.storage, study_name="s", direction="maximize", load_if_exists=True)
    died = deaths if deaths is not None else []
    return Queue(study, storage, n_trials, lambda number: RandomSampler(seed=number), lambda *one: died.append(one))


def test_total_is_honoured_over_restarts(storage: StudyStorage) -> None:
    first = make_queue(storage, 3)
    for _ in range(2):
        first.study.tell(first.claim(), 1.0)
    second = make_queue(StudyStorage(storage.address), 3)
    assert not second.is_finished()
    second.study.tell(second.claim(), 1.0)
    assert second.claim() is None
    assert second.is_finished()
    assert make_queue(storage, 5).claim() is not None


def test_trial_of_a_dead_worker_is_done_again_once_with_its_parameters(storage: StudyStorage) -> None:
    deaths: list[tuple[str, str]] = []
    queue = make_queue(storage, 2, deaths)
    trial = queue.claim()
    rate = trial.suggest_float("rate", 0, 1)
    trial.set_user_attr(OWNER, ended_owner())
    trial.set_user_attr("run_id", "run 0")

    again = queue.claim()
    assert (again.number, again.user_attrs[RETRY_OF]) == (1, 0)
    assert again.suggest_float("rate", 0, 1) == rate
    assert deaths == [("run 0", queue.trials()[0].user_attrs[REASON])]
    assert queue.trials()[0].state == TrialState.FAIL
    again.set_user_attr(OWNER, ended_owner())

    other = queue.claim()
    assert RETRY_OF not in other.user_attrs
    queue.study.tell(other, 1.0)
    assert queue.claim() is None
    assert queue.is_finished()
    assert n_begun(queue.trials()) == 2
    assert retried(queue.trials()) == {0}


def test_trial_of_a_living_worker_is_left_alone(storage: StudyStorage) -> None:
    queue = make_queue(storage, 1)
    trial = queue.claim()
    make_queue(StudyStorage(storage.address), 1).requeue_dead()
    assert not queue.is_finished()
    queue.study.tell(trial, 1.0)
    assert queue.is_finished()


def test_worker_of_another_host_is_dead_when_its_beat_stands_still(
    storage: StudyStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(queues.time, "monotonic", lambda: clock[0])
    queue = make_queue(storage, 1)
    trial = queue.claim()
    trial.set_user_attr(OWNER, "elsewhere 12 1.00")
    for beat in range(4):
        trial.set_user_attr("beat", beat)
        queue.requeue_dead()
        clock[0] += queues.GRACE_S - 1
        queue.requeue_dead()
    assert queue.trials()[0].state == TrialState.RUNNING
    clock[0] += 2
    queue.requeue_dead()
    assert queue.trials()[0].state == TrialState.FAIL
    assert queue.trials()[0].user_attrs[REASON] == "its worker died (elsewhere, process 12)"
    assert queue.trials()[1].state == TrialState.WAITING


def test_stopped_trial_waits_to_be_done_again_and_that_costs_no_retry(storage: StudyStorage) -> None:
    queue = make_queue(storage, 1)
    for _ in range(3):
        queue.release(queue.claim())
    assert [trial.state for trial in queue.trials()] == [TrialState.FAIL] * 3 + [TrialState.WAITING]
    queue.study.tell(queue.claim(), 1.0)
    assert queue.is_finished()


def test_study_of_failures_only_is_stopped_early(storage: StudyStorage) -> None:
    queue = make_queue(storage, 100)
    for _ in range(queues.MAX_FAILURES):
        queue.study.tell(queue.claim(), state=TrialState.FAIL)
    assert queue.claim() is None
    assert queue.is_finished()


def _claim_all(address: str, n_trials: int) -> None:
    queue = make_queue(StudyStorage(address), n_trials)
    while (trial := queue.claim()) is not None:
        queue.study.tell(trial, trial.suggest_float("rate", 0, 1))


def _hang_with_a_trial(address: str) -> None:
    make_queue(StudyStorage(address), 1).claim()
    time.sleep(600)


@pytest.mark.slow
def test_processes_share_out_the_total_exactly(storage: StudyStorage) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_claim_all, args=(storage.address, 13)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    trials = make_queue(StudyStorage(storage.address), 13).trials()
    assert [trial.number for trial in trials] == list(range(13))
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    # Workers do not draw the same.
    assert len({trial.params["rate"] for trial in trials}) == 13


@pytest.mark.slow
def test_a_killed_process_loses_its_trial_at_once_to_another(storage: StudyStorage) -> None:
    worker = multiprocessing.get_context("spawn").Process(target=_hang_with_a_trial, args=(storage.address,))
    worker.start()
    queue = make_queue(storage, 1)
    while not queue.trials():
        time.sleep(0.05)
    while OWNER not in queue.trials()[0].user_attrs:
        time.sleep(0.05)
    assert queue.claim() is None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    assert queue.claim().user_attrs[RETRY_OF] == 0


def test_a_journal_with_a_torn_last_line_is_read_up_to_it(tmp_path: Path) -> None:
    path = tmp_path / "s.journal"
    queue = make_queue(StudyStorage(str(path)), 2)
    queue.study.tell(queue.claim(), 1.0)
    with path.open("a") as file:
        file.write('{"op_code":4,"worker')
    again = make_queue(StudyStorage(str(path)), 2)
    again.study.tell(again.claim(), 2.0)
    assert [trial.value for trial in again.trials()] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("mysql://me:secret@host/db", r"storage: mysql://…@host/db is of an unknown kind"),
        ("postgresql://me:secret@127.0.0.1:1/db", r"storage: postgresql://…@127.0.0.1:1/db cannot be used: .*refused"),
        ("/proc/nowhere/s.journal", "storage: /proc/nowhere/s.journal cannot be used"),
        ("sqlite://", "storage: sqlite:// is not persistent"),
    ],
)
def test_storage_that_cannot_be_used_is_one_line_without_the_password(
    address: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg", reason="the extra postgres is not installed")
    with pytest.raises(TuningError, match=message) as caught:
        StudyStorage(address)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_mlflows_own_database_is_refused(tmp_path: Path) -> None:
    import sqlalchemy

    address = f"sqlite:///{tmp_path}/mlflow.db"
    engine = sqlalchemy.create_engine(address)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE experiments (experiment_id INTEGER)"))
    engine.dispose()
    with pytest.raises(TuningError, match="it is MLflow's own database"):
        StudyStorage(address)
