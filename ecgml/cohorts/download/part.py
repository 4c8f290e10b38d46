"""A partly downloaded file, and the edition that it belongs to."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests

from ecgml.cohorts.download.receipt import write_file
from ecgml.saving import put

RESUMED_BYTES = 2**20
"""Smaller files begin anew after a kill: to note for each which edition a part is of would cost more than it saves."""


class Part:
    """NAME.part, and beside it NAME.part.json, which says of which edition it is a part."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self._notes = target.with_name(f"{target.name}.part.json")
        self.edition: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            noted = json.loads(self._notes.read_text(encoding="utf-8"))
            self.edition = noted if isinstance(noted, dict) else {}
        if not self.edition:
            self.discard()

    @property
    def size(self) -> int:
        """Bytes that are there."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def begin(self, edition: dict[str, Any]) -> None:
        """Begin anew, with an edition of the file."""
        self.discard()
        self.edition = edition
        self.path.touch()
        if edition.get("total", RESUMED_BYTES) >= RESUMED_BYTES:
            write_file(self._notes, json.dumps(edition).encode())

    def goes_on(self, response: requests.Response, edition: dict[str, Any]) -> bool:
        """Whether a partial answer begins where this part ends, and is of the same edition."""
        starts = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        same = all(edition[key] == self.edition[key] for key in edition.keys() & self.edition.keys())
        return bool(self.size and starts and int(starts[1]) == self.size and same)

    def require_room(self, total: int | None) -> None:
        """Raise the error of a full disk before the disk is full."""
        if total is not None and total - self.size > shutil.disk_usage(self.path.parent).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.target))

    def discard(self) -> None:
        """Remove what is there."""
        self.edition = {}
        for path in (self.path, self._notes):
            path.unlink(missing_ok=True)

    def finish(self) -> None:
        """Give the file its name."""
        put(self.path, self.target)
        self.discard()


def edition_of(response: requests.Response) -> dict[str, Any]:
    """Return what tells one edition of a file from another: ETag, time of change, length."""
    headers = response.headers
    if response.status_code in (206, 416):
        length = headers.get("Content-Range", "").rpartition("/")[2]
    else:
        # Of a file that is compressed in spite of the request, this is the compressed length.
        length = "" if "Content-Encoding" in headers else headers.get("Content-Length", "")
    named = {"etag": headers.get("ETag"), "modified": headers.get("Last-Modified")}
    return {key: value for key, value in named.items() if value} | (
        {"total": int(length)} if length.isdecimal() else {}
    )
