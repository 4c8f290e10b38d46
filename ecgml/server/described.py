"""/openapi.json: the routes, with the errors and the header that they share."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

_ERROR = {
    "description": "Not answered; `error` says why in one line. 400: the request cannot be used; 401: a token is "
    "needed; 404: there is none; 405: the method; 408: it did not arrive in time; 413: too large; 415: the content "
    "type; 429: too many requests; 502: the registry cannot be reached; 503: too many records wait (`Retry-After`); "
    "504: not answered in time",
    "content": {
        "application/json": {
            "schema": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
        }
    },
}
_MLFLOW_ERROR = {
    "description": "Not answered; as `mlflow models serve` says it",
    "content": {"application/json": {"schema": {"type": "object"}}, "text/plain": {"schema": {"type": "string"}}},
}
_SOURCE = {
    "name": "ECG-Source",
    "in": "header",
    "required": False,
    "description": "A ward or device, no patient: its records are compared with the model's validation by themselves",
    "schema": {"type": "string", "pattern": "^([A-Za-z0-9][A-Za-z0-9._-]{0,39})?$"},
    "example": "ward-3",
}
_COUNTED = ("/v1/predict", "/invocations", "/v2/models/{name}/infer")


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the description of an application; made once."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schema.get("components", {}).pop("schemas", None)  # FastAPI's own errors: ours are answered instead
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                operation["responses"]["default"] = _MLFLOW_ERROR if path == "/invocations" else _ERROR
                if path in _COUNTED:
                    operation.setdefault("parameters", []).append(_SOURCE)
        app.openapi_schema = schema
    return app.openapi_schema
