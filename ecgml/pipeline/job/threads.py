"""Choose the number of CPU threads of a job."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import psutil
import torch

LOOK_S = 0.5
"""Time over which the load of the machine is measured, s."""


def choose_threads(device: torch.device) -> int:
    """Return the number of CPU threads for torch: the cores left free by other processes, at least one.

    Threads meet after every operation: where one has to wait for its core, all do. Two on two cores beside one busy
    process trained 12 to 14 records a second, one thread 204. A number that the user set (``OMP_NUM_THREADS``) stays.
    """
    n_threads = torch.get_num_threads()
    if n_threads == 1 or device.type != "cpu" or os.environ.get("OMP_NUM_THREADS"):
        return n_threads
    n_busy = sum(psutil.cpu_percent(LOOK_S, percpu=True)) / 100
    n_free = round((psutil.cpu_count() or n_threads) - n_busy)
    return max(1, min(n_threads, n_free))


@contextlib.contextmanager
def using_threads(n_threads: int) -> Iterator[None]:
    """Use ``n_threads`` CPU threads during a ``with`` block."""
    before = torch.get_num_threads()
    if n_threads != before:
        torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)
