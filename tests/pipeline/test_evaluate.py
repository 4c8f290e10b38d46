"""`ecgml evaluate`: the figures of the job on its external cohort, and nothing of what the model learnt from."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from ecgml.errors import ConfigError, EcgmlError, EvaluationError
from ecgml.evaluation.prediction_files import read_predictions
from ecgml.pipeline.console import Console
from ecgml.pipeline.evaluate import evaluate
from tests.pipeline.conftest import Job


def fusion(job: Job) -> Run:
    return job.children["fusion"]


def run_of(said: str) -> Run:
    return MlflowClient().get_run(said.rpartition("run ")[2].partition(";")[0])


def artifact(run: Run, name: str) -> str:
    return download_artifacts(artifact_uri=f"runs:/{run.info.run_id}/{name}")


def test_an_external_cohort_is_scored_as_in_the_job(job: Job, external: Path, cache: Path) -> None:
    options = {"cache_dir": str(cache), "bootstrap": "100", "jobs": "1", "device": "cpu", "data_dir": str(external)}
    run = run_of(evaluate(f"runs:/{fusion(job).info.run_id}", options, Console(io.StringIO())))
    assert run.info.status == "FINISHED"
    for name in ("accuracy", "macro_f1", "macro_auroc", "ece"):
        expected = fusion(job).data.metrics[f"external_{name}"]
        assert run.data.metrics[f"evaluation_{name}"] == pytest.approx(expected, abs=1e-6)
    ours = read_predictions(artifact(run, "evaluation_predictions.csv"))
    theirs = read_predictions(artifact(fusion(job), "external_predictions.csv"))
    assert ours.record_ids == theirs.record_ids
    np.testing.assert_allclose(ours.y_prob, theirs.y_prob, atol=1e-6)


def test_what_the_model_learnt_from_is_left_out(job: Job, demo: Path, cache: Path) -> None:
    options = {"cache_dir": str(cache), "bootstrap": "100", "jobs": "1", "device": "cpu", "data_dir": str(demo)}
    stream = io.StringIO()
    run = run_of(evaluate(f"runs:/{fusion(job).info.run_id}", options, Console(stream)))
    scored = set(read_predictions(artifact(run, "evaluation_predictions.csv")).record_ids)
    split = pd.read_csv(artifact(fusion(job), "split.csv"))
    assert scored == set(split[split.part == "test"].record)
    assert "records left out: the model learnt from them or their patients" in stream.getvalue()


def test_a_model_of_another_store_is_scored_with_a_warning(
    job: Job, external: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = artifact(fusion(job), "checkpoint")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    monkeypatch.chdir(tmp_path)
    stream = io.StringIO()
    options = {"cache_dir": str(cache), "bootstrap": "100", "jobs": "1", "device": "cpu", "data_dir": str(external)}
    said = evaluate(folder, options, Console(stream))
    assert "cannot be told" in stream.getvalue()
    assert "fusion on elsewhere" in said


def test_what_cannot_be_evaluated_is_refused_and_opens_no_run(job: Job, cache: Path, tmp_path: Path) -> None:
    def n_runs() -> int:
        return len(MlflowClient().search_runs([job.parent.info.experiment_id]))

    before, model = n_runs(), f"runs:/{fusion(job).info.run_id}"
    with pytest.raises(ConfigError, match="no data given"):
        evaluate(model, {}, Console(io.StringIO()))
    for address in ("runs:/nothing", str(tmp_path / "none")):
        with pytest.raises(EcgmlError) as caught:
            evaluate(address, {"data_dir": str(tmp_path)}, Console(io.StringIO()))
        assert "\n" not in str(caught.value)
    assert n_runs() == before


def test_nothing_left_is_said(job: Job, demo: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecgml.pipeline.evaluate.LEARNT_FROM", ("train", "val", "calibration", "test"))
    options = {"cache_dir": str(cache), "bootstrap": "100", "jobs": "1", "device": "cpu", "data_dir": str(demo)}
    with pytest.raises(EvaluationError, match="left out because the model learnt from them"):
        evaluate(f"runs:/{fusion(job).info.run_id}", options, Console(io.StringIO()))
