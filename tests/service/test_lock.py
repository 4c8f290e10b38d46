"""The registry's lock: one holder, whoever is slow, dead or quick."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
from mlflow.tracking import MlflowClient

from ecgml.errors import PromotionError
from ecgml.service import lock as module
from ecgml.service.lock import Lock
from tests.conftest import ROOT

QUICK = {"lease_s": 0.6, "renew_s": 30.0, "watch_s": 0.2}
"""A lock that is never renewed and soon runs out."""


def test_only_one_holds_it_and_the_other_is_told_who(registry: MlflowClient) -> None:
    with (
        Lock("model") as first,
        pytest.raises(PromotionError, match=r"^model: .+ on .+ holds the lock since \d\d:\d\d:\d\d UTC; try again"),
        Lock("model"),
    ):
        pass
    with Lock("model") as second:
        assert second.number > first.number


def test_numbers_rise_above_those_in_the_log_though_the_locks_were_deleted(registry: MlflowClient) -> None:
    with Lock("model", above=41) as lock:
        assert lock.number == 42
    registry.delete_registered_model("model.lock.42")
    with Lock("model", above=42) as lock:
        assert lock.number == 43
    assert [model.name for model in registry.search_registered_models()] == ["model.lock.43"]


def test_of_many_who_want_a_lock_that_ran_out_one_gets_it(
    registry: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "is_alive", lambda owner: None)  # as on another host
    stuck = Lock("model", **QUICK)
    stuck.__enter__()
    time.sleep(0.7)
    outcomes: list[str] = []
    barrier = threading.Barrier(4)
    done = threading.Barrier(4, timeout=30)

    def take() -> None:
        barrier.wait()
        try:
            with Lock("model", watch_s=0.2):
                outcomes.append("held")
                done.wait()
        except PromotionError:
            outcomes.append("refused")
            done.wait()
        except Exception as error:
            outcomes.append(repr(error))
            done.abort()

    takers = [threading.Thread(target=take) for _ in range(4)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert sorted(outcomes) == ["held", "refused", "refused", "refused"]
    with pytest.raises(PromotionError, match="the lock was lost"):
        stuck.check()
    stuck.__exit__(None, None, None)  # gives back nothing that is not its own
    with Lock("model"):
        pass


def test_a_late_taker_of_an_old_state_sees_that_it_is_late(
    registry: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It read lock 1 as free; since then 2 was taken and given back, 3 is held, and 1 and 2 are deleted."""
    with Lock("model"):
        pass
    late = Lock("model")
    old = late._locks()
    with Lock("model"):
        pass
    with Lock("model") as holder:
        answers = iter([old])
        looked = late._locks
        monkeypatch.setattr(late, "_locks", lambda: next(answers, None) or looked())
        with pytest.raises(PromotionError, match="took the lock first"):
            late.__enter__()
        holder.check()
        assert [model.name for model in registry.search_registered_models()] == ["model.lock.3"]


def test_a_holder_that_cannot_renew_stops_before_its_lock_runs_out(registry: MlflowClient) -> None:
    with Lock("model", **QUICK) as lock:
        lock.check()
        time.sleep(0.5)  # of 0.6 s, the last quarter is margin
        with pytest.raises(PromotionError, match="could not be renewed in time"):
            lock.check()


def test_a_live_lock_is_renewed_and_a_clock_that_is_ahead_does_not_take_it(
    registry: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "is_alive", lambda owner: None)
    with Lock("model", lease_s=3.0, renew_s=0.2) as lock:
        time.sleep(0.5)
        ahead = Lock("model", watch_s=1.0)
        now = time.time
        monkeypatch.setattr(module.time, "time", lambda: now() + 3600)
        # The holder's own clock is right, and what it writes tells the watcher that it lives.
        with pytest.raises(PromotionError, match="holds the lock"):
            ahead.__enter__()
        monkeypatch.undo()
        lock.check()


@pytest.mark.slow
def test_the_lock_of_a_process_that_was_killed_here_is_taken_at_once(registry: MlflowClient) -> None:
    code = "import os; from ecgml.service.lock import Lock; Lock('model').__enter__(); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 9
    start = time.monotonic()
    with Lock("model") as lock:
        assert lock.number == 2
    assert time.monotonic() - start < module.WATCH_S


def test_a_request_that_was_sent_again_meets_its_own_lock(
    registry: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = MlflowClient.create_registered_model

    def twice(self: MlflowClient, *words: object) -> object:
        create(self, *words)
        return create(self, *words)

    monkeypatch.setattr(MlflowClient, "create_registered_model", twice)
    with Lock("model") as lock:
        lock.check()
