"""Owners that are gone, to be found so."""

from __future__ import annotations

import os
import subprocess
import sys

from ecgml.owner import process_identity


def ended_owner() -> str:
    """Return the owner that a process of this machine was, which has ended."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        process.wait()
    return process_identity().replace(f" {os.getpid()} ", f" {process.pid} ")
