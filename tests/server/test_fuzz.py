"""Damaged requests and files of every format: never a fault of the server, and memory stays flat.

300 requests a run; ``ECGML_FUZZ=10000`` asks more of it.
"""

from __future__ import annotations

import io
import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from fastapi.testclient import TestClient

from ecgml.records.reading import read_record
from ecgml.server.loading import trial_record

pytestmark = pytest.mark.slow

N_REQUESTS = int(os.environ.get("ECGML_FUZZ", "300"))
NUMBERS = (0, -1, 1, 2, 255, 2**31 - 1, 2**31, 2**63, -(2**63), 1e308, -1e308, 1e-308, float("nan"), float("inf"))
WORDS = ("", "null", "../../etc/passwd", "%s%n", "\x00", "é" * 50, "A" * 5000, "🫀", "-", "NaN", "1e999")


def mutated(data: bytes, draw: random.Random) -> bytes:
    """Change some bytes, cut, repeat or insert a stretch."""
    damaged = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 8))):
        place = draw.randrange(len(damaged) or 1)
        match draw.randrange(6):
            case 0 if damaged:
                damaged[place] = draw.randrange(256)
            case 1:
                del damaged[place : place + draw.choice((1, 4, 64, 4096))]
            case 2:
                damaged[place:place] = damaged[place : place + draw.choice((1, 16, 512))]
            case 3:
                damaged[place:place] = str(draw.choice(NUMBERS)).encode()
            case 4:
                damaged[place:place] = draw.choice(WORDS).encode()
            case 5:
                damaged = damaged[:place]
    return bytes(damaged)


def remade(value: object, draw: random.Random, depth: int = 0) -> object:
    """Replace a part of a JSON value by something else."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        name = draw.choice(list(value))
        return {**value, name: remade(value[name], draw, depth + 1)}
    if isinstance(value, list) and value and depth < 6 and draw.random() < 0.8:
        place = draw.randrange(len(value))
        return [*value[:place], remade(value[place], draw, depth + 1), *value[place + 1 :]]
    return draw.choice([None, True, {}, [], [[]], "text", *WORDS, *[n for n in NUMBERS if n == n], value])


@pytest.fixture(scope="module")
def files(wfdb: list[Path]) -> dict[str, bytes]:
    """Return a record in several formats."""
    header = wfdb[0]
    waveform = read_record(header).waveform[:, :3000]
    table = "\n".join(
        ["I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6", *(",".join(f"{v:.3f}" for v in row) for row in waveform.T)]
    )
    packed, archive = io.BytesIO(), io.BytesIO()
    np.savez_compressed(packed, waveform=waveform, fs=500.0)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for path in (header, header.with_suffix(".mat")):
            made.write(path, path.name)
    plain = io.BytesIO()
    np.save(plain, waveform)
    sequences = []
    for lead, row in zip(("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"), waveform[[0, 1, *range(6, 12)]], strict=True):
        digits = " ".join(map(str, np.rint(row * 200).astype(int)))
        sequences.append(
            f'<component><sequence><code code="MDC_ECG_LEAD_{lead}"/><value xsi:type="SLIST_PQ">'
            f'<origin value="0" unit="uV"/><scale value="5" unit="uV"/><digits>{digits}</digits></value>'
            "</sequence></component>"
        )
    aecg = "".join(sequences)
    xml = (
        '<?xml version="1.0"?><AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        "<component><series><component><sequenceSet>" + aecg + "</sequenceSet></component></series></component>"
        "</AnnotatedECG>"
    )
    return {
        "a.csv": table.encode(),
        "a.hea": header.read_bytes(),
        "a.mat": header.with_suffix(".mat").read_bytes(),
        "a.npz": packed.getvalue(),
        "a.npy": plain.getvalue(),
        "a.zip": archive.getvalue(),
        "a.xml": xml.encode(),
        "a.dcm": b"\x00" * 128 + b"DICM" + bytes(range(256)) * 8,
    }


def requests(files: dict[str, bytes]) -> list[Callable[[TestClient, random.Random], int]]:
    """Return makers of damaged requests, each sends one and returns its status."""
    waveform = trial_record().waveform[None, :, :600]
    arrays = {"inputs": {"waveform": waveform.round(2).tolist(), "clinical": [[None] * 16]}, "params": {"fs": 500}}
    tensor = {"name": "waveform", "datatype": "FP32", "shape": [1, 12, 600], "data": waveform.round(2).tolist()}
    infer = {"id": "1", "inputs": [tensor], "parameters": {"unit": "mV"}, "outputs": [{"name": "rhythm"}]}

    def send_files(client: TestClient, draw: random.Random) -> int:
        names = draw.sample(sorted(files), draw.choice((1, 1, 2, 3)))
        sent = [("file", (name, mutated(files[name], draw) if draw.random() < 0.9 else files[name])) for name in names]
        fields = {"fs": "500", "unit": "mV"} if draw.random() < 0.5 else {}
        if draw.random() < 0.2:
            fields[draw.choice(("fs", "unit", "leads", "clinical", "explain"))] = draw.choice(WORDS).replace("\x00", "")
        return client.post("/v1/predict", files=sent, data=fields).status_code

    def send_json(path: str, content: dict, client: TestClient, draw: random.Random) -> int:
        body = json.dumps(remade(content, draw)).encode()
        body = mutated(body, draw) if draw.random() < 0.3 else body
        return client.post(path, content=body, headers={"content-type": "application/json"}).status_code

    def send_binary(client: TestClient, draw: random.Random) -> int:
        head = dict(tensor, parameters={"binary_data_size": waveform.nbytes})
        head.pop("data")
        text = json.dumps(remade({**infer, "inputs": [head]}, draw)).encode()
        length = str(draw.choice([len(text), len(text), *NUMBERS]))
        data = mutated(text + waveform.tobytes(), draw)
        headers = {"Inference-Header-Content-Length": length}
        return client.post("/v2/models/ecg-rhythm/infer", content=data, headers=headers).status_code

    def send_form(client: TestClient, draw: random.Random) -> int:
        body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n1,2\r\n--x--\r\n'
        headers = {
            "content-type": draw.choice(("multipart/form-data; boundary=x", "multipart/form-data", "text/plain"))
        }
        return client.post("/v1/predict", content=mutated(body, draw), headers=headers).status_code

    return [
        send_files,
        send_files,
        lambda client, draw: send_json("/invocations", arrays, client, draw),
        lambda client, draw: send_json("/v2/models/ecg-rhythm/infer", infer, client, draw),
        send_binary,
        send_form,
    ]


# What starlette's parser of forms leaves open where a form is damaged is closed by the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_damaged_requests_are_answered_and_memory_stays_flat(client: TestClient, files: dict[str, bytes]) -> None:
    draw, kinds, statuses = random.Random(7), requests(files), set()
    process, early = psutil.Process(), 0
    for number in range(N_REQUESTS):
        status = kinds[number % len(kinds)](client, draw)
        assert status < 500, f"request {number}: status {status}"
        statuses.add(status)
        if number == N_REQUESTS // 2:  # the caches of names that readers keep are full by then
            early = process.memory_info().rss
    assert {200, 400} <= statuses
    if N_REQUESTS >= 10_000:
        assert process.memory_info().rss < 1.05 * early
    assert client.get("/ping").status_code == 200
