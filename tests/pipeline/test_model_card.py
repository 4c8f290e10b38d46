"""The model card: what it says is what was logged, and simulated data are named first."""

from __future__ import annotations

import re
from dataclasses import replace

import mlflow
import numpy as np
import pytest
from mlflow.tracking import MlflowClient

from ecgml.config import resolve
from ecgml.evaluation.scores import Scores
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import JobData, load_data
from ecgml.pipeline.job.model_card import model_card
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.pipeline.train.resume import finished_model
from ecgml.service.model_card import MAX_DESCRIPTION, fetch_card
from ecgml.service.runs import Child
from tests.pipeline.conftest import Job


def model_of(job: Job, name: str) -> str:
    run = job.children[name].info
    return MlflowClient().search_logged_models([run.experiment_id], f"source_run_id = '{run.run_id}'")[0].model_id


@pytest.fixture(scope="module")
def card(job: Job) -> str:
    return fetch_card(model_of(job, "fusion"))


def test_simulated_data_are_in_the_first_line(card: str) -> None:
    assert card.splitlines()[0] == "**Simulated data: these figures say nothing about patients.**"


def test_every_section_is_there_and_fits_into_the_registry(card: str) -> None:
    assert re.findall(r"^## (.*)$", card, re.MULTILINE) == [
        "Intended use", "Data", "Split", "Figures", "Limits", "Made by",
    ]  # fmt: skip
    assert "Not a medical device" in card
    assert len(card) <= MAX_DESCRIPTION


def test_figures_are_those_of_the_run_with_their_intervals(card: str, job: Job) -> None:
    metrics = job.children["fusion"].data.metrics
    for title, name in (("accuracy", "accuracy"), ("macro-F1", "macro_f1"), ("F1 of SB", "f1_sb")):
        cells = [
            "{:.3f} ({:.3f}–{:.3f})".format(*(metrics[f"{what}_{name}{end}"] for end in ("", "_low", "_high")))
            for what in ("test", "external")
        ]
        assert f"| {title} | {' | '.join(cells)} |" in card


def test_data_and_split_are_those_of_the_run(card: str, job: Job) -> None:
    run = job.children["fusion"]
    assert run.data.tags["ecgml.data_digest"] in card
    assert run.info.run_id in card
    split = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/split.csv").splitlines()
    n_train = sum(",train," in line for line in split)
    assert re.search(rf"^\| train \| {n_train} \|", card, re.MULTILINE)
    assert re.search(r"^\| external \| 40 \|", card, re.MULTILINE)
    assert "(`sinus_rate`)" in card


@pytest.fixture(scope="module")
def data(job: Job) -> JobData:
    return load_data(resolve(TrainConfiguration, job.options), Console())


def made(job: Job, data: JobData, scores: dict[str, Scores], **options: str) -> str:
    configuration = resolve(TrainConfiguration, {**job.options, **options})
    return model_card("fusion", configuration, data, scores, "0123", "ab" * 20 + "+")


def test_what_is_not_there_is_said_and_not_shown(job: Job, data: JobData) -> None:
    scores = finished_model(Child(job.children["fusion"].info.run_id, True), 100).scores
    table = replace(data.table, given=np.full_like(data.table.given, np.nan))
    real = replace(
        data,
        table=table,
        external=data.external[:0],
        cohorts=tuple(replace(cohort, simulated=False) for cohort in data.cohorts),
    )
    card = made(job, real, {"test": scores["test"]}, harmonise="none")
    assert card.startswith("# Fusion model: rhythm of a 12-lead ECG")
    assert "Simulated" not in card
    assert "No external cohort" in card
    assert "age and sex unknown" in card
    assert "armonised" not in card
    assert "external" not in card.replace("No external cohort", "")
    assert "commit `abababababab` with changes" in card
