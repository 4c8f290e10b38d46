"""Whose a run is, and that its owner lives: two tags, the second of which is renewed while the process works on it."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
from mlflow.tracking import MlflowClient

OWNER = "ecgml.owner"
"""Tag of a run: host, process, that process's start, and which processes it sees; so that it can be looked for."""

BEAT = "ecgml.beat"
"""Tag of a run: when its owner last showed that it lives, seconds since 1970; what another host goes by."""

BEAT_S = 20.0
"""It is renewed so often, s."""


def own_marks() -> dict[str, str]:
    """Return the tags that a run of ours is made with."""
    return {OWNER: own_identity(), BEAT: f"{time.time():.0f}"}


@contextlib.contextmanager
def beating(run_id: str) -> Iterator[None]:
    """Renew the beat of a run while the block lasts."""
    done, client, every_s = threading.Event(), MlflowClient(), BEAT_S

    def beat() -> None:
        while not done.wait(every_s):
            # A server that does not answer now may do so at the next beat.
            with contextlib.suppress(Exception):
                client.set_tag(run_id, BEAT, f"{time.time():.0f}")

    thread = threading.Thread(target=beat, name=f"beat of run {run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=every_s)


def last_beat_s(tags: Mapping[str, str]) -> float | None:
    """Return when a run's owner last showed that it lives, seconds since 1970; None where it never says so."""
    try:
        return float(tags[BEAT])
    except (KeyError, ValueError):
        return None


def machine() -> str:
    """Return what only processes that see each other share (a boot of a machine, a container); ``""`` if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def own_identity() -> str:
    """Return this host, process, its start, and its container, as :data:`OWNER` carries them."""
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {process.create_time():.2f} {_container()}".strip()


def is_here(owner: str) -> bool:
    """Whether an owner, as :func:`own_identity` named it, would be among the processes that this one sees.

    Containers may share their host's name; each sees its own processes only.
    """
    words = owner.split()
    return len(words) in (3, 4) and words[0] == socket.gethostname() and words[3:] in ([], [_container()])


def owner_lives(owner: str) -> bool:
    """Whether a process of this host, as :func:`own_identity` named it, is still there."""
    try:
        _, pid, created = owner.split()[:3]
        process = psutil.Process(int(pid))
        # What nobody waited for is still listed after its death.
        dead = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return not dead and abs(process.create_time() - float(created)) < 1.0
    except (psutil.Error, ValueError):
        return False


def _container() -> str:
    """Return the process's namespace without the machine's boot: after a restart, what ran before it is gone."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
