"""MLflow's pages: a job's run has a name to know it by, an experiment opens with its scores."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

import mlflow
import pytest
from mlflow.tracking import MlflowClient
from mlflow.utils.name_utils import _generate_random_name

from ecgml.service.pages import MAX_DATA, is_random_name, prepare_pages, run_link, run_name, where_to_look


def test_names_that_mlflow_makes_up_are_known_as_such() -> None:
    made_up = [_generate_random_name() for _ in range(200)]
    assert all(map(is_random_name, made_up))
    assert not any(map(is_random_name, ("demo-1000-v1 2026-11-27 10:31", "my-run", "fusion", "ward-7", "")))


def test_name_of_many_cohorts_stays_short_and_keeps_the_date() -> None:
    name = run_name("+".join(["chapman"] * 20))
    assert len(name) == MAX_DATA + len(" 2026-11-27 10:31")
    assert "… 20" in name


def test_link_to_a_run_shows_few_digits_and_leads_to_its_page() -> None:
    run_id = "0f3c" * 8
    address = f"#/experiments/7/runs/{run_id}?workflowType=machine_learning"
    assert run_link("7", run_id) == f"[0f3c0f3c]({address})"


def test_experiment_opens_with_macro_f1_and_shuts_what_nobody_asked_for(registry: MlflowClient) -> None:
    """The view is read back as MLflow's pages read it: envelope, base64, zlib."""
    experiment = registry.create_experiment("with pages")
    prepare_pages(experiment)
    tags = registry.get_experiment(experiment).tags
    assert tags["mlflow.experimentKind"] == "custom_model_development"
    envelope = json.loads(tags["mlflow.sharedViewState.ecgml"])
    assert {name: type(value) for name, value in envelope.items()} == {"name": str, "createdAt": int, "state": str}
    state = json.loads(zlib.decompress(base64.b64decode(envelope["state"].removeprefix("deflate;"))))
    assert state["compareRunCharts"][0]["metricKey"] == "test_macro_f1"
    is_open = {section["name"]: section["display"] for section in state["compareRunSections"]}
    assert is_open == {"Scores": True, "Training": True, "Model metrics": False, "System metrics": False}
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} == {"Scores", "Training"}
    assert "test" not in state["orderByKey"]
    assert max(map(len, tags.values())) < 5000  # what MLflow keeps of a tag


def test_a_view_that_a_person_changed_is_left_alone(registry: MlflowClient) -> None:
    experiment = registry.create_experiment("changed pages")
    registry.set_experiment_tag(experiment, "mlflow.sharedViewState.ecgml", "mine")
    prepare_pages(experiment)
    assert registry.get_experiment(experiment).tags["mlflow.sharedViewState.ecgml"] == "mine"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("sqlite:///mlflow.db", "mlflow ui, then open http://127.0.0.1:5000/#/experiments/7/runs?"),
        ("sqlite:///HERE/mlflow.db", "mlflow ui, then open "),
        ("sqlite:////a/b.db", "mlflow ui --backend-store-uri sqlite:////a/b.db, then open http://127.0.0.1:5000/#/"),
        ("postgresql://me:secret@host/db", 'mlflow ui --backend-store-uri "$MLFLOW_TRACKING_URI", then open '),
        ("https://mlflow.example.org/", "https://mlflow.example.org/#/experiments/7/runs?workflowType=machine_"),
    ],
)
def test_where_to_look_is_typed_as_printed_and_holds_no_password(
    uri: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: uri.replace("HERE", str(Path.cwd())))
    assert where_to_look("7").startswith(shown)
    assert "secret" not in where_to_look("7")
