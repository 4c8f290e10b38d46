"""A model's card, also as MLflow's pages of the model and of the registry show it."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

from ecgml.errors import TrackingError
from ecgml.service.address import registered
from ecgml.service.tracker import fetch_artifact

CARD = "model_card.md"
"""The artifact of a logged model that holds its card."""

MAX_DESCRIPTION = 5000
"""Longest description of a version that MLflow keeps, characters."""

ABOUT = """Rhythm of 12-lead ECGs, by models of ecgml. Research use only; not a medical device.

* Every version's description is its model card: data, split, figures with intervals, intended use, limits.
* `champion` is served, `challenger` is the candidate, `previous` is the way back.
* `mlflow models serve -m models:/ecg-rhythm@champion --env-manager local` answers on `/invocations`:
  `waveform` (records, 12, times) with parameters `fs` and `unit`, `clinical` (records, 16), null where unknown.
"""
"""Description of the registered model."""


def fetch_card(model_id: str) -> str | None:
    """Return the card of a logged model, Markdown; None if it has none.

    Raises
    ------
    TrackingError
        If there is no such model or the store does not answer.
    """
    client = MlflowClient()
    try:
        model = client.get_logged_model(model_id)
        paths = {file.path for file in client.list_logged_model_artifacts(model_id, "artifacts")}
    except (MlflowException, OSError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise TrackingError(f"model {model_id} cannot be read: {first_line}") from None
    path = f"artifacts/{CARD}"
    if path not in paths:
        return None
    with TemporaryDirectory(prefix="ecgml-") as folder:
        return fetch_artifact(f"{model.artifact_location}/{path}", Path(folder)).read_text(encoding="utf-8")


def card_of(address: str) -> str | None:
    """Return the card of a version of a registered model, ``models:/<name>/<version>``; None if it has none.

    Raises
    ------
    TrackingError
        If there is no such version or the store does not answer.
    """
    name, version = registered(address)
    try:
        model_id = MlflowClient().get_model_version(name, version).model_id
    except (MlflowException, OSError) as error:
        raise TrackingError(f"{address}: {str(error).strip().splitlines()[0]}") from None
    return fetch_card(model_id) if model_id else None


def card_as_description(model_id: str) -> str | None:
    """Return the card of a logged model as the registry shows it best; None if it has none.

    Raises
    ------
    TrackingError
        As :func:`fetch_card`.
    """
    card = fetch_card(model_id)
    return None if card is None else as_description(card)


def as_description(card: str) -> str:
    """Return a card in a form that MLflow's pages show well.

    Cells of tables are set apart, since MLflow does not, and what is longer than a version's description may be is cut
    between two lines.
    """
    lines = [line.replace(" | ", "&emsp;| ") if line.startswith("| ") else line for line in card.splitlines()]
    description = "\n".join(lines) + "\n"
    if len(description) <= MAX_DESCRIPTION:
        return description
    rest = f"\n\n… the full card is the model's artifact `{CARD}`.\n"
    return description[: MAX_DESCRIPTION - len(rest)].rpartition("\n")[0] + rest


def link_version(client: MlflowClient, model_id: str, name: str, version: str) -> None:
    """Show on a logged model's page which version of which registered model it is.

    `mlflow.register_model` does so; a version made by the client alone is shown as "Not registered".

    Parameters
    ----------
    client : MlflowClient
    model_id : str
    name : str
        Of the registered model.
    version : str

    Raises
    ------
    MlflowException
        If there is no such model or the store does not answer.
    """
    known = json.loads(client.get_logged_model(model_id).tags.get(MLFLOW_MODEL_VERSIONS, "[]"))
    listed = json.dumps([*known, {"name": name, "version": str(version)}])
    client.set_logged_model_tags(model_id, {MLFLOW_MODEL_VERSIONS: listed})


def card_of_run(run_id: str) -> str | None:
    """Return the card of the model that a run logged; None if there is none.

    Raises
    ------
    TrackingError
        If the store does not answer.
    """
    client = MlflowClient()
    try:
        run = client.get_run(run_id)
        models = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run_id}'", max_results=1)
    except (MlflowException, OSError) as error:
        raise TrackingError(f"run {run_id}: its model cannot be looked up: {str(error).splitlines()[0]}") from None
    return fetch_card(models[0].model_id) if models else None
