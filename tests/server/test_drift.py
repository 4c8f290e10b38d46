"""GET /v1/drift: false alarms on held-back records of the same source, and what a shifted source looks like."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from ecgml.cohorts.simulation.demo import write_demo
from ecgml.drift.characteristics import UNUSABLE_RECORD, characteristics, of_answer
from ecgml.drift.comparison import LEAST_RECORDS
from ecgml.drift.reference import Reference
from ecgml.inference.predictor import Predictor
from ecgml.records.reading import read_record
from ecgml.records.record import Record
from ecgml.server.app import make_app
from ecgml.server.drift import DriftWatch
from ecgml.server.loading import ServedModel
from ecgml.server.settings import ServerSettings
from tests.server.conftest import served_model


def with_reference(reference: Reference | None) -> ServedModel:
    """Return an untrained model with a reference."""
    checkpoint = dataclasses.replace(served_model().predictor.checkpoint, reference=reference)
    return ServedModel("models:/ecg-rhythm@champion", "models:/ecg-rhythm/1", "1", Predictor(checkpoint))


def records_of(*rhythms: str, n: int = 300) -> list[dict[str, Any]]:
    """Return answers, and nothing else, to compare."""
    return [of_answer(rhythms[k % len(rhythms)], 0.9, False) for k in range(n)]


@pytest.fixture
def watched() -> tuple[DriftWatch, ServedModel]:
    """Return a watch of a model whose validation had as many SR as AFIB."""
    model = with_reference(Reference.of(characteristics(("AFIB", "GSVT", "SB", "SR")), records_of("AFIB", "SR")))
    watch = DriftWatch()
    watch.follow(model)
    return watch, model


def feed(watch: DriftWatch, model: ServedModel, records: list[dict[str, Any]], source: str = "") -> dict[str, Any]:
    """Count records, and return what is found by source."""
    for record in records:
        watch.count(model, source, record)
    watch.look()
    return {one["source"]: one for one in watch.to_json()["sources"]}


def test_a_model_without_reference_says_so_once_and_answers(
    client: TestClient, wfdb: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), TestClient(make_app(served_model(), ServerSettings(poll_s=0.0))) as own:
        for _ in range(3):
            files = [("file", (path.name, path.read_bytes())) for path in (wfdb[0], wfdb[0].with_suffix(".mat"))]
            assert "rhythm" in own.post("/v1/predict", files=files).json()["results"][0]
            found = own.get("/v1/drift").json()
    assert found["reference"] is None
    assert found["sources"] == []
    assert "earlier version" in found["text"]
    assert len([line for line in caplog.messages if "earlier version" in line]) == 1
    assert "ecgml_drift_reference_records 0.0" in client.get("/metrics").text


def test_too_few_records_are_counted_and_not_judged(watched: tuple[DriftWatch, ServedModel]) -> None:
    found = feed(*watched, records_of("AFIB", n=LEAST_RECORDS - 1))["all"]
    assert (found["records"], found["drift"], found["characteristics"]) == (LEAST_RECORDS - 1, None, [])
    assert f"{LEAST_RECORDS - 1} of the {LEAST_RECORDS}" in found["text"]


def test_a_shift_is_said_in_words_and_the_same_mix_is_none(watched: tuple[DriftWatch, ServedModel]) -> None:
    found = feed(*watched, records_of("AFIB", "SR", n=100))["all"]
    assert found["drift"] is False
    assert "resemble" in found["text"]
    found = feed(*watched, records_of("AFIB", n=300))["all"]
    assert found["drift"] is True
    assert "Predicted class, AFIB: 88 % now, 50 % in validation" in found["text"]


def test_a_judgement_is_renewed_by_records_and_not_by_asking(watched: tuple[DriftWatch, ServedModel]) -> None:
    feed(*watched, records_of("AFIB", "SR", n=60))
    for _ in range(5):
        assert feed(*watched, records_of("AFIB", n=1))["all"]["judged"] == 60
    assert feed(*watched, records_of("AFIB", n=45))["all"]["judged"] == 110


def test_sources_are_judged_apart(watched: tuple[DriftWatch, ServedModel]) -> None:
    feed(*watched, records_of("AFIB", "SR", n=200), "ward-1")
    found = feed(*watched, records_of("GSVT", n=60), "ward-2")
    assert {name: one["drift"] for name, one in found.items()} == {"all": True, "ward-1": False, "ward-2": True}


def test_a_new_model_begins_anew(watched: tuple[DriftWatch, ServedModel]) -> None:
    watch, before = watched
    feed(watch, before, records_of("AFIB", n=60))
    after = with_reference(before.predictor.checkpoint.reference)
    watch.follow(after)
    assert feed(watch, before, records_of("AFIB", n=60)) == {}  # late answers of the former
    assert feed(watch, after, records_of("SR", n=3))["all"]["records"] == 3


def test_processes_put_their_counts_together(tmp_path: Path, watched: tuple[DriftWatch, ServedModel]) -> None:
    _, model = watched
    watches = [DriftWatch(tmp_path, 2) for _ in range(2)]
    for watch in watches:
        watch.follow(model)
    feed(watches[0], model, records_of("GSVT", n=40), "ward-1")
    (own,) = tmp_path.glob("drift-*.json")
    own.rename(tmp_path / f"drift-{os.getppid()}.json")  # as if another process had written it
    (tmp_path / "drift-999999999.json").write_text("{}")  # of one that has ended
    found = feed(watches[1], model, records_of("GSVT", n=20), "ward-1")
    assert {name: one["records"] for name, one in found.items()} == {"all": 60, "ward-1": 60}
    assert found["ward-1"]["drift"] is True


@pytest.mark.parametrize("source", ["Anna Müller".encode().decode("latin-1"), "a" * 41, "-x", "all", "other"])
def test_a_source_is_a_short_name(client: TestClient, wfdb: list[Path], source: str) -> None:
    files = [("file", (wfdb[0].name, wfdb[0].read_bytes()))]
    response = client.post("/v1/predict", files=files, headers={"ECG-Source": source.encode("latin-1")})
    assert response.status_code == 400
    assert "ECG-Source" in response.json()["error"]


# --- the whole way: simulated ECGs through the server


def sent(client: TestClient, records: list[Record], source: str, change: Callable[[Any], Any] | None = None) -> None:
    """Send ECGs as binary tensors, one by one: of some nothing can be used."""
    for record in records:
        waveform = np.array(record.waveform, dtype=np.float32)
        waveform = change(waveform) if change else waveform
        tensor = {"name": "waveform", "datatype": "FP32", "shape": [1, *waveform.shape]}
        tensor["parameters"] = {"binary_data_size": waveform.nbytes}
        header = json.dumps({"inputs": [tensor], "parameters": {"fs": record.fs}}).encode()
        headers = {"Inference-Header-Content-Length": str(len(header)), **({"ECG-Source": source} if source else {})}
        response = client.post("/v2/models/ecg-rhythm/infer", content=header + waveform.tobytes(), headers=headers)
        assert response.status_code in (200, 400)


@pytest.mark.slow
def test_simulated_ecgs_of_one_source_raise_no_alarm_and_shifted_ones_do(tmp_path: Path) -> None:
    """Held-back records of the reference's source; a dead lead; a gain ten times off; microvolts; fast rhythms."""
    write_demo(tmp_path / "demo", n_records=320, layout="wfdb", seed=3)
    paths = sorted((tmp_path / "demo").rglob("*.hea"))
    order = np.random.default_rng(0).permutation(len(paths))
    records = [read_record(paths[place]) for place in order]
    known, held_back = records[:250], records[250:]
    model = with_reference(None)
    classes = model.predictor.checkpoint.classes
    counted = Reference.of(characteristics(classes), [])
    # The reference is what the server itself counts of the known records.
    model = with_reference(counted)
    with TestClient(make_app(model, ServerSettings(poll_s=0.0))) as client:
        sent(client, known, "")
        watch = client.app._app.state.watch  # type: ignore[attr-defined]
        _, n_records, counts = watch._rolling.window("all")
    model = with_reference(Reference(n_records, counted.characteristics, counts))

    def dead(waveform: Any) -> Any:
        waveform[8] = 0
        return waveform

    fast = [record for record in records if {"427084000", "426761007"} & set(record.statements)]  # ST, SVT

    changes = {"ward-1": None, "dead": dead, "gain": lambda waveform: 3 * waveform, "unit": lambda mv: 1000 * mv}
    with TestClient(make_app(model, ServerSettings(poll_s=0.0))) as client:
        for source, change in changes.items():
            sent(client, held_back[:60], source, change)
        sent(client, fast[:60], "fast")
        found = {one["source"]: one for one in client.get("/v1/drift").json()["sources"]}
        text = client.get("/metrics").text
    drifted = {source: {one["name"] for one in found[source]["characteristics"] if one["drift"]} for source in found}
    assert drifted["ward-1"] == set()
    assert {"usable_leads", "unusable_lead"} <= drifted["dead"]
    assert "amplitude" in drifted["gain"]
    assert drifted["unit"] == {"usable_record"}
    assert "ventricular_rate" in drifted["fast"]
    assert 'ecgml_drift{source="ward-1"} 0.0' in text
    assert 'ecgml_drift{source="dead"} 1.0' in text
    assert re.search(r'ecgml_drift_psi\{characteristic="usable_leads",source="dead"\} [1-9]', text)
    assert json.dumps(found).count(str(UNUSABLE_RECORD)) == 0
