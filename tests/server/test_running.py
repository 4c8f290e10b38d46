"""`ecgml serve` as a process: readiness, a taken port, slow clients, SIGTERM, several workers, TLS."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ecgml.cli import main
from ecgml.server.running import HEADER_TIMEOUT_S
from ecgml.training.checkpoint import save_checkpoint
from tests.servers import free_port, running
from tests.untrained import untrained_checkpoint

pytestmark = pytest.mark.slow

BODY = json.dumps(
    {
        "inputs": {
            "waveform": (np.sin(np.arange(60_000).reshape(1, 12, 5000) / 40).round(2)).tolist(),
            "clinical": [[None] * 16],
        }
    }
).encode()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkpoint's folder."""
    folder = tmp_path_factory.mktemp("model") / "checkpoint"
    save_checkpoint(untrained_checkpoint(), folder)
    return folder


@contextlib.contextmanager
def server(checkpoint: Path, log: Path, *options: str, scheme: str = "http") -> Iterator[int]:
    """Serve a checkpoint; yield the port."""
    port = free_port()
    words = [sys.executable, "-m", "ecgml", "serve", str(checkpoint), "--port", str(port), *options]
    with running(words, f"{scheme}://127.0.0.1:{port}/ping", log):
        yield port


def ask(port: int) -> int:
    """Send one request of arrays; return its status."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/invocations", BODY, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_taken_port_is_one_line(checkpoint: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["serve", str(checkpoint), "--port", str(port)])
    assert result.exit_code == 2
    assert f"port {port}" in result.output
    assert "--port" in result.output


def test_a_model_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["serve", str(tmp_path / "none"), "--port", str(free_port())])
    assert result.exit_code == 1
    assert result.output.startswith("error: ")


def test_slow_clients_are_closed_and_others_answered_meanwhile(checkpoint: Path, tmp_path: Path) -> None:
    with server(checkpoint, tmp_path / "log", "--body-timeout-s", "2") as port, contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(50)]
        for number, connection in enumerate(slow):
            half = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            connection.sendall(half if number % 2 else half + b"Content-Length: 100\r\n\r\nabc")
        assert ask(port) == 200
        deadline = time.monotonic() + HEADER_TIMEOUT_S + 5
        for number, connection in enumerate(slow):
            connection.settimeout(max(0.1, deadline - time.monotonic()))
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
            assert (b"408" in answer.splitlines()[0]) if number % 2 == 0 else not answer


def test_what_is_being_answered_at_sigterm_is_answered(checkpoint: Path, tmp_path: Path) -> None:
    port = free_port()
    words = [sys.executable, "-m", "ecgml", "serve", str(checkpoint), "--port", str(port)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=1):
                break
            time.sleep(0.1)
        with ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(ask, port) for _ in range(8)]
            time.sleep(0.15)
            process.send_signal(signal.SIGTERM)
            statuses = []
            for answer in answers:
                with contextlib.suppress(OSError):  # not accepted any more
                    statuses.append(answer.result())
        assert process.wait(30) in (0, -signal.SIGTERM)
        assert statuses
        assert set(statuses) == {200}
    finally:
        process.kill()
        process.wait()


def test_several_workers_answer_and_count_together(checkpoint: Path, tmp_path: Path) -> None:
    with server(checkpoint, tmp_path / "log", "--workers", "2") as port:
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(ask, [port] * 24)) == {200}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
            text = response.read().decode()
    assert 'ecgml_requests_total{route="/invocations",status="200"} 24.0' in text


def test_a_full_queue_is_a_503_and_nothing_else(checkpoint: Path, tmp_path: Path) -> None:
    with server(checkpoint, tmp_path / "log", "--queue", "2") as port, ThreadPoolExecutor(24) as pool:
        statuses = list(pool.map(ask, [port] * 72))
    assert set(statuses) == {200, 503}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_https_with_a_certificate(checkpoint: Path, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        ],
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    port = free_port()
    words = [sys.executable, "-m", "ecgml", "serve", str(checkpoint), "--port", str(port)]
    words += ["--tls-cert", str(certificate), "--tls-key", str(key)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, env=os.environ)
    try:
        context, deadline = ssl.create_default_context(cafile=str(certificate)), time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"https://127.0.0.1:{port}/ping", context=context, timeout=2) as response:
                    assert response.status == 200
                    break
            except OSError:
                assert time.monotonic() < deadline, (tmp_path / "log").read_text()
                time.sleep(0.2)
    finally:
        process.terminate()
        process.wait(30)


def test_half_of_certificate_and_key_is_refused(checkpoint: Path) -> None:
    result = CliRunner().invoke(main, ["serve", str(checkpoint), "--port", str(free_port()), "--tls-key", "key.pem"])
    assert result.exit_code == 2
    assert "--tls-cert" in result.output
