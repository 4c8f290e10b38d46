"""`ecgml audit`: shortcuts are found where they are, and only there; a model is scored as it was evaluated."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from ecgml.cohorts.opening import open_cohort
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.errors import ConfigError, EcgmlError, EvaluationError, OutputError, TrackingError
from ecgml.evaluation.scores import score
from ecgml.models.settings import ModelSettings
from ecgml.pipeline.audit.audit import audit
from ecgml.pipeline.audit.audited_model import find_audited_model
from ecgml.pipeline.audit.robustness import perturbation_tasks, predict_perturbed
from ecgml.pipeline.audit.shortcuts import ClinicalBranch, predict_unseen, shortcuts_beside
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.model_run import ModelRun
from ecgml.records.clinical import CLINICAL_NAMES
from tests.datasets.tables import make_table
from tests.exploration.surveys import make_survey
from tests.pipeline.conftest import Job
from tests.untrained import untrained_checkpoint

CODES = ["SB", "SR", "AFIB", "ST"] * 60
ROWS = np.arange(len(CODES))


def shortcut(name: str):
    return next(one for one in shortcuts_beside(None) if one.name == name)


def macro_f1(survey, name: str) -> float:
    predictions = predict_unseen(shortcut(name), survey, ROWS, 5, 0)
    return score(predictions, n_bootstrap=0)["macro_f1"].value


def test_a_date_of_its_own_gives_a_class_away_and_none_by_chance_does() -> None:
    survey = make_survey(CODES)
    assert macro_f1(survey, "date_only") < 0.45
    told = replace(survey, dates=np.datetime64("2018-01-01") + survey.classes)
    assert macro_f1(told, "date_only") == 1.0


def test_a_rule_of_rates_is_found_and_holds_where_the_rate_is_missing() -> None:
    survey = make_survey(CODES)
    column = [one.name for one in survey.variables].index("ventricular_rate")
    values = survey.values.copy()
    values[:, column] = 50.0 + 40 * survey.classes
    assert macro_f1(replace(survey, values=values), "rate_only") == 1.0
    values[::7, column] = np.nan
    assert 0.8 < macro_f1(replace(survey, values=values), "rate_only") < 1.0


def test_records_of_a_patient_are_never_on_both_sides() -> None:
    """Each patient's four records share a value by which trees would know them again."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(60), 4)
    survey = make_survey(CODES)
    classes = np.repeat(rng.integers(0, 4, 60), 4)
    values = np.full_like(survey.values, np.nan)
    values[:, 0] = patients
    survey = replace(survey, classes=classes, values=values, patients=patients)
    assert macro_f1(survey, "clinical_only") < 0.5
    assert macro_f1(replace(survey, patients=ROWS), "clinical_only") > 0.7


@pytest.mark.slow
def test_workers_change_nothing() -> None:
    survey = make_survey(CODES)
    one = predict_unseen(shortcut("clinical_only"), survey, ROWS, 4, 0)
    two = predict_unseen(shortcut("clinical_only"), survey, ROWS, 4, 0, n_jobs=2)
    np.testing.assert_array_equal(one.y_prob, two.y_prob)


def test_what_the_tables_do_not_have_is_left_out() -> None:
    survey = make_survey(CODES)
    unknown = np.full(len(CODES), np.datetime64("NaT"), dtype="datetime64[D]")
    assert predict_unseen(shortcut("date_only"), replace(survey, dates=unknown), ROWS, 2, 0) is None


def test_columns_without_values_or_variety_do_no_harm() -> None:
    survey = make_survey(CODES)
    values = survey.values.copy()
    values[:, 0], values[:, 1] = np.nan, 1.0
    assert 0 < macro_f1(replace(survey, values=values), "clinical_only") < 0.5
    guess = predict_unseen(shortcut("age_sex_only"), replace(survey, values=np.ones_like(values)), ROWS, 5, 0)
    np.testing.assert_allclose(guess.y_prob, 0.25, atol=0.01)


