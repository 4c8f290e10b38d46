"""Settings of a server."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ecgml.config import Configuration, setting, validate

TOKEN_VARIABLE = "ECGML_TOKEN"
"""Environment variable of the bearer token; an option could be read by other users of the machine."""


@dataclass(frozen=True)
class ServerSettings:
    """Settings of a server."""

    host: str = setting("127.0.0.1", "Address to listen on; 0.0.0.0: all networks of this machine")
    port: int = setting(8000, "Port to listen on", low=1, high=65_535)
    workers: int = setting(1, "Number of processes", low=1, high=256)
    device: str = setting("auto", "auto, cpu, cuda, cuda:N or mps")
    poll_s: float = setting(5.0, "Interval at which an alias is looked up, s; 0: never", low=0, high=86_400)
    queue: int = setting(256, "Records that may wait; more are refused with 503 and Retry-After", low=1, high=100_000)
    max_batch: int = setting(64, "Largest batch, records", low=1, high=4096)
    max_body_mb: float = setting(64.0, "Largest request, MB", low=0.001, high=4096)
    max_unpacked_mb: float = setting(256.0, "Largest content of packed files of a request, MB", low=0.001, high=65_536)
    max_records: int = setting(256, "Most records of one request", low=1, high=100_000)
    body_timeout_s: float = setting(30.0, "Time within which a client must send a request, s", low=0.1, high=86_400)
    timeout_s: float = setting(60.0, "Time in which a request is answered, s", low=0.1, high=86_400)
    rate_limit: int = setting(0, "Requests per minute of one client address; 0: no limit", low=0, high=1_000_000)
    feedback: str = setting(
        "", "CSV file for reviews sent to /v1/feedback; empty: reviews are disabled", metavar="FILE"
    )
    tls_cert: str = setting("", "Certificate chain (PEM); with --tls-key the server speaks HTTPS", metavar="FILE")
    tls_key: str = setting("", "Private key of the certificate (PEM)", metavar="FILE")

    def __post_init__(self) -> None:
        validate(self)

    @property
    def token(self) -> str:
        """The bearer token that clients must send; empty where none is asked for."""
        return os.environ.get(TOKEN_VARIABLE, "")


@dataclass(frozen=True, kw_only=True)
class ServeConfiguration(Configuration):
    """The settings of `ecgml serve`."""

    server: ServerSettings
