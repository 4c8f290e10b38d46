"""The Open Inference Protocol (KServe V2): JSON, and the binary tensor extension of Triton's clients."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import orjson
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from numpy.typing import NDArray

import ecgml
from ecgml.errors import RecordError
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.leads import LEADS
from ecgml.records.record import Record
from ecgml.server.answering import Answering, Timings
from ecgml.server.drift import source_of
from ecgml.server.guard import Refused
from ecgml.server.invocations import arrays_to_records
from ecgml.server.loading import ServedModel

router = APIRouter(prefix="/v2")

PLATFORM = "ecgml_pytorch"
LENGTH_HEADER = "inference-header-content-length"

_TYPES = {"FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "INT16": np.int16, "INT32": np.int32}
_BODY = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["inputs"],
            "properties": {
                "inputs": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name", "datatype", "shape"],
                        "properties": {
                            "name": {"type": "string", "enum": ["waveform", "clinical"]},
                            "datatype": {"type": "string", "enum": list(_TYPES)},
                            "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}},
                            "data": {"type": "array"},
                        },
                    },
                },
                "parameters": {"type": "object", "description": "`fs` (Hz, 500) and `unit` (mV)"},
            },
        }
    },
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
}
_MAX_VALUES = 50_000_000


@router.get("/health/live", summary="Is the server alive?")
async def live() -> JSONResponse:
    """Answer with status 200."""
    return JSONResponse({"live": True})


@router.get("/health/ready", summary="Is the server ready?")
async def ready() -> JSONResponse:
    """Answer with status 200: a server without a model does not start."""
    return JSONResponse({"ready": True})


@router.get("", summary="Name, version and extensions of the server")
async def server() -> dict[str, Any]:
    """Return name, version and extensions."""
    return {"name": "ecgml", "version": ecgml.__version__, "extensions": ["binary_tensor_data"]}


@router.get("/models/{name}", summary="Inputs and outputs of the model")
@router.get("/models/{name}/versions/{version}", include_in_schema=False)
async def model(request: Request, name: str, version: str = "") -> dict[str, Any]:
    """Return names, types and shapes of inputs and outputs."""
    answering = _answering(request, name, version)
    classes = answering.model.predictor.checkpoint.classes
    return {
        "name": name,
        "versions": [_version(answering.model)],
        "platform": PLATFORM,
        "inputs": [
            {"name": "waveform", "datatype": "FP32", "shape": [-1, len(LEADS), -1]},
            {"name": "clinical", "datatype": "FP32", "shape": [-1, len(CLINICAL_NAMES)]},
        ],
        "outputs": [
            {"name": "probabilities", "datatype": "FP64", "shape": [-1, len(classes)]},
            {"name": "rhythm", "datatype": "BYTES", "shape": [-1]},
            {"name": "abstained", "datatype": "BOOL", "shape": [-1]},
            {"name": "answer", "datatype": "BYTES", "shape": [-1]},
        ],
        "parameters": {"classes": list(classes), "leads": list(LEADS), "clinical": list(CLINICAL_NAMES)},
    }


@router.get("/models/{name}/ready", summary="Is the model ready?")
@router.get("/models/{name}/versions/{version}/ready", include_in_schema=False)
async def model_ready(request: Request, name: str, version: str = "") -> dict[str, Any]:
    """Answer with status 200."""
    _answering(request, name, version)
    return {"name": name, "ready": True}


@router.post(
    "/models/{name}/infer",
    summary="Classify arrays",
    openapi_extra={"requestBody": {"required": True, "content": _BODY}},
)
@router.post("/models/{name}/versions/{version}/infer", include_in_schema=False)
async def infer(request: Request, name: str, version: str = "") -> Response:
    """Predict tensors; ``parameters`` accept ``fs`` (Hz, 500) and ``unit`` (mV).

    ``clinical`` is optional. INT16 waveforms need the ``unit`` of a step: ``uV`` for microvolts.
    """
    answering = _answering(request, name, version)
    served, timings, source = answering.model, Timings(), source_of(request)
    body = await request.body()
    started = perf_counter()
    try:
        header, records, given, notes = await answering.in_thread(_parse, body, request.headers.get(LENGTH_HEADER))
        timings.add("read", perf_counter() - started)
        outcomes = await answering.answer(served, records, given, timings, source)
    except RecordError as error:
        raise Refused(400, str(error)) from None
    answers = []
    for outcome, unused in zip(outcomes, notes, strict=True):
        if isinstance(outcome, RecordError):
            raise Refused(400, str(outcome))
        answer = outcome[1].to_json()
        answers.append({**answer, "notes": [*unused, *answer["notes"]], "model_version": served.version})
    classes = served.predictor.checkpoint.classes
    outputs: dict[str, tuple[str, list[int], Any]] = {
        "probabilities": (
            "FP64",
            [len(answers), len(classes)],
            np.array([[answer["probabilities"][label] for label in classes] for answer in answers]),
        ),
        "rhythm": ("BYTES", [len(answers)], [answer["rhythm"] for answer in answers]),
        "abstained": ("BOOL", [len(answers)], np.array([answer["abstained"] for answer in answers])),
        "answer": ("BYTES", [len(answers)], [json.dumps(answer) for answer in answers]),
    }
    try:
        return _response(header, name, _version(served), outputs, timings)
    except RecordError as error:
        raise Refused(400, str(error)) from None


def _answering(request: Request, name: str, version: str) -> Answering:
    answering: Answering = request.app.state.answering
    known = request.app.state.model_name
    if name != known:
        raise Refused(404, f"no such model; this server has {known}")
    if version and version != _version(answering.model):
        raise Refused(404, f"version {version[:40]} is not served, version {_version(answering.model)} is")
    return answering


def _version(model: ServedModel) -> str:
    return str(model.version or "1")


def _parse(
    body: bytes, header_length: str | None
) -> tuple[dict[str, Any], list[Record], list[dict[str, float]], list[tuple[str, ...]]]:
    length = len(body)
    if header_length is not None:
        if not header_length.isdigit() or int(header_length) > len(body):
            raise RecordError("Inference-Header-Content-Length: not the length of the JSON before the tensors", "shape")
        length = int(header_length)
    try:
        header = orjson.loads(body[:length])
    except orjson.JSONDecodeError:
        raise RecordError("the request's header is not JSON", "shape") from None
    if not isinstance(header, dict) or not isinstance(header.get("inputs"), list):
        raise RecordError("inputs: expected a list of tensors", "shape")
    tensors, rest = {}, memoryview(body)[length:]
    for tensor in header["inputs"]:
        name, array, rest = _tensor(tensor, rest)
        tensors[name] = array
    if "waveform" not in tensors:
        raise RecordError(f"inputs: no waveform ({', '.join(sorted(tensors))[:100] or 'nothing'} was sent)", "shape")
    if unknown := sorted(set(tensors) - {"waveform", "clinical"}):
        raise RecordError(f"inputs: {unknown[0][:40]} is unknown; expected waveform and clinical", "shape")
    parameters = _object(header, "parameters")
    fs, unit = parameters.get("fs"), parameters.get("unit")
    if fs is not None and (isinstance(fs, bool) or not isinstance(fs, int | float)):
        raise RecordError("fs: expected a number, Hz", "no fs")
    if unit is not None and not isinstance(unit, str):
        raise RecordError("unit: expected one of the strings V, mV, uV, nV", "no unit")
    return header, *arrays_to_records(tensors["waveform"], tensors.get("clinical"), fs, unit)


def _object(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an optional member that must be an object."""
    value = holder.get(name) or {}
    if not isinstance(value, dict):
        raise RecordError(f"{name}: expected an object", "shape")
    return value