def artifact(run: Run, name: str) -> str:
    return download_artifacts(artifact_uri=f"runs:/{run.info.run_id}/{name}")


@pytest.mark.slow
def test_a_model_is_scored_as_it_was_evaluated(job: Job, cache: Path, tmp_path: Path) -> None:
    run_id = job.children["fusion"].info.run_id
    # A child's parameters name the data it was trained on.
    stream = io.StringIO()
    options = {"cache_dir": str(cache), "folds": "2", "bootstrap": "100", "jobs": "1", "perturbed": "10"}
    said = audit(options, Console(stream), model=f"runs:/{run_id}", out=str(tmp_path / "out"))
    audited = MlflowClient().get_run(said.rpartition("run ")[2].partition(";")[0])
    assert audited.info.status == "FINISHED"
    metrics = job.children["fusion"].data.metrics
    for name in ("accuracy", "macro_f1", "macro_auroc"):
        assert audited.data.metrics[f"test_as_trained_{name}"] == pytest.approx(metrics[f"test_{name}"], abs=1e-6)
    table = pd.read_csv(artifact(audited, "audit.csv"))
    assert {
        "as_trained", "table_withheld", "clinical_withheld", "waveform_only", "random_encoder", "clinical_only",
        "clinical_branch",
    } <= set(table[table.records == "test"].model)  # fmt: skip
    sibling = job.children["baseline"].data.metrics
    assert audited.data.metrics["test_waveform_only_macro_f1"] == pytest.approx(sibling["test_macro_f1"], abs=1e-6)
    assert "trained on the waveform alone" in " ".join(said.split())
    # The time is said before anything is begun.
    assert "records perturbed in every way: about" in stream.getvalue()
    robustness = pd.read_csv(artifact(audited, "robustness.csv"))
    assert robustness.perturbation[0] == "as recorded"
    refused = robustness[(robustness.perturbation == "leads missing by chance") & (robustness.strength == "11 of 12")]
    assert refused[["abstained", "refused"]].to_numpy().tolist() == [[1.0, 1.0]]
    page = Path(artifact(audited, "audit.html")).read_text()
    for named in ("tables/audit_test.csv", "figures/robustness.png"):
        assert named in page
        assert Path(artifact(audited, named)).stat().st_size
    for one in (tmp_path / "out").rglob("*.*"):
        assert one.read_bytes() == Path(artifact(audited, one.relative_to(tmp_path / "out").as_posix())).read_bytes()
    assert f"page: {tmp_path / 'out' / 'audit.html'}" in said
    assert "What the ECG adds" in said
    assert said.startswith("Simulated data")
    assert audited.data.tags["ecgml.simulated"] == "true"


