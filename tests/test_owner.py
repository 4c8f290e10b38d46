"""An owner is alive, gone, or cannot be looked up from here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ecgml import owner
from ecgml.owner import beating, describe, is_alive, process_identity
from tests.conftest import ROOT
from tests.owners import ended_owner

ANSWER = """
import sys
from ecgml.owner import is_alive, process_identity
print(process_identity(), is_alive(sys.argv[1]), is_alive(process_identity()), sep="\\n", flush=True)
"""


def elsewhere(identity: str = "", **changes: str) -> str:
    """Return an identity, by default this process's, with some words changed."""
    words = (identity or process_identity()).split()
    words = dict(zip(("host", "pid", "start", "namespace", "boot", "machine"), words, strict=True))
    return " ".join((words | changes).values())


def test_this_process_is_alive_and_one_that_has_ended_is_not() -> None:
    assert is_alive(process_identity()) is True
    assert is_alive(ended_owner()) is False
    assert is_alive(elsewhere(pid="999999999")) is False


def test_another_process_that_was_given_the_number_is_not_the_owner() -> None:
    assert is_alive(elsewhere(start="1")) is False


def test_a_process_that_nobody_waited_for_has_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", f"{ANSWER}input()", "-"], stdin=-1, stdout=-1, cwd=ROOT)
    identity = process.stdout.readline().decode()
    assert is_alive(identity) is True
    process.kill()
    for _ in range(200):
        if not is_alive(identity):
            break
        time.sleep(0.02)
    assert process.returncode is None
    assert is_alive(identity) is False
    process.communicate()


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "another-host"},
        {"namespace": "pid:[1]"},
        {"boot": "another", "machine": "another"},
        {"pid": "many"},
        {"pid": "9" * 30},
    ],
)
def test_what_cannot_be_looked_up_here_is_unknown(changes: dict[str, str]) -> None:
    assert is_alive(elsewhere(**changes)) is None


@pytest.mark.parametrize("words", ["999999999 1.00", "999999999 1.00 pid:[4026531836]", ""])
def test_what_earlier_versions_wrote_is_unknown(words: str) -> None:
    assert is_alive(f"{process_identity().split()[0]} {words}") is None


def test_what_ran_before_this_machine_was_started_again_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ["pid:[4026531836]", "before", "this"]
    monkeypatch.setattr(owner, "_place", lambda: ["pid:[4026531836]", "now", "this"])
    assert is_alive(" ".join([*process_identity().split()[:3], *before])) is False
    # A container of the same image on another machine.
    monkeypatch.setattr(owner, "_place", lambda: ["pid:[4026532180]", "now", "this"])
    assert is_alive(" ".join([*process_identity().split()[:3], "pid:[4026532180]", "before", "this"])) is None
    monkeypatch.setattr(owner, "_place", lambda: ["pid:[4026531836]", "now", "-"])
    assert is_alive(" ".join([*process_identity().split()[:3], "pid:[4026531836]", "before", "-"])) is None


@pytest.mark.skipif(sys.platform != "linux", reason="PID namespaces are Linux's")
@pytest.mark.parametrize("own_proc", [True, False])
def test_processes_of_two_pid_namespaces_do_not_know_of_each_other(own_proc: bool) -> None:
    """With the namespace's own /proc, and with that of the machine, whose numbers are others'."""
    unshare = ["unshare", "--user", "--map-root-user", "--pid", "--fork", *["--mount-proc"] * own_proc]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no PID namespace may be made here")
    words = [*unshare, sys.executable, "-c", ANSWER, process_identity()]
    inner, outer_seen, inner_seen = subprocess.check_output(words, text=True, cwd=ROOT).splitlines()
    assert inner.split()[:2] == [process_identity().split()[0], "1"]
    assert is_alive(inner) is None  # though number 1 runs here, too
    assert outer_seen == "None"
    assert inner_seen == ("True" if own_proc else "None")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_hidden_process_is_unknown_and_a_foreign_proc_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a /proc mounted with hidepid, and one of another PID namespace, show."""
    identity = process_identity()
    monkeypatch.setattr(owner, "_place", identity.split()[3:].copy)
    monkeypatch.setattr(owner, "_PROC", tmp_path)
    assert is_alive(identity) is None
    assert is_alive(elsewhere(identity, pid="999999999")) is False
    monkeypatch.undo()
    (tmp_path / "self").symlink_to("1234567")
    monkeypatch.setattr(owner, "_PROC", tmp_path)
    assert process_identity() == f"{identity.split()[0]} {os.getpid()}"
    assert is_alive(identity) is None


def test_where_there_is_no_proc_the_host_s_processes_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS and Windows."""
    monkeypatch.setattr(owner, "_PROC", None)
    assert is_alive(process_identity()) is True
    assert is_alive(ended_owner()) is False
    assert is_alive(elsewhere(start="1.00")) is False
    assert is_alive(elsewhere(host="another-host")) is None


def test_an_owner_is_described_by_host_and_process() -> None:
    assert describe("ward-7 12 3 pid:[1] a b") == describe("ward-7 12 1.00") == "ward-7, process 12"
    assert describe("") == "unknown"


def test_a_beat_goes_on_after_one_that_failed_and_ends_with_the_block() -> None:
    beats = []

    def show() -> None:
        beats.append(len(beats))
        if len(beats) == 1:
            raise OSError("not now")

    with beating(show, 0.01):
        for _ in range(500):
            if len(beats) > 2:
                break
            time.sleep(0.01)
    n_beats = len(beats)
    assert n_beats > 2
    time.sleep(0.05)
    assert len(beats) == n_beats
