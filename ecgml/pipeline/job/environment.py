"""Packages, machine and commit of this process, looked up once."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from functools import cache
from pathlib import Path

import torch

import ecgml


def environment() -> str:
    """Return the installed packages' versions and the machine."""
    machine = [
        f"# Python {platform.python_version()}, {platform.platform()}",
        f"# {torch.get_num_threads()} threads, CPU capability {torch.backends.cpu.get_cpu_capability()}",
    ]
    machine += [f"# {torch.cuda.get_device_name(index)}" for index in range(torch.cuda.device_count())]
    return "\n".join([*machine, *_installed()]) + "\n"


@cache
def _installed() -> tuple[str, ...]:
    packages = {f"{package.metadata['Name']}=={package.version}" for package in importlib.metadata.distributions()}
    return tuple(sorted(packages, key=str.lower))


@cache
def git_commit() -> str:
    """Return the commit of the running code, with ``+`` if files were changed; ``""`` outside a checkout."""
    folder = Path(ecgml.__file__).parent

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        # An installed copy may lie within another repository.
        commit = git("rev-parse", "HEAD") if git("ls-files", "--", "__init__.py") else ""
        return commit + ("+" if commit and git("status", "--porcelain", "--", ".") else "")
    except OSError:
        return ""
