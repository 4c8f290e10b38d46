"""A tracking store that is none."""

from __future__ import annotations

from pathlib import Path

import mlflow
import optuna
import pytest
from mlflow.entities import Experiment
from mlflow.tracking import MlflowClient

from ecgml.errors import TrackingError
from ecgml.service.store import connect


@pytest.mark.parametrize("kind", ["another program's", "no database"])
def test_what_is_no_store_of_ours_is_refused_in_a_line(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mlflow.db"
    if kind == "no database":
        path.write_text("not a database\n" * 100)
    else:
        optuna.storages.RDBStorage(f"sqlite:///{path}")
    before = path.read_bytes()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
    mlflow.set_tracking_uri(None)
    try:
        with pytest.raises(
            TrackingError, match=r"^MLflow store sqlite:.*mlflow\.db (is the database of|cannot be used)"
        ) as caught:
            connect()
    finally:
        monkeypatch.undo()
        mlflow.set_tracking_uri(None)
    assert "\n" not in str(caught.value)
    assert kind != "no database" or path.read_bytes() == before


def test_experiment_is_the_one_named_then_that_of_the_run_beside_then_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID", raising=False)
    mlflow.set_tracking_uri(None)
    try:
        default = connect()
        client = MlflowClient()
        other = client.create_experiment("other")
        run_id = client.create_run(other).info.run_id
        assert connect(beside=run_id) == other
        assert connect(beside="of another store") == default
        monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "named")
        assert client.get_experiment(connect(beside=run_id)).name == "named"
    finally:
        monkeypatch.undo()
        mlflow.set_tracking_uri(None)


def test_an_experiment_made_by_another_at_the_same_moment_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(None)
    try:
        made = connect()
        own, asked = MlflowClient.get_experiment_by_name, []

        def not_yet(client: MlflowClient, name: str) -> Experiment | None:
            asked.append(name)
            return None if len(asked) == 1 else own(client, name)

        monkeypatch.setattr(MlflowClient, "get_experiment_by_name", not_yet)
        assert connect() == made
        assert len(asked) == 2
    finally:
        monkeypatch.undo()
        mlflow.set_tracking_uri(None)
