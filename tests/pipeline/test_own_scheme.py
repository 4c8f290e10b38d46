"""A scheme of the user's own, whose file is gone, and a format of another package, through every command."""

from __future__ import annotations

import io
import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from ecgml.cli import main
from ecgml.pipeline.audit.audit import audit
from ecgml.pipeline.evaluate.evaluate import evaluate
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.promote.promote import promote
from ecgml.pipeline.train.train import train
from ecgml.records.leads import LEADS
from ecgml.records.reading import find_records, read_record
from ecgml.service.registry import REGISTERED_MODEL
from tests.extension import extension
from tests.pipeline.conftest import SMALL
from tests.pipeline.test_extending import artifact, run_of, store_of_its_own

__all__ = ["extension", "store_of_its_own"]

pytestmark = pytest.mark.slow

SCHEME = """
classes:
  atrial: [AFIB, AF]
  regular: [SR, SA, SB]
  fast: [ST, SVT, AT, AVNRT, AVRT, SAAWR]
colours: {atrial: "#123456"}
consequences:
  atrial: {regular: meaning 1, fast: meaning 2}
  regular: {atrial: meaning 3, fast: meaning 4}
  fast: {atrial: meaning 5, regular: meaning 6}
"""
CLASSES = ["atrial", "regular", "fast"]


@pytest.fixture(scope="module")
def trained(
    store_of_its_own: None, demo: Path, external: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """Return the run of a model of a scheme whose file is gone."""
    path = tmp_path_factory.mktemp("scheme") / "mine.yaml"
    path.write_text(SCHEME)
    options = {**SMALL, "epochs": "1", "models": "baseline", "scheme": str(path), "cache_dir": str(cache)}
    run_id = train({**options, "data_dir": str(demo), "external_dir": str(external)}, Console(io.StringIO()))
    path.unlink()
    client = MlflowClient()
    experiment = client.get_run(run_id).info.experiment_id
    (run,) = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'")
    return run


def test_it_is_trained_evaluated_and_reported(trained: Run, external: Path, cache: Path) -> None:
    assert {"test_f1_atrial", "test_f1_regular", "test_f1_fast"} <= trained.data.metrics.keys()
    options = {"cache_dir": str(cache), "bootstrap": "100", "jobs": "1", "device": "cpu", "explained": "0"}
    said = evaluate(f"runs:/{trained.info.run_id}", {**options, "data_dir": str(external)}, Console(io.StringIO()))
    run = run_of(said)
    assert run.data.metrics["evaluation_accuracy"] == pytest.approx(trained.data.metrics["external_accuracy"], abs=1e-6)
    page = artifact(run, "report.html").read_text()
    assert "atrial (Atrial Fibrillation, Atrial Flutter)" in page
    assert "meaning " in page  # after one epoch something is wrong


def test_it_is_audited(trained: Run, cache: Path, tmp_path: Path) -> None:
    options = {"cache_dir": str(cache), "folds": "2", "bootstrap": "100", "jobs": "1", "perturbed": "10"}
    said = audit(options, Console(io.StringIO()), model=f"runs:/{trained.info.run_id}", out=str(tmp_path / "out"))
    assert list(json.loads(run_of(said).data.params["scheme"])["classes"]) == CLASSES
    figures = pd.read_csv(tmp_path / "out" / "audit.csv").set_index(["records", "model"])
    assert figures.accuracy["test", "as_trained"] == pytest.approx(trained.data.metrics["test_accuracy"], abs=1e-6)


def test_it_is_promoted_and_answers_in_its_own_words(trained: Run, external: Path) -> None:
    said = promote(trained.info.run_id, {"bootstrap": "100"}, Console(io.StringIO()), force=True, why="five records")
    assert said.startswith("forced version 1")
    model = mlflow.pyfunc.load_model(f"models:/{REGISTERED_MODEL}@champion")
    assert set(model.metadata.metadata["classes"]) == set(CLASSES)
    record = read_record(find_records(external)[0][0])
    clinical = np.full((1, 16), np.nan, dtype=np.float32)
    (answer,) = model.predict({"waveform": record.waveform[None], "clinical": clinical})
    assert list(answer["probabilities"]) == CLASSES
    assert answer["snomed"]


def test_another_package_s_format_is_read_by_every_command(
    trained: Run, extension: Path, external: Path, cache: Path, tmp_path: Path
) -> None:
    """The same ECGs in that format are predicted as they are in ours, and evaluated from a manifest."""
    headers = find_records(external)[0][:12]
    rows = []
    for header in headers:
        record = read_record(header)
        content = {"fs": record.fs, "leads": list(LEADS), "mv": record.waveform.round(4).tolist()}
        (tmp_path / f"{header.stem}.ecgjson").write_text(json.dumps(content))
        rows.append({"path": f"{header.stem}.ecgjson", "rhythm": "SR"})
    (tmp_path / "broken.ecgjson").write_text('{"fs": 500')
    checkpoint = artifact(trained, "checkpoint")
    result = CliRunner().invoke(main, ["predict", str(checkpoint), str(tmp_path), "--json"])
    answers = {Path(line["file"]).stem: line for line in map(json.loads, result.stdout.splitlines())}
    assert "damaged" in answers.pop("broken")["error"]
    result = CliRunner().invoke(main, ["predict", str(checkpoint), *map(str, headers), "--json"])
    for line in map(json.loads, result.stdout.splitlines()):
        ours = answers[Path(line["file"]).stem]["probabilities"]
        assert ours == pytest.approx(line["probabilities"], abs=0.02)  # 0.1 µV beside 1 µV
    (tmp_path / "broken.ecgjson").unlink()
    pd.DataFrame(rows).to_csv(tmp_path / "manifest.csv", index=False)
    options = {"cache_dir": str(cache), "bootstrap": "100", "jobs": "1", "device": "cpu", "explained": "0"}
    said = evaluate(f"runs:/{trained.info.run_id}", {**options, "data_dir": str(tmp_path)}, Console(io.StringIO()))
    assert run_of(said).data.metrics["evaluation_accuracy"] >= 0
