"""`ecgml evaluate`: the figures of the job on its external cohort, and nothing of what the model learnt from."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from ecgml.cohorts.simulation.demo import write_demo
from ecgml.errors import CohortError, ConfigError, EcgmlError, EvaluationError, OutputError
from ecgml.evaluation.prediction_files import read_predictions
from ecgml.pipeline.evaluate.evaluate import evaluate
from ecgml.pipeline.job.console import Console
from ecgml.service.models import fetch_checkpoint
from tests.pipeline.conftest import Job


def fusion(job: Job) -> Run:
    return job.children["fusion"]


def options_of(cache: Path, *data: Path) -> dict[str, str]:
    machine = {"cache_dir": str(cache), "bootstrap": "100", "jobs": "1", "device": "cpu", "explained": "0"}
    return machine | {"data_dir": ",".join(map(str, data))}


def run_of(said: str) -> Run:
    return MlflowClient().get_run(said.rpartition("run ")[2].partition(";")[0])


def artifact(run: Run, name: str) -> str:
    return download_artifacts(artifact_uri=f"runs:/{run.info.run_id}/{name}")


def test_an_external_cohort_is_scored_as_in_the_job(job: Job, external: Path, cache: Path) -> None:
    options = options_of(cache, external)
    run = run_of(evaluate(f"runs:/{fusion(job).info.run_id}", options, Console(io.StringIO())))
    assert run.info.status == "FINISHED"
    for name in ("accuracy", "macro_f1", "macro_auroc", "ece"):
        expected = fusion(job).data.metrics[f"external_{name}"]
        assert run.data.metrics[f"evaluation_{name}"] == pytest.approx(expected, abs=1e-6)
    ours = read_predictions(artifact(run, "evaluation_predictions.csv"))
    theirs = read_predictions(artifact(fusion(job), "external_predictions.csv"))
    assert ours.record_ids == theirs.record_ids
    np.testing.assert_allclose(ours.y_prob, theirs.y_prob, atol=1e-6)


def test_evaluation_is_kept_in_the_experiment_of_the_model(
    job: Job, external: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of a model that was trained under another name than today's default."""
    monkeypatch.setattr("ecgml.service.store.DEFAULT_EXPERIMENT", "another default")
    run = run_of(evaluate(f"runs:/{fusion(job).info.run_id}", options_of(cache, external), Console(io.StringIO())))
    assert run.info.experiment_id == job.parent.info.experiment_id
    assert MlflowClient().get_experiment_by_name("another default") is None


def test_what_the_model_learnt_from_is_left_out(job: Job, demo: Path, cache: Path) -> None:
    options = options_of(cache, demo)
    stream = io.StringIO()
    run = run_of(evaluate(f"runs:/{fusion(job).info.run_id}", options, Console(stream)))
    scored = set(read_predictions(artifact(run, "evaluation_predictions.csv")).record_ids)
    split = pd.read_csv(artifact(fusion(job), "split.csv"))
    assert scored == set(split[split.part == "test"].record)
    left_out = pd.read_csv(artifact(run, "tables/left_out.csv"))
    learnt = left_out[left_out.reason == "the model learnt from it or its patient"]
    assert set(split[split.part == "train"].record) <= set(learnt.record)
    assert f"{len(left_out):,} records were left out" in Path(artifact(run, "report.html")).read_text()
    assert "records left out: the model learnt from them or their patients" in stream.getvalue()


