"""Requests that schemathesis makes up from /openapi.json: the server answers as it describes itself and never fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ecgml.training.checkpoint import save_checkpoint
from tests.servers import free_port, running
from tests.untrained import untrained_checkpoint

pytest.importorskip("schemathesis", reason="needs schemathesis")

MLFLOWS = ("/ping", "/health", "/version")
"""MLflow answers these with a content type that they are not of, and so do we."""

NOT_CHECKED = "positive_data_acceptance,negative_data_rejection"
"""What no schema says: whether a file is an ECG, an id that of an answer; an empty field of a form is none."""


@pytest.mark.slow
def test_the_server_answers_as_it_describes_itself(tmp_path: Path) -> None:
    save_checkpoint(untrained_checkpoint(), tmp_path / "checkpoint")
    port = free_port()
    words = [sys.executable, "-m", "ecgml", "serve", str(tmp_path / "checkpoint"), "--port", str(port)]
    with running([*words, "--feedback", str(tmp_path / "r.csv")], f"http://127.0.0.1:{port}/ping", tmp_path / "log"):
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{port}/openapi.json"]
        command += [
            "--max-examples",
            "50",
            "--seed",
            "1",
            "--exclude-checks",
            NOT_CHECKED,
            "--generation-database",
            "none",
        ]
        command += [word for path in MLFLOWS for word in ("--exclude-path", path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    log = (tmp_path / "log").read_text()
    assert "fault" not in log, log[-2000:]
