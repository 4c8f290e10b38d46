"""`ecgml evaluate --splits`: models trained anew fold by fold, each record predicted once, found again when stopped."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

import ecgml.pipeline.evaluate.protocols as protocols
from ecgml.calibration.calibration import Calibration
from ecgml.config import resolve
from ecgml.errors import ConfigError, EvaluationError
from ecgml.evaluation.prediction_files import read_predictions
from ecgml.pipeline.evaluate.protocols import evaluate_protocols
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.settings import TrainConfiguration
from tests.pipeline.conftest import Job


def model_of(job: Job) -> str:
    return f"runs:/{job.children['baseline'].info.run_id}"


def options(cache: Path, **more: str) -> dict[str, str]:
    return {"cache_dir": str(cache), "bootstrap": "100", "jobs": "1", "device": "cpu", "folds": "3", **more}


def run_of(said: str) -> Run:
    return MlflowClient().get_run(said.rpartition("run ")[2].partition(";")[0])


def artifact(run: Run, name: str) -> str:
    return download_artifacts(artifact_uri=f"runs:/{run.info.run_id}/{name}")


def children(run: Run) -> dict[str, Run]:
    found = MlflowClient().search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
    return {one.info.run_name: one for one in found}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that every training of a fold adds its model to."""
    trained: list[str] = []
    own: Callable = protocols.fit_model

    def fit_model(name: str, *rest: object) -> object:
        trained.append(name)
        return own(name, *rest)

    monkeypatch.setattr(protocols, "fit_model", fit_model)
    return trained


def test_every_record_is_predicted_once_by_a_model_that_did_not_see_it(job: Job, cache: Path) -> None:
    stream = io.StringIO()
    said = evaluate_protocols(model_of(job), options(cache, splits="kfold"), Console(stream)).said
    run = run_of(said)
    folds = children(run)
    assert sorted(folds) == ["kfold 1 of 3", "kfold 2 of 3", "kfold 3 of 3"]
    split = pd.read_csv(artifact(job.children["baseline"], "split.csv"))
    tested: list[str] = []
    for fold in folds.values():
        own = pd.read_csv(artifact(fold, "split.csv"), keep_default_na=False)
        predicted = read_predictions(artifact(fold, "predictions.csv"))
        assert set(predicted.record_ids) == set(own[own.part == "test"].record)
        assert not set(own[own.part == "test"].patient) & set(own[own.part.isin(["train", "val"])].patient)
        assert fold.info.status == "FINISHED"
        tested += predicted.record_ids
    assert sorted(tested) == sorted(split.record)
    # The model's own figures stand where its settings and data are unchanged: its test part is not opened again.
    own = job.children["baseline"].data.metrics
    assert run.data.metrics["protocol_default_macro_f1"] == pytest.approx(own["test_macro_f1"], abs=1e-9)
    assert run.data.metrics["protocol_external_macro_f1"] == pytest.approx(own["external_macro_f1"], abs=1e-9)
    table = pd.read_csv(artifact(run, "protocols.csv"), keep_default_na=False).set_index(["protocol", "held_out"])
    assert table.loc[("kfold", ""), "n_records"] == len(split)
    assert {table.loc[("kfold", f"{k} of 3"), "run"] for k in (1, 2, 3)} == {one.info.run_id for one in folds.values()}
    assert "Simulated data" in said
    assert "s a step: about" in stream.getvalue()
    assert stream.getvalue().index("s a step: about") < stream.getvalue().index("parameters on cpu")


