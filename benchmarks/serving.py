"""`ecgml serve` against `mlflow models serve` (and LitServe where it is installed): the same model, machine and run.

    python -m benchmarks.serving [--model CHECKPOINT] [--requests N] [--workers N]

One simulated 12 x 5000 record over and over, from this process to the server's. Stock gets JSON of three decimals and
of full precision; `ecgml serve` gets the same JSON, WFDB files and binary tensors. For each: the median and the 99th
percentile of a lone client's requests, requests a second of 16 clients, their 99th percentile, and the server's memory
afterwards. Without a model it takes the fusion model as it is before training, which costs as much.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import importlib.util
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import numpy as np
import psutil

from benchmarks.evaluation import untrained
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.records.reading import read_record
from ecgml.service.logged_model import log_model
from ecgml.training.checkpoint import load_checkpoint
from tests.servers import free_port

CLIENTS = 16
WARM_UP = 20

_LITSERVE = """
import json, sys
import litserve, numpy as np, torch
from ecgml.inference.arrays import records_of
from ecgml.inference.predictor import Predictor

torch.set_num_threads(1)

class Api(litserve.LitAPI):
    def setup(self, device):
        self.predictor = Predictor.load(sys.argv[1])
    def decode_request(self, request):
        inputs = request["inputs"]
        return records_of(np.array(inputs["waveform"], np.float32), 500.0, "mV")
    def predict(self, records):
        return self.predictor.predict(records)
    def encode_response(self, predictions):
        return {"predictions": [prediction.to_json() for prediction in predictions]}

if __name__ == "__main__":
    litserve.LitServer(Api(), accelerator="cpu", workers_per_device=int(sys.argv[3])).run(
        port=int(sys.argv[2]), host="127.0.0.1", generate_client_file=False
    )
