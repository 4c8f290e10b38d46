"""The alias moves, the model follows; a version that does not answer is refused, an absent registry changes nothing."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ecgml.errors import CheckpointError, TrackingError
from ecgml.inference.predictor import Predictor
from ecgml.server import following
from ecgml.server.about import WEBHOOK_SECRET_VARIABLE
from ecgml.server.answering import Answering
from ecgml.server.following import Follower
from ecgml.server.loading import ServedModel, trial_record
from ecgml.server.monitoring import Monitor
from tests.server.conftest import served_model
from tests.untrained import untrained_checkpoint


@pytest.fixture
def follower(monkeypatch: pytest.MonkeyPatch) -> Follower:
    """Return a follower of version 1 whose trials always pass but that of version 13."""

    async def tried(self: Follower, pinned: str, version: str) -> ServedModel:
        if version == "13":
            raise CheckpointError("damaged")
        return served_model(version)

    monkeypatch.setattr(Follower, "_tried", tried)
    swapped: list[ServedModel] = []
    follower = Follower(served_model(), swapped.append, "cpu", Monitor())
    follower.swapped = swapped
    return follower


def alias_means(monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    """Let the registry say which version the alias means; None: it is away."""

    def pin(address: str) -> tuple[str, str]:
        if version is None:
            raise TrackingError("away")
        return f"models:/ecg-rhythm/{version}", version

    monkeypatch.setattr(following, "pin", pin)


def test_the_model_follows_and_a_bad_version_is_tried_once(follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("1", "2", "2", "13", "13", None, "3"):
        alias_means(monkeypatch, version)
        asyncio.run(follower.look())
    assert [model.version for model in follower.swapped] == ["2", "3"]
    assert follower.refused == {"models:/ecg-rhythm/13": "damaged"}


def test_the_trial_record_is_an_ecg_that_any_model_answers() -> None:
    prediction = Predictor(untrained_checkpoint()).predict([trial_record()])[0]
    assert prediction.clinical["ventricular_rate"] == pytest.approx(75, abs=1)
    assert not prediction.notes


def test_a_signed_webhook_looks_at_once_and_another_is_refused(
    serve: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK_SECRET_VARIABLE, "secret")
    client, looked = serve(), []

    async def look(self: Follower) -> None:
        looked.append(True)

    monkeypatch.setattr(Follower, "look", look)
    body = b'{"entity": "model_version_alias", "action": "created"}'

    def send(secret: str, stamp: int) -> int:
        signed = hmac.new(secret.encode(), f"1.{stamp}.".encode() + body, hashlib.sha256).digest()
        headers = {
            "X-MLflow-Signature": f"v1,{base64.b64encode(signed).decode()}",
            "X-MLflow-Delivery-Id": "1",
            "X-MLflow-Timestamp": str(stamp),
        }
        return client.post("/v1/webhooks/mlflow", content=body, headers=headers).status_code

    now = int(time.time())
    assert send("other", now) == 401
    assert send("secret", now - 3600) == 401
    assert not looked
    assert send("secret", now) == 200
    assert looked


def test_a_version_is_tried_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = Follower(served_model(), lambda model: None, "cpu", Monitor())
    alias_means(monkeypatch, "2")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")  # an empty registry
    asyncio.run(follower.look())
    assert "mlflow.db" in follower.refused["models:/ecg-rhythm/2"]


def test_an_answer_names_the_version_that_made_it(
    serve: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A swap while a request is being answered changes neither its numbers nor the version beside them."""
    client = serve()
    answering: Answering = client.app._app.state.answering
    answer = Answering.answer

    async def swapped_meanwhile(self: Answering, *arguments: object) -> object:
        outcomes = await answer(self, *arguments)
        self.swap(served_model("2"))
        return outcomes

    monkeypatch.setattr(Answering, "answer", swapped_meanwhile)
    waveform = trial_record().waveform[None]
    tensor = {"name": "waveform", "datatype": "FP32", "shape": list(waveform.shape), "data": waveform.tolist()}
    body = {"inputs": [tensor], "outputs": [{"name": "answer"}]}
    told = client.post("/v2/models/ecg-rhythm/infer", json=body).json()
    assert answering.model.version == "2"
    assert told["model_version"] == json.loads(told["outputs"][0]["data"][0])["model_version"] == "1"
