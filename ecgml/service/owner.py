"""Which process owns a run, and whether it is alive: two tags, the second renewed while the process runs."""

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
"""Tag of a run: host, process, the process's start, and its PID namespace, by which the process is looked up."""

BEAT = "ecgml.beat"
"""Tag of a run: last sign of life of its process, seconds since 1970, for other hosts."""

BEAT_S = 20.0
"""Interval of renewals, s."""


def owner_tags() -> dict[str, str]:
    """Return the tags of a new run of ours."""
    return {OWNER: process_identity(), BEAT: f"{time.time():.0f}"}


@contextlib.contextmanager
def beating(run_id: str) -> Iterator[None]:
    """Renew a run's beat during a ``with`` block."""
    done, client, every_s = threading.Event(), MlflowClient(), BEAT_S

    def beat() -> None:
        while not done.wait(every_s):
            # The server may answer at the next beat.
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
    """Return the time of a run's last beat, seconds since 1970; None if it has none."""
    try:
        return float(tags[BEAT])
    except (KeyError, ValueError):
        return None


def machine() -> str:
    """Return an id of this boot and PID namespace, within which processes see each other; ``""`` if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def process_identity() -> str:
    """Return host, process, its start and its container in the form of :data:`OWNER`."""
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {process.create_time():.2f} {_container()}".strip()


def is_here(owner: str) -> bool:
    """Return whether the process of a :func:`process_identity` would be visible to this process.

    Containers may share their host's name; each sees its own processes only.
    """
    words = owner.split()
    return len(words) in (3, 4) and words[0] == socket.gethostname() and words[3:] in ([], [_container()])


def owner_lives(owner: str) -> bool:
    """Return whether the process of a :func:`process_identity` of this host is still running."""
    try:
        _, pid, created = owner.split()[:3]
        process = psutil.Process(int(pid))
        # A zombie is still listed.
        dead = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return not dead and abs(process.create_time() - float(created)) < 1.0
    except (psutil.Error, ValueError):
        return False


def _container() -> str:
    """Return the process's PID namespace without the machine's boot."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
