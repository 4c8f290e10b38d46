"""How the threads of a calculation wait for each other; set before torch is loaded, or not at all."""

from __future__ import annotations

import os

SPINS = 10_000
"""Rounds that a thread of GNU's OpenMP spins before it sleeps; its own default is 300,000. The long spin takes the core
from the thread that it waits for wherever another process keeps one busy; `benchmarks/busy.py` measures both."""

CHOSEN_BY_USER = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


def wait_briefly() -> None:
    """Let threads sleep early while they wait, in this process and those that it starts, unless the user chose."""
    if not any(name in os.environ for name in CHOSEN_BY_USER):
        os.environ["GOMP_SPINCOUNT"] = str(SPINS)
