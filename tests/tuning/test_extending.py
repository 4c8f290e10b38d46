"""A study tunes what another package adds, in workers of its own, by that package's metric."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from ecgml.pipeline.job.console import Console
from tests.extension import extension
from tuning.study import tune

__all__ = ["extension"]


@pytest.mark.slow
def test_workers_train_its_architecture_and_a_trials_value_is_its_metric(
    extension: Path, options: dict[str, str], tmp_path: Path
) -> None:
    asked = {"study": "others", "storage": str(tmp_path / "s.journal"), "n_trials": "2", "jobs": "2", "epochs": "1"}
    result = tune({**options, **asked, "models": "tcn", "metric": "val_top_two"}, Console(io.StringIO()))
    assert result.study.direction.name == "MAXIMIZE"
    runs = MlflowClient().search_runs(
        [MlflowClient().get_run(result.run_id).info.experiment_id], f"tags.`mlflow.parentRunId` = '{result.run_id}'"
    )
    assert result.study.user_attrs["ecgml"]["settings"]["models"] == ["tcn"]
    values = sorted(run.data.metrics["val_top_two"] for run in runs)
    assert sorted(trial.value for trial in result.study.trials) == values
    assert 0 < values[0] <= values[-1] <= 1
