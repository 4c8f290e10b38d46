"""Checks of every request: id, token, rate, size and time; faults are reported in one line.

Plain ASGI: a body is counted while it arrives.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import sys
import traceback
import uuid
from collections import OrderedDict
from time import monotonic, perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ecgml.server.monitoring import Monitor
from ecgml.server.settings import ServerSettings

PROBES = ("/ping", "/health", "/v2/health/live", "/v2/health/ready")
"""Paths of probes, free of token and rate limit."""

_ID = "ecgml.request_id"
_CLIENTS = 10_000  # clients with a known rate; the least recent is dropped
_log = logging.getLogger("ecgml.server.requests")


class Refused(Exception):
    """Raised when a request is refused.

    Parameters
    ----------
    status : int
    text : str
        One line for the client.
    headers : mapping of str to str, optional
    """

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.headers = status, text, headers or {}


class Guard:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, settings: ServerSettings, monitor: Monitor) -> None:
        self._app, self._settings, self._monitor = app, settings, monitor
        self._allowed: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, name = perf_counter(), uuid.uuid4().hex[:16]
        scope[_ID], state = name, {"status": 0}

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                state["status"] = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", name.encode())]
            await send(message)

        try:
            self._check(scope)
            received = _Body(receive, int(self._settings.max_body_mb * 1e6), self._settings.body_timeout_s)
            await asyncio.wait_for(self._app(scope, received, send_noted), self._settings.timeout_s)
        except Refused as refused:
            await _refuse(state, send_noted, refused.status, refused.text, refused.headers)
        except TimeoutError:
            await _refuse(state, send_noted, 504, f"not answered within {self._settings.timeout_s:g} s", {})
        except asyncio.CancelledError:
            state["status"] = 499
            raise
        except Exception as error:
            # Without its message, which may quote waveform values or a file name.
            _log.error(json.dumps({"id": name, "fault": type(error).__name__, "at": _frames(error)}))
            await _refuse(state, send_noted, 500, failed(scope), {})
        finally:
            self._note(scope, state["status"], perf_counter() - started, name)

    def _check(self, scope: Scope) -> None:
        headers = dict(scope["headers"])
        token = self._settings.token
        if token and scope["path"] not in (*PROBES, "/") and not scope["path"].startswith("/page/"):
            sent = headers.get(b"authorization", b"").decode("latin-1")
            if not hmac.compare_digest(sent.encode(), f"Bearer {token}".encode()):
                raise Refused(
                    401, "missing bearer token: send Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"}
                )
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._settings.max_body_mb * 1e6:
            raise _too_large(self._settings.max_body_mb)
        if self._settings.rate_limit and scope["path"] not in PROBES and scope.get("client"):
            self._check_rate(scope["client"][0])

    def _check_rate(self, client: str) -> None:
        """Apply a token bucket that holds a minute's requests."""
        limit, now = float(self._settings.rate_limit), monotonic()
        left, at = self._allowed.pop(client, (limit, now))
        left = min(limit, left + (now - at) * limit / 60)
        self._allowed[client] = (max(0.0, left - 1), now)
        if len(self._allowed) > _CLIENTS:
            self._allowed.popitem(last=False)
        if left < 1:
            wait_s = max(1, round((1 - left) * 60 / limit))
            raise Refused(429, f"more than {limit:g} requests a minute; wait {wait_s} s", {"Retry-After": str(wait_s)})

    def _note(self, scope: Scope, status: int, seconds: float, name: str) -> None:
        # The route, not the path: an invented path would be a new label, and may name a patient.
        route = getattr(scope.get("route"), "path", "") or "other"
        self._monitor.requests.labels(route, str(status)).inc()
        self._monitor.seconds.labels(route).observe(seconds)
        if route not in PROBES:
            line = {"id": name, "method": scope["method"], "route": route, "status": status}
            _log.info(json.dumps(line | {"ms": round(seconds * 1000, 1)}))


def request_id(scope: Scope) -> str:
    """Return a request's id, as in its log line and the header ``X-Request-ID``."""
    return str(scope[_ID])


def failed(scope: Scope) -> str:
    """Return the message to a client about an internal error."""
    return f"the server failed on this request; see its log ({request_id(scope)})"


def _frames(error: Exception) -> list[str]:
    """Return the stack of an exception, innermost last."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-8:]]


class _Body:
    """Receives a request's body within size and time."""

    def __init__(self, receive: Receive, max_bytes: int, timeout_s: float) -> None:
        self._receive, self._left, self._max_bytes = receive, max_bytes, max_bytes
        self._until, self._whole = monotonic() + timeout_s, False
        self._timeout_s = timeout_s

    async def __call__(self) -> Message:
        if self._whole:  # a later receive waits for the disconnect
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._until - monotonic()))
        except TimeoutError:
            raise Refused(
                408, f"the request did not arrive within {self._timeout_s:g} s", {"Connection": "close"}
            ) from None
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._left < 0:
                raise _too_large(self._max_bytes / 1e6)
        return message


def _too_large(max_mb: float) -> Refused:
    return Refused(
        413, f"the request is larger than {max_mb:g} MB; send fewer records per request", {"Connection": "close"}
    )


async def _refuse(state: dict[str, Any], send: Send, status: int, text: str, headers: dict[str, str]) -> None:
    if state["status"]:
        return  # the response has begun
    body = json.dumps({"error": text}).encode()
    listed = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    listed += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": body})


def log_as_json() -> None:
    """Send the server's log to standard error, a JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logger = logging.getLogger("ecgml.server")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        line: dict[str, Any] = {"time": self.formatTime(record), "level": record.levelname.lower()}
        line |= json.loads(text) if text.startswith("{") else {"message": text}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)