def _tensor(tensor: Any, rest: memoryview) -> tuple[str, NDArray[np.float32], memoryview]:
    """Return a tensor's name and values, and the remaining binary data."""
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise RecordError("inputs: each tensor needs name, datatype, shape and data", "shape")
    name, kind, shape = tensor["name"], tensor.get("datatype"), tensor.get("shape")
    where = name[:40]
    if not isinstance(kind, str) or kind not in _TYPES:
        raise RecordError(f"{where}: datatype must be one of {', '.join(_TYPES)}", "shape")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise RecordError(f"{where}: shape must be a list of whole numbers", "shape")
    n_values = 1
    for size in shape:
        n_values *= size
    if n_values > _MAX_VALUES:
        raise RecordError(f"{where}: more than {_MAX_VALUES:,} values", "too large")
    n_bytes = _object(tensor, "parameters").get("binary_data_size")
    if n_bytes is not None:
        expected = n_values * np.dtype(_TYPES[kind]).itemsize
        if n_bytes != expected or expected > len(rest):
            raise RecordError(f"{where}: expected {expected:,} bytes of binary data for its shape", "shape")
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.frombuffer(rest[:expected], dtype=_TYPES[kind]).astype(np.float32)
        return name, values.reshape(shape), rest[expected:]
    try:
        with np.errstate(over="ignore"):
            values = np.array(tensor.get("data"), dtype=np.float32).reshape(-1)
    except (ValueError, TypeError, OverflowError):
        raise RecordError(f"{where}: data must be numbers, in rows of equal length or flat", "shape") from None
    if len(values) != n_values:
        raise RecordError(f"{where}: {len(values):,} values, its shape needs {n_values:,}", "shape")
    return name, values.reshape(shape), rest


def _response(
    header: Mapping[str, Any],
    name: str,
    version: str,
    outputs: Mapping[str, tuple[str, list[int], Any]],
    timings: Timings,
) -> Response:
    requested = header.get("outputs") or [{"name": name} for name in outputs if name != "answer"]
    all_binary = _object(header, "parameters").get("binary_data_output", False)
    tensors, binary = [], []
    for output in requested if isinstance(requested, list) else []:
        if not isinstance(output, dict) or str(output.get("name")) not in outputs:
            raise Refused(400, f"outputs: one of {', '.join(outputs)} is expected")
        kind, shape, values = outputs[str(output["name"])]
        tensor: dict[str, Any] = {"name": str(output["name"]), "datatype": kind, "shape": shape}
        if _object(output, "parameters").get("binary_data", all_binary):
            data = _bytes(values) if kind == "BYTES" else values.tobytes()
            tensor["parameters"] = {"binary_data_size": len(data)}
            binary.append(data)
        else:
            tensor["data"] = values if kind == "BYTES" else values.reshape(-1).tolist()
        tensors.append(tensor)
    answer = {"model_name": name, "model_version": version, "outputs": tensors}
    if isinstance(header.get("id"), str):
        answer["id"] = header["id"]
    headers = {"Server-Timing": timings.header()}
    text = orjson.dumps(answer)
    if not binary:
        return Response(text, media_type="application/json", headers=headers)
    headers["Inference-Header-Content-Length"] = str(len(text))
    return Response(b"".join([text, *binary]), media_type="application/octet-stream", headers=headers)


def _bytes(texts: Sequence[str]) -> bytes:
    encoded = [text.encode() for text in texts]
    return b"".join(struct.pack("<I", len(text)) + text for text in encoded)
