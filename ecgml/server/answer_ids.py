"""Signed ids of answers, with which any process of the server accepts reviews, also after a restart.

An id contains class, abstention and model version, and nothing of the ECG; none is stored.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import astuple, dataclass
from pathlib import Path

from ecgml.errors import ConfigError

_SIGNATURE_BYTES = 12
_LONGEST = 512


@dataclass(frozen=True)
class Answered:
    """The content of an id.

    Parameters
    ----------
    request : str
        The request's id and the record's number in it.
    rhythm : str
        The predicted class.
    abstained : bool
    version : str
        Of the model.
    """

    request: str
    rhythm: str
    abstained: bool
    version: str


class AnswerIds:
    """Issues and verifies ids.

    Parameters
    ----------
    key : bytes
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def beside(cls, path: Path | None) -> AnswerIds:
        """Sign with a key stored beside a file, created if missing; without a file, with a key of this process.

        Raises
        ------
        ConfigError
            If it cannot be written or read.
        """
        if path is None:
            return cls(secrets.token_bytes(32))
        place = path.with_name(f"{path.name}.key")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            made = place.with_name(f".{place.name}.{os.getpid()}")
            with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
            with contextlib.suppress(FileExistsError):  # the first process decides; complete or absent
                os.link(made, place)
            made.unlink()
            return cls(place.read_bytes())
        except OSError as error:
            raise ConfigError(f"--feedback {path}: {place}: {error.strerror or error}") from None

    def make(self, answered: Answered) -> str:
        """Return an answer's id."""
        content = json.dumps(astuple(answered), separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._signature(content) + content).decode().rstrip("=")

    def read(self, text: str) -> Answered | None:
        """Return the content of an id, or None if this server did not issue it."""
        if len(text) > _LONGEST:
            return None
        try:
            raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True)
        except ValueError:
            return None
        signature, content = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(content)):
            return None
        answered = Answered(*json.loads(content))
        return answered if self.make(answered) == text else None  # only one spelling of an id is valid

    def _signature(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, hashlib.sha256)[:_SIGNATURE_BYTES]
