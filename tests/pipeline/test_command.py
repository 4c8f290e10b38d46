"""What every command does around its work."""

from __future__ import annotations

import io
import json
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from ecgml.config import resolve
from ecgml.errors import EvaluationError
from ecgml.pipeline.job.command import command
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.settings import ExploreConfiguration
from ecgml.service.beat import OWNER
from ecgml.service.store import connect
from tests.owners import ended_owner


class Working:
    """A command that opens its run, and then does something in it."""

    run_id = ""

    def __call__(self, act: Callable[[], object], **options: str) -> None:
        with command("explore", Console(io.StringIO())) as running:
            running.connect()
            configuration = resolve(ExploreConfiguration, options)
            with running.run("explore it", configuration, {"ecgml.model": "m"}, is_simulated=True) as tracker:
                self.run_id = tracker.run_id
                act()


def fail() -> None:
    raise EvaluationError("no record is left")


def test_a_run_that_fails_shows_what_was_asked(store: Path) -> None:
    working = Working()
    with pytest.raises(EvaluationError, match="no record is left"):
        working(fail, signals="20")
    run = MlflowClient().get_run(working.run_id)
    assert (run.info.status, run.data.tags["ecgml.error"]) == ("FAILED", "no record is left")
    assert (run.data.params["signals"], run.data.params["model"]) == ("20", "m")
    assert {name: run.data.tags[f"ecgml.{name}"] for name in ("command", "model", "simulated")} == {
        "command": "explore",
        "model": "m",
        "simulated": "true",
    }
    content = json.loads(mlflow.artifacts.load_text(f"runs:/{working.run_id}/config.json"))
    assert content["origins"]["signals"] == "option"


def test_what_a_kill_left_open_is_closed_and_said(store: Path) -> None:
    client, stream = MlflowClient(), io.StringIO()
    left = client.create_run(connect(), tags={OWNER: ended_owner()}).info.run_id
    with command("audit", Console(stream)) as running:
        running.connect()
    assert f"closed run {left}: its process has ended" in stream.getvalue()
    assert client.get_run(left).info.status == "KILLED"


def test_sigterm_closes_the_run_as_killed(store: Path) -> None:
    working, before = Working(), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        working(partial(signal.raise_signal, signal.SIGTERM))
    assert MlflowClient().get_run(working.run_id).info.status == "KILLED"
    assert signal.getsignal(signal.SIGTERM) == before
