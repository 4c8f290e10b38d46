"""One file from an HTTP host: resumed, with patience, checked, and whole or not there.

`requests` rather than urllib: a data set of 90,000 small files needs connections that stay open, and proxies, redirects
and certificates are then as everywhere else in Python. It is MLflow's own HTTP library.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from ecgml import __version__
from ecgml.cohorts.download.checksums import Digest, digest_of
from ecgml.cohorts.download.receipt import set_aside, write_whole
from ecgml.cohorts.download.sources import shown_address
from ecgml.errors import DownloadError

CHUNK_BYTES = 2**14
"""What a connection that breaks may take with it; larger chunks are hardly faster."""
RESUMED_BYTES = 2**20
"""Smaller files begin anew after a kill: to note for each which edition a part is of would cost more than it saves.
Also what an attempt must bring to count as a success in the middle of a file."""

_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})
_OFFLINE = "is this machine online? Proxies are taken from HTTPS_PROXY and HTTP_PROXY, a mirror from --base-url"
_GO_ON = "the same command goes on where it stopped; or try another --base-url"


@dataclass(frozen=True)
class Patience:
    """How long to wait for a host."""

    connect_s: float = 10.0
    """For a connection, s."""
    stall_s: float = 30.0
    """For the next bytes, s."""
    attempts: int = 6
    """For a file, without progress in between."""
    first_wait_s: float = 1.0
    """Before the second attempt, s; doubled for each further one."""
    longest_wait_s: float = 120.0
    """At most, s; a host that asks for more is not waited for."""


@dataclass(frozen=True)
class Fetched:
    """A file that is there, whole."""

    digest: Digest
    """Its own, whole."""
    n_bytes: int
    """Fetched now; 0 where it was there already."""


class Stopped(Exception):
    """Another thread asked to stop."""


class _Passing(Exception):
    """A failure that another attempt may not meet."""

    def __init__(self, reason: str, *, wait_s: float | None = None, is_offline: bool = False) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.is_offline = is_offline


class Fetcher:
    """Fetches one file after the other over one connection.

    Parameters
    ----------
    patience : Patience
    stop : threading.Event
        Ends the work of this and other fetchers at their next bytes.
    note : callable
        Called with a line for a person.
    reached : set of str, optional
        Hosts that have answered; shared by fetchers that work together.
    """

    def __init__(
        self,
        patience: Patience,
        stop: threading.Event,
        note: Callable[[str], None],
        reached: set[str] | None = None,
    ) -> None:
        self.patience = patience
        self._stop = stop
        self._note = note
        self._reached = set() if reached is None else reached
        self._done_bytes = self._part_bytes = self._part_total = 0
        self._session = requests.Session()
        # Compressed on the way, a file could not be gone on with in the middle.
        self._session.headers.update({"User-Agent": f"ecgml/{__version__}", "Accept-Encoding": "identity"})

    @property
    def n_bytes(self) -> int:
        """Bytes of the files fetched and of the one under way."""
        return self._done_bytes + self._part_bytes

    @property
    def n_expected(self) -> int:
        """Bytes that these files have when they are whole, as far as their hosts say."""
        return self._done_bytes + max(self._part_total, self._part_bytes)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def ensure(self, addresses: Sequence[str], path: Path, expected: Digest | None) -> Fetched:
        """Make sure that a file is there and is the published one.

        Parameters
        ----------
        addresses : sequence of str
            Each is asked when the one before it does not give the file. Without any, the file must be there.
        path : Path
            Where to. A file there that is not the published one is kept beside as ``NAME.differs``.
        expected : Digest, optional
            Without one, a file that is there is fetched anew.

        Raises
        ------
        DownloadError
            If no address gives it.
        OSError
            If it cannot be written.
        Stopped
            If `stop` was set; ``NAME.part`` stays and is gone on with.
        """
        part = _Part(path)
        if expected is not None and path.is_file():
            there = digest_of(path, expected.algorithm)
            if there.agrees_with(expected):
                part.discard()
                return Fetched(there, 0)
        if not addresses:
            raise DownloadError(f"{path}: is {'not as published' if path.is_file() else 'missing'}")
        path.parent.mkdir(parents=True, exist_ok=True)
        errors = []
        for address in addresses:
            try:
                got = self._fetch(address, part, expected)
            except DownloadError as error:
                errors.append(error)
                continue
            finally:
                self._part_bytes = self._part_total = 0
            n_bytes = part.size
            if path.exists():
                self._note(f"{path.name}: differs from the published file; kept as {set_aside(path)}")
            part.finish()
            self._done_bytes += n_bytes
            return Fetched(got, n_bytes)
        raise errors[0]

    def _fetch(self, address: str, part: _Part, expected: Digest | None) -> Digest:
        """Bring a part to its end and return its digest, which agrees with the expected one."""
        shown, failures, has_differed = shown_address(address), 0, False
        if _host(address) not in self._reached:
            _check_proxy(address)
        while True:
            before = part.size
            try:
                self._receive(address, part, is_checked=expected is not None)
            except _Passing as failure:
                failures = 1 if part.size - before >= RESUMED_BYTES else failures + 1
                # Who is offline from the start is told so soon; who was online is waited for.
                is_offline = failure.is_offline and _host(address) not in self._reached
                if failures >= min(self.patience.attempts, 2 if is_offline else self.patience.attempts):
                    raise DownloadError(f"{shown}: {failure}; {_OFFLINE if is_offline else _GO_ON}") from None
                wait_s = min(self.patience.first_wait_s * 2 ** (failures - 1), self.patience.longest_wait_s)
                if self._stop.wait(wait_s if failure.wait_s is None else failure.wait_s):
                    raise Stopped from None
                continue
            got = digest_of(part.path, expected.algorithm if expected else "sha256")
            if expected is None or got.agrees_with(expected):
                return got
            # What came in pieces, or through a disturbed proxy, may be right the second time.
            part.discard()
            if has_differed:
                raise DownloadError(
                    f"{shown}: sends other bytes than the published ones ({got}, expected {expected}); deleted; "
                    "try later, or another --base-url"
                )
            has_differed = True
            self._note(f"{shown}: wrong bytes ({got}, expected {expected}); deleted, fetching again")

    def _receive(self, address: str, part: _Part, *, is_checked: bool) -> None:
        """Bring a part nearer to its end with one request; return when it is as long as the host says."""
        offset = part.size
        if offset and offset == part.edition.get("total"):
            return
        with self._ask(address, part) as response:
            edition = _edition(response)
            total = edition.get("total")
            if response.status_code == 416 and offset and total == offset:
                return
            if response.status_code == 416 or (response.status_code == 206 and not part.goes_on(response, edition)):
                part.discard()
                raise _Passing("the file changed at the host while it was fetched", wait_s=0.0)
            if response.status_code not in (200, 206):
                raise self._refusal(shown_address(address), part, response)
            if response.status_code == 200:
                part.begin(edition)
            if not (is_checked or total is not None or "Transfer-Encoding" in response.headers):
                raise DownloadError(f"{shown_address(address)}: the host does not say how long it is; try another")
            part.require_room(total)
            self._part_bytes, self._part_total = part.size, total or 0
            try:
                self._write(response, part)
            except requests.RequestException as error:
                raise self._explained(error, address, part) from None
        if total is not None and part.size != total:
            raise _Passing(f"ended after {part.size:,} of {total:,} bytes")

    def _ask(self, address: str, part: _Part) -> requests.Response:
        """Ask for a file, or for what a part lacks of it."""
        headers = {}
        if part.size:
            headers["Range"] = f"bytes={part.size}-"
            if part.edition.get("etag", "").startswith('"'):
                headers["If-Range"] = part.edition["etag"]
        timeouts = (self.patience.connect_s, self.patience.stall_s)
        try:
            response = self._session.get(address, headers=headers, stream=True, timeout=timeouts)
        except requests.RequestException as error:
            raise self._explained(error, address, part) from None
        except OSError as error:
            # Not of the connection, which the library wraps: REQUESTS_CA_BUNDLE names no file.
            raise DownloadError(f"{shown_address(address)}: {error}") from None
        self._reached.add(_host(address))
        return response

    def _write(self, response: requests.Response, part: _Part) -> None:
        with part.path.open("ab") as file:
            for chunk in response.iter_content(CHUNK_BYTES):
                if self._stop.is_set():
                    raise Stopped
                file.write(chunk)
                self._part_bytes += len(chunk)

    def _refusal(self, shown: str, part: _Part, response: requests.Response) -> Exception:
        """Return what to raise for a status that brings no bytes."""
        status = response.status_code
        if status not in _BUSY:
            return DownloadError(
                f"{shown}: HTTP {status} instead of the file; pass a mirror as --base-url, or put the file at "
                f"{part.target} by other means, and run again"
            )
        wait_s = _retry_after(response)
        if wait_s is not None and wait_s > self.patience.longest_wait_s:
            return DownloadError(f"{shown}: HTTP {status}, asks to wait for {wait_s:,.0f} s; run again then")
        return _Passing(f"HTTP {status}: the host is busy", wait_s=wait_s)

    def _explained(self, error: requests.RequestException, address: str, part: _Part) -> Exception:
        """Return what to raise for a failed request; the library's own texts may hold signed addresses or passwords."""
        causes = list(_causes(error))
        shown = shown_address(address)
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return DownloadError(
                f"{shown}: its certificate is not trusted; where a proxy looks into connections, set "
                "REQUESTS_CA_BUNDLE to the file of its certificates"
            )
        if isinstance(error, requests.TooManyRedirects):
            return DownloadError(f"{shown}: redirects without end; try another --base-url")
        if isinstance(error, ValueError):
            return DownloadError(f"{shown}: leads to an address that is none; try another --base-url")
        if isinstance(error, requests.exceptions.ProxyError):
            return _Passing("the proxy of HTTPS_PROXY or HTTP_PROXY gives no connection", is_offline=True)
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return _Passing("no host of that name is found", is_offline=True)
        if isinstance(error, requests.ConnectTimeout):
            return _Passing(f"no connection within {self.patience.connect_s:g} s", is_offline=True)
        if any(isinstance(cause, TimeoutError) for cause in causes):
            return _Passing(f"no bytes for {self.patience.stall_s:g} s, after {part.size:,} bytes")
        if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
            return _Passing("the host refuses connections", is_offline=True)
        if any(isinstance(cause, OSError) and cause.errno in _NO_WAY for cause in causes):
            return _Passing("no network leads to the host", is_offline=True)
        return _Passing(f"the connection broke off after {part.size:,} bytes")


class _Part:
    """A file on its way: NAME.part, and beside it NAME.part.json, which says of what edition it is a part."""

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
            write_whole(self._notes, json.dumps(edition).encode())

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
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(self.path, self.target)
        self.discard()


def _check_proxy(address: str) -> None:
    """Refuse a proxy's address that the library would stumble over, without showing the password that may be in it."""
    proxy = requests.utils.select_proxy(address, requests.utils.get_environ_proxies(address))
    if proxy:
        try:
            parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
            fits = bool(parts.hostname) and parts.port != 0
        except ValueError:
            fits = False
        if not fits:
            raise DownloadError("HTTPS_PROXY, HTTP_PROXY or ALL_PROXY is no proxy's address; give http://host:port")


def _edition(response: requests.Response) -> dict[str, Any]:
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


def _retry_after(response: requests.Response) -> float | None:
    """Return what a busy host asks to wait, s."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what it was raised from."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _host(address: str) -> str:
    return address.partition("://")[2].partition("/")[0]
