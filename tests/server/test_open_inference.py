"""The Open Inference Protocol: JSON and binary tensors are answered alike; what does not fit is a 4xx."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from numpy.typing import NDArray

from ecgml.records.reading import read_record
from ecgml.server.app import name_of

URL = "/v2/models/ecg-rhythm/infer"


@pytest.fixture(scope="module")
def waveform(wfdb: list[Path]) -> NDArray[np.float32]:
    """Return two records, shape (2, 12, n_times), in mV."""
    return np.stack([read_record(header).waveform for header in wfdb[:2]]).round(3)


def tensor(array: NDArray, kind: str = "FP32", **more: Any) -> dict[str, Any]:
    """Return the JSON of a tensor without its data."""
    return {"name": "waveform", "datatype": kind, "shape": list(array.shape), **more}


def send(client: TestClient, header: dict[str, Any], *binary: bytes) -> Response:
    """Send a request of the binary extension."""
    text = json.dumps(header).encode()
    headers = {"Inference-Header-Content-Length": str(len(text))}
    return client.post(URL, content=b"".join([text, *binary]), headers=headers)


def test_json_and_binary_say_what_mlflow_says(client: TestClient, waveform: NDArray[np.float32]) -> None:
    rows = {"waveform": waveform.tolist(), "clinical": [[None] * 16] * 2}
    mlflow = client.post("/invocations", json={"inputs": rows}).json()["predictions"]
    expected = [[answer["probabilities"][label] for label in ("AFIB", "GSVT", "SB", "SR")] for answer in mlflow]
    flat = client.post(URL, json={"id": "7", "inputs": [tensor(waveform, data=waveform.reshape(-1).tolist())]}).json()
    assert flat["id"] == "7"
    outputs = {output["name"]: output for output in flat["outputs"]}
    np.testing.assert_allclose(np.reshape(outputs["probabilities"]["data"], (2, 4)), expected, atol=1e-6)
    assert outputs["rhythm"]["data"] == [answer["rhythm"] for answer in mlflow]

    header = {"inputs": [tensor(waveform, parameters={"binary_data_size": waveform.nbytes})]}
    assert {output["name"]: output for output in send(client, header, waveform.tobytes()).json()["outputs"]} == outputs

    header["parameters"] = {"binary_data_output": True}
    response = send(client, header, waveform.tobytes())
    length = int(response.headers["Inference-Header-Content-Length"])
    sizes = [output["parameters"]["binary_data_size"] for output in json.loads(response.content[:length])["outputs"]]
    assert length + sum(sizes) == len(response.content)
    np.testing.assert_allclose(
        np.frombuffer(response.content[length : length + sizes[0]]).reshape(2, 4), expected, atol=1e-6
    )
    texts, names = response.content[length + sizes[0] : length + sum(sizes[:2])], []
    while texts:
        (size,) = struct.unpack("<I", texts[:4])
        names.append(texts[4 : 4 + size].decode())
        texts = texts[4 + size :]
    assert names == outputs["rhythm"]["data"]


def test_steps_of_a_microvolt_are_taken_as_int16(client: TestClient, waveform: NDArray[np.float32]) -> None:
    steps = np.rint(waveform * 1000).astype(np.int16)
    header = {
        "inputs": [tensor(steps, "INT16", parameters={"binary_data_size": steps.nbytes})],
        "parameters": {"unit": "uV", "fs": 500},
        "outputs": [{"name": "probabilities"}],
    }
    (output,) = send(client, header, steps.tobytes()).json()["outputs"]
    in_mv = client.post(URL, json={"inputs": [tensor(waveform, data=waveform.tolist())]}).json()["outputs"][0]
    np.testing.assert_allclose(output["data"], in_mv["data"], atol=1e-5)


def test_metadata_and_health(client: TestClient) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert "binary_tensor_data" in client.get("/v2").json()["extensions"]
    told = client.get("/v2/models/ecg-rhythm").json()
    assert told["versions"] == ["1"]
    assert [one["name"] for one in told["inputs"]] == ["waveform", "clinical"]
    assert client.get("/v2/models/ecg-rhythm/versions/1/ready").json()["ready"]
    assert client.get("/v2/models/other").status_code == 404
    assert client.get("/v2/models/ecg-rhythm/versions/9").status_code == 404


@pytest.mark.parametrize(
    "changed",
    [
        {"shape": [2, 12, 1]},
        {"shape": [2, -12]},
        {"shape": "12"},
        {"shape": [10**9, 10**9]},
        {"datatype": "BYTES"},
        {"name": "waveforms"},
        {"data": [["a"]]},
        {"data": None},
        {"parameters": {"binary_data_size": 8}},
    ],
)
def test_a_tensor_of_no_use_is_a_400(
    client: TestClient, waveform: NDArray[np.float32], changed: dict[str, Any]
) -> None:
    response = client.post(URL, json={"inputs": [{**tensor(waveform, data=waveform.tolist()), **changed}]})
    assert response.status_code == 400, response.text
    assert len(response.json()["error"]) < 200


@pytest.mark.parametrize("length", ["x", "-1", "99999999"])
def test_a_wrong_length_of_the_header_is_a_400(client: TestClient, length: str) -> None:
    response = client.post(URL, content=b"{}", headers={"Inference-Header-Content-Length": length})
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("models:/heart@champion", "heart"),
        ("models:/heart/3", "heart"),
        ("models:/m-0123", "ecg-rhythm"),
        ("runs:/0123", "ecg-rhythm"),
        ("some/checkpoint", "ecg-rhythm"),
    ],
)
def test_a_model_is_asked_for_by_its_registered_name(address: str, name: str) -> None:
    assert name_of(address) == name