@pytest.mark.slow
def test_a_stopped_evaluation_loses_the_fold_being_trained_at_most(
    job: Job, cache: Path, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, asked = protocols.fit_probabilities, options(cache, splits="kfold", epochs="1")
    calls: list[int] = []

    def stop_at_the_third(*rest: Any) -> Calibration:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return own(*rest)

    monkeypatch.setattr(protocols, "fit_probabilities", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        evaluate_protocols(model_of(job), asked, Console(io.StringIO()))
    assert len(counted) == 3  # the default split, since epochs differ, and two folds
    stream = io.StringIO()
    run = run_of(evaluate_protocols(model_of(job), asked, Console(stream)).said)
    assert len(counted) == 5
    assert "4 models to train, 2 of them reused" in stream.getvalue()
    assert sorted(children(run)) == ["default test part", "kfold 1 of 3", "kfold 2 of 3", "kfold 3 of 3"]
    assert {one.info.status for one in children(run).values()} == {"FINISHED"}
    # Of other epochs nothing is known of the external cohort, and it is not looked at.
    assert not any(name.startswith("protocol_external") for name in run.data.metrics)
    again = run_of(evaluate_protocols(model_of(job), asked, Console(io.StringIO())).said)
    assert len(counted) == 5
    same = {name: value for name, value in run.data.metrics.items() if name.startswith("protocol_")}
    assert same == {name: value for name, value in again.data.metrics.items() if name.startswith("protocol_")}


def test_a_fold_of_other_code_settings_or_data_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was trained before a change of the code is not found again after it."""
    configuration, data = resolve(TrainConfiguration, {}), SimpleNamespace(digest="0" * 64)
    before = protocols._digest_of("fusion", data, configuration)
    assert protocols._digest_of("fusion", data, configuration.changed({"device": "cpu"})) == before
    others = [
        protocols._digest_of("baseline", data, configuration),
        protocols._digest_of("fusion", SimpleNamespace(digest="1" * 64), configuration),
        protocols._digest_of("fusion", data, configuration.changed({"gru_width": 8})),
    ]
    monkeypatch.setattr(protocols, "code_digest", lambda: "other")
    others.append(protocols._digest_of("fusion", data, configuration))
    assert len({before, *others}) == 5


@pytest.mark.slow
def test_days_are_held_out_and_sources_of_one_kind_are_said(job: Job, cache: Path) -> None:
    stream = io.StringIO()
    asked = options(cache, splits="date,source", epochs="1", folds="2")
    run = run_of(evaluate_protocols(model_of(job), asked, Console(stream)).said)
    assert "are of one source" in stream.getvalue()
    dated = [fold for name, fold in children(run).items() if name.startswith("date")]
    assert len(dated) == 2
    for fold in dated:
        own = pd.read_csv(artifact(fold, "split.csv"), keep_default_na=False)
        days = own.date.str[:10]
        assert not set(days[own.part == "test"]) & set(days[own.part.isin(["train", "val"])])


def test_published_folds_are_taken_from_their_file(job: Job, cache: Path, tmp_path: Path) -> None:
    split = pd.read_csv(artifact(job.children["baseline"], "split.csv"))
    names = split.record.str.rpartition("/")[2]
    numbers = 1 + np.arange(len(names)) % 10
    pd.DataFrame({"FileName": "ECGData/" + names + ".csv", "fold": numbers}).to_csv(tmp_path / "folds.csv", index=False)
    asked = options(cache, splits="published", epochs="1", folds_file=str(tmp_path))
    run = run_of(evaluate_protocols(model_of(job), asked, Console(io.StringIO())).said)
    predicted = read_predictions(artifact(children(run)["published fold 10"], "predictions.csv"))
    assert set(predicted.record_ids) == set(split.record[numbers == 10])


def test_what_cannot_be_done_is_refused_and_opens_no_run(job: Job, cache: Path) -> None:
    def n_runs() -> int:
        return len(MlflowClient().search_runs([job.parent.info.experiment_id], max_results=1000))

    before = n_runs()
    with pytest.raises(ConfigError, match="splits"):
        evaluate_protocols(model_of(job), options(cache, splits="random"), Console(io.StringIO()))
    with pytest.raises(EvaluationError, match="none of source, published is possible with these data"):
        evaluate_protocols(model_of(job), options(cache, splits="source,published"), Console(io.StringIO()))
    assert n_runs() == before
