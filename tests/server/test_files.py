"""POST /v1/predict: files of any format in, an answer or an error each out, no file's name anywhere."""

from __future__ import annotations

import gzip
import io
import json
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.reading import read_record
from ecgml.server.loading import ServedModel


def ask(client: TestClient, *files: tuple[str, bytes], **fields: Any) -> list[dict]:
    """Send files and return the results."""
    response = client.post("/v1/predict", files=[("file", file) for file in files], data=fields)
    assert response.status_code == 200, response.text
    return response.json()["results"]


def parts(header: Path) -> list[tuple[str, bytes]]:
    """Return a WFDB record as it is sent."""
    return [(path.name, path.read_bytes()) for path in (header, header.with_suffix(".mat"))]


def csv(header: Path) -> bytes:
    """Return a record as a CSV file with a row of leads, in mV."""
    record = read_record(header)
    lines = ["I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6"]
    return "\n".join([*lines, *(",".join(f"{value:.3f}" for value in row) for row in record.waveform.T)]).encode()


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def test_two_parts_of_a_wfdb_record_are_answered_as_the_predictor_does(
    client: TestClient, model: ServedModel, wfdb: list[Path]
) -> None:
    record = read_record(wfdb[0])
    expected = model.predictor.predict([record])[0]
    (answer,) = ask(client, *parts(wfdb[0]))
    assert answer["rhythm"] == expected.rhythm
    assert answer["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)
    assert set(CLINICAL_NAMES) < set(answer["measurements"])
    assert answer["measurements"]["qt_interval"] == expected.intervals["qt_interval"]
    share = answer["measurements"]["rr_cv"]
    assert share == {"value": expected.clinical["rr_cv"], "unit": "1", "origin": "measured"}
    assert set(answer["quality"].values()) == {"usable"}


def test_a_zip_and_its_files_are_answered_alike(client: TestClient, wfdb: list[Path]) -> None:
    files = {f"ward 3/{name}": data for header in wfdb for name, data in parts(header)}
    answers = ask(client, ("records.zip", zipped(files)))
    assert [answer["file"] for answer in answers] == [0, 0, 0]
    alone = [ask(client, *parts(header))[0]["probabilities"] for header in wfdb]
    for answer, probabilities in zip(answers, alone, strict=True):
        assert answer["probabilities"] == pytest.approx(probabilities, abs=1e-6)


def test_a_bad_file_is_an_error_of_its_own(client: TestClient, wfdb: list[Path]) -> None:
    answers = ask(client, ("Mueller.dcm", b"no DICOM"), *parts(wfdb[0]), ("b.csv", csv(wfdb[1])), fs="500", unit="mV")
    assert [answer["file"] for answer in answers] == [0, 1, 3]
    assert "error" in answers[0]
    assert "rhythm" in answers[1]
    assert "rhythm" in answers[2]


def test_two_records_of_one_name_do_not_mix(client: TestClient, wfdb: list[Path]) -> None:
    alone = [ask(client, ("a.csv", csv(header)), fs="500", unit="mV")[0]["probabilities"] for header in wfdb[:2]]
    both = ask(client, *[("a.csv", csv(header)) for header in wfdb[:2]], fs="500", unit="mV")
    assert [answer["probabilities"] for answer in both] == [pytest.approx(own, abs=1e-6) for own in alone]


@pytest.mark.parametrize("name", ["Mueller_Anna_1950.csv", "../../Mueller.csv", "C:\\ecg\\Mueller.csv", ".Mueller", ""])
def test_names_of_files_are_in_no_answer_and_no_log(
    client: TestClient, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        response = client.post("/v1/predict", files=[("file", (name or "x", b"a,b\n1,2\n"))])
    assert response.status_code == 200
    assert "error" in response.json()["results"][0]
    assert "Mueller" not in response.text + caplog.text
    assert "/tmp" not in response.text


def test_an_npz_of_an_unknown_zip_version_is_an_error_of_its_own(client: TestClient) -> None:
    packed = io.BytesIO()
    np.savez(packed, waveform=np.zeros((12, 5000)))
    data = bytearray(packed.getvalue())
    place = data.rindex(b"PK\x01\x02")  # of the directory; behind it by whom it was made, then what it needs
    data[place + 6 : place + 8] = (220).to_bytes(2, "little")
    (answer,) = ask(client, ("a.npz", bytes(data)))
    assert "rhythm" not in answer


def test_a_file_that_is_called_file_is_named_once(client: TestClient) -> None:
    (answer,) = ask(client, ("file.png", b"no ECG"))
    assert answer["error"].startswith("file 0: no known format")


def test_a_header_opens_no_file_of_the_machine(client: TestClient, wfdb: list[Path], tmp_path: Path) -> None:
    secret = tmp_path / "secret.mat"
    secret.write_bytes(wfdb[0].with_suffix(".mat").read_bytes())
    header = wfdb[0].read_text()
    for target in (str(secret), f"../../../..{secret}"):
        forged = header.replace(wfdb[0].with_suffix(".mat").name, target)
        (answer,) = ask(client, (wfdb[0].name, forged.encode()))
        assert "error" in answer


def test_a_signal_file_without_its_header_is_said_to_be_so(client: TestClient, wfdb: list[Path]) -> None:
    (answer,) = ask(client, (parts(wfdb[0])[1]))
    assert "header" in answer["error"]


@pytest.mark.parametrize(
    "name", ["../outside.csv", "/etc/outside.csv", "a\\..\\..\\outside.csv", "a/../../outside.csv"]
)
def test_a_zip_writes_nothing_outside(client: TestClient, name: str) -> None:
    (answer,) = ask(client, ("a.zip", zipped({name: b"1,2"})))
    assert "leads out of it" in answer["error"]


def test_bombs_are_refused_before_they_are_unpacked(serve: Callable[..., TestClient]) -> None:
    client, zeros = serve(max_unpacked_mb=1.0), b"0" * 50_000_000
    npz = io.BytesIO()
    np.savez_compressed(npz, waveform=np.zeros((12, 1_000_000)))
    for name, data in (
        ("bomb.zip", zipped({"a.csv": zeros})),
        ("bomb.csv.gz", gzip.compress(zeros)),
        ("bomb.npz", npz.getvalue()),
    ):
        (answer,) = ask(client, (name, data))
        assert answer["reason"] == "too large", name


def test_clinical_values_are_given_by_name_and_a_bad_one_is_noted(client: TestClient, wfdb: list[Path]) -> None:
    clinical = json.dumps({"age": 63, "sex": "female", "ventricular_rate": 9000})
    (answer,) = ask(client, *parts(wfdb[0]), clinical=clinical)
    assert answer["measurements"]["age"]["value"] == 63
    assert answer["measurements"]["sex"] == {"value": 1, "unit": "0 male, 1 female", "origin": "given"}
    assert answer["measurements"]["ventricular_rate"]["origin"] == "measured"
    assert answer["measurements"]["pr_interval"]["origin"] in ("measured", "missing")
    assert any("ventricular_rate is not used" in note for note in answer["notes"])


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"untis": "mV"}, "did you mean unit"),
        ({"unit": "furlong"}, "mV"),
        ({"fs": "-1"}, "positive"),
        ({"fs": "nan"}, "positive"),
        ({"leads": "A,B"}, "I,II"),
        ({"clinical": "{"}, "JSON"),
        ({"clinical": '{"aeg": 3}'}, "did you mean age"),
        ({"clinical": "[1]"}, "object"),
        ({"clinical": '[{"age": 3}, {"age": 4}]'}, "one per record"),
        ({"explain": "perhaps"}, "true or false"),
    ],
)
def test_a_field_of_no_use_is_a_400_with_the_remedy(
    client: TestClient, wfdb: list[Path], fields: dict[str, str], hint: str
) -> None:
    files = [("file", part) for part in parts(wfdb[0])]
    response = client.post("/v1/predict", files=files, data=fields)
    assert response.status_code == 400
    assert hint in response.json()["error"]


def test_no_file_is_a_400(client: TestClient) -> None:
    response = client.post("/v1/predict", data={"fs": "500"})
    assert response.status_code == 400
    assert "file" in response.json()["error"]


def test_paper_and_explanation_on_request(client: TestClient, wfdb: list[Path]) -> None:
    (answer,) = ask(client, *parts(wfdb[0]), svg="true", explain="true")
    assert answer["svg"].startswith("<svg")
    explanation = answer["explanation"]
    assert explanation["rhythm"] == answer["rhythm"]
    assert len(explanation["waveform"]["V6"]) == round(10 * explanation["fs"])
    assert "rr_cv" in explanation["clinical"]
    assert set(explanation["clinical"]) <= set(CLINICAL_NAMES)
    (plain,) = ask(client, *parts(wfdb[0]))
    assert not {"svg", "explanation"} & set(plain)


def test_a_request_tells_where_its_time_went(client: TestClient, wfdb: list[Path]) -> None:
    response = client.post("/v1/predict", files=[("file", part) for part in parts(wfdb[0])])
    stages = [stage.partition(";")[0] for stage in response.headers["server-timing"].split(", ")]
    assert stages == ["read", "preprocess", "queue", "model"]