"""


@dataclass(frozen=True)
class Body:
    """A request as it is sent, ready made."""

    path: str
    data: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Figures:
    """What a server reached."""

    p50_ms: float
    p99_ms: float
    rate: float
    """Requests a second of 16 clients."""
    loaded_p99_ms: float
    memory_mb: float

    def __str__(self) -> str:
        return (
            f"p50 {self.p50_ms:6.1f} ms  p99 {self.p99_ms:6.1f} ms  {CLIENTS} clients: {self.rate:6.1f}/s  "
            f"p99 {self.loaded_p99_ms:7.1f} ms  memory {self.memory_mb:6.0f} MB"
        )


def bodies(folder: Path) -> dict[str, Body]:
    """Return one record in every form."""
    write_demo(folder / "demo", n_records=1, layout="wfdb")
    header = next((folder / "demo").rglob("*.hea"))
    waveform = read_record(header).waveform
    as_json = {"Content-Type": "application/json"}

    def inputs(values: list) -> bytes:
        return json.dumps({"inputs": {"waveform": [values], "clinical": [[None] * 16]}}).encode()

    noisy = waveform.astype(float) + np.random.default_rng(0).normal(0, 1e-6, waveform.shape)
    steps = np.rint(waveform * 1000).astype("<i2")
    tensor = {"name": "waveform", "datatype": "INT16", "shape": [1, *steps.shape]}
    head = json.dumps(
        {
            "inputs": [{**tensor, "parameters": {"binary_data_size": steps.nbytes}}],
            "parameters": {"unit": "uV"},
            "outputs": [{"name": "answer"}],
        }
    ).encode()
    boundary = uuid.uuid4().hex
    form = b"".join(
        b"--%s\r\nContent-Disposition: form-data; name=file; filename=%s\r\n\r\n%s\r\n"
        % (boundary.encode(), path.name.encode(), path.read_bytes())
        for path in (header, header.with_suffix(".mat"))
    )
    return {
        "json, 3 decimals": Body("/invocations", inputs(waveform.astype(float).round(3).tolist()), as_json),
        "json, all digits": Body("/invocations", inputs(noisy.tolist()), as_json),
        "wfdb files": Body(
            "/v1/predict",
            form + b"--%s--\r\n" % boundary.encode(),
            {"Content-Type": f"multipart/form-data; boundary={boundary}"},
        ),
        "binary tensor": Body(
            "/v2/models/ecg-rhythm/infer", head + steps.tobytes(), {"Inference-Header-Content-Length": str(len(head))}
        ),
    }


@contextlib.contextmanager
def server(words: list[str], port: int, log: Path, ready: str = "/ping") -> Iterator[psutil.Process]:
    """Run a server until the block ends."""
    environment = {**os.environ, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    with log.open("w") as file:
        process = subprocess.Popen(words, stdout=file, stderr=file, start_new_session=True, env=environment)
    try:
        started = time.perf_counter()
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
                connection.request("GET", ready)
                if connection.getresponse().status < 500:
                    break
            if process.poll() is not None or time.perf_counter() - started > 180:
                raise RuntimeError(f"{words[0]} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)
        print(f"  ready after {time.perf_counter() - started:.1f} s", flush=True)
        yield psutil.Process(process.pid)
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.terminate()
        process.terminate()
        process.wait(30)


def ask(port: int, body: Body, n_requests: int) -> list[float]:
    """Send requests one after the other over one connection; return what each took, s."""
    connection, seconds = http.client.HTTPConnection("127.0.0.1", port, timeout=120), []
    for _ in range(n_requests):
        started = time.perf_counter()
        connection.request("POST", body.path, body.data, body.headers)
        response = connection.getresponse()
        answer = response.read()
        seconds.append(time.perf_counter() - started)
        if response.status != 200 or b"probabilities" not in answer:
            raise RuntimeError(f"{body.path}: status {response.status}: {answer[:300]!r}")
    connection.close()
    return seconds


def measure(port: int, body: Body, n_requests: int, process: psutil.Process) -> Figures:
    """Measure a server by one body."""
    ask(port, body, WARM_UP)
    alone = np.array(ask(port, body, n_requests)) * 1000
    each = max(2, n_requests // 4)
    with ThreadPoolExecutor(CLIENTS) as pool:
        started = time.perf_counter()
        loaded = np.concatenate(list(pool.map(lambda _: ask(port, body, each), range(CLIENTS)))) * 1000
        rate = CLIENTS * each / (time.perf_counter() - started)
    memory = sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
    return Figures(*np.percentile(alone, (50, 99)), rate, float(np.percentile(loaded, 99)), memory / 1e6)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a checkpoint folder")
    parser.add_argument("--requests", type=int, default=120, help="of a lone client, each form")
    parser.add_argument("--workers", type=int, default=1, help="processes of each server")
    given = parser.parse_args()
    found: dict[str, Figures] = {}
    with TemporaryDirectory(prefix="ecgml-") as name:
        folder = Path(name)
        forms = bodies(folder)
        checkpoint = given.model or untrained(folder / "checkpoint")
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        mlflow.set_tracking_uri(None)
        mlflow.set_experiment(experiment_id=mlflow.create_experiment("serving", artifact_location=str(folder / "runs")))
        with mlflow.start_run():
            model_id = log_model(load_checkpoint(checkpoint), "# card", 1)
        stock = ["mlflow", "models", "serve", "-m", f"models:/{model_id}", "--env-manager", "local"]
        ours = [sys.executable, "-m", "ecgml", "serve", f"models:/{model_id}"]
        servers = {
            "mlflow models serve": ([*stock, "--workers", str(given.workers), "--port"], list(forms)[:2]),
            "ecgml serve": ([*ours, "--workers", str(given.workers), "--port"], list(forms)),
        }
        if importlib.util.find_spec("litserve"):
            (folder / "lit.py").write_text(_LITSERVE)
            servers["litserve"] = ([sys.executable, str(folder / "lit.py"), str(checkpoint)], list(forms)[:1])
        for title, (words, names) in servers.items():
            port = free_port()
            print(title, flush=True)
            is_lit = title == "litserve"
            more = [str(port), str(given.workers)] if is_lit else [str(port)]
            with server([*words, *more], port, folder / "log", "/health" if is_lit else "/ping") as process:
                for form in names:
                    body = Body("/predict", forms[form].data, forms[form].headers) if is_lit else forms[form]
                    figures = found[f"{title}, {form}"] = measure(port, body, given.requests, process)
                    print(f"  {form:<17} {figures}", flush=True)
    base = found["mlflow models serve, json, 3 decimals"]
    print("\nagainst mlflow models serve with JSON of three decimals:")
    for title, figures in found.items():
        print(f"  {title:<38} p50 1/{base.p50_ms / figures.p50_ms:4.1f}   rate {figures.rate / base.rate:4.1f} x")


if __name__ == "__main__":
    main()
