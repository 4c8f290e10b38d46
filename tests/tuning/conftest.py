"""Small studies in a tracking store of their own."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import optuna
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from ecgml.cohorts.simulation.demo import write_demo
from ecgml.pipeline.job.console import Console
from tests.tuning.commands import Command
from tuning.study import StudyResult, tune

SMALL = {
    "epochs": "3",
    "trunk_width": "8",
    "clinical_width": "4",
    "bootstrap": "100",
    "device": "cpu",
    "space": "tests.tuning.spaces:small",
}


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a simulated cohort of 60 records."""
    folder = tmp_path_factory.mktemp("cohorts") / "demo"
    write_demo(folder, n_records=60, seed=1)
    return folder


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
def options(store: Path, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the options of a small study."""
    return {**SMALL, "data_dir": str(demo), "cache_dir": str(tmp_path_factory.mktemp("cache"))}


@pytest.fixture(scope="session")
def finished(options: dict[str, str]) -> StudyResult:
    """Return a finished study of eight trials."""
    return tune({**options, "study": "finished", "n_trials": "8"}, Console(io.StringIO()))


@pytest.fixture
def children() -> Callable[[str], list[Run]]:
    """Return a function from a study's run to the runs of its trials, oldest first."""

    def find(run_id: str) -> list[Run]:
        client = MlflowClient()
        experiment = client.get_run(run_id).info.experiment_id
        found = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'")
        return sorted(found, key=lambda run: run.info.start_time)

    return find


@pytest.fixture
def start() -> Iterator[Callable[[dict[str, str], Path], Command]]:
    """Return what starts a command with options and a log; whatever still runs after the test is ended."""
    commands: list[Command] = []

    def begin(options: dict[str, str], log: Path) -> Command:
        commands.append(Command(options, log))
        return commands[-1]

    yield begin
    for command in commands:
        command.end()


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
