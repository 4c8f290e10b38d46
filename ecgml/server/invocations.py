"""The routes of ``mlflow models serve``, without waveform values in errors."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import numpy as np
import orjson
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.inference.arrays import DEFAULT_FS, DEFAULT_UNIT, clinical_of, records_of
from ecgml.records.record import Record
from ecgml.server.answering import Answering, Timings
from ecgml.server.drift import source_of

router = APIRouter()

_FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")


class Invalid(Exception):
    """Raised for invalid input: status 400, one line."""


@router.get("/ping", summary="Is a model loaded?")
@router.get("/health", summary="Is a model loaded?")
async def ping() -> Response:
    """Answer with status 200: a server without a model does not start."""
    return Response("\n", media_type="application/json")


@router.get("/version", summary="MLflow's version")
async def version() -> Response:
    """Return the version of MLflow that is installed."""
    return Response(importlib.metadata.version("mlflow"), media_type="application/json")


_BODY = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["inputs"],
            "properties": {
                "inputs": {
                    "type": "object",
                    "required": ["waveform", "clinical"],
                    "properties": {
                        "waveform": {"type": "array", "description": "(records, 12, times); null where missing"},
                        "clinical": {"type": "array", "description": "(records, 16), see `/v1/schema`; null: unknown"},
                    },
                },
                "params": {
                    "type": "object",
                    "properties": {
                        "fs": {"type": "number", "default": DEFAULT_FS, "description": "Hz"},
                        "unit": {"type": "string", "default": DEFAULT_UNIT},
                    },
                },
            },
        }
    }
}


@router.post(
    "/invocations",
    summary="Classify arrays, as mlflow models serve does",
    openapi_extra={"requestBody": {"required": True, "content": _BODY}},
)
async def invocations(request: Request) -> Response:
    """Answer ``{"inputs": {"waveform": …, "clinical": …}, "params": {"fs": 500, "unit": "mV"}}``."""
    kind, *parameters = [part.strip() for part in request.headers.get("content-type", "").split(";")]
    if kind != "application/json" or any(
        part.lower().replace('"', "") != "charset=utf-8" for part in parameters if part
    ):
        return Response("This server takes the content type application/json in UTF-8.", 415, media_type="text/plain")
    answering: Answering = request.app.state.answering
    model, timings, source = answering.model, Timings(), source_of(request)
    body = await request.body()
    try:
        started = perf_counter()
        records, given, notes = await answering.in_thread(_parse, body)
        timings.add("read", perf_counter() - started)
        outcomes = await answering.answer(model, records, given, timings, source)
        faults = [(place, outcome) for place, outcome in enumerate(outcomes) if isinstance(outcome, RecordError)]
        if faults:
            others = ", ".join(str(place) for place, _ in faults[1:])
            suffix = f"; record{'s' * (len(faults) > 2)} {others} cannot be used either" if others else ""
            raise Invalid(f"{faults[0][1]}{suffix}")
    except (Invalid, RecordError) as error:
        return JSONResponse({"error_code": "INVALID_PARAMETER_VALUE", "message": str(error)}, 400)
    predictions = []
    for outcome, unused in zip(outcomes, notes, strict=True):
        assert not isinstance(outcome, RecordError)
        answer = outcome[1].to_json()
        predictions.append({**answer, "notes": [*unused, *answer["notes"]], "model_version": model.version})
    return JSONResponse({"predictions": predictions}, headers={"Server-Timing": timings.header()})


def _parse(body: bytes) -> tuple[list[Record], list[dict[str, float]], list[tuple[str, ...]]]:
    try:
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError:
            content = json.loads(body)  # NaN and Infinity, which JSON does not have but Python writes
    except (ValueError, RecursionError):
        raise Invalid("the request's body is not JSON") from None
    if not isinstance(content, dict) or len(formats := [name for name in _FORMATS if name in content]) != 1:
        raise Invalid("expected an object with exactly one of the keys inputs and instances")
    if formats[0].startswith("dataframe"):
        raise Invalid(f"{formats[0]}: a waveform is a tensor; send inputs or instances")
    inputs, params = content[formats[0]], content.get("params") or {}
    if formats[0] == "instances":
        inputs = _columns(inputs)
    if not isinstance(inputs, dict):
        raise Invalid(f"{formats[0]}: waveform and clinical must be named")
    if missing := [name for name in ("waveform", "clinical") if name not in inputs]:
        raise Invalid(f"the request lacks {' and '.join(missing)}")
    if not isinstance(params, dict):
        raise Invalid("params: expected an object")
    fs, unit = params.get("fs"), params.get("unit")
    if fs is not None and (isinstance(fs, bool) or not isinstance(fs, int | float)):
        raise Invalid("fs: expected a number, Hz")
    if unit is not None and not isinstance(unit, str):
        raise Invalid("unit: expected one of the strings V, mV, uV, nV")
    waveform = _array(inputs, "waveform")
    return arrays_to_records(waveform, _array(inputs, "clinical"), fs, unit)


def arrays_to_records(
    waveform: NDArray[np.floating], clinical: NDArray[np.floating] | None, fs: float | None, unit: str | None
) -> tuple[list[Record], list[dict[str, float]], list[tuple[str, ...]]]:
    """Return a request's records, the clinical values of each, and notes on unused ones.

    Raises
    ------
    RecordError
        If shapes, sampling frequency or unit are not valid.
    """
    records = records_of(waveform, DEFAULT_FS if fs is None else fs, DEFAULT_UNIT if unit is None else unit)
    return (records, *clinical_of(clinical, len(records)))


def _columns(instances: Any) -> dict[str, list[Any]]:
    if not isinstance(instances, list) or not instances or not all(isinstance(row, dict) for row in instances):
        raise Invalid("instances: expected a list of objects with waveform and clinical")
    if any(set(row) != set(instances[0]) for row in instances):
        raise Invalid("instances: objects differ in their keys; give all the same")
    return {name: [row[name] for row in instances] for name in instances[0]}


def _array(inputs: Mapping[str, Any], name: str) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            return np.array(inputs[name], dtype=np.float32)
    except (ValueError, TypeError, OverflowError):
        raise Invalid(f"{name}: expected rows of numbers of equal length, null for a missing value") from None
