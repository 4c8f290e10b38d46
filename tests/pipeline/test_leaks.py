"""A finished job worked out again from its checkpoint and its split: each part had its say, and no other."""

from __future__ import annotations

import io
import subprocess
from dataclasses import dataclass, replace
from types import SimpleNamespace

import mlflow
import numpy as np
import pytest
import torch
from mlflow.tracking import MlflowClient

from ecgml.calibration.calibration import Calibration
from ecgml.config import resolve
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable
from ecgml.errors import TrainingError
from ecgml.evaluation.prediction_files import read_predictions
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import JobData, load_data
from ecgml.pipeline.job.fitting import Trained, training_data
from ecgml.pipeline.job.judging import judge_model
from ecgml.pipeline.job.scoring import calibrate, window_logits
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.pipeline.predict.predict import load_predictor
from ecgml.pipeline.train.train import train
from ecgml.training.checkpoint import Checkpoint
from ecgml.training.data import fit_encoder
from ecgml.training.fit import Fitted
from tests.conftest import ROOT
from tests.pipeline.conftest import Job

MODELS = ("fusion", "baseline")


@dataclass(frozen=True)
class Again:
    """A job's data, opened again, and its models."""

    data: JobData
    store: WindowStore
    checkpoints: dict[str, Checkpoint]


@pytest.fixture(scope="module")
def again(job: Job) -> Again:
    data = load_data(resolve(TrainConfiguration, job.options), Console(io.StringIO()))
    checkpoints = {name: load_predictor(f"runs:/{job.children[name].info.run_id}", "cpu").checkpoint for name in MODELS}
    return Again(data, WindowStore(data.caches, torch.device("cpu")), checkpoints)


@pytest.mark.parametrize("name", MODELS)
def test_encoder_is_fitted_to_training_records_alone(again: Again, name: str) -> None:
    assert again.checkpoints[name].encoder == fit_encoder(again.data.part("train"))
    assert again.checkpoints[name].encoder != fit_encoder(again.data.table)


@pytest.mark.parametrize("name", MODELS)
def test_best_epoch_is_of_the_validation_part(job: Job, again: Again, name: str) -> None:
    checkpoint, val = again.checkpoints[name], again.data.part("val")
    y_prob = window_logits(checkpoint.build(), again.store, val, checkpoint.encoder, 4).y_prob(Calibration.none(4))
    losses = {
        point.step: point.value
        for point in MlflowClient().get_metric_history(job.children[name].info.run_id, "val_loss")
    }
    assert checkpoint.facts["best_epoch"] == min(losses, key=losses.get)
    loss = -np.log(y_prob[np.arange(len(val)), val.y_harmonised]).mean()
    assert loss == pytest.approx(min(losses.values()), rel=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_calibration_is_of_validation_and_calibration_parts(again: Again, name: str) -> None:
    checkpoint, parts = again.checkpoints[name], [again.data.part(part) for part in ("train", "val", "calibration")]
    settings = resolve(TrainConfiguration, {}).calibration

    def fitted(*tables: RecordTable) -> Calibration:
        return calibrate(checkpoint.build(), again.store, checkpoint.encoder, tables, 4, settings)

    own, found = checkpoint.calibration, fitted(*parts)
    assert own.scaling.scale == pytest.approx(found.scaling.scale, rel=1e-6)
    assert own.scaling.bias == pytest.approx(found.scaling.bias, abs=1e-6)
    assert own.conformal == found.conformal
    assert own.abstention.threshold == pytest.approx(found.abstention.threshold)
    for one, other in zip(own.abstention.distributions, found.abstention.distributions, strict=True):
        assert one.values == pytest.approx(other.values, abs=1e-5)
    leaked = fitted(parts[0], again.data.part("test"), parts[2])
    assert leaked.scaling.temperature != pytest.approx(checkpoint.calibration.scaling.temperature, rel=1e-4)


@pytest.mark.parametrize(("what", "file"), [("test", "predictions.csv"), ("external", "external_predictions.csv")])
def test_figures_are_of_every_record_of_their_part_as_labelled(job: Job, again: Again, what: str, file: str) -> None:
    table = again.data.part("test", usable=False) if what == "test" else again.data.external
    for name in MODELS:
        path = mlflow.artifacts.download_artifacts(f"runs:/{job.children[name].info.run_id}/{file}")
        predictions = read_predictions(path)
        assert predictions.record_ids == tuple(table.record_ids.tolist())
        np.testing.assert_array_equal(predictions.y_true, table.y_written)
        same = table.patients[:, None] == table.patients
        groups = np.array(predictions.groups)
        np.testing.assert_array_equal(groups[:, None] == groups, same)
        checkpoint = again.checkpoints[name]
        said = window_logits(checkpoint.build(), again.store, table, checkpoint.encoder, 4)
        np.testing.assert_allclose(predictions.y_prob, said.y_prob(checkpoint.calibration), atol=1e-5)
        right = (predictions.y_pred == table.y_written).mean()
        assert job.children[name].data.metrics[f"{what}_accuracy"] == pytest.approx(right)


def test_a_test_record_that_could_not_be_read_counts_as_an_error(
    job: Job, again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = again.data.table
    lost = np.flatnonzero(again.data.parts == "test")[0]
    usable, n_windows = table.usable.copy(), table.n_windows.copy()
    usable[lost], n_windows[lost] = False, 0
    data = replace(again.data, table=replace(table, usable=usable, n_windows=n_windows))
    configuration, checkpoint = resolve(TrainConfiguration, job.options), again.checkpoints["baseline"]
    trained = Trained(
        "baseline", checkpoint.build(), checkpoint.encoder, training_data(configuration, data, again.store), Fitted()
    )
    for name in ("model_card", "log_checkpoint", "report_scores", "report_answers", "describe_model"):
        monkeypatch.setattr(f"ecgml.pipeline.job.judging.{name}", lambda *_, **__: "")
    nowhere = SimpleNamespace(run_id="", metrics=lambda *_, **__: None, describe=lambda _: None)
    scored, _ = judge_model(trained, configuration, data, nowhere, Console(io.StringIO()))
    predictions = scored.predictions["test"]
    assert np.array(predictions.record_ids)[~predictions.scored].tolist() == [table.record_ids[lost]]
    assert scored.scores["test"].n_records == (data.parts == "test").sum()
    assert scored.scores["test"]["accuracy"].value <= 1 - 1 / predictions.n_records


def test_run_says_which_commit_it_is_of(job: Job) -> None:
    done = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("no git checkout here")
    for run in (job.parent, *job.children.values()):
        assert run.data.tags["ecgml.git_commit"].removesuffix("+") == done.stdout.strip()


def test_job_does_not_go_on_with_other_data(job: Job, again: Again, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same folders, of which one record is now in another part."""
    client, run_id = MlflowClient(), job.parent.info.run_id
    n_runs = len(client.search_runs([job.parent.info.experiment_id]))
    other = replace(again.data, digest="0" * 64)
    monkeypatch.setattr("ecgml.pipeline.train.train.load_data", lambda *_: other)
    client.set_terminated(run_id, "KILLED")
    try:
        with pytest.raises(TrainingError, match=f"resume: the data differ from those of run {run_id}"):
            train({}, Console(io.StringIO()), resume=run_id)
    finally:
        client.set_terminated(run_id, "FINISHED")
    assert len(client.search_runs([job.parent.info.experiment_id])) == n_runs
