"""Who owns a run, a lock or a trial: that process as a line of text, whether it still lives, and its beat.

A process can be looked up only from within its own PID namespace. Of one in another container, or on another host,
nothing is known here: then its beat decides, which it renews while it works.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

_PROC: Path | None = Path("/proc") if sys.platform == "linux" else None

_MACHINE_ID = Path("/etc/machine-id")

_FIRST_NAMESPACE = "pid:[4026531836]"
"""The PID namespace that a machine boots with (Linux, ``PROC_PID_INIT_INO``): no container's."""


def process_identity() -> str:
    """Return this process as an owner: host, process, its start, PID namespace, boot and machine.

    Only the first two where nobody could look it up.
    """
    place, pid = _place(), os.getpid()
    return " ".join([socket.gethostname(), str(pid), *([_start_of(pid), *place] if place else [])])


def is_alive(owner: str) -> bool | None:
    """Whether an owner's process still runs; None where that cannot be told from here.

    Parameters
    ----------
    owner : str
        As :func:`process_identity` returned it; what earlier versions wrote (fewer words) tells too little.
    """
    try:
        host, pid, start, namespace, boot, machine = owner.split()
        own_namespace, own_boot, own_machine = _place()
    except ValueError:
        return None
    if host != socket.gethostname():
        return None
    if (namespace, boot) == (own_namespace, own_boot):
        try:
            return _start_of(int(pid)) == start
        except ProcessLookupError:
            return False
        except (OSError, ValueError, OverflowError):
            return None
    # What this machine ran before it was started again is gone. Containers may share an image's machine id.
    is_same_machine = machine == own_machine != "-" and namespace == own_namespace == _FIRST_NAMESPACE
    return False if is_same_machine else None


def describe(owner: str) -> str:
    """Return an owner's host and process for a person."""
    host, pid, *_ = *owner.split(), "", ""
    return f"{host}, process {pid}" if pid else host or "unknown"


@contextlib.contextmanager
def beating(show: Callable[[], object], every_s: float) -> Iterator[None]:
    """Call a function, which shows that the owner lives, now and again while the block lasts."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(every_s):
            # A server or storage that does not answer now may do so at the next beat.
            with contextlib.suppress(Exception):
                show()

    thread = threading.Thread(target=beat, name="beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=every_s)


def _place() -> list[str]:
    """Return PID namespace, boot and machine of this process; nothing where its processes cannot be looked up."""
    if _PROC is None:
        return ["-", "-", "-"]
    try:
        # A container may see the /proc of another namespace, whose numbers are not its own.
        if os.readlink(_PROC / "self") != str(os.getpid()):
            return []
        place = [os.readlink(_PROC / "self/ns/pid"), (_PROC / "sys/kernel/random/boot_id").read_text().strip()]
    except OSError:
        return []
    try:
        # Not to be told to others as it is (machine-id(5)).
        machine = hashlib.sha256(b"ecgml " + _MACHINE_ID.read_bytes().strip()).hexdigest()[:16]
    except OSError:
        machine = "-"
    return [*place, machine]


def _start_of(pid: int) -> str:
    """Return when a process began: on Linux in ticks since the boot, which setting the clock does not change.

    Raises
    ------
    ProcessLookupError
        If it has ended; also while nobody has waited for it.
    PermissionError
        If this process may not see it.
    """
    if _PROC is None:
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                raise ProcessLookupError(pid)
            return f"{process.create_time():.2f}"
        except psutil.NoSuchProcess:
            raise ProcessLookupError(pid) from None
        except psutil.AccessDenied:
            raise PermissionError(pid) from None
    try:
        state, *fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()  # proc_pid_stat(5)
    except (FileNotFoundError, ProcessLookupError):
        os.kill(pid, 0)  # finds nothing if it has ended; else it is hidden (proc(5), hidepid)
        raise PermissionError(pid) from None
    if state in "ZX":
        raise ProcessLookupError(pid)
    return fields[18]
