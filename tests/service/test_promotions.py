"""Aliases, log and records: killed after any write, the registry is consistent and the next one makes it whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from ecgml.errors import PromotionError, TrackingError
from ecgml.service import lock as lock_module
from ecgml.service.lock import Lock
from ecgml.service.promotions import LOG, RECORD, Entry, PromotionLog, Registry, read_registry
from ecgml.service.record_run import DESCRIPTION, open_record
from ecgml.service.registry import REGISTERED_MODEL
from ecgml.service.store import connect
from tests.owners import ended_owner
from tests.registries import make_versions

WRITES = (
    "create_registered_model",
    "delete_registered_model",
    "set_registered_model_tag",
    "set_registered_model_alias",
    "delete_registered_model_alias",
    "set_model_version_tag",
    "delete_model_version_tag",
    "create_run",
    "log_text",
    "set_terminated",
)


class Killed(BaseException):
    """The process is gone: nothing after it reaches the registry, no clean-up either."""


def kill_after(patch: pytest.MonkeyPatch, n_writes: int) -> list[str]:
    """Let so many writes through; return the list that their names go to."""
    through: list[str] = []

    def cut(name: str) -> None:
        real = getattr(MlflowClient, name)

        def call(self: MlflowClient, *words: object, **options: object) -> object:
            if len(through) >= n_writes:
                raise Killed
            answer = real(self, *words, **options)
            through.append(name)
            return answer

        patch.setattr(MlflowClient, name, call)

    for name in WRITES:
        cut(name)
    return through


def decide(decision: str, version: str, champion_after: str, previous_after: str) -> None:
    """Take the lock and carry a decision out as the commands do."""
    experiment = connect()
    with Lock(REGISTERED_MODEL, above=read_registry().last_number) as lock:
        now, log = read_registry(), PromotionLog(lock.check)
        entry = Entry(
            lock.number,
            decision,
            version,
            "2026-01-01T00:00:00+00:00",
            "me@here",
            "",
            now.champion,
            now.previous,
            champion_after,
            previous_after,
        )
        tags = {f"{RECORD}decision": decision, f"{RECORD}macro_f1": "met"}
        with open_record(experiment, "decision", tags, "text") as (run_id, save):
            save({"decision": decision})
            log.carry_out(replace(entry, run_id=run_id))


def repaired() -> Registry:
    with Lock(REGISTERED_MODEL, above=read_registry().last_number) as lock:
        log = PromotionLog(lock.check)
        while log.repair():
            pass
    return read_registry()


@pytest.mark.slow
@pytest.mark.parametrize("decision", ["promoted", "rolled back", "refused"])
def test_killed_after_any_write_it_is_made_whole(
    registry: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decision: str
) -> None:
    make_versions([2.0, 2.5, 3.0], tmp_path)
    moves = {"promoted": ("3", "3", "2"), "rolled back": ("1", "1", ""), "refused": ("3", "2", "1")}
    version, champion, previous = moves[decision]
    n_writes = 0
    while True:
        registry.set_registered_model_alias(REGISTERED_MODEL, "champion", "2")
        registry.set_registered_model_alias(REGISTERED_MODEL, "previous", "1")
        for name in [name for name in registry.get_registered_model(REGISTERED_MODEL).tags if name.startswith(LOG)]:
            registry.delete_registered_model_tag(REGISTERED_MODEL, name)
        with monkeypatch.context() as patch:
            # The dead process's lock names a process that is gone, not this one.
            patch.setattr(lock_module, "process_identity", ended_owner)
            through = kill_after(patch, n_writes)
            finished = True
            try:
                decide(decision, version, champion, previous)
            except Killed:
                finished = False
        torn = read_registry()
        assert torn.champion in ("2", champion)
        begun = bool(torn.entries)
        assert begun or (torn.champion, torn.previous) == ("2", "1")
        whole = repaired()
        assert whole.pending is None
        assert (whole.champion, whole.previous) == ((champion, previous) if begun else ("2", "1")), through
        if begun:
            assert whole.entries[-1].state == "done"
            shown = registry.get_model_version(REGISTERED_MODEL, version).tags
            if decision == "rolled back":
                assert shown[f"{RECORD}rolled_back_to"].startswith(f"log entry {whole.entries[-1].number}, ")
                assert f"{RECORD}rolled_back_from" in registry.get_model_version(REGISTERED_MODEL, "2").tags
            else:
                assert shown[f"{RECORD}macro_f1"] == "met"
            assert decision == "refused" or whole.complaints() == []
        if begun and decision != "refused":
            run = registry.get_run(whole.entries[-1].run_id)
            assert (run.info.status, run.data.tags[DESCRIPTION]) == ("FINISHED", "text")
        if finished:
            break
        n_writes += 1
    assert n_writes >= 7


def test_a_holder_whose_lock_was_taken_writes_nothing_more(registry: MlflowClient, tmp_path: Path) -> None:
    make_versions([2.0, 3.0], tmp_path)
    slow = Lock(REGISTERED_MODEL)
    slow.__enter__()
    registry.create_registered_model(f"{REGISTERED_MODEL}.lock.{slow.number + 1}", {"login": "other", "host": "there"})
    entry = Entry(slow.number, "promoted", "2", "", "", "", champion_after="2")
    with pytest.raises(PromotionError, match=r"the lock was lost .*other on there"):
        PromotionLog(slow.check).carry_out(entry)
    slow.__exit__(None, None, None)
    assert read_registry().aliases == {"challenger": "2"}
    assert read_registry().entries == ()


def test_what_was_begun_for_a_version_deleted_since_is_taken_back(registry: MlflowClient, tmp_path: Path) -> None:
    make_versions([2.0, 3.0], tmp_path)
    registry.set_registered_model_alias(REGISTERED_MODEL, "champion", "1")
    begun = Entry(5, "promoted", "2", "", "", "", "1", "", "2", "1")
    registry.set_registered_model_tag(REGISTERED_MODEL, f"{LOG}000005", begun.to_text())
    registry.set_registered_model_alias(REGISTERED_MODEL, "previous", "1")
    registry.delete_model_version(REGISTERED_MODEL, "2")
    whole = repaired()
    assert (whole.champion, whole.previous, whole.entries[-1].state) == ("1", "", "undone")


def test_an_alias_set_by_hand_after_a_kill_is_left_alone(registry: MlflowClient, tmp_path: Path) -> None:
    make_versions([2.0, 2.5, 3.0], tmp_path)
    begun = Entry(5, "promoted", "2", "", "", "", "1", "", "2", "1")
    registry.set_registered_model_tag(REGISTERED_MODEL, f"{LOG}000005", begun.to_text())
    registry.set_registered_model_alias(REGISTERED_MODEL, "champion", "3")
    whole = repaired()
    assert (whole.champion, whole.entries[-1].state) == ("3", "undone")


def walk(*moves: tuple[str, str]) -> tuple[Entry, ...]:
    """Return a log of moves: decision and champion after."""
    entries, before = [], ""
    for number, (decision, after) in enumerate(moves, 1):
        entries.append(Entry(number, decision, after, "", "", "", before, "", after, "", "done"))
        before = after
    return tuple(entries)


@pytest.mark.parametrize(
    ("moves", "versions", "back"),
    [
        ([("promoted", "1"), ("promoted", "2"), ("promoted", "3")], "123", ["2", "1"]),
        ([("promoted", "1"), ("promoted", "2"), ("promoted", "3"), ("rolled back", "2")], "123", ["1"]),
        ([("promoted", "1"), ("promoted", "2"), ("rolled back", "1")], "12", []),
        ([("promoted", "1"), ("promoted", "2"), ("rolled back", "1"), ("promoted", "3")], "123", ["1"]),
        ([("promoted", "1"), ("promoted", "2"), ("promoted", "3")], "13", ["1"]),
    ],
)
def test_rollback_walks_back_the_log_and_never_to_and_fro(
    moves: list[tuple[str, str]], versions: str, back: list[str]
) -> None:
    assert Registry({"champion": moves[-1][1]}, frozenset(versions), walk(*moves)).earlier() == back


def test_a_deleted_champion_is_noticed_and_the_way_back_said() -> None:
    now = Registry({}, frozenset("1"), walk(("promoted", "1"), ("promoted", "2")))
    assert now.complaints()[0] == (
        "champion is no version: version 2 was deleted from the registry; go back to version 1 with ecgml rollback, or "
        "promote one"
    )
    assert now.earlier() == ["1"]


def test_a_registry_without_our_log_is_taken_as_it_is(registry: MlflowClient, tmp_path: Path) -> None:
    make_versions([2.0, 2.5], tmp_path)
    registry.set_registered_model_alias(REGISTERED_MODEL, "champion", "2")
    registry.set_registered_model_alias(REGISTERED_MODEL, "previous", "1")
    for number, text in enumerate(("no JSON", "[]", '{"number": 3, "decision": 7}', '{"number": 4}'), 1):
        registry.set_registered_model_tag(REGISTERED_MODEL, f"{LOG}{number:06d}", text)
    now = read_registry()
    assert now.unreadable == (1, 2, 3, 4)
    assert now.last_number == 4
    assert now.earlier() == ["1"]
    assert "the alias was set by hand" in now.complaints()[-1]


def test_a_registry_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match="the registry refused: "):
        read_registry(MlflowClient("http://127.0.0.1:9", "http://127.0.0.1:9"))
