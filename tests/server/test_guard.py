"""Token, size, rate, and what a log and the metrics may hold."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ecgml.server.answering import Answering
from ecgml.server.settings import TOKEN_VARIABLE


def test_a_token_is_asked_of_all_but_probes(serve: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "open sesame")
    client = serve()
    assert client.get("/v1/schema").status_code == 401
    assert client.get("/v1/schema", headers={"Authorization": "Bearer other"}).status_code == 401
    assert client.get("/v1/schema", headers={"Authorization": "Bearer open sesame"}).status_code == 200
    assert client.get("/health").status_code == 200


def test_a_body_beyond_the_limit_is_a_413_told_or_not(serve: Callable[..., TestClient]) -> None:
    client = serve(max_body_mb=0.01)
    assert client.post("/invocations", content=b"0" * 20_000).status_code == 413

    def chunks() -> object:
        yield from (b"0" * 1000 for _ in range(20))

    headers = {"content-type": "application/json"}
    assert client.post("/invocations", content=chunks(), headers=headers).status_code == 413


def test_a_client_that_asks_too_often_is_told_when_to_come_back(serve: Callable[..., TestClient]) -> None:
    client = serve(rate_limit=3)
    answers = [client.get("/v1/schema") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 20
    assert client.get("/health").status_code == 200


def test_a_fault_of_ours_is_one_line_with_the_request_s_id(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, wfdb: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*arguments: object) -> None:
        raise ValueError("a value of the waveform: 7.4321")

    monkeypatch.setattr(Answering, "answer", broken)
    parts = [("file", (path.name, path.read_bytes())) for path in (wfdb[0], wfdb[0].with_suffix(".mat"))]
    with caplog.at_level(logging.ERROR):
        response = client.post("/v1/predict", files=parts)
    assert response.status_code == 500
    assert "7.4321" not in response.text
    assert "Traceback" not in response.text
    assert response.headers["x-request-id"] in response.json()["error"]


def test_paths_that_a_client_makes_up_are_one_label(client: TestClient) -> None:
    assert client.get("/patients/Mueller").status_code == 404
    text = client.get("/metrics").text
    assert "Mueller" not in text
    assert 'route="other",status="404"' in text


def test_metrics_count_records_and_name_the_model(client: TestClient, wfdb: list[Path]) -> None:
    parts = [("file", (path.name, path.read_bytes())) for path in (wfdb[0], wfdb[0].with_suffix(".mat"))]
    rhythm = client.post("/v1/predict", files=parts).json()["results"][0]["rhythm"]
    text = client.get("/metrics").text
    assert f'ecgml_records_total{{rhythm="{rhythm}"}}' in text
    assert 'ecgml_model_info{address="models:/ecg-rhythm/1",version="1"} 1.0' in text


def test_openapi_names_every_route(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/predict", "/invocations", "/ping", "/v2/models/{name}/infer", "/v1/schema", "/metrics"} <= set(paths)


def test_a_method_that_a_path_does_not_know_is_a_405_with_those_it_does(client: TestClient) -> None:
    for path, known in (("/v1/feedback", "GET, POST"), ("/v1/predict", "POST"), ("/v2/models/ecg-rhythm", "GET")):
        response = client.request("TRACE", path)
        assert response.status_code == 405, path
        assert response.headers["Allow"] == known
        assert "error" in response.json()


def test_every_operation_describes_its_errors(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            assert "default" in operation["responses"], path
            assert "422" not in operation["responses"], path
    assert "components" not in schema or "schemas" not in schema["components"]
