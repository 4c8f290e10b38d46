"""The FastAPI application: routes, limits, life cycle."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp

import ecgml
from ecgml.config import from_json
from ecgml.records.reading import formats
from ecgml.server import about, drift, feedback, files, invocations, open_inference, pages
from ecgml.server.answer_ids import AnswerIds
from ecgml.server.answering import Answering
from ecgml.server.batching import Batcher, QueueFull
from ecgml.server.described import describe
from ecgml.server.drift import DriftWatch
from ecgml.server.following import Follower
from ecgml.server.guard import Guard, Refused, failed, log_as_json
from ecgml.server.loading import ServedModel, load_model
from ecgml.server.monitoring import MULTIPROCESS, Monitor
from ecgml.server.reviews import Reviews
from ecgml.server.settings import ServerSettings
from ecgml.service.address import registered

ENVIRONMENT = "ECGML_SERVER"
"""Environment variable with a worker's address and settings."""

DEFAULT_NAME = "ecg-rhythm"


def make_app(model: ServedModel, settings: ServerSettings) -> ASGIApp:
    """Return the application that serves a model.

    Parameters
    ----------
    model : ServedModel
    settings : ServerSettings

    Raises
    ------
    ConfigError
        If a package adds a file format that is of no use: before the first upload would be answered with it.
    """
    formats()
    monitor = Monitor()
    folder = Path(os.environ[MULTIPROCESS]) if MULTIPROCESS in os.environ else None
    watch = DriftWatch(folder, settings.workers)
    monitor.add(watch)
    kept = Path(settings.feedback).expanduser() if settings.feedback else None
    reviews, ids = Reviews(kept) if kept else None, AnswerIds.beside(kept)

    @contextlib.asynccontextmanager
    async def alive(app: FastAPI) -> AsyncIterator[None]:
        answering = Answering(model, Batcher(settings.queue, settings.max_batch, monitor), monitor, watch)
        if reviews:
            monitor.add(feedback.FeedbackCollector(reviews, answering))
        app.state.answering = answering
        app.state.follower = Follower(model, answering.swap, settings.device, monitor)
        app.state.looks = set()
        tasks = [
            asyncio.create_task(answering.batcher.run()),
            asyncio.create_task(app.state.follower.run(settings.poll_s)),
            *([asyncio.create_task(_shared(watch))] if folder else []),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            answering.close()

    app = FastAPI(
        title="ecgml",
        version=ecgml.__version__,
        description="Classifies the rhythm of 12-lead ECGs. Intended for research; not a medical device.",
        lifespan=alive,
        docs_url=None,
        redoc_url=None,
    )
    app.openapi = partial(describe, app)  # type: ignore[method-assign]
    app.state.settings, app.state.monitor, app.state.model_name = settings, monitor, name_of(model.address)
    app.state.watch, app.state.reviews, app.state.ids = watch, reviews, ids
    for room in (files, invocations, open_inference, about, drift, feedback, pages):
        app.include_router(room.router)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(QueueFull, _queue_full)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _failed)
    return Guard(app, settings, monitor)


def from_environment() -> ASGIApp:
    """Return the application of a worker process, configured by :data:`ENVIRONMENT`."""
    log_as_json()
    given = json.loads(os.environ[ENVIRONMENT])
    settings = from_json(ServerSettings, given["settings"], "the server's settings")
    return make_app(load_model(given["address"], settings.device), settings)


def name_of(address: str) -> str:
    """Return a model's name in the Open Inference Protocol."""
    return registered(address)[0] or DEFAULT_NAME  # a logged model has an id but no name


async def _shared(watch: DriftWatch) -> None:
    """Share this process's counts with the others once a second."""
    while True:
        await asyncio.sleep(1.0)
        await asyncio.to_thread(watch.share)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)
    return JSONResponse({"error": error.text}, error.status, headers=error.headers)


async def _queue_full(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, 503, headers={"Retry-After": "1"})


async def _failed(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": failed(request.scope)}, 500)


async def _of_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:  # Starlette names the methods of the first route of this path alone
        known = describe(request.app)["paths"].get(getattr(request.scope.get("route"), "path", ""), {})
        headers["Allow"] = ", ".join(sorted(map(str.upper, known))) or headers.get("Allow", "")
    return JSONResponse({"error": str(error.detail)}, error.status_code, headers=headers)
