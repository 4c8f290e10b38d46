"""A server of an untrained model, asked within the process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from ecgml.cohorts.simulation.demo import write_demo
from ecgml.inference.predictor import Predictor
from ecgml.server.app import make_app
from ecgml.server.loading import ServedModel
from ecgml.server.settings import ServerSettings
from tests.untrained import untrained_checkpoint


def served_model(version: str = "1", name: str = "fusion") -> ServedModel:
    """Return an untrained model as if it came from the registry."""
    checkpoint = untrained_checkpoint(name)
    return ServedModel("models:/ecg-rhythm@champion", f"models:/ecg-rhythm/{version}", version, Predictor(checkpoint))


@pytest.fixture(scope="package")
def model() -> ServedModel:
    """Return the model that answers."""
    return served_model()


@pytest.fixture(scope="package")
def client(model: ServedModel) -> Iterator[TestClient]:
    """Return a client of a server with default settings that never looks its alias up."""
    with TestClient(make_app(model, ServerSettings(poll_s=0.0))) as client:
        yield client


@pytest.fixture
def serve(model: ServedModel) -> Iterator[Callable[..., TestClient]]:
    """Return a maker of clients of servers with other settings."""
    with ExitStack() as stack:

        def make(**changed: Any) -> TestClient:
            settings = dataclasses.replace(ServerSettings(poll_s=0.0), **changed)
            return stack.enter_context(TestClient(make_app(model, settings)))

        yield make


@pytest.fixture(scope="package")
def wfdb(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the headers of three simulated WFDB records."""
    folder = tmp_path_factory.mktemp("wfdb")
    write_demo(folder / "demo", n_records=3, layout="wfdb")
    return sorted((folder / "demo").rglob("*.hea"))
