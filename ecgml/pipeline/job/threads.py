"""How many CPU threads a job is given."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import psutil
import torch

LOOK_S = 0.5
"""For so long it is looked how busy others keep the machine, s."""


def choose_threads(device: torch.device) -> int:
    """Return how many CPU threads torch is to use here: as many as the cores that others leave free, at least one.

    Threads meet after every operation: where one has to wait for its core, all do. Two on two cores beside one busy
    process trained 12 to 14 records a second, one thread 204. A number that the user set (``OMP_NUM_THREADS``) stays.
    """
    n_threads = torch.get_num_threads()
    if n_threads == 1 or device.type != "cpu" or os.environ.get("OMP_NUM_THREADS"):
        return n_threads
    n_busy = sum(psutil.cpu_percent(LOOK_S, percpu=True)) / 100
    n_free = round((psutil.cpu_count() or n_threads) - n_busy)
    return int(max(1, min(n_threads, n_free)))


@contextlib.contextmanager
def using_threads(n_threads: int) -> Iterator[None]:
    """Compute with so many CPU threads while the block lasts."""
    before = torch.get_num_threads()
    if n_threads != before:
        torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)
