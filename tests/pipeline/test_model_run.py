"""A model by any of its addresses is the same model, with what its run keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from ecgml.config import resolve
from ecgml.errors import CheckpointError, TrackingError
from ecgml.evaluation.answer_files import read_answers
from ecgml.evaluation.prediction_files import read_predictions
from ecgml.pipeline.job.lineage import LEARNT_FROM
from ecgml.pipeline.job.model_run import ModelRun
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.service.registry import register
from tests.pipeline.conftest import Job


@pytest.fixture(scope="module")
def fusion(job: Job) -> Run:
    return job.children["fusion"]


def fetched(run: Run, name: str) -> Path:
    return Path(download_artifacts(artifact_uri=f"runs:/{run.info.run_id}/{name}"))


def addresses(run: Run) -> list[str]:
    run_id = run.info.run_id
    model_id = MlflowClient().get_run(run_id).outputs.model_outputs[0].model_id
    version = register(model_id, run_id, {})
    return [
        run_id,
        f"runs:/{run_id}",
        f"runs:/{run_id}/checkpoint",
        f"models:/{model_id}",
        f"models:/ecg-rhythm/{version}",
        "models:/ecg-rhythm@challenger",
        str(fetched(run, "checkpoint")),
    ]


def test_every_address_leads_to_the_same_model(job: Job, fusion: Run) -> None:
    split = pd.read_csv(fetched(fusion, "split.csv"), keep_default_na=False)
    stored = read_predictions(fetched(fusion, "predictions.csv"))
    for address in addresses(fusion):
        model = ModelRun.open(address)
        assert model.run_id == fusion.info.run_id, address
        assert model.checkpoint.model_name == model.name == "fusion"
        assert model.data_digest == job.parent.data.tags["ecgml.data_digest"]
        assert model.split.record.tolist() == split.record.tolist()
        np.testing.assert_array_equal(model.predictions["test"].y_prob, stored.y_prob)
    assert ModelRun.open("models:/ecg-rhythm@challenger").version is not None


def test_what_a_run_keeps_is_typed(job: Job, fusion: Run) -> None:
    model = ModelRun.open(fusion.info.run_id)
    assert model.configuration == resolve(TrainConfiguration, job.options)
    assert (model.configuration.fit.epochs, model.configuration.data.harmonise) == (2, "sinus_rate")
    assert list(model.predictions) == ["test", "external"]
    for what, file in (("test", "answers.csv"), ("external", "external_answers.csv")):
        expected = read_answers(fetched(fusion, file), model.predictions[what])
        answers = model.answers(what)
        assert answers is not None
        np.testing.assert_array_equal(answers.abstained, expected.abstained)
    assert ModelRun.of(job.parent.info.run_id).models.keys() == job.children.keys()
    assert model.metrics == fusion.data.metrics
    assert {name: one.run_id for name, one in model.siblings.items()} == {
        "baseline": job.children["baseline"].info.run_id
    }
    assert model.ancestors == ()
    (learnt,) = model.lineage.learnt
    own = set(model.split.record[model.split.part.isin(LEARNT_FROM)])
    assert set(learnt.split.record[learnt.split.part.isin(LEARNT_FROM)]) == own
    assert model.start_lineage.learnt == ()
    assert model.is_simulated
    assert model.card is not None


def test_a_split_of_numbers_and_empty_cells_is_read_as_text(fusion: Run) -> None:
    split = ModelRun.open(fusion.info.run_id).split
    assert split.age.dtype == float
    for column in ("record", "part", "source", "date", "identity"):
        assert split[column].map(type).eq(str).all(), column


def test_what_is_no_model_is_said_with_the_remedy(job: Job, tmp_path: Path) -> None:
    models = ", ".join(f"{name} runs:/{job.children[name].info.run_id}" for name in ("baseline", "fusion"))
    with pytest.raises(TrackingError, match=f"a job of several models; give one of them: {models}"):
        ModelRun.open(job.parent.info.run_id)
    with pytest.raises(TrackingError, match="run 'nothing' does not exist in"):
        ModelRun.open("nothing")
    with pytest.raises(TrackingError, match="models:/ecg-rhythm@nobody: unavailable"):
        ModelRun.open("models:/ecg-rhythm@nobody")
    with pytest.raises(CheckpointError):
        _ = ModelRun.open(str(tmp_path)).checkpoint


def test_what_a_run_does_not_keep_or_keeps_damaged_is_said(job: Job) -> None:
    client = MlflowClient()
    run_id = client.create_run(job.parent.info.experiment_id).info.run_id
    model = ModelRun.open(run_id)
    with pytest.raises(TrackingError, match="does not name its data"):
        _ = model.data_digest
    with pytest.raises(TrackingError, match="has no predictions; give the run of a model that was trained to its end"):
        _ = model.predictions
    client.log_text(run_id, "{", "config.json")
    client.log_text(run_id, "record,part\nc/1,test\n", "split.csv")
    with pytest.raises(TrackingError, match=f"config.json of run {run_id} is damaged"):
        _ = model.configuration
    with pytest.raises(TrackingError, match=f"split.csv of run {run_id} is damaged: no column source"):
        _ = model.split
    client.set_terminated(run_id)
