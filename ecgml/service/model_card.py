"""The card that a model carries, and the registry's page that shows it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from ecgml.errors import TrackingError
from ecgml.service.tracker import fetch_artifact

CARD = "model_card.md"
"""The artifact of a logged model that holds its card."""

MAX_DESCRIPTION = 5000
"""MLflow keeps so many characters of a version's description."""

ABOUT = """Rhythm of 12-lead ECGs, by models of ecgml. Research use only; not a medical device.

* Every version's description is its model card: data, split, figures with intervals, intended use, limits.
* `champion` is served, `challenger` asks to be, `previous` is the way back.
* `mlflow models serve -m models:/ecg-rhythm@champion --env-manager local` answers on `/invocations`:
  `waveform` (records, 12, times) with parameters `fs` and `unit`, `clinical` (records, 16), null where unknown.
"""
"""Description of the registered model."""


def fetch_card(model_id: str) -> str | None:
    """Return the card of a logged model, Markdown; None of a model without one.

    Raises
    ------
    TrackingError
        If there is no such model or the store does not answer.
    """
    client = MlflowClient()
    try:
        model = client.get_logged_model(model_id)
        there = {one.path for one in client.list_logged_model_artifacts(model_id, "artifacts")}
    except (MlflowException, OSError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise TrackingError(f"model {model_id} cannot be looked at: {first_line}") from None
    path = f"artifacts/{CARD}"
    if path not in there:
        return None
    with TemporaryDirectory(prefix="ecgml-") as folder:
        return fetch_artifact(f"{model.artifact_location}/{path}", Path(folder)).read_text(encoding="utf-8")


def card_as_description(model_id: str) -> str | None:
    """Return the card of a logged model as long as MLflow keeps it, cut between two lines; None without one.

    Raises
    ------
    TrackingError
        As :func:`fetch_card`.
    """
    card = fetch_card(model_id)
    if card is None or len(card) <= MAX_DESCRIPTION:
        return card
    rest = f"\n\n… the whole card is the model's artifact `{CARD}`.\n"
    return card[: MAX_DESCRIPTION - len(rest)].rpartition("\n")[0] + rest
