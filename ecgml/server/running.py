"""Run the server with uvicorn: port, workers, shutdown."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import asdict
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.supervisors import Multiprocess

from ecgml.errors import ConfigError
from ecgml.server.app import ENVIRONMENT, make_app
from ecgml.server.guard import log_as_json
from ecgml.server.loading import load_model
from ecgml.server.monitoring import MULTIPROCESS
from ecgml.server.settings import TOKEN_VARIABLE, ServerSettings

HEADER_TIMEOUT_S = 10.0
"""Time within which a client must send a request's headers, s."""

DRAIN_S = 30
"""Time within which pending requests are answered after SIGTERM, s."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class _ImpatientProtocol(H11Protocol):
    """Closes a connection whose headers do not arrive in time; uvicorn itself waits forever."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEADER_TIMEOUT_S, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()  # the headers have arrived
        elif self._timer is None:  # of a further request on this connection
            self._timer = self.loop.call_later(HEADER_TIMEOUT_S, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def serve(address: str, settings: ServerSettings, say: Callable[[str], None]) -> None:
    """Serve a model until SIGTERM or Ctrl-C; pending requests are still answered.

    Parameters
    ----------
    address : str
        A checkpoint folder, ``runs:/…`` or ``models:/…``.
    settings : ServerSettings
    say : callable
        Takes lines for a person.

    Raises
    ------
    EcgmlError
        If the model cannot be loaded, the port is in use, or certificate or key are not valid.
    """
    listener = _listen(settings)
    try:
        tls = _tls(settings)
        if settings.host not in _LOOPBACK and not settings.token:
            say(f"warning: {settings.host}:{settings.port} is open to all: set {TOKEN_VARIABLE} to require a token")
        options: dict[str, Any] = {
            "http": _ImpatientProtocol,
            "access_log": False,
            "log_level": "warning",
            "timeout_graceful_shutdown": DRAIN_S,
            "h11_max_incomplete_event_size": 64 * 1024,
            "server_header": False,
            "lifespan": "on",
            **tls,
        }
        scheme = "https" if tls else "http"
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        if settings.workers == 1:
            log_as_json()
            model = load_model(address, settings.device)
            say(f"{model.pinned} answers at {scheme}://{host}:{settings.port} (Ctrl-C stops)")
            uvicorn.Server(uvicorn.Config(make_app(model, settings), **options)).run(sockets=[listener])
            return
        make_app(
            load_model(address, "cpu"), settings
        )  # loading and writing problems are reported here, not by each worker
        os.environ[ENVIRONMENT] = json.dumps({"address": address, "settings": asdict(settings)})
        with TemporaryDirectory(prefix="ecgml-metrics-") as folder:
            os.environ[MULTIPROCESS] = folder
            config = uvicorn.Config(
                "ecgml.server.app:from_environment", factory=True, workers=settings.workers, **options
            )
            say(
                f"{address} answers at {scheme}://{host}:{settings.port} with {settings.workers} processes "
                "(Ctrl-C stops)"
            )
            Multiprocess(config, sockets=[listener]).run()
    finally:
        listener.close()


def _listen(settings: ServerSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With proto 0, asyncio would leave Nagle's algorithm on: 40 ms per answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except (OSError, UnicodeError) as error:
        listener.close()
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise ConfigError(f"port {settings.port} of {settings.host} is in use; choose another, --port N") from None
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"--host {settings.host} --port {settings.port}: {reason}") from None
    listener.listen(2048)
    listener.set_inheritable(True)
    return listener


def _tls(settings: ServerSettings) -> dict[str, str]:
    if not settings.tls_cert and not settings.tls_key:
        return {}
    if not (settings.tls_cert and settings.tls_key):
        raise ConfigError("--tls-cert and --tls-key belong together; give both")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"--tls-cert {settings.tls_cert}, --tls-key {settings.tls_key}: {error}") from None
    return {"ssl_certfile": settings.tls_cert, "ssl_keyfile": settings.tls_key}
