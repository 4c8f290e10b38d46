"""An HTTP host on this machine that serves files, and fails as it is told to."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

Fault = Callable[["Handler", bytes], None]
"""Answers a request in the place of the host; is given what the file holds."""


class Host:
    """A host with files in memory.

    Parameters
    ----------
    files : dict
        Content by path.
    """

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.files = dict(files or {})
        self.faults: dict[str, list[Fault]] = {}
        """By path; each answers one request, in this order, before the host answers as it should."""
        self.requests: list[tuple[str, str]] = []
        """Path and range of each request."""
        self.headers: list[dict[str, str]] = []
        self.released = threading.Event()
        """Ends what waits in a fault."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.host = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve_folder(self, folder: Path, *, sums: bool = True) -> None:
        """Serve the files of a folder, and the list of their digests as PhysioNet has it."""
        lines = []
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            self.files[name] = path.read_bytes()
            lines.append(f"{hashlib.sha256(self.files[name]).hexdigest()} {name}\n")
        if sums:
            self.files["SHA256SUMS.txt"] = "".join(lines).encode()

    def asked(self, name: str) -> list[str]:
        """Return the ranges that a file was asked for, ``""`` for all of it."""
        return [wanted for path, wanted in self.requests if path == name]

    def close(self) -> None:
        """Stop serving."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"
    timeout = 10
    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        """Answer; a client that goes away is no failure of the test."""
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def do_GET(self) -> None:
        host: Host = self.server.host
        name = unquote(urlsplit(self.path).path.lstrip("/"))
        host.requests.append((name, self.headers.get("Range", "")))
        host.headers.append(dict(self.headers))
        faults = host.faults.get(name)
        content = host.files.get(name)
        if faults:
            faults.pop(0)(self, content or b"")
        elif content is None:
            self.answer(404, b"no such file")
        else:
            self.serve(content)

    def serve(self, content: bytes) -> None:
        """Answer as a host should, ranges included."""
        wanted = self.headers.get("Range", "")
        unchanged = self.headers.get("If-Range", etag_of(content)) == etag_of(content)
        common = {"ETag": etag_of(content), "Last-Modified": formatdate(1e9, usegmt=True), "Accept-Ranges": "bytes"}
        if wanted and unchanged:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            else:
                place = f"bytes {start}-{len(content) - 1}/{len(content)}"
                self.answer(206, content[start:], {**common, "Content-Range": place})
        else:
            self.answer(200, content, common)

    def answer(
        self, status: int, content: bytes, headers: dict[str, str] | None = None, *, sent: int | None = None
    ) -> None:
        """Answer with `content`, or with its first `sent` bytes and then nothing more."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[:sent])
        if sent is not None:
            self.wfile.flush()
            self.close_connection = True


def etag_of(content: bytes) -> str:
    """Return the host's name of an edition."""
    return f'"{hashlib.md5(content).hexdigest()}"'


def _rest(handler: Handler, content: bytes) -> tuple[int, bytes, dict[str, str]]:
    """Return what a range asks for."""
    wanted = handler.headers.get("Range", "")
    headers = {"ETag": etag_of(content)}
    if not wanted:
        return 200, content, headers
    start = int(wanted.removeprefix("bytes=").rstrip("-"))
    return 206, content[start:], headers | {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}


def truncate(n_bytes: int) -> Fault:
    """Send so many bytes of what was asked for, then close the connection."""

    def fault(handler: Handler, content: bytes) -> None:
        status, rest, headers = _rest(handler, content)
        handler.answer(status, rest, headers, sent=n_bytes)

    return fault


def stall(n_bytes: int) -> Fault:
    """Send so many bytes of what was asked for, then nothing, with the connection open."""

    def fault(handler: Handler, content: bytes) -> None:
        status, rest, headers = _rest(handler, content)
        handler.answer(status, rest, headers, sent=n_bytes)
        handler.server.host.released.wait(10)

    return fault


def status(code: int, **headers: str) -> Fault:
    """Answer with a status and a page."""

    def fault(handler: Handler, content: bytes) -> None:
        handler.answer(code, b"<html>", {name.replace("_", "-"): value for name, value in headers.items()})

    return fault


def instead(other: bytes, **headers: str) -> Fault:
    """Send all of something else, whatever was asked for."""

    def fault(handler: Handler, content: bytes) -> None:
        handler.answer(200, other, {name.replace("_", "-"): value for name, value in headers.items()})

    return fault


def partial(other: bytes, start: int, etag: str) -> Fault:
    """Answer a range with a part of something else."""

    def fault(handler: Handler, content: bytes) -> None:
        place = f"bytes {start}-{len(other) - 1}/{len(other)}"
        handler.answer(206, other[start:], {"ETag": etag, "Content-Range": place})

    return fault


def no_answer(handler: Handler, content: bytes) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def endless(handler: Handler, content: bytes) -> None:
    """Send without saying how long it is, and close at half of it."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])
    handler.close_connection = True
