"""A logged model: what lies in it, what it says of itself, and what serving it imports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pytest
import yaml
from mlflow.tracking import MlflowClient
from packaging.requirements import Requirement

from ecgml.cohorts.simulation.record import simulate_record
from ecgml.errors import TrackingError
from ecgml.inference.predictor import Prediction
from ecgml.records.clinical import CLINICAL_COLUMNS
from ecgml.service.address import pin
from ecgml.service.logged_model import REQUIREMENTS, log_model
from ecgml.service.model_card import ABOUT, MAX_DESCRIPTION, card_as_description, fetch_card
from ecgml.service.models import fetch_checkpoint
from ecgml.service.registry import REGISTERED_MODEL, register
from ecgml.service.store import connect
from ecgml.training.checkpoint import load_checkpoint
from tests.untrained import untrained_checkpoint

CARD = "**Simulated**\n\n# A card\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n" + "\n".join(
    f"* line {number}, µV – “quoted”" for number in range(300)
)


@dataclass(frozen=True)
class Logged:
    """A logged and registered model."""

    model_id: str
    run_id: str
    version: str
    files: Path
    """Where its files lie."""


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Logged]:
    folder = tmp_path_factory.mktemp("store")
    shutil.copyfile(empty_database, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        patch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
        patch.delenv("MLFLOW_EXPERIMENT_ID", raising=False)  # MLflow leaves that of another store behind
        patch.chdir(folder)
        mlflow.set_tracking_uri(None)
        with mlflow.start_run(experiment_id=connect()) as run:
            model_id = log_model(untrained_checkpoint(), CARD, 3)
        version = register(model_id, run.info.run_id, {}, "champion")
        files = Path(mlflow.artifacts.download_artifacts(f"models:/{model_id}"))
        yield Logged(model_id, run.info.run_id, version, files)
        mlflow.set_tracking_uri(None)


def test_model_holds_weights_json_card_and_code_and_no_pickle(logged: Logged) -> None:
    files = {str(path.relative_to(logged.files)) for path in logged.files.rglob("*") if path.is_file()}
    beside = {name for name in files if not name.startswith("code/")} - {"registered_model_meta"}
    assert beside == {
        "MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "served_model.py", "artifacts/model_card.md",
        "artifacts/checkpoint/checkpoint.json", "artifacts/checkpoint/model.safetensors",
    }  # fmt: skip
    assert {Path(name).suffix for name in files if name.startswith("code/")} <= {
        ".py", ".typed", ".html", ".css", ".js", ".gz",
    }  # fmt: skip


def test_model_says_what_it_takes_and_gives(logged: Logged) -> None:
    model = yaml.safe_load((logged.files / "MLmodel").read_text())
    inputs = {one["name"]: one["tensor-spec"]["shape"] for one in json.loads(model["signature"]["inputs"])}
    assert inputs == {"waveform": [-1, 12, -1], "clinical": [-1, len(CLINICAL_COLUMNS)]}
    answer = Prediction("record 0", "SR", (), {}, None, False, "", {}, {}, ()).to_json()
    outputs = [one["name"] for one in json.loads(model["signature"]["outputs"])]
    assert outputs == [*answer, "model_version"]
    params = {one["name"]: one["default"] for one in json.loads(model["signature"]["params"])}
    assert params == {"fs": 500.0, "unit": "mV"}
    told = model["metadata"]
    assert [(one["name"], one["unit"], one["low"], one["high"]) for one in told["clinical"]] == [
        (column.name, column.unit, column.low, column.high) for column in CLINICAL_COLUMNS
    ]
    assert told["leads"][3] == "aVR"
    assert told["classes"]["SR"] == ["426783006", "427393009"]
    assert told["simulated"] is True


def test_requirements_are_pinned_to_what_an_index_has_and_are_met_here(logged: Logged) -> None:
    from importlib.metadata import version

    lines = [Requirement(line) for line in (logged.files / "requirements.txt").read_text().split()]
    assert {line.name for line in lines} == set(REQUIREMENTS)
    for line in lines:
        assert str(line.specifier).startswith("==")
        assert "+" not in str(line.specifier)
        assert line.specifier.contains(version(line.name))


@pytest.mark.slow
def test_serving_imports_what_is_required_and_no_more(logged: Logged) -> None:
    """Loads and predicts in a process of its own, as a server does: what is imported then is looked at."""
    waveform = simulate_record("SR", np.random.default_rng(1)).waveform
    np.save(logged.files.parent / "waveform.npy", waveform)
    code = (
        "import sys, json, numpy, mlflow\n"
        f"model = mlflow.pyfunc.load_model('models:/{REGISTERED_MODEL}@champion')\n"
        f"waveform = numpy.load({str(logged.files.parent / 'waveform.npy')!r})[None]\n"
        "clinical = numpy.full((1, 16), numpy.nan, dtype=numpy.float32)\n"
        "answer = model.predict({'waveform': waveform, 'clinical': clinical}, params={'fs': 500.0, 'unit': 'mV'})\n"
        "print(json.dumps({'answer': answer, 'modules': sorted(sys.modules), 'code': sys.modules['ecgml'].__file__}))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, env=environment, cwd=logged.files.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["code"].startswith(str(logged.files))
    assert told["answer"][0]["model_version"] == logged.version
    rooms = {".".join(name.split(".")[:2]) for name in told["modules"] if name.startswith("ecgml.")}
    assert not rooms & {f"ecgml.{room}" for room in ("cohorts", "evaluation", "exploration", "pipeline", "figures")}
    assert not {"matplotlib", "sklearn", "numba", "joblib", "optuna", "openpyxl"} & set(told["modules"])
    own = {name for name in told["modules"] if name.startswith("ecgml.service.")}
    assert own == {"ecgml.service.pyfunc"}


def test_card_travels_with_the_model_and_is_the_versions_description(logged: Logged) -> None:
    assert fetch_card(logged.model_id) == CARD
    client = MlflowClient()
    shown = client.get_model_version(REGISTERED_MODEL, logged.version).description
    assert shown == card_as_description(logged.model_id)
    assert len(CARD) > MAX_DESCRIPTION >= len(shown)
    assert shown.splitlines()[6:20] == ["| 1&emsp;| 2 |", *CARD.splitlines()[7:20]]
    assert shown.endswith("the full card is the model's artifact `model_card.md`.\n")
    assert client.get_registered_model(REGISTERED_MODEL).description == ABOUT
    model = client.get_logged_model(logged.model_id)
    assert model.tags["mlflow.note.content"] == shown
    assert model.name == "fusion"
    # What MLflow's page of the model shows as its versions.
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": REGISTERED_MODEL, "version": logged.version}]


def test_model_without_a_card_has_no_description(logged: Logged) -> None:
    with mlflow.start_run(run_id=logged.run_id):
        model = mlflow.create_external_model(name="elsewhere")
    assert fetch_card(model.model_id) is None
    assert card_as_description(model.model_id) is None
    with pytest.raises(TrackingError, match="model m-0 cannot be read"):
        fetch_card("m-0")


def test_checkpoint_is_fetched_by_alias_version_and_id(logged: Logged, tmp_path: Path) -> None:
    for index, address in enumerate(
        (
            f"models:/{REGISTERED_MODEL}@champion",
            f"models:/{REGISTERED_MODEL}/{logged.version}",
            f"models:/{REGISTERED_MODEL}/latest",
            f"models:/{logged.model_id}",
        )
    ):
        folder = tmp_path / str(index)
        folder.mkdir()
        path = fetch_checkpoint(address, folder)
        assert load_checkpoint(path).model_name == "fusion"
        # Its 200 files of code are not asked for: each would be a request to a server.
        assert sum(one.is_file() for one in folder.rglob("*")) <= 2


def test_alias_is_pinned_to_the_version_it_means_now(logged: Logged) -> None:
    version = f"models:/{REGISTERED_MODEL}/{logged.version}"
    assert pin(f"models:/{REGISTERED_MODEL}@champion") == (version, logged.version)
    assert pin(f"models:/{REGISTERED_MODEL}/latest") == (version, logged.version)
    assert pin(f"models:/{logged.model_id}") == (f"models:/{logged.model_id}", None)
    assert pin("runs:/0123") == ("runs:/0123", None)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("models:/ecg-rhythm@nobody", "models:/ecg-rhythm@nobody: unavailable at sqlite.*alias nobody not found"),
        ("models:/nothing@champion", "Registered Model with name=nothing not found"),
        ("models:/ecg-rhythm/99", "version=99"),
        ("models:/m-0123", "m-0123"),
        ("models:/", "Not a proper models:/ URI"),
    ],
)
def test_model_that_is_not_there_is_one_line(logged: Logged, address: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=message) as caught:
        fetch_checkpoint(address, tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(TrackingError):
        fetch_checkpoint(pin(address)[0], tmp_path)


def test_nothing_is_made_of_a_store_that_is_not_there(
    logged: Logged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    for ask in (pin, lambda address: fetch_checkpoint(address, tmp_path)):
        with pytest.raises(TrackingError, match=r"mlflow\.db does not exist; set MLFLOW_TRACKING_URI"):
            ask("models:/ecg-rhythm@champion")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://someone:secret@127.0.0.1:9")
    with pytest.raises(TrackingError, match=r"MLflow store http://…@127.0.0.1:9 does not answer: ConnectionError"):
        pin("models:/ecg-rhythm@champion")
