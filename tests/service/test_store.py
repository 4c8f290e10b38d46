"""A tracking store that is none."""

from __future__ import annotations

from pathlib import Path

import mlflow
import optuna
import pytest

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
