"""A small finished job that several tests look at."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from ecgml.cohorts.simulation.demo import write_demo
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.train.train import train

SMALL = {
    "epochs": "2",
    "batch_size": "16",
    "trunk_width": "8",
    "gru_width": "4",
    "clinical_width": "4",
    "bootstrap": "100",
    "jobs": "1",
    "device": "cpu",
}


@dataclass(frozen=True)
class Job:
    """A finished job and what it printed."""

    parent: Run
    children: dict[str, Run]
    printed: str
    options: dict[str, str]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a simulated cohort of 60 records, one of them zero throughout."""
    folder = tmp_path_factory.mktemp("cohorts") / "demo"
    write_demo(folder, n_records=60, seed=1)
    path = min((folder / "ECGData").glob("*.csv"))
    header = path.read_text().splitlines()[0]
    path.write_text("\n".join([header, *[",".join("0" * 12)] * 5000]) + "\n")
    return folder


@pytest.fixture(scope="session")
def external(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return another, in WFDB layout."""
    folder = tmp_path_factory.mktemp("cohorts") / "elsewhere"
    write_demo(folder, n_records=40, seed=2, layout="wfdb")
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache folder that all jobs share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Path]:
    """Make a tracking store the current one and return its folder."""
    folder = tmp_path_factory.mktemp("store")
    shutil.copyfile(empty_database, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        patch.chdir(folder)
        mlflow.set_tracking_uri(None)
        yield folder
        mlflow.set_tracking_uri(None)


@pytest.fixture(scope="session")
def options(demo: Path, external: Path, cache: Path) -> dict[str, str]:
    """Return the options of a small job."""
    return {**SMALL, "data_dir": str(demo), "external_dir": str(external), "cache_dir": str(cache)}


@pytest.fixture(scope="session")
def job(store: Path, options: dict[str, str]) -> Job:
    """Return a finished job of both models."""
    stream = io.StringIO()
    run_id = train(options, Console(stream))
    client = MlflowClient()
    parent = client.get_run(run_id)
    found = client.search_runs([parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'")
    return Job(parent, {run.info.run_name: run for run in found}, stream.getvalue(), options)
