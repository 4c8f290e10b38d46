"""Real servers on loopback, for tests that ask them over HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

START_S = 180.0
"""A server that has not answered by then, s, will not."""


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(words: list[str], health: str, log: Path, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """Run a command until the block ends; wait first until an address answers.

    Parameters
    ----------
    words : list of str
    health : str
        The address.
    log : Path
        Takes what the command prints.
    environment : mapping, optional
        Variables beside this process's own.
    """
    # A session of its own: the server's worker processes end with it.
    with log.open("w") as file:
        process = subprocess.Popen(
            words, stdout=file, stderr=file, start_new_session=True, env={**os.environ, **(environment or {})}
        )
    try:
        deadline = time.monotonic() + START_S
        while not _answers(health):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(words)} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.2)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def model_server(model: str, log: Path) -> Iterator[str]:
    """Serve a model by `mlflow models serve`; give the address to post to."""
    port = free_port()
    words = ["mlflow", "models", "serve", "-m", model, "--env-manager", "local", "--port", str(port)]
    with running(words, f"http://127.0.0.1:{port}/ping", log, {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}):
        yield f"http://127.0.0.1:{port}/invocations"


@contextlib.contextmanager
def tracking_server(folder: Path) -> Iterator[str]:
    """Run `mlflow server` on a sqlite database with artifacts proxied, all in a folder; give its address."""
    port = free_port()
    words = [
        "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    # Half the memory and half the start without what runs its own jobs.
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with running(words, f"http://127.0.0.1:{port}/health", folder / "server.log", environment):
        yield f"http://127.0.0.1:{port}"


def post(address: str, body: object, content_type: str = "application/json") -> tuple[int, str]:
    """Post a body (as JSON unless it is bytes); return status and answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": content_type})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
