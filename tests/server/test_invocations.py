"""MLflow's contract: the pyfunc's answers, and errors without a value of the waveform."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.reading import read_record
from ecgml.server.loading import ServedModel
from ecgml.service.pyfunc import RhythmClassifier

SECRET = 7.4321


def request(wfdb: list[Path]) -> dict:
    """Return two records, the second shorter, as a client sends them."""
    waveform = np.stack([read_record(header).waveform for header in wfdb[:2]]).round(3)
    waveform[1, :, 4000:] = np.nan
    clinical = np.full((2, len(CLINICAL_NAMES)), np.nan)
    clinical[0, 0], clinical[1, 0] = 63, 999
    rows = [[[None if np.isnan(value) else float(value) for value in lead] for lead in one] for one in waveform]
    values = [[None if np.isnan(value) else float(value) for value in row] for row in clinical]
    return {"inputs": {"waveform": rows, "clinical": values}, "params": {"fs": 500, "unit": "mV"}}


def test_answers_are_those_of_the_registered_model(client: TestClient, model: ServedModel, wfdb: list[Path]) -> None:
    sent = request(wfdb)
    classifier = RhythmClassifier()
    classifier._predictor, classifier._version = model.predictor, model.version
    arrays = {name: np.array(value, dtype=np.float32) for name, value in sent["inputs"].items()}
    expected = classifier.predict(None, arrays, sent["params"])
    response = client.post("/invocations", json=sent)
    assert response.status_code == 200, response.text
    got = response.json()["predictions"]
    assert len(got) == len(expected) == 2
    for answer, other in zip(got, expected, strict=True):
        assert answer.pop("probabilities") == pytest.approx(other.pop("probabilities"), abs=1e-6)
        assert answer == json.loads(json.dumps(other))
    assert any("age 999" in note for note in got[1]["notes"])


def test_instances_and_bare_nan_are_taken(client: TestClient, wfdb: list[Path]) -> None:
    sent = request(wfdb)
    inputs = sent["inputs"]
    instances = [
        {"waveform": waveform, "clinical": clinical}
        for waveform, clinical in zip(inputs["waveform"], inputs["clinical"], strict=True)
    ]
    plain = client.post("/invocations", json=sent).json()
    assert client.post("/invocations", json={"instances": instances}).json() == plain
    body = json.dumps(sent).replace("null", "NaN")
    headers = {"content-type": "application/json; charset=utf-8"}
    assert client.post("/invocations", content=body, headers=headers).json() == plain


def test_ping_health_and_version(client: TestClient) -> None:
    assert client.get("/ping").status_code == client.get("/health").status_code == 200
    assert client.get("/version").text.startswith("3.")


@pytest.mark.parametrize(
    "sent",
    [
        b"no JSON",
        b"[1, 2]",
        b"{}",
        json.dumps({"inputs": None}).encode(),
        json.dumps({"inputs": {"waveform": [[[SECRET] * 5000] * 11], "clinical": [[None] * 16]}}).encode(),
        json.dumps({"inputs": {"waveform": [[SECRET] * 5000] * 12, "clinical": [[None] * 16]}}).encode(),
        json.dumps({"inputs": {"waveform": [[[SECRET] * 5000] * 12]}}).encode(),
        json.dumps({"inputs": {"waveform": [[[SECRET] * 5000] * 12], "clinical": [[SECRET] * 3]}}).encode(),
        json.dumps({"inputs": {"waveform": [[[SECRET], [SECRET] * 2]], "clinical": [[]]}}).encode(),
        json.dumps({"inputs": {"waveform": [["a"]], "clinical": [[]]}}).encode(),
        json.dumps({"dataframe_split": {"columns": ["waveform"], "data": [[SECRET]]}}).encode(),
        json.dumps({"instances": [{"waveform": [[SECRET]]}, {"clinical": [1]}]}).encode(),
        json.dumps(
            {"inputs": {"waveform": [[[SECRET] * 5000] * 12], "clinical": [[None] * 16]}, "params": {"fs": "x"}}
        ).encode(),
        json.dumps(
            {"inputs": {"waveform": [[[SECRET] * 5000] * 12], "clinical": [[None] * 16]}, "params": {"unit": 3}}
        ).encode(),
        json.dumps({"inputs": {"waveform": [[[SECRET] * 5000] * 12], "clinical": [[None] * 16]}}).encode(),
        b"[" * 100_000,
    ],
)
def test_what_is_of_no_use_is_a_400_without_values(client: TestClient, sent: bytes) -> None:
    response = client.post("/invocations", content=sent, headers={"content-type": "application/json"})
    assert response.status_code == 400, response.text
    answer = response.json()
    assert set(answer) == {"error_code", "message"}
    assert str(SECRET) not in answer["message"]


def test_another_content_type_is_a_415(client: TestClient) -> None:
    assert client.post("/invocations", content=b"1,2", headers={"content-type": "text/csv"}).status_code == 415
    assert client.post("/invocations", content=b"1,2").status_code == 415
