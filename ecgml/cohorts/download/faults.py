"""Faults of downloads: which are transient, and remedies for the others.

The HTTP library's own texts are never shown: signed addresses and passwords may be in them.
"""

from __future__ import annotations

import errno
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import requests

from ecgml.cohorts.download.sources import shown_address
from ecgml.errors import DownloadError

_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})


@dataclass(frozen=True)
class RetryPolicy:
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


class TransientError(Exception):
    """A failure that another attempt may not meet.

    Parameters
    ----------
    reason : str
    wait_s : float, optional
        How long the host asks to wait, s.
    is_offline : bool
        Whether there was no way to the host at all.
    """

    def __init__(self, reason: str, *, wait_s: float | None = None, is_offline: bool = False) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.is_offline = is_offline


def fault_of_status(response: requests.Response, address: str, target: Path, patience: RetryPolicy) -> Exception:
    """Return what to raise for a status that brings no bytes of a file: `TransientError` or `DownloadError`."""
    shown, status = shown_address(address), response.status_code
    if status not in _BUSY:
        return DownloadError(
            f"{shown}: HTTP {status} instead of the file; pass a mirror as --base-url, or put the file at "
            f"{target} by other means, and run again"
        )
    wait_s = _retry_after(response)
    if wait_s is not None and wait_s > patience.longest_wait_s:
        return DownloadError(f"{shown}: HTTP {status}, asks to wait for {wait_s:,.0f} s; run again then")
    return TransientError(f"HTTP {status}: the host is busy", wait_s=wait_s)


def fault_of_way(error: requests.RequestException, address: str, n_bytes: int, patience: RetryPolicy) -> Exception:
    """Return what to raise for a request that failed with so many bytes there: `TransientError` or `DownloadError`."""
    shown, causes = shown_address(address), list(_causes(error))
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
        return TransientError("the proxy of HTTPS_PROXY or HTTP_PROXY gives no connection", is_offline=True)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return TransientError("no host of that name is found", is_offline=True)
    if isinstance(error, requests.ConnectTimeout):
        return TransientError(f"no connection within {patience.connect_s:g} s", is_offline=True)
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return TransientError(f"no bytes for {patience.stall_s:g} s, after {n_bytes:,} bytes")
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return TransientError("the host refuses connections", is_offline=True)
    if any(isinstance(cause, OSError) and cause.errno in _NO_WAY for cause in causes):
        return TransientError("no network leads to the host", is_offline=True)
    return TransientError(f"the connection broke off after {n_bytes:,} bytes")


def check_proxy(address: str) -> None:
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
