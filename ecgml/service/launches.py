"""Runs that `mlflow run` opened but whose job never started: if the environment fails, the run stays RUNNING.

Such a run has none of our tags. It is ours when the entry point is one of this project's and the source is this
project: its folder, at a commit of its repository or with the parameters that its MLproject declares; or the address
of a remote of its repository. All others are left alone.
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
    """Return whether ``mlflow run`` opened a run for this project."""
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
    """Return whether an ``mlflow run`` of a source is running that began before a time, seconds since 1970."""
    for process in psutil.process_iter(["cmdline", "create_time"]):
        words = process.info["cmdline"] or []
        names = [os.path.basename(word).removesuffix(".exe") for word in words]
        if "mlflow" not in names or (process.info["create_time"] or 0) > started_s:
            continue
        rest = names.index("mlflow") + 1
        if "run" in words[rest:] and _names_source(words[rest:], source, process):
            return True
    return False


def _names_source(words: list[str], source: str, process: psutil.Process) -> bool:
    """Return whether a command names a source; True if its working directory may not be read."""
    if "://" in source and not source.startswith("file://"):
        return any(_address(word) == _address(source) for word in words)
    try:
        directory = process.cwd()
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError):
        return True
    return any(_folder(word, directory) == _folder(source, "/") for word in words)


def _folder(source: str, directory: str) -> Path:
    """Return the folder that a source names, resolved against a working directory."""
    path, _, subfolder = unquote(source.removeprefix("file://")).partition("#")
    return Path(directory, path, subfolder.strip("/")).resolve()


def _address(source: str) -> str:
    """Return a repository's address in a form in which its spellings (https, ssh, user, .git) agree."""
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
    """Return a git command's output in our repository; ``""`` if the project is in none."""
    if not (PROJECT / ".git").exists():
        return ""
    try:
        done = subprocess.run(["git", "-C", str(PROJECT), *words], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
