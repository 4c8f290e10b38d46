"""The package as it is installed: a wheel holds every file of it, and works outside the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from ecgml.training.checkpoint import save_checkpoint
from tests.conftest import ROOT
from tests.untrained import untrained_checkpoint

pytestmark = pytest.mark.slow


def run(*words: str | Path, cwd: Path) -> str:
    """Run a program that must succeed; return what it printed."""
    unknowing = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PYTHONPATH"))}
    environment = unknowing | {"PIP_NO_INDEX": "1", "XDG_CACHE_HOME": str(cwd / "cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "ecgml", source / "ecgml", ignore=shutil.ignore_patterns("__pycache__"))
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run(*pip, "--wheel-dir", folder, source, cwd=folder)
    return next(folder.glob("ecgml-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program `ecgml` of a fresh environment that borrows this one's dependencies, not its ecgml."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps")
    run(*pip, wheel, cwd=folder)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    (site_packages / "dependencies.pth").write_text("\n".join(path for path in sys.path if "site-packages" in path))
    where = run(python, "-c", "import ecgml; print(ecgml.__file__)", cwd=folder)
    assert Path(where.strip()).is_relative_to(site_packages)
    return folder / "bin" / "ecgml"


def test_a_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    files = [path for path in (ROOT / "ecgml").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("ecgml/")}
    assert packed == {path.relative_to(ROOT).as_posix() for path in files}


def test_the_installed_package_works_outside_the_repository(installed: Path, tmp_path: Path) -> None:
    assert "explore" in run(installed, "--help", cwd=tmp_path)
    assert "required packages" in run(installed, "doctor", cwd=tmp_path)
    run(installed, "simulate", "demo", "--records", "30", cwd=tmp_path)
    brief = ("--signals", "20", "--filtered", "1", "--jobs", "1")
    run(installed, "explore", "demo", "--out", "explored", "--cache-dir", "cache", *brief, cwd=tmp_path)
    assert "<img" in (tmp_path / "explored" / "exploration.html").read_text()
    save_checkpoint(untrained_checkpoint(), tmp_path / "checkpoint")
    recording = next(
        path for path in sorted((tmp_path / "demo" / "ECGData").glob("*.csv")) if path.stat().st_size > 200_000
    )
    answer = run(installed, "predict", "checkpoint", recording, "--fs", "500", "--unit", "uV", cwd=tmp_path)
    assert recording.name in answer
