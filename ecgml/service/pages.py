"""The MLflow UI: addresses, and the view in which an experiment opens.

What MLflow 3.17 shows at first is decided in the browser: the address (``workflowType``), else what was chosen there
last, else GenAI. The tag ``mlflow.experimentKind`` decides for servers that hide that choice. Of charts it makes one a
metric, in alphabetical order; a view kept in a tag of the experiment replaces that where the address names it.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from datetime import datetime
from pathlib import Path

import mlflow
from mlflow.tracking import MlflowClient

from ecgml.service.store import public_uri

KIND = ("mlflow.experimentKind", "custom_model_development")

VIEW = "ecgml"
"""Names the view in addresses; shown among the saved views as :data:`VIEW_TITLE`."""

VIEW_TITLE = "Scores and curves"

SCORES = tuple(
    f"{part}_{name}" for name in ("macro_f1", "accuracy", "macro_auroc", "ece") for part in ("test", "external")
)

CURVES = ("val_macro_f1", "val_macro_auroc", "val_loss", "train_loss", "val_accuracy", "learning_rate")

SECTIONS = {"Scores": SCORES, "Training": CURVES, "Model metrics": (), "System metrics": ()}
"""Charts by section, in the order shown; the last two are MLflow's own names for all other metrics."""

COLUMNS = ("val_macro_f1", "test_macro_f1", "test_accuracy", "external_macro_f1", "external_accuracy")
"""Metrics shown in the table of runs."""

MAX_DATA = 60
"""Characters of a run's name that its data may take."""

LOCAL = "http://127.0.0.1:5000"
"""Where ``mlflow ui`` listens."""


def prepare_pages(experiment_id: str) -> None:
    """Tag an experiment as model training and save the view of its charts, once per experiment."""
    client = MlflowClient()
    known = client.get_experiment(experiment_id).tags
    for key, value in (KIND, (f"mlflow.sharedViewState.{VIEW}", _saved_view())):
        if key not in known:
            client.set_experiment_tag(experiment_id, key, value)


def where_to_look(experiment_id: str, run_id: str = "", artifact: str = "") -> str:
    """Return how to open an experiment's runs or an artifact: the address, after a command if one is needed."""
    uri = mlflow.get_tracking_uri()
    is_served = uri.startswith(("http://", "https://"))
    server = (public_uri(uri) if is_served else LOCAL).rstrip("/")
    address = runs_address(server, experiment_id, run_id, artifact)
    if is_served:
        return address
    # Without an option `mlflow ui` shows mlflow.db of the folder where it is called. A password is not printed.
    shown = uri if public_uri(uri) == uri else '"$MLFLOW_TRACKING_URI"'
    is_here = uri in ("sqlite:///mlflow.db", f"sqlite:///{Path.cwd()}/mlflow.db")
    return f"mlflow ui{'' if is_here else f' --backend-store-uri {shown}'}, then open {address}"


def runs_address(server: str, experiment_id: str, run_id: str = "", artifact: str = "") -> str:
    """Return the address, on an MLflow server, of an experiment's runs in our view or of a run's artifact."""
    place, query = (f"/{run_id}/artifacts/{artifact}", "") if run_id else ("", f"&viewStateShareKey={VIEW}")
    return f"{server}/#/experiments/{experiment_id}/runs{place}?workflowType=machine_learning{query}"


def run_link(experiment_id: str, run_id: str) -> str:
    """Return a Markdown link to a run's page, shown as the first eight digits of its id."""
    return f"[{run_id[:8]}](#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning)"


def run_name(data: str) -> str:
    """Return the name of a job's run: its data and the local time of its start."""
    shown = data if len(data) <= MAX_DATA else f"{data[: MAX_DATA - 1]}…"
    return f"{shown} {datetime.now():%Y-%m-%d %H:%M}"


def is_random_name(name: str) -> bool:
    """Return whether a run's name is one of MLflow's random ones: adjective, animal, number."""
    return re.fullmatch(r"[a-z]+-[a-z]+-\d+", name) is not None


def _saved_view() -> str:
    """Return a view as MLflow's pages save it: an envelope around compressed JSON.

    Our charts come first. Every other metric, such as the ends of intervals, falls into MLflow's own sections, which
    are shut. Sorted by a metric, the table shows models instead of folding them under their jobs.
    """
    charts, sections = [], []
    for title, metrics in SECTIONS.items():
        charts += [_chart(metric, title) for metric in metrics]
        sections.append({"uuid": title, "name": title, "display": bool(metrics), "isReordered": True})
    state = {
        "compareRunCharts": charts,
        "compareRunSections": sections,
        "isAccordionReordered": True,  # otherwise sections are sorted by name
        "hideEmptyCharts": True,
        "selectedColumns": [f"metrics.`{name}`" for name in COLUMNS],
        "orderByKey": "metrics.`val_macro_f1`",  # never by a metric of the test part
        "orderByAsc": False,
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    return json.dumps({"name": VIEW_TITLE, "createdAt": 0, "state": f"deflate;{packed}"})


def _chart(metric: str, section: str) -> dict[str, object]:
    kind = "BAR" if metric in SCORES else "LINE"
    shared = {"runsCountToCompare": 10, "deleted": False, "isGenerated": True}
    return {
        "uuid": metric,
        "type": kind,
        "metricKey": metric,
        "displayName": metric,
        "metricSectionId": section,
        **shared,
    }
