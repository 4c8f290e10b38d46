"""A copy of the tree, and what the tests say of a fault in it."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

LONGEST_S = 600
"""Tests that run longer are stopped: a fault that makes them hang is noticed, too."""

_HEAVY = ("numpy", "pandas", "scipy.signal", "sklearn.metrics", "matplotlib.figure", "torch", "mlflow", "optuna")
"""Imported once, before any process is forked: what takes most of a test run's time is none of the project's."""

_PASSED, _FAILED = 0, 1
"""Exit codes of pytest; any other means that it could not run the tests."""


@contextlib.contextmanager
def copied_tree(root: Path) -> Iterator[Path]:
    """Copy what git knows or would add to a repository of its own, deleted afterwards."""
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="ecgml-mutants-") as folder:
        copy = Path(folder) / "tree"
        for name in filter(None, listed.stdout.split("\0")):
            if (root / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(root / name, copy / name)
        # Runs say which commit they are of.
        git = ["git", "-C", copy, "-c", "user.name=mutants", "-c", "user.email=mutants@localhost"]
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "--no-verify", "-m", "copy"]):
            subprocess.run([*git, *words], check=True, stdout=subprocess.DEVNULL)
        yield copy


def prepare() -> None:
    """Import what every test run needs and no fault is in."""
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.dont_write_bytecode = True
    for name in _HEAVY:
        importlib.import_module(name)


def run_tests(copy: Path, tests: Sequence[str], *, everything: bool = False) -> tuple[int | None, str]:
    """Run tests in a copy, in a process of its own, up to the first failure.

    Parameters
    ----------
    copy : Path
    tests : sequence of str
        Left aside where everything is asked for.
    everything : bool
        The whole suite, slow tests and those on real recordings too.

    Returns
    -------
    code : int or None
        pytest's exit code; None where it took too long.
    output : str
    """
    words = ["-q", "-x", "--tb=short", "-p", "no:cacheprovider"]
    words += ["-m", ""] if everything else ["-m", "not slow and not real", *tests]
    log = copy.parent / "log"
    process = multiprocessing.get_context("fork").Process(target=_pytest, args=(copy, words, log))
    process.start()
    process.join(LONGEST_S * (10 if everything else 1))
    code = process.exitcode
    if process.is_alive():
        process.kill()
        process.join()
    return code, log.read_text(encoding="utf-8", errors="replace")


def verdict(code: int | None, output: str) -> tuple[str, str]:
    """Return ``caught``, ``survived`` or ``broken``, and by what."""
    if code is None:
        return "caught", f"by more than {LONGEST_S} s"
    if code == _PASSED:
        return "survived", ""
    named = re.search(r"^(?:FAILED|ERROR) (\S+)", output, flags=re.MULTILINE)
    if code == _FAILED:
        return "caught", f"by {named[1]}" if named else ""
    return "broken", output.strip().splitlines()[-1] if output.strip() else f"exit code {code}"


def _pytest(copy: Path, words: list[str], log: Path) -> None:
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(copy)
    os.environ["PYTHONPATH"], os.environ["PYTHONDONTWRITEBYTECODE"] = str(copy), "1"
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # one of a library's is imported already, of which pytest warns
    for name in [name for name in sys.modules if name.partition(".")[0] in ("ecgml", "tuning", "tests")]:
        del sys.modules[name]
    sys.path.insert(0, str(copy))
    import pytest

    import ecgml

    assert Path(ecgml.__file__).is_relative_to(copy)
    os._exit(int(pytest.main(words)))
