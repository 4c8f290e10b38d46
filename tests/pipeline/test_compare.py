"""`ecgml compare`: what it says is what the predictions say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mlflow.artifacts import download_artifacts
from sklearn.metrics import accuracy_score, f1_score

from ecgml.errors import EcgmlError, EvaluationError, TrackingError
from ecgml.evaluation.prediction_files import read_predictions, write_predictions
from ecgml.evaluation.predictions import Predictions
from ecgml.pipeline.compare.compare import as_json, as_text, compare_models
from tests.pipeline.conftest import Job


def predictions(y_prob: np.ndarray, y_true: np.ndarray) -> Predictions:
    n_records = len(y_true)
    return Predictions(
        record_ids=tuple(f"c/{row}" for row in range(n_records)),
        classes=("AFIB", "SR"),
        y_true=y_true,
        y_prob=y_prob,
        groups=tuple(f"patient {row // 2}" for row in range(n_records)),
        sources=("c",) * n_records,
        notes=("",) * n_records,
    )


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Return the predictions of a good model and of one that guesses, on the same 200 records."""
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, 200)
    score = rng.random(200)
    good = np.where(rng.random(200) < 0.95, y_true, 1 - y_true) * 0.8 + 0.1
    paths = []
    for name, of_sr in (("good", good), ("guess", score)):
        (tmp_path / name).mkdir()
        paths.append(
            write_predictions(
                predictions(np.stack([1 - of_sr, of_sr], axis=1), y_true), tmp_path / name / "predictions.csv"
            )
        )
    return paths[0], paths[1]


def test_figures_are_those_of_scikit_learn(files: tuple[Path, Path]) -> None:
    compared = compare_models(*map(str, files), n_bootstrap=200)
    found = json.loads(as_json(compared))["test part"]
    for side, path in zip("ab", files, strict=True):
        own = read_predictions(path)
        assert found["metrics"]["accuracy"][side] == pytest.approx(accuracy_score(own.y_true, own.y_pred))
        assert found["metrics"]["macro_f1"][side] == pytest.approx(f1_score(own.y_true, own.y_pred, average="macro"))
    assert found["n_records"] == 200
    assert found["n_groups"] == 100
    said = as_text(compared)
    assert "good is ahead of guess" in said
    assert "significant (95 % CI excludes 0)" in said
    assert "McNemar: good alone right on" in said
    assert "p < 0.001" in said


def test_a_model_is_no_better_than_one_that_answers_alike(files: tuple[Path, Path], tmp_path: Path) -> None:
    alike = write_predictions(read_predictions(files[0]), tmp_path / "predictions.csv")
    compared = compare_models(str(files[0]), str(alike), n_bootstrap=50)
    comparison = compared.comparisons["test part"]
    assert all(difference.value == 0 for name, difference in comparison.differences.items() if "auroc" not in name)
    assert comparison.mcnemar.p_value == 1
    assert "gave almost the same answers and cannot be ranked" in as_text(compared)


def test_the_models_of_a_job_are_compared_on_all_that_they_were_scored_on(job: Job) -> None:
    fusion, baseline = (job.children[name].info.run_id for name in ("fusion", "baseline"))
    compared = compare_models(fusion, f"runs:/{baseline}", n_bootstrap=50)
    assert (compared.a, compared.b) == ("fusion", "baseline")
    assert set(compared.comparisons) == {"test part", "external cohort"}
    path = download_artifacts(artifact_uri=f"runs:/{fusion}/predictions.csv")
    assert compared.comparisons["test part"].n_records == read_predictions(path).n_records


def test_other_records_are_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    own = read_predictions(files[0])
    fewer = write_predictions(own.take(np.arange(150)), tmp_path / "predictions.csv")
    with pytest.raises(EvaluationError, match=r"record c/150 is only in the first; score both models on one test set"):
        compare_models(str(files[0]), str(fewer))


def test_a_model_with_itself_is_refused(files: tuple[Path, Path], job: Job) -> None:
    run_id = job.children["fusion"].info.run_id
    roundabout = files[0].parent / ".." / files[0].parent.name / files[0].name
    for a, b in ((run_id, f"runs:/{run_id}"), (str(files[0]), str(roundabout))):
        with pytest.raises(EvaluationError, match="with itself; name two models"):
            compare_models(a, b)


def test_what_cannot_be_compared_is_one_line(job: Job, tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=r"is a job of several models; give one of them: baseline .*, fusion"):
        compare_models(job.parent.info.run_id, job.parent.info.run_id)
    for address in ("nothing", str(tmp_path / "none.csv")):
        with pytest.raises(EcgmlError) as caught:
            compare_models(address, address)
        assert "\n" not in str(caught.value)
