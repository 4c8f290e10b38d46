"""/v1/schema, /metrics, and MLflow's webhook for moved aliases."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
from time import time
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from ecgml.inference.arrays import DEFAULT_FS, DEFAULT_UNIT, FS_RANGE_HZ
from ecgml.records.clinical import CLINICAL_COLUMNS
from ecgml.records.leads import LEADS
from ecgml.records.reading import formats
from ecgml.records.schemes import scheme_named
from ecgml.records.units import UNITS
from ecgml.server.answering import Answering
from ecgml.server.guard import Refused

router = APIRouter()

WEBHOOK_SECRET_VARIABLE = "ECGML_WEBHOOK_SECRET"
WEBHOOK_AGE_S = 300


@router.get("/v1/schema", summary="Inputs and outputs of the model")
async def schema(request: Request) -> dict[str, Any]:
    """Return order, units and coding of leads, clinical values and classes; the model and its version."""
    answering: Answering = request.app.state.answering
    checkpoint = answering.model.predictor.checkpoint
    scheme = scheme_named(checkpoint.scheme)
    return {
        "model": {
            "address": answering.model.pinned,
            "version": answering.model.version,
            "architecture": checkpoint.model_name,
            "simulated": checkpoint.facts.get("simulated"),
        },
        "classes": {label: list(scheme.snomed(label)) for label in checkpoint.classes},
        "leads": list(LEADS),
        "waveform": {"shape": ["records", len(LEADS), "times"], "unit": DEFAULT_UNIT, "units": list(UNITS)},
        "fs": {"default": DEFAULT_FS, "low": FS_RANGE_HZ[0], "high": FS_RANGE_HZ[1], "unit": "Hz"},
        "clinical": [
            {
                "name": column.name,
                "unit": column.unit,
                "description": column.description,
                "low": column.low,
                "high": column.high,
                "measurable": column.measurable,
            }
            for column in CLINICAL_COLUMNS
        ],
        "formats": {file_format.name: sorted(file_format.suffixes) for file_format in formats()},
        "feedback": request.app.state.reviews is not None,
        "medical_device": False,
    }


@router.get("/metrics", summary="Metrics of this server for Prometheus", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Return counters and timings, without patients' data."""
    answering: Answering = request.app.state.answering
    await answering.in_thread(answering.watch.look)
    return Response(await answering.in_thread(answering.monitor.text), media_type=CONTENT_TYPE_LATEST)


@router.post("/v1/webhooks/mlflow", summary="MLflow's webhook: an alias has moved", include_in_schema=False)
async def webhook(request: Request) -> JSONResponse:
    """Look up the alias at once; the request is signed with the secret of ``ECGML_WEBHOOK_SECRET``."""
    secret = os.environ.get(WEBHOOK_SECRET_VARIABLE, "")
    if not secret:
        raise Refused(404, f"webhooks are disabled: start the server with {WEBHOOK_SECRET_VARIABLE}")
    body = await request.body()
    sent = request.headers
    stamp, delivery = sent.get("x-mlflow-timestamp", ""), sent.get("x-mlflow-delivery-id", "")
    signed = hmac.new(secret.encode(), f"{delivery}.{stamp}.".encode() + body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(signed).decode()}"
    fresh = stamp.isdigit() and abs(time() - int(stamp)) <= WEBHOOK_AGE_S
    if not fresh or not hmac.compare_digest(expected.encode(), sent.get("x-mlflow-signature", "").encode()):
        raise Refused(401, "the signature is not valid")
    task = asyncio.create_task(request.app.state.follower.look())
    request.app.state.looks.add(task)
    task.add_done_callback(request.app.state.looks.discard)
    return JSONResponse({"looking": True})
