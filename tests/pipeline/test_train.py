"""A whole job: what MLflow shows of it, what it refuses, and that no run is left open."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from ecgml.errors import CohortError, ConfigError, EcgmlError, TrackingError, TrainingError
from ecgml.evaluation.prediction_files import read_predictions
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.predict.predict import load_predictor
from ecgml.pipeline.train.train import train
from tests.pipeline.conftest import Job

PER_EPOCH = (
    "train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_macro_f1", "val_macro_auroc", "learning_rate",
    "records_per_second",
)  # fmt: skip
ONCE = ("accuracy", "macro_f1", "macro_auroc", "ece", "brier", "f1_afib", "f1_gsvt", "f1_sb", "f1_sr")


def artifact(run_id: str, path: str) -> Path:
    return Path(mlflow.artifacts.download_artifacts(f"runs:/{run_id}/{path}"))


def artifacts(run_id: str, path: str | None = None) -> set[str]:
    return {one.path for one in MlflowClient().list_artifacts(run_id, path)}


def running() -> list[str]:
    client = MlflowClient()
    experiments = [one.experiment_id for one in client.search_experiments()]
    return [run.info.run_id for run in client.search_runs(experiments, "attributes.status = 'RUNNING'")]


def test_job_has_a_parent_and_a_child_a_model_all_finished(job: Job) -> None:
    assert set(job.children) == {"fusion", "baseline"}
    assert {run.info.status for run in (job.parent, *job.children.values())} == {"FINISHED"}
    assert re.fullmatch(r"demo \d{4}-\d\d-\d\d \d\d:\d\d", job.parent.info.run_name)


def test_job_ends_with_an_address_that_opens_its_experiment(job: Job, store: Path) -> None:
    last = job.printed.splitlines()[-1]
    assert "to view it: mlflow ui, then open http" in last  # the store is that of the working directory
    assert f"/#/experiments/{job.parent.info.experiment_id}/runs?workflowType=machine_learning&" in last


def test_children_have_the_same_metrics(job: Job) -> None:
    # For a model that always says the same, as one of two epochs may, Matthews' coefficient is undefined and Cohen's
    # has no interval.
    coefficients = ("matthews", "cohen_kappa")
    names = [
        {name for name in run.data.metrics if not name.startswith("system/") and not any(map(name.count, coefficients))}
        for run in job.children.values()
    ]
    assert names[0] == names[1]


def test_every_epoch_has_its_metrics(job: Job) -> None:
    client = MlflowClient()
    for run in job.children.values():
        for name in PER_EPOCH:
            assert [point.step for point in client.get_metric_history(run.info.run_id, name)] == [1, 2], name


@pytest.mark.parametrize("what", ["test", "external"])
def test_test_figures_have_intervals_that_hold_them(job: Job, what: str) -> None:
    for run in job.children.values():
        for name in ONCE:
            value, low, high = (run.data.metrics[f"{what}_{name}{suffix}"] for suffix in ("", "_low", "_high"))
            assert low - 1e-9 <= value <= high + 1e-9, name
        assert f"{what}_harmonised_macro_f1" in run.data.metrics


def test_child_has_its_artifacts(job: Job) -> None:
    for run in job.children.values():
        run_id = run.info.run_id
        expected = {"predictions.csv", "external_predictions.csv", "split.csv", "config.json", "checkpoint", "figures"}
        assert expected | {"quarantine.csv", "environment.txt", "classes.csv"} <= artifacts(run_id)
        figures = {f"figures/{name}.png" for name in ("curves", "confusion", "roc", "pr", "external_roc")}
        assert figures <= artifacts(run_id, "figures")
        assert artifacts(run_id, "checkpoint") == {
            "checkpoint/checkpoint.json",
            "checkpoint/drift_reference.json",
            "checkpoint/model.safetensors",
        }


def test_parent_has_the_comparison_and_says_in_words_who_won(job: Job) -> None:
    assert {"comparison/table.csv", "comparison/roc.png", "comparison/external_table.csv"} <= artifacts(
        job.parent.info.run_id, "comparison"
    )
    lines = job.parent.data.tags["mlflow.note.content"].split("\n\n")
    assert lines[0] == "*Simulated data: these figures say nothing about patients.*"
    assert lines[1].startswith("Test part: ")
    assert "fusion" in lines[1]
    assert "baseline" in lines[1]
    assert "difference_test_macro_f1_low" in job.parent.data.metrics


def test_predictions_and_split_agree_and_no_patient_crosses(job: Job) -> None:
    run_id = job.children["fusion"].info.run_id
    split = pd.read_csv(artifact(run_id, "split.csv"))
    predictions = read_predictions(artifact(run_id, "predictions.csv"))
    assert set(predictions.record_ids) == set(split.record[split.part == "test"])
    assert (split.groupby("patient").part.nunique() == 1).all()
    assert set(split.part) == {"train", "val", "calibration", "test"}


def test_quarantined_files_are_listed_with_their_reason(job: Job) -> None:
    listed = pd.read_csv(artifact(job.parent.info.run_id, "quarantine.csv"))
    assert (listed.reason == "flat").any()
    assert "quarantined" in job.printed


def test_resolved_configuration_says_where_each_value_came_from(job: Job) -> None:
    content = json.loads(artifact(job.parent.info.run_id, "config.json").read_text())
    assert content["settings"]["fit"]["epochs"] == 2
    assert content["origins"]["epochs"] == "option"
    assert content["origins"]["learning_rate"] == "default"
    assert job.children["fusion"].data.params["gru_width"] == "4"


def test_data_set_and_model_are_linked_to_the_run(job: Job) -> None:
    run = job.children["fusion"]
    inputs = MlflowClient().get_run(run.info.run_id).inputs
    assert inputs.dataset_inputs[0].dataset.name == "demo"
    models = MlflowClient().search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    assert len(models) == 1
    assert {metric.key for metric in models[0].metrics} >= {"test_macro_f1", "external_macro_f1"}


@pytest.mark.slow
def test_fine_tuning_starts_from_the_earlier_weights(job: Job) -> None:
    run_id = job.children["baseline"].info.run_id
    options = {**job.options, "models": "baseline", "init_from": f"runs:/{run_id}/checkpoint", "epochs": "1"}
    before = job.children["baseline"].data.metrics["train_loss"]
    again = train(options, Console(io.StringIO()))
    child = MlflowClient().search_runs(["1", "0"], f"tags.`mlflow.parentRunId` = '{again}'")[0]
    assert child.data.metrics["train_loss"] < before + 0.1
    with pytest.raises(EcgmlError, match="init_from: the earlier baseline has other sizes"):
        train({**options, "trunk_width": "12"}, Console(io.StringIO()))
    with pytest.raises(EcgmlError, match=r"init_from: .* was trained on other waveforms"):
        train({**options, "fs": "125"}, Console(io.StringIO()))


def test_a_model_is_found_by_its_run_and_a_job_names_its_models(job: Job) -> None:
    fusion, baseline = (job.children[name].info.run_id for name in ("fusion", "baseline"))
    assert f"baseline: checkpoint runs:/{baseline}/checkpoint" in job.printed
    for address in (f"runs:/{fusion}", f"runs:/{fusion}/checkpoint"):
        assert load_predictor(address, "cpu").checkpoint.model_name == "fusion"
    parent = job.parent.info.run_id
    for address in (f"runs:/{parent}", f"runs:/{parent}/checkpoint"):
        with pytest.raises(TrackingError, match=f"give one of them: baseline runs:/{baseline}, fusion runs:/{fusion}"):
            load_predictor(address, "cpu")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"epochs": "0"}, ConfigError, "epochs: 0 is too small"),
        ({"learning_rate": "fast"}, ConfigError, "learning_rate: 'fast' is not a number"),
        ({"models": "fusion,cnn"}, ConfigError, "models: 'cnn' is unknown"),
        ({"models": "fusion,fusion"}, ConfigError, "names a model twice"),
        ({"device": "cuda:7"}, ConfigError, "device: 'cuda:7' is not available"),
        ({"data_dir": "/nowhere"}, CohortError, "/nowhere does not exist"),
        ({"init_from": "/nowhere"}, EcgmlError, "/nowhere: no checkpoint"),
        ({"init_from": "runs:/0123/weights"}, TrackingError, "runs:/0123/weights: cannot be fetched"),
        ({"init_from": "runs:/0123/checkpoint"}, TrackingError, "run '0123' does not exist"),
        ({"config": "/nowhere.yaml"}, ConfigError, "/nowhere.yaml does not exist"),
        ({"resume": "0123"}, TrackingError, "run '0123' does not exist"),
    ],
)
def test_bad_input_is_one_line_and_opens_no_run(
    job: Job, changes: dict[str, str], error: type[EcgmlError], message: str
) -> None:
    client = MlflowClient()
    before = len(client.search_runs([job.parent.info.experiment_id]))
    beside = {key: changes[key] for key in ("config", "resume") if key in changes}
    settings = {} if "resume" in changes else {**job.options, **changes}
    settings = {key: value for key, value in settings.items() if key not in beside}
    with pytest.raises(error, match=message) as caught:
        train(settings, Console(io.StringIO()), **beside)
    assert "\n" not in str(caught.value)
    assert len(client.search_runs([job.parent.info.experiment_id])) == before


def test_cohort_cannot_be_inner_and_external(job: Job, demo: Path) -> None:
    with pytest.raises(ConfigError, match="is also in data_dir; an external cohort is never trained on"):
        train({**job.options, "external_dir": str(demo)}, Console(io.StringIO()))


def test_failing_training_closes_its_runs_as_failed(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TrainingError("the loss became nan in epoch 1; lower --learning-rate (now 9)")

    monkeypatch.setattr("ecgml.pipeline.job.fitting.fit", fail)
    with pytest.raises(TrainingError, match="became nan"):
        train({**job.options, "models": "baseline"}, Console(io.StringIO()))
    assert running() == []
    latest = MlflowClient().search_runs([job.parent.info.experiment_id], order_by=["attributes.start_time DESC"])[:2]
    assert {run.info.status for run in latest} == {"FAILED"}
    assert all("lower --learning-rate" in run.data.tags["ecgml.error"] for run in latest)


def test_failure_is_noted_on_the_run_of_mlflow_run(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mlflow run` makes the run, passes its id, and closes it by our exit code."""
    client = MlflowClient()
    run = client.create_run(job.parent.info.experiment_id)
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    with pytest.raises(CohortError):
        train({**job.options, "data_dir": "/nowhere"}, Console(io.StringIO()))
    assert "does not exist" in client.get_run(run.info.run_id).data.tags["ecgml.error"]
    client.set_terminated(run.info.run_id, "FAILED")
