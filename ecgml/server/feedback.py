"""POST /v1/feedback: a reviewer's rhythm for an answer; GET /v1/feedback: agreement of model and reviewers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ecgml.records.rhythms import RHYTHM_CODES, rhythm_of
from ecgml.records.schemes import scheme_named
from ecgml.server.answer_ids import AnswerIds
from ecgml.server.answering import Answering
from ecgml.server.guard import Refused
from ecgml.server.reviews import Review, Reviews, agreement
from ecgml.training.checkpoint import Checkpoint

router = APIRouter()

_BODY = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["id", "rhythm"],
            "additionalProperties": False,
            "properties": {
                "id": {"type": "string", "maxLength": 512, "description": "Id of the answer, see `/v1/predict`"},
                "rhythm": {
                    "type": "string",
                    "maxLength": 64,
                    "description": "A rhythm code of the model's scheme, its SNOMED CT code, or a class",
                    "examples": ["AFIB"],
                },
            },
        }
    }
}


@router.post(
    "/v1/feedback",
    summary="Send a reviewed answer back",
    openapi_extra={"requestBody": {"required": True, "content": _BODY}},
    responses={
        400: {"description": "The request is not valid; `error` has the reason"},
        404: {"description": "No answer has this id, or reviews are disabled"},
        409: {"description": "Another rhythm was already sent for this answer and is kept"},
    },
)
async def review(request: Request) -> dict[str, Any]:
    """Store a reviewer's rhythm for an answer; a repetition is stored once.

    ``curl --json '{"id": "ID OF THE ANSWER", "rhythm": "AFIB"}' http://127.0.0.1:8000/v1/feedback``
    """
    reviews, answering = _reviews(request), request.app.state.answering
    try:
        content = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        content = None
    if not isinstance(content, dict) or set(content) != {"id", "rhythm"} or not all(map(_is_text, content.values())):
        raise Refused(400, 'expected a JSON object with two strings: {"id": "ID OF THE ANSWER", "rhythm": "AFIB"}')
    ids: AnswerIds = request.app.state.ids
    answered = ids.read(content["id"])
    if answered is None:
        raise Refused(404, "id: unknown to this server")
    rhythm, reviewed = _of_scheme(content["rhythm"], answering.model.predictor.checkpoint)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    abstained = "yes" if answered.abstained else "no"
    own = Review(content["id"], rhythm, reviewed, answered.rhythm, abstained, answered.version, now)
    standing, is_new = await answering.in_thread(reviews.add, own)
    if standing.rhythm != rhythm:
        raise Refused(
            409, f"{standing.rhythm} was already sent for this answer and is kept; correct it in the CSV file"
        )
    return {"new": is_new, "reviewed": reviewed, "predicted": answered.rhythm, "agrees": reviewed == answered.rhythm}


@router.get(
    "/v1/feedback",
    summary="Agreement of model and reviewers",
    responses={404: {"description": "Reviews are disabled"}},
)
async def scores(request: Request) -> dict[str, Any]:
    """Return agreement and confusion of all reviews, overall and by model version."""
    reviews, answering = _reviews(request), request.app.state.answering
    return agreement(await answering.in_thread(reviews.all), answering.model.predictor.checkpoint.classes)


class FeedbackCollector(Collector):
    """Metrics of the reviews for Prometheus."""

    def __init__(self, reviews: Reviews, answering: Answering) -> None:
        self._reviews, self._answering = reviews, answering

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        found = agreement(self._reviews.all(), self._answering.model.predictor.checkpoint.classes)
        pairs = GaugeMetricFamily("ecgml_feedback_records", "Reviewed answers", labels=["reviewed", "predicted"])
        for true, row in zip(found["classes"], found["confusion"], strict=True):
            for predicted, count in zip(found["classes"], row, strict=True):
                pairs.add_metric([true, predicted], count)
        yield pairs
        if found["agreement"] is not None:
            yield GaugeMetricFamily(
                "ecgml_feedback_agreement", "Share of reviewed answers that the reviewer confirmed", found["agreement"]
            )


def _reviews(request: Request) -> Reviews:
    reviews: Reviews | None = request.app.state.reviews
    if reviews is None:
        raise Refused(404, "reviews are disabled: start the server with --feedback FILE.csv")
    return reviews


def _of_scheme(text: str, checkpoint: Checkpoint) -> tuple[str, str]:
    """Return a rhythm's code and its class; for a class its name twice."""
    scheme = scheme_named(checkpoint.scheme)
    code = rhythm_of(text)
    name = scheme.class_of([code])[0] if code else None
    if code and name:
        return code, name
    if text in scheme.classes:
        return text, text
    known = [code for code in RHYTHM_CODES if scheme.class_of([code])[0]]
    raise Refused(
        400, f"rhythm: not of the model's scheme; one of {', '.join(dict.fromkeys([*known, *scheme.classes]))}"
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)
