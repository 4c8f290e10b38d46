"""What this machine and environment can and cannot do, with the remedy, before a run is created."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecgml.errors import EcgmlError

FREE_BYTES = 3 * 2**30
"""What the demo job writes, and the whole Chapman-Shaoxing set at 250 Hz: about 2 GB with the parts being joined."""


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    level: str
    """``ok``, ``note`` (works, but …) or ``fault`` (would fail)."""
    what: str
    remedy: str = ""

    @property
    def is_fatal(self) -> bool:
        """Whether a job would fail."""
        return self.level == "fault"

    def line(self) -> str:
        """Return the finding as a line."""
        return f"{self.level:<6}{self.what}" + (f" -> {self.remedy}" if self.remedy else "")


def examine(folders: Sequence[str], cache: Path, device: str) -> Iterator[Check]:
    """Look at Python, packages, architectures, devices, environment managers, data, disk and tracking store in turn.

    Parameters
    ----------
    folders : sequence of str
        Data sets of the job to come.
    cache : Path
        Where it would keep preprocessed records.
    device : str
        Where it would train.
    """
    looks: tuple[Callable[[], Iterable[Check]], ...] = (
        _python,
        _packages,
        _additions,
        lambda: _device(device),
        _environment_managers,
        lambda: _data(folders),
        lambda: _disk(cache),
        _tracking,
    )
    for look in looks:
        try:
            yield from look()
        except EcgmlError as error:
            yield Check("fault", str(error))


def _python() -> Iterator[Check]:
    yield Check("ok", f"Python {'.'.join(map(str, sys.version_info[:3]))}")


def _packages() -> Iterator[Check]:
    try:
        requirements = importlib.metadata.requires("ecgml") or []
    except importlib.metadata.PackageNotFoundError:
        yield Check("note", "ecgml is not installed, it runs from this folder only", "pip install -e .")
        return
    missing = [wanted for wanted in requirements if "extra ==" not in wanted and not _satisfied(wanted)]
    if missing:
        yield Check("fault", f"missing or of another version: {', '.join(missing)}", "pip install -e .")
    else:
        yield Check("ok", f"{sum('extra ==' not in wanted for wanted in requirements)} required packages")


def _additions() -> Iterator[Check]:
    from ecgml.evaluation.metric_table import OURS, metric_rows
    from ecgml.models.registry import model_class, model_names, model_package
    from ecgml.records import reading

    listed = []
    for name in model_names():
        model_class(name)
        package = model_package(name)
        listed.append(f"{name} ({package})" if package else name)
    yield Check("ok", f"architectures: {', '.join(listed)}")
    if metrics := [row.name for row in metric_rows() if row not in OURS]:
        yield Check("ok", f"metrics of other packages: {', '.join(metrics)}")
    if formats := [known.name for known in reading.formats() if known not in reading.OURS]:
        yield Check("ok", f"file formats of other packages: {', '.join(formats)}")


def _satisfied(requirement: str) -> bool:
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    if wanted.marker and not wanted.marker.evaluate():
        return True
    try:
        return wanted.specifier.contains(importlib.metadata.version(wanted.name), prereleases=True)
    except importlib.metadata.PackageNotFoundError:
        return False


def _device(name: str) -> Iterator[Check]:
    import torch

    from ecgml.training.device import choose_device, choose_precision

    device = choose_device(name)
    precision = str(choose_precision("auto", device)).removeprefix("torch.")
    yield Check("ok", f"trains on {device} in {precision}, {torch.get_num_threads()} CPU threads")


def _environment_managers() -> Iterator[Check]:
    if shutil.which("conda") or os.environ.get("MLFLOW_CONDA_HOME"):
        yield Check("ok", "conda: mlflow run . works as it is")
    elif shutil.which("uv"):
        yield Check(
            "note", "no conda", "mlflow run . --env-manager local (this environment) or --env-manager uv (its own)"
        )
    else:
        yield Check("note", "no conda: plain `mlflow run .` would fail", "mlflow run . --env-manager local")
    if shutil.which("git") is None:
        yield Check("note", "no git: runs are not tagged with the commit", "install git")


def _data(folders: Sequence[str]) -> Iterator[Check]:
    if not folders:
        yield Check("ok", "no data_dir: the simulated demo cohort")
        return
    from ecgml.cohorts.opening import open_cohort

    for folder in folders:
        cohort = open_cohort(Path(folder))
        yield Check("ok", f"{folder}: {cohort.kind}, {len(cohort.entries):,} records")
        for warning in cohort.warnings:
            yield Check("note", f"{folder}: {warning}")


def _disk(cache: Path) -> Iterator[Check]:
    places = (("cache", cache, "another cache_dir"), ("working directory", Path.cwd(), "another working directory"))
    for what, folder, other in places:
        there = folder
        try:
            there = next(parent for parent in (folder, *folder.parents) if parent.exists())
            # Permissions do not tell: to root all seems writable, and /proc takes nothing from anybody.
            with tempfile.TemporaryDirectory(prefix=".ecgml-", dir=there):
                free = shutil.disk_usage(there).free
        except OSError as error:
            yield Check("fault", f"{what} {folder}: nothing can be written in {there} ({error.strerror})", other)
            continue
        if free < FREE_BYTES:
            yield Check("note", f"{what} {folder}: only {free / 2**30:.1f} GiB free", f"free space, or {other}")
        else:
            yield Check("ok", f"{what} {folder}: {free / 2**30:.0f} GiB free")


def _tracking() -> Iterator[Check]:
    from ecgml.service.runs import close_abandoned
    from ecgml.service.store import describe_store, exists

    yield Check("ok", describe_store())
    if exists():
        for run_id in close_abandoned():
            yield Check("ok", f"closed run {run_id}: its process has ended")
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        if os.environ.get(name):
            yield Check("note", f"{name} is set: the next run goes there", f"unset {name}")
    if re.match(r"^(file:|[./])", os.environ.get("MLFLOW_TRACKING_URI", "")):
        yield Check("fault", "MLFLOW_TRACKING_URI is a folder, which MLflow no longer takes", "sqlite:///mlflow.db")
