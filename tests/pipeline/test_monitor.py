"""`ecgml monitor`: what a server tells becomes a run's metrics; a server that is away is one line."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import mlflow
import pytest
from click.testing import CliRunner
from mlflow.tracking import MlflowClient

from ecgml.cli import main
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.monitor import monitor as module
from ecgml.pipeline.monitor.monitor import ANSWER, monitor
from tests.servers import free_port

SOURCE = {
    "source": "all",
    "records": 120,
    "judged": 100,
    "drift": True,
    "text": "The last 100 records differ",
    "characteristics": [
        {"name": "ventricular_rate", "psi": 0.4, "ks": 0.3},
        {"name": "sex", "psi": 0.01, "ks": None},
    ],
}
ANSWERS = {
    "/v1/drift": json.dumps({"model": {"address": "models:/ecg-rhythm/3"}, "text": "", "sources": [SOURCE]}),
    "/v1/feedback": json.dumps({"records": 4, "agreement": 0.75}),
    "/metrics": "# TYPE ecgml_records_total counter\n"
    'ecgml_records_total{rhythm="SR"} 80\necgml_records_total{rhythm="SB"} 40\n',
}


@pytest.fixture
def address() -> Iterator[str]:
    """Serve the answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = ANSWERS[self.path].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_one_look_becomes_metrics_of_a_closed_run(store: Path, address: str) -> None:
    stream = io.StringIO()
    told = monitor({"url": address + "/"}, Console(stream), once=True)
    run = MlflowClient().get_run(told.split()[1].rstrip(":"))
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {
        "all/records": 120.0,
        "all/drift": 1.0,
        "all/psi_ventricular_rate": 0.4,
        "all/ks_ventricular_rate": 0.3,
        "all/psi_sex": 0.01,
        "feedback/records": 4.0,
        "feedback/agreement": 0.75,
        "server/records": 120.0,
    }
    assert "The last 100 records differ" in stream.getvalue()
    path = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/{ANSWER}")
    assert json.loads(Path(path).read_text())["sources"][0]["records"] == 120


def test_a_server_that_goes_away_is_one_line_and_asked_again(
    store: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked five times: it answers, is away for three, answers again; then somebody presses Ctrl-C."""
    port, waits = free_port(), iter(range(5))
    places = [address, *[f"http://127.0.0.1:{port}"] * 3, address]
    real = module.ask

    def sleep(seconds: float) -> None:
        if next(waits) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(module.time, "sleep", sleep)
    monkeypatch.setattr(module, "ask", lambda url: real(places.pop(0)))
    stream = io.StringIO()
    told = monitor({"url": address}, Console(stream))
    lines = stream.getvalue().splitlines()
    assert len([line for line in lines if "refuses the connection" in line]) == 1
    assert len([line for line in lines if "The last 100 records differ" in line]) == 1
    assert lines[-1] == "stopped"
    run = MlflowClient().get_run(told.split()[1].rstrip(":"))
    assert run.info.status == "FINISHED"
    history = MlflowClient().get_metric_history(run.info.run_id, "all/drift")
    assert [point.step for point in history] == [1, 2]


def test_a_server_that_is_not_there_is_one_line_and_no_run(store: Path) -> None:
    result = CliRunner().invoke(main, ["monitor", f"127.0.0.1:{free_port()}", "--once"])
    assert result.exit_code == 1
    assert result.output.startswith("error: http://127.0.0.1:")
    assert "ecgml serve" in result.output
    assert len(result.output.splitlines()) == 1


def test_something_else_that_answers_is_said_to_be_no_server_of_ours(
    store: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ANSWERS, "/v1/drift", "<html>")
    result = CliRunner().invoke(main, ["monitor", address, "--once"])
    assert result.exit_code == 1
    assert "no server of ecgml" in result.output
