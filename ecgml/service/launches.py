"""What `mlflow run` opened and never handed over: a launch whose environment failed leaves its run RUNNING.

Such a run has none of our tags. It is ours when the entry point is one of this project's and the source is this
project: its folder, at a commit of its repository or with the parameters that its MLproject declares; or the address
of a remote of its repository. What cannot be proven is somebody else's.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psutil
import yaml
from mlflow.entities import Run

import ecgml

PROJECT = Path(ecgml.__file__).resolve().parent.parent
"""Where our MLproject is, unless the package was installed without it."""


def is_own_launch(run: Run) -> bool:
    """Whether ``mlflow run`` opened a run for this project."""
    tags = run.data.tags
    entry_points = _entry_points()
    entry_point = tags.get("mlflow.project.entryPoint")
    if tags.get("mlflow.source.type") != "PROJECT" or entry_point not in entry_points:
        return False
    source = tags.get("mlflow.source.name", "")
    if "://" in source and not source.startswith("file://"):
        return _address(source) in _remotes()
    if _folder(source, "/") != PROJECT:
        return False
    commit = tags.get("mlflow.source.git.commit")
    if commit:
        return re.fullmatch("[0-9a-f]{40}", commit) is not None and _git("cat-file", "-t", commit) == "commit"
    declared: Mapping[str, Any] = entry_points[entry_point].get("parameters") or {}
    return bool(declared) and declared.keys() <= run.data.params.keys()


def launcher_lives(source: str, started_s: float) -> bool:
    """Whether an ``mlflow run`` of a source that was there when a run started, seconds since 1970, still is."""
    for process in psutil.process_iter(["cmdline", "create_time"]):
        words = process.info["cmdline"] or []
        names = [os.path.basename(word).removesuffix(".exe") for word in words]
        if "mlflow" not in names or (process.info["create_time"] or 0) > started_s:
            continue
        rest = names.index("mlflow") + 1
        if "run" in words[rest:] and _names(words[rest:], source, process):
            return True
    return False


def _names(words: list[str], source: str, process: psutil.Process) -> bool:
    """Whether a command names a source; one whose working directory may not be seen might."""
    if "://" in source and not source.startswith("file://"):
        return any(_address(word) == _address(source) for word in words)
    try:
        there = process.cwd()
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError):
        return True
    return any(_folder(word, there) == _folder(source, "/") for word in words)


def _folder(source: str, there: str) -> Path:
    """Return the folder that a source names, a relative one from a working directory."""
    path, _, below = unquote(source.removeprefix("file://")).partition("#")
    return Path(there, path, below.strip("/")).resolve()


def _address(source: str) -> str:
    """Return a repository's address without what may differ between two ways of writing it."""
    plain = re.sub(r"^([\w+]+://)?([^/@]*@)?", "", source.partition("#")[0])
    return plain.replace(":", "/", 1).rstrip("/").removesuffix(".git").lower()


@cache
def _entry_points() -> dict[str, dict[str, Any]]:
    try:
        content = yaml.safe_load((PROJECT / "MLproject").read_text())
    except (OSError, yaml.YAMLError):
        return {}
    return content.get("entry_points") or {} if isinstance(content, dict) and content.get("name") == "ecgml" else {}


@cache
def _remotes() -> frozenset[str]:
    names = _git("remote").split()
    return frozenset(_address(url) for name in names if (url := _git("remote", "get-url", name)))


@cache
def _git(*words: str) -> str:
    """Return what git says of our repository; ``""`` where the project has none of its own."""
    if not (PROJECT / ".git").exists():
        return ""
    try:
        done = subprocess.run(["git", "-C", str(PROJECT), *words], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