@pytest.mark.slow
def test_a_model_of_another_store_is_scored_with_a_warning(
    job: Job, external: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = artifact(fusion(job), "checkpoint")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    monkeypatch.chdir(tmp_path)
    stream = io.StringIO()
    options = options_of(cache, external)
    said = evaluate(folder, options, Console(stream))
    assert "is not in this tracking store" in stream.getvalue()
    assert "fusion on elsewhere" in said
    with pytest.raises(ConfigError, match=r"the model's own are unavailable .*; name one or more folders") as caught:
        evaluate(folder, {}, Console(io.StringIO()))
    assert "\n" not in str(caught.value)


def test_what_cannot_be_evaluated_is_refused_and_opens_no_run(job: Job, cache: Path, tmp_path: Path) -> None:
    def n_runs() -> int:
        return len(MlflowClient().search_runs([job.parent.info.experiment_id]))

    before = n_runs()
    with pytest.raises(ConfigError, match="no model given"):
        evaluate("", {}, Console(io.StringIO()))
    for address in ("runs:/nothing", str(tmp_path / "none")):
        with pytest.raises(EcgmlError) as caught:
            evaluate(address, {"data_dir": str(tmp_path)}, Console(io.StringIO()))
        assert "\n" not in str(caught.value)
    assert n_runs() == before


@pytest.mark.slow
def test_the_same_ecgs_in_another_format_under_other_names_are_left_out(job: Job, cache: Path, tmp_path: Path) -> None:
    write_demo(tmp_path / "again", n_records=60, seed=1, layout="wfdb")
    run = run_of(
        evaluate(f"runs:/{fusion(job).info.run_id}", options_of(cache, tmp_path / "again"), Console(io.StringIO()))
    )
    split = pd.read_csv(artifact(fusion(job), "split.csv"))
    scored = read_predictions(artifact(run, "evaluation_predictions.csv")).n_records
    # One of the job's files was spoilt, so that its waveform is not known again.
    assert (split.part == "test").sum() - 1 <= scored <= (split.part == "test").sum() + 1


@pytest.mark.slow
def test_a_model_whose_run_is_elsewhere_says_on_the_page_what_cannot_be_told(
    job: Job, external: Path, cache: Path, tmp_path: Path
) -> None:
    folder = fetch_checkpoint(f"runs:/{fusion(job).info.run_id}", tmp_path)
    description = json.loads((folder / "checkpoint.json").read_text())
    description["facts"]["run_id"] = "0" * 32
    (folder / "checkpoint.json").write_text(json.dumps(description))
    evaluate(str(folder), options_of(cache, external), Console(io.StringIO()), out=str(tmp_path / "out"))
    for name in ("report.html", "model_card.md"):
        text = (tmp_path / "out" / name).read_text()
        assert "whether it was trained on some of these records is unknown" in text
        assert "0 records left out" not in text


def test_nothing_left_is_said(job: Job, demo: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecgml.pipeline.job.lineage.LEARNT_FROM", ("train", "val", "calibration", "test"))
    options = options_of(cache, demo)
    with pytest.raises(EvaluationError, match="left out because the model learnt from them"):
        evaluate(f"runs:/{fusion(job).info.run_id}", options, Console(io.StringIO()))


@pytest.fixture(scope="module")
def report(job: Job, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """Return the run and the folder of a report made from a model alone."""
    out = tmp_path_factory.mktemp("report") / "out"
    options = options_of(cache) | {"explained": "4"}
    said = evaluate(f"runs:/{fusion(job).info.run_id}", options, Console(io.StringIO()), out=str(out))
    return run_of(said), out


def test_a_model_alone_is_judged_by_what_its_run_stored(job: Job, report: tuple[Run, Path]) -> None:
    run, out = report
    for what, file in (("test", "predictions.csv"), ("external", "external_predictions.csv")):
        assert (out / file).read_bytes() == Path(artifact(fusion(job), file)).read_bytes()
        for name in ("accuracy", "macro_f1", "macro_auroc"):
            for end in ("", "_low", "_high"):
                metric = f"{what}_{name}{end}"
                assert run.data.metrics[metric] == pytest.approx(fusion(job).data.metrics[metric], abs=1e-12)


def test_page_and_card_are_there_and_every_part_names_its_artifact(report: tuple[Run, Path]) -> None:
    run, out = report
    page = (out / "report.html").read_text()
    named = re.findall(r"Artifact: <code>((?:figures|tables)/[^<]+)", page)
    assert len(named) > 15
    for name in named:
        assert (out / name).is_file(), name
        assert Path(artifact(run, name)).read_bytes() == (out / name).read_bytes()
    assert sorted(named) == sorted(
        path.relative_to(out).as_posix()
        for path in out.rglob("*/*")
        if not path.stem.endswith("_scores")
    )  # fmt: skip
    for title in ("Overall performance", "Confusion matrix", "Calibration", "confident errors", "Explanations"):
        assert re.search(f"<h2>[^<]*{title}", page), title
    card = (out / "model_card.md").read_text()
    assert card.startswith("**Simulated data")
    for heading in ("## Intended use", "## Data", "## Evaluated", "## Limits found"):
        assert card.count(heading) == 1, heading
    accuracy = "{:.3f} ({:.3f}–{:.3f})".format(
        *(run.data.metrics[f"test_accuracy{end}"] for end in ("", "_low", "_high"))
    )
    assert accuracy in page
    assert accuracy in card


def test_a_table_in_full_has_the_figures_of_the_run(report: tuple[Run, Path]) -> None:
    run, out = report
    table = pd.read_csv(out / "tables" / "external_scores.csv", index_col="metric")
    assert table.value["macro_f1"] == pytest.approx(run.data.metrics["external_macro_f1"])
    assert table.low["macro_f1"] <= table.value["macro_f1"] <= table.high["macro_f1"]


def test_recordings_that_are_gone_leave_a_report_without_ecgs(
    job: Job, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise CohortError("/data/away: no such folder")

    monkeypatch.setattr("ecgml.pipeline.evaluate.evaluation_input.load_cohorts", gone)
    stream = io.StringIO()
    evaluate(f"runs:/{fusion(job).info.run_id}", options_of(cache), Console(stream), out=str(tmp_path / "out"))
    assert "/data/away: no such folder" in stream.getvalue()
    page = (tmp_path / "out" / "report.html").read_text()
    assert "The recordings are unavailable: /data/away" in page
    assert "Performance by class, test part" in page
    assert not list((tmp_path / "out" / "figures").glob("mistake_*"))


def test_a_folder_of_something_else_is_left_alone(job: Job, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not empty"):
        evaluate(f"runs:/{fusion(job).info.run_id}", {}, Console(io.StringIO()), out=str(tmp_path))
