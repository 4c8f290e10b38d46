"""Fetch one file from an HTTP host: resumable, with retries, checked, complete or absent.

`requests` rather than urllib: a data set of 90,000 small files needs connections that stay open, and proxies, redirects
and certificates are then as everywhere else in Python. It is MLflow's own HTTP library.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from ecgml import __version__
from ecgml.cohorts.download.checksums import Digest, digest_of
from ecgml.cohorts.download.faults import RetryPolicy, TransientError, check_proxy, fault_of_status, fault_of_way
from ecgml.cohorts.download.part import Part, edition_of
from ecgml.cohorts.download.receipt import set_aside
from ecgml.cohorts.download.sources import shown_address
from ecgml.errors import DownloadError

CHUNK_BYTES = 2**14
"""What a connection that breaks may take with it; larger chunks are hardly faster."""
PROGRESS_BYTES = 2**20
"""An attempt that brings so many is no failure, wherever it ends."""

_OFFLINE = "is this machine online? Proxies are taken from HTTPS_PROXY and HTTP_PROXY, a mirror from --base-url"
_GO_ON = "run the same command again to resume, or try another --base-url"


@dataclass(frozen=True)
class Fetched:
    """A file that is there, whole."""

    digest: Digest
    """Its own, whole."""
    n_bytes: int
    """Fetched now; 0 where it was there already."""


class Stopped(Exception):
    """Another thread asked to stop."""


class Fetcher:
    """Fetches one file after the other over one connection.

    Parameters
    ----------
    patience : RetryPolicy
    stop : threading.Event
        Ends the work of this and other fetchers at their next bytes.
    note : callable
        Called with a line for a person.
    reached : set of str, optional
        Hosts that have answered; shared by fetchers that work together.
    """

    def __init__(
        self,
        patience: RetryPolicy,
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
        part = Part(path)
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

    def _fetch(self, address: str, part: Part, expected: Digest | None) -> Digest:
        """Bring a part to its end and return its digest, which agrees with the expected one."""
        shown, failures, has_differed = shown_address(address), 0, False
        if _host(address) not in self._reached:
            check_proxy(address)
        while True:
            before = part.size
            try:
                self._receive(address, part, is_checked=expected is not None)
            except TransientError as failure:
                failures = 1 if part.size - before >= PROGRESS_BYTES else failures + 1
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

    def _receive(self, address: str, part: Part, *, is_checked: bool) -> None:
        """Bring a part nearer to its end with one request; return when it is as long as the host says."""
        offset = part.size
        if offset and offset == part.edition.get("total"):
            return
        with self._ask(address, part) as response:
            edition = edition_of(response)
            total = edition.get("total")
            if response.status_code == 416 and offset and total == offset:
                return
            if response.status_code == 416 or (response.status_code == 206 and not part.goes_on(response, edition)):
                part.discard()
                raise TransientError("the file changed at the host while it was fetched", wait_s=0.0)
            if response.status_code not in (200, 206):
                raise fault_of_status(response, address, part.target, self.patience)
            if response.status_code == 200:
                part.begin(edition)
            if not (is_checked or total is not None or "Transfer-Encoding" in response.headers):
                raise DownloadError(f"{shown_address(address)}: the host does not say how long it is; try another")
            part.require_room(total)
            self._part_bytes, self._part_total = part.size, total or 0
            try:
                self._write(response, part)
            except requests.RequestException as error:
                raise fault_of_way(error, address, part.size, self.patience) from None
        if total is not None and part.size != total:
            raise TransientError(f"ended after {part.size:,} of {total:,} bytes")

    def _ask(self, address: str, part: Part) -> requests.Response:
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
            raise fault_of_way(error, address, part.size, self.patience) from None
        except OSError as error:
            # Not of the connection, which the library wraps: REQUESTS_CA_BUNDLE names no file.
            raise DownloadError(f"{shown_address(address)}: {error}") from None
        self._reached.add(_host(address))
        return response

    def _write(self, response: requests.Response, part: Part) -> None:
        with part.path.open("ab") as file:
            for chunk in response.iter_content(CHUNK_BYTES):
                if self._stop.is_set():
                    raise Stopped
                file.write(chunk)
                self._part_bytes += len(chunk)


def _host(address: str) -> str:
    return address.partition("://")[2].partition("/")[0]
