"""The training reference: written with the checkpoint and the logged model, and counted as the server counts."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from ecgml.cohorts.cohort import read_entry
from ecgml.cohorts.opening import open_cohorts
from ecgml.drift.characteristics import UNUSABLE_RECORD, characteristics, of_answer
from ecgml.drift.reference import Reference
from ecgml.errors import CheckpointError, RecordError
from ecgml.inference.predictor import Predictor
from ecgml.server.answering import compared
from ecgml.training.checkpoint import REFERENCE, load_checkpoint
from tests.pipeline.conftest import Job


@pytest.fixture(scope="module")
def folder(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the checkpoint of the fusion model."""
    target = str(tmp_path_factory.mktemp("checkpoint"))
    address = f"runs:/{job.children['fusion'].info.run_id}/checkpoint"
    return Path(mlflow.artifacts.download_artifacts(address, dst_path=target))


def test_the_server_counts_as_the_reference_was_counted(job: Job, folder: Path) -> None:
    """Records of validation and calibration sent to a server fall into the very bins of the reference."""
    reference = load_checkpoint(folder).reference
    assert reference is not None
    predictor = Predictor.load(folder)
    address = f"runs:/{job.children['fusion'].info.run_id}/split.csv"
    split = pd.read_csv(mlflow.artifacts.download_artifacts(address))
    parts = dict(zip(split.iloc[:, 0], split["part"], strict=True))
    records = []
    for cohort in open_cohorts([Path(job.options["data_dir"])]):
        for entry in cohort.entries:
            if parts.get(f"{cohort.name}/{entry.record_id}") not in ("val", "calibration"):
                continue
            try:
                prepared = predictor.prepare(read_entry(entry), entry.given)
            except RecordError:
                records.append(dict(UNUSABLE_RECORD))
                continue
            (said,) = predictor.describe([""], [prepared])
            answer = of_answer(said.rhythm, said.probabilities[said.rhythm], said.abstained)
            records.append({**compared(prepared, predictor.checkpoint.preprocessing.fs), **answer})
    served = Reference.of(reference.characteristics, records)
    assert served.n_records == reference.n_records > 10
    assert served.counts.tolist() == reference.counts.tolist()


def test_the_logged_model_carries_it(job: Job, folder: Path) -> None:
    info = job.children["fusion"].info
    (model,) = MlflowClient().search_logged_models([info.experiment_id], f"source_run_id = '{info.run_id}'")
    path = Path(mlflow.artifacts.download_artifacts(f"models:/{model.model_id}"))
    (logged,) = path.rglob(REFERENCE)
    assert logged.read_text() == (folder / REFERENCE).read_text()


def test_it_holds_counts_and_no_record(folder: Path) -> None:
    stored = json.loads((folder / REFERENCE).read_text())
    classes = load_checkpoint(folder).classes
    assert [one["name"] for one in stored["characteristics"]] == [one.name for one in characteristics(classes)]
    assert set(stored) == {"format", "n_records", "characteristics"}
    for one in stored["characteristics"]:
        assert sum(one["counts"]) <= stored["n_records"]


def test_a_checkpoint_without_it_opens_and_a_damaged_one_is_refused(folder: Path) -> None:
    path = folder / REFERENCE
    content = path.read_text()
    try:
        path.write_text(content[:100])
        with pytest.raises(CheckpointError, match=f"{REFERENCE}: damaged"):
            load_checkpoint(folder)
        path.unlink()
        assert load_checkpoint(folder).reference is None
    finally:
        path.write_text(content)
