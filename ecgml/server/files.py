"""POST /v1/predict: classify ECG files."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import FormData, UploadFile

from ecgml.errors import ConfigError, RecordError
from ecgml.inference.predictor import Prediction, PredictorInput
from ecgml.paper.page import to_svg
from ecgml.records.clinical import CLINICAL_COLUMNS, CLINICAL_NAMES, accepted, is_plausible, parse_number, parse_sex
from ecgml.records.leads import LEADS, canonical_lead
from ecgml.records.readers.options import ReadOptions
from ecgml.records.record import Record
from ecgml.records.units import UNITS, is_voltage
from ecgml.server.answer_ids import Answered, AnswerIds
from ecgml.server.answering import Answering, Timings, described
from ecgml.server.drawing import drawing_of
from ecgml.server.drift import source_of
from ecgml.server.guard import Refused, request_id
from ecgml.server.loading import ServedModel
from ecgml.server.settings import ServerSettings
from ecgml.server.uploads import Place, Upload, read, store

router = APIRouter()

FIELDS = ("file", "fs", "unit", "leads", "clinical", "explain", "svg", "draw")

_BODY = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {
                "file": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "string", "format": "binary"},
                    "description": "ECG files of any readable format; the parts of a WFDB record, or a zip",
                },
                "fs": {
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "description": "Sampling frequency, Hz, if the file does not state it",
                },
                "unit": {"type": "string", "enum": list(UNITS), "description": "Unit, if the file does not state it"},
                "leads": {
                    "type": "string",
                    "pattern": f"^({'|'.join(LEADS)})(,({'|'.join(LEADS)}))*$",
                    "description": "Comma-separated, if the file does not state them",
                },
                "clinical": {
                    "type": "object",
                    "properties": {name: {"type": ["number", "string", "null"]} for name in CLINICAL_NAMES},
                    "additionalProperties": False,
                    "description": "Clinical values (see /v1/schema) for all records, or a list of such objects, one a "
                    "record",
                    "examples": [{"age": 63, "sex": "male"}],
                },
                "explain": {
                    "type": "boolean",
                    "description": "Add an explanation of the answer (integrated gradients)",
                },
                "svg": {"type": "boolean", "description": "Add the ECG on ECG paper as SVG"},
                "draw": {
                    "type": "boolean",
                    "description": "Add samples and the representative beat",
                },
            },
        },
        "encoding": {"clinical": {"contentType": "application/json"}},
    }
}


@router.post(
    "/v1/predict",
    summary="Classify ECG files",
    openapi_extra={"requestBody": {"required": True, "content": _BODY}},
    responses={
        400: {"description": "The request is not valid; `error` has the reason"},
        413: {"description": "Too large"},
        503: {"description": "Too many records are waiting; see Retry-After"},
    },
)
async def predict_files(request: Request) -> JSONResponse:
    """Answer each record of a request; an unusable record has its own ``error``.

    To try it with an example of the server's own:

        curl -sO http://127.0.0.1:8000/v1/demos/sinus-rhythm.csv.gz
        curl -F file=@sinus-rhythm.csv.gz -F fs=500 -F unit=uV http://127.0.0.1:8000/v1/predict
    """
    answering: Answering = request.app.state.answering
    settings: ServerSettings = request.app.state.settings
    model, timings, source = answering.model, Timings(), source_of(request)
    ids: AnswerIds = request.app.state.ids
    async with request.form(
        max_files=4 * settings.max_records, max_fields=32, max_part_size=int(settings.max_body_mb * 1e6)
    ) as form:
        options, clinical, requested = _fields(form)
        uploads = [
            Upload(part.filename or "", await part.read())
            for part in form.getlist("file")
            if isinstance(part, UploadFile)
        ]
    if not uploads:
        raise Refused(400, "file: no ECG was sent; curl -F file=@ecg.dcm …")
    started = perf_counter()
    with TemporaryDirectory(prefix="ecgml-") as folder:
        numbers, records = await answering.in_thread(_read_all, uploads, Path(folder), options, settings)
    timings.add("read", perf_counter() - started)
    given, notes = _given(clinical, records)
    outcomes = await answering.answer(model, records, given, timings, source)
    results = []
    for place, (number, record, outcome, unused) in enumerate(zip(numbers, records, outcomes, notes, strict=True)):
        if isinstance(outcome, RecordError):
            results.append({"file": number, "error": str(outcome), "reason": outcome.reason})
            continue
        prepared, prediction = outcome
        name = f"{request_id(request.scope)}-{place}"
        answered = Answered(name, prediction.rhythm, prediction.abstained, model.version or "")
        answer = {"file": number, "id": ids.make(answered), **described(prepared, prediction)}
        answer["notes"] = [*unused, *answer["notes"]]
        if "draw" in requested:
            answer["drawing"] = await answering.in_thread(drawing_of, record, prepared.measured)
        if "svg" in requested:
            answer["svg"] = await answering.in_thread(_svg, record, prepared)
        if "explain" in requested:
            answer["explanation"] = await answering.batcher.in_model_thread(_explain, model, prepared, prediction)
        results.append(answer)
    body = {"model": {"address": model.pinned, "version": model.version}, "results": results}
    return JSONResponse(body, headers={"Server-Timing": timings.header()})


def _fields(form: FormData) -> tuple[ReadOptions, Any, set[str]]:
    """Return the options of a request.

    Raises
    ------
    Refused
        If a field is unknown or its value is not valid.
    """
    for name in form:
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(FIELDS)}"
            raise Refused(400, f"{name[:40]}: unknown field; {hint}")
    texts = {name: value.strip() for name, value in form.items() if isinstance(value, str) and value.strip()}
    fs = parse_number(texts["fs"]) if "fs" in texts else None
    if fs is not None and not (math.isfinite(fs) and fs > 0):
        raise Refused(400, "fs: expected a sampling frequency in Hz, a positive number")
    if (unit := texts.get("unit")) is not None and not is_voltage(unit):
        raise Refused(400, f"unit: not a voltage; expected one of {', '.join(UNITS)}")
    leads = tuple(lead.strip() for lead in texts["leads"].split(",")) if "leads" in texts else None
    if leads and not any(map(canonical_lead, leads)):
        raise Refused(400, "leads: no known lead; expected e.g. I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6")
    try:
        clinical = json.loads(texts["clinical"]) if "clinical" in texts else {}
    except (ValueError, RecursionError):
        raise Refused(400, 'clinical: not JSON; expected e.g. {"age": 63, "sex": "male"}') from None
    requested = {name for name in ("draw", "explain", "svg") if _flag(texts, name)}
    return ReadOptions(fs=fs, unit=unit, leads=leads), clinical, requested


def _flag(texts: Mapping[str, str], name: str) -> bool:
    value = texts.get(name, "false").lower()
    if value not in ("true", "false", "1", "0"):
        raise Refused(400, f"{name}: expected true or false")
    return value in ("true", "1")


def _read_all(
    uploads: Sequence[Upload], folder: Path, options: ReadOptions, settings: ServerSettings
) -> tuple[list[int], list[Record | RecordError]]:
    places = store(uploads, folder, int(settings.max_unpacked_mb * 1e6))
    if len(places) > settings.max_records:
        raise Refused(413, f"{len(places):,} records in one request, at most {settings.max_records:,} are accepted")
    numbers, records = [], []
    for place in places:
        if isinstance(place, Place):
            numbers.append(place.number)
            try:
                records.append(read(place, options))
            except (RecordError, ConfigError) as error:
                records.append(error if isinstance(error, RecordError) else RecordError(str(error), "options"))
        else:
            numbers.append(place[0])
            records.append(place[1])
    return numbers, records


def _given(clinical: Any, records: Sequence[Record | RecordError]) -> tuple[list[dict[str, float]], list[list[str]]]:
    """Return the clinical values sent for each record, and notes on unused ones."""
    rows = clinical if isinstance(clinical, list) else [clinical] * len(records)
    if len(rows) != len(records):
        raise Refused(400, f"clinical: {len(rows)} objects for {len(records)} records; expected one per record")
    given, notes = [], []
    for row in rows:
        if not isinstance(row, dict):
            raise Refused(400, 'clinical: expected an object, e.g. {"age": 63, "sex": "male"}')
        values, unused = {}, []
        for name, value in row.items():
            if name not in CLINICAL_NAMES:
                near = difflib.get_close_matches(name, CLINICAL_NAMES, 1)
                raise Refused(
                    400, f"clinical: {name[:40]!r} is not a column{f'; did you mean {near[0]}?' if near else ''}"
                )
            if value is None:
                continue
            number = parse_sex(value) if name == "sex" else parse_number(value)
            column = next(column for column in CLINICAL_COLUMNS if column.name == name)
            if isinstance(value, bool | list | dict) or not is_plausible(column, number):
                unused.append(f"{name} is not used: it must be {accepted(name)}")
                continue
            values[name] = number
        given.append(values)
        notes.append(unused)
    return given, notes


def _svg(record: Record, prepared: PredictorInput) -> str:
    beat = prepared.measured.marked_beat if prepared.measured else None
    return to_svg(record.waveform, record.fs, beat=beat)


def _explain(model: ServedModel, prepared: PredictorInput, prediction: Prediction) -> dict[str, Any]:
    """Return attributions to the answer's log-odds: by lead and time at the model's rate, and by column."""
    # captum is loaded on the first request for an explanation.
    from ecgml.server.explaining import explain

    return explain(model.predictor, prepared, prediction.rhythm)
