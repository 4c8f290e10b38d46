"""What another package adds goes through every command, and is served where that package is not installed."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from ecgml.pipeline.audit.audit import audit
from ecgml.pipeline.evaluate.evaluate import evaluate
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.promote.promote import promote
from ecgml.pipeline.train.train import train
from ecgml.service.registry import REGISTERED_MODEL
from tests.extension import extension
from tests.pipeline.conftest import SMALL

__all__ = ["extension"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store_of_its_own(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[None]:
    """Make a tracking store the current one: no other test's champion is in it."""
    folder = tmp_path_factory.mktemp("store")
    shutil.copyfile(empty_database, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        patch.chdir(folder)
        mlflow.set_tracking_uri(None)
        yield
    mlflow.set_tracking_uri(None)


@pytest.fixture(scope="module")
def trained(extension: Path, store_of_its_own: None, demo: Path, external: Path, cache: Path) -> dict[str, Run]:
    """Return the runs of a job of the other package's architecture and our baseline, by model."""
    options = {**SMALL, "epochs": "1", "models": "tcn,baseline", "data_dir": str(demo), "external_dir": str(external)}
    run_id = train({**options, "cache_dir": str(cache)}, Console(io.StringIO()))
    client = MlflowClient()
    experiment = client.get_run(run_id).info.experiment_id
    found = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'")
    return {run.info.run_name: run for run in found}


def artifact(run: Run, name: str) -> Path:
    return Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/{name}"))


def run_of(said: str) -> Run:
    return MlflowClient().get_run(said.rpartition("run ")[2].partition(";")[0])


def test_it_is_trained_and_evaluated_as_ours_are(trained: dict[str, Run], external: Path, cache: Path) -> None:
    ours, theirs = (trained[name].data.metrics for name in ("baseline", "tcn"))
    # Of so few records a metric may be undefined for one model alone, and only test figures are.
    assert {name for name in ours if name.startswith("val_")} == {name for name in theirs if name.startswith("val_")}
    assert {"test_macro_f1_low", "external_accuracy"} <= theirs.keys()
    options = {"cache_dir": str(cache), "bootstrap": "100", "jobs": "1", "device": "cpu", "explained": "2"}
    said = evaluate(
        f"runs:/{trained['tcn'].info.run_id}", {**options, "data_dir": str(external)}, Console(io.StringIO())
    )
    run = run_of(said)
    for name in ("accuracy", "top_two", "top_two_low"):
        assert run.data.metrics[f"evaluation_{name}"] == pytest.approx(theirs[f"external_{name}"], abs=1e-6)
    assert "accuracy of the two most probable classes" in artifact(run, "report.html").read_text()


def test_its_metric_stands_beside_ours(trained: dict[str, Run], store_of_its_own: None) -> None:
    """At every epoch, of every part, in the comparison, and never below accuracy."""
    for run in trained.values():
        metrics = run.data.metrics
        assert 1 >= metrics["test_top_two"] >= metrics["test_accuracy"]
        assert metrics["test_top_two_low"] <= metrics["test_top_two"] <= metrics["test_top_two_high"]
        assert metrics["val_top_two"] >= metrics["val_accuracy"]
        assert "accuracy of the two most probable classes" in run.data.tags["mlflow.note.content"]
    parent = MlflowClient().get_run(trained["tcn"].data.tags["mlflow.parentRunId"])
    table = pd.read_csv(artifact(parent, "comparison/table.csv"), index_col="metric")
    assert table.loc["top_two", "difference"] == parent.data.metrics["difference_test_top_two"]
    assert table.loc["top_two", "better"] == "higher"


def test_its_audit_knows_its_clinical_branch_and_its_waveform_only_sibling(
    trained: dict[str, Run], cache: Path, tmp_path: Path
) -> None:
    options = {"cache_dir": str(cache), "folds": "2", "bootstrap": "100", "jobs": "1", "perturbed": "10"}
    audit(options, Console(io.StringIO()), model=f"runs:/{trained['tcn'].info.run_id}", out=str(tmp_path / "out"))
    titles = pd.read_csv(tmp_path / "out" / "audit.csv").set_index(["records", "model"]).title["test"]
    assert titles["clinical_branch"] == "the tcn model's clinical branch alone, trained anew"
    assert titles["waveform_only"] == "baseline: a model of the waveform alone"
    assert {"top_two", "drop_top_two"} <= set(pd.read_csv(tmp_path / "out" / "robustness.csv").columns)
    assert titles["random_encoder"] == "tcn's network untrained, with a linear classifier"


def test_it_is_promoted_on_the_code_that_it_carries(trained: dict[str, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that loads it before promotion finds no installed package: neither theirs, nor that of a test."""
    monkeypatch.delenv("PYTHONPATH")
    said = promote(
        trained["tcn"].info.run_id, {"bootstrap": "100"}, Console(io.StringIO()), force=True, why="five records"
    )
    assert said.startswith("forced version 1")  # whatever the gate says, it must load and answer
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{REGISTERED_MODEL}@champion"))
    assert {path.name for path in (folder / "code").iterdir()} - {"__pycache__"} == {
        "ecgml", "my_rhythms.py", "my_rhythms-0.1.dist-info",
    }  # fmt: skip