def test_what_cannot_be_audited_is_refused_and_opens_no_run(
    job: Job, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, run_id = MlflowClient(), job.children["fusion"].info.run_id

    def n_runs() -> int:
        return len(client.search_runs([job.parent.info.experiment_id]))

    before, options = n_runs(), {"cache_dir": str(cache), "jobs": "1", "folds": "2"}
    write_demo(tmp_path / "few", n_records=12)
    with pytest.raises(EvaluationError, match="at least 50 rows of two classes"):
        audit({**options, "data_dir": str(tmp_path / "few")}, Console(io.StringIO()))
    with pytest.raises(TrackingError, match="is a job of several models"):
        audit(options, Console(io.StringIO()), model=job.parent.info.run_id)
    with pytest.raises(EcgmlError):
        audit({**options, "data_dir": str(tmp_path / "none")}, Console(io.StringIO()))
    write_demo(tmp_path / "other", n_records=80, seed=5)
    with pytest.raises(EvaluationError, match="give the data that it was trained on"):
        audit({**options, "data_dir": str(tmp_path / "other")}, Console(io.StringIO()), model=run_id)
    with pytest.raises(ConfigError, match="robustness needs a model"):
        audit({**options, "parts": "robustness"}, Console(io.StringIO()))
    with pytest.raises(OutputError, match="is not empty"):
        audit(options, Console(io.StringIO()), model=run_id, out=str(tmp_path))
    moved = ModelRun.of(run_id).configuration.changed({"data_dir": str(tmp_path / "none")})
    monkeypatch.setattr(ModelRun, "configuration", moved)
    with pytest.raises(EvaluationError, match=r"data were moved \(.*none.*\); give their folder"):
        audit(options, Console(io.StringIO()), model=run_id)
    assert n_runs() == before


def test_the_clinical_branch_learns_what_rows_tell_and_takes_missing_ones() -> None:
    survey = make_survey(CODES)
    column = [one.name for one in survey.variables].index("ventricular_rate")
    values = survey.values.copy()
    values[:, column] = 50.0 + 40 * survey.classes
    values[::9] = np.nan
    assert macro_f1(replace(survey, values=values), "clinical_branch") > 0.8


@pytest.mark.parametrize(("model_name", "width"), [("fusion", 5), ("baseline", ModelSettings().clinical_width)])
def test_the_clinical_branch_has_the_size_of_the_model_that_is_audited(model_name: str, width: int) -> None:
    """The hidden layers of a fusion model of width 5; a model without a branch is said to be compared to a default."""
    checkpoint = replace(untrained_checkpoint(model_name), model=ModelSettings(clinical_width=5, dropout=0.0))
    (shortcut,) = (one for one in shortcuts_beside(checkpoint) if one.name == "clinical_branch")
    assert ("default size" in shortcut.title) == (model_name == "baseline")
    branch = shortcut.learner(0)
    assert isinstance(branch, ClinicalBranch)
    x = np.random.default_rng(0).normal(size=(20, len(CLINICAL_NAMES)))
    branch.fit(x, np.arange(20) % 4)
    assert branch._model[0].n_out == width


@pytest.mark.slow
def test_robustness_is_of_the_seed_alone_and_workers_change_nothing(job: Job, demo: Path, tmp_path: Path) -> None:
    subject = find_audited_model(job.children["fusion"].info.run_id, tmp_path)
    cohort = open_cohort(demo)
    entries = {f"{cohort.name}/{one.record_id}": one for one in cohort.entries}
    test = subject.predictions["test"]
    ids = np.array(test.record_ids)
    table = make_table(
        test.y_true, given=np.full((len(ids), len(CLINICAL_NAMES)), np.nan, dtype=np.float32), record_ids=ids
    )
    rows, tasks = perturbation_tasks(table, entries, Path(subject.address), 3, 0)
    assert len(set(table.y_harmonised[rows].tolist())) == 3
    one, two = (predict_perturbed(table[rows], tasks, subject.checkpoint.classes, jobs) for jobs in (1, 2))
    assert len(one[1]) == len(two[1]) > 50
    for a, b in zip([one[0], *one[1]], [two[0], *two[1]], strict=True):
        assert (a.kind, a.strength) == (b.kind, b.strength)
        np.testing.assert_array_equal(a.predictions.y_prob, b.predictions.y_prob)
        np.testing.assert_array_equal(a.abstained, b.abstained)


@pytest.mark.slow
@pytest.mark.real
def test_the_real_table_reaches_this_without_any_ecg(real_data: Path, store: Path, tmp_path: Path) -> None:
    said = audit(
        {"data_dir": str(real_data / "chapman"), "cache_dir": str(tmp_path), "bootstrap": "100"}, Console(io.StringIO())
    )
    metrics = MlflowClient().get_run(said.rpartition("run ")[2].partition(";")[0]).data.metrics
    assert metrics["all_clinical_only_n_records"] == 10_646
    assert metrics["all_clinical_only_accuracy"] == pytest.approx(0.920, abs=0.007)
    assert metrics["all_clinical_only_macro_f1"] == pytest.approx(0.906, abs=0.010)
    assert metrics["all_clinical_only_macro_auroc"] == pytest.approx(0.986, abs=0.004)
    assert metrics["all_date_only_macro_f1"] == pytest.approx(0.474, abs=0.02)
