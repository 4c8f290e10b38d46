"""Model registries of every kind, and runs of models with predictions made up for the purpose."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL

import mlflow
import numpy as np
import pandas as pd
import pytest
import sqlalchemy
from mlflow.tracking import MlflowClient

from ecgml.config import resolve
from ecgml.evaluation.prediction_files import write_predictions
from ecgml.evaluation.predictions import Predictions
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.records.schemes import scheme_named
from ecgml.service.registry import register
from ecgml.service.store import connect
from tests.conftest import free_port

CLASSES = scheme_named("groups").classes

KINDS = [
    "sqlite",
    pytest.param("http", marks=pytest.mark.slow),
    pytest.param("postgres", marks=[pytest.mark.slow, pytest.mark.postgres]),
]

MODEL = """
import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class Constant(PythonModel):
    def predict(self, context, model_input, params=None):
        return [{{"probabilities": {row}}} for _ in model_input["waveform"]]

set_model(Constant())
"""


@pytest.fixture(scope="module", params=KINDS)
def tracking_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> Iterator[str]:
    """Make a store the current one: embedded sqlite, a server over it, a server over PostgreSQL; give its address."""
    folder = tmp_path_factory.mktemp("registry")
    if request.param == "sqlite":
        shutil.copyfile(empty_database, folder / "mlflow.db")
        with current(f"sqlite:///{folder}/mlflow.db", folder):
            yield mlflow.get_tracking_uri()
        return
    backend = f"sqlite:///{folder}/mlflow.db"
    if request.param == "postgres":
        url = sqlalchemy.make_url(request.getfixturevalue("postgres")).set(drivername="postgresql+psycopg")
        name = f"mlflow{os.urandom(4).hex()}"
        engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        backend = url.set(database=name).render_as_string(hide_password=False)
    with served(backend, folder) as address, current(address, folder):
        yield address


@contextmanager
def served(backend: str, folder: Path) -> Iterator[str]:
    """Run a tracking server; give its address."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    words = ["--backend-store-uri", backend, "--artifacts-destination", str(folder / "artifacts"), "--workers", "1"]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    with subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--port", str(port), *words],
        cwd=folder,
        env=environment,
        stdout=DEVNULL,
        stderr=DEVNULL,
    ) as process:
        try:
            for _ in range(1200):  # 2 min: a busy machine is slow
                try:
                    urllib.request.urlopen(f"{address}/health", timeout=1).close()
                    break
                except OSError:
                    assert process.poll() is None, "the server ended"
                    time.sleep(0.1)
            yield address
        finally:
            process.terminate()


@contextmanager
def current(address: str, folder: Path) -> Iterator[None]:
    """Make a store the current one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", address)
        patch.chdir(folder)
        mlflow.set_tracking_uri(None)
        yield
    mlflow.set_tracking_uri(None)


@pytest.fixture
def registry(tracking_store: str) -> MlflowClient:
    """Return a client of a registry without registered models."""
    connect()
    client = MlflowClient()
    for model in client.search_registered_models():
        client.delete_registered_model(model.name)
    return client


def made_up(sharpness: float, n_records: int = 160, seed: int = 0) -> Predictions:
    """Return predictions of records of all classes: the sharper, the more often right."""
    random = np.random.default_rng(seed)
    y_true = np.arange(n_records) % len(CLASSES)
    logits = random.normal(size=(n_records, len(CLASSES)))
    logits[np.arange(n_records), y_true] += sharpness
    y_prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names = tuple(f"cohort/{number}" for number in range(n_records))
    return Predictions(
        names, CLASSES, y_true, y_prob, tuple(f"patient {n}" for n in range(n_records)), ("here",) * n_records
    )


def make_run(
    predictions: Predictions,
    folder: Path,
    *,
    digest: str = "same",
    tags: dict[str, str] | None = None,
    code: str = "",
) -> str:
    """Make the run of a finished model: settings, split, predictions and a model that always answers the same."""
    client, experiment = MlflowClient(), connect()
    row = dict(zip(CLASSES, np.full(len(CLASSES), 1 / len(CLASSES)).tolist(), strict=True))
    script = folder / "model.py"
    script.write_text(code or MODEL.format(row=row))
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.set_tags({"ecgml.data_digest": digest, **(tags or {})})
        mlflow.log_text(json.dumps(resolve(TrainConfiguration, {}).to_json()), "config.json")
        split = pd.DataFrame(
            {
                "record": predictions.record_ids,
                "part": "test",
                "source": predictions.sources,
                "sex": [float(number % 2) for number in range(predictions.n_records)],
                "age": [20.0 + number % 70 for number in range(predictions.n_records)],
            }
        )
        mlflow.log_text(split.to_csv(index=False), "split.csv")
        mlflow.log_artifact(str(write_predictions(predictions, folder / "predictions.csv")))
        mlflow.pyfunc.log_model(name="model", python_model=str(script), pip_requirements=["mlflow"])
    client.set_terminated(run.info.run_id, "FINISHED")
    return run.info.run_id


def make_versions(sharpness: Sequence[float], folder: Path) -> list[str]:
    """Register a version of each sharpness; return their numbers."""
    versions = []
    for one in sharpness:
        run_id = make_run(made_up(one), folder)
        model = MlflowClient().get_run(run_id).outputs.model_outputs[0].model_id
        versions.append(register(model, run_id, {}))
    return versions
