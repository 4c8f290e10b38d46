"""One file from a host that truncates, stalls, refuses ranges, changes its mind or sends wrong bytes."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from ecgml.cohorts.download.checksums import Digest, digest_of
from ecgml.cohorts.download.faults import RetryPolicy
from ecgml.cohorts.download.fetching import CHUNK_BYTES, Fetcher, Stopped
from ecgml.cohorts.download.part import RESUMED_BYTES
from ecgml.errors import DownloadError
from tests.cohorts.host import (
    Host,
    endless,
    etag_of,
    instead,
    no_answer,
    partial,
    stall,
    status,
    truncate,
)

QUICK = RetryPolicy(connect_s=5.0, stall_s=10.0, attempts=4, first_wait_s=0.005, longest_wait_s=0.5)
# Only for hosts that stall: a busy machine is slower than that now and then.
IMPATIENT = replace(QUICK, stall_s=0.2)
LARGE = bytes(range(256)) * (3 * RESUMED_BYTES // 256)
SMALL = LARGE[:1000]


def sha256(content: bytes) -> Digest:
    return Digest("sha256", hashlib.sha256(content).hexdigest())


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host({"large": LARGE, "small": SMALL})
    yield made
    made.close()


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def fetcher(notes: list[str]) -> Iterator[Fetcher]:
    made = Fetcher(QUICK, threading.Event(), notes.append)
    yield made
    made.close()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["small", "large"])
def test_a_file_is_fetched_once_and_leaves_nothing_beside_it(host, fetcher, out, name):
    content = host.files[name]
    got = fetcher.ensure([f"{host.url}/{name}"], out / name, sha256(content))
    assert (got.digest, got.n_bytes, fetcher.n_bytes, fetcher.n_expected) == (sha256(content), *[len(content)] * 3)
    again = fetcher.ensure([f"{host.url}/{name}"], out / name, sha256(content))
    assert (again.digest, again.n_bytes) == (sha256(content), 0)
    assert names(out) == [name]
    assert host.asked(name) == [""]


def test_an_empty_file_is_a_file(host, fetcher, out):
    host.files["RECORDS"] = b""
    assert fetcher.ensure([f"{host.url}/RECORDS"], out / "RECORDS", sha256(b"")).n_bytes == 0
    assert names(out) == ["RECORDS"]


def test_a_file_that_comes_compressed_all_the_same_is_unpacked(host, fetcher, out):
    host.faults["small"] = [instead(gzip.compress(SMALL), Content_Encoding="gzip")]
    assert fetcher.ensure([f"{host.url}/small"], out / "small", sha256(SMALL)).n_bytes == len(SMALL)
    assert len(host.requests) == 1


def test_files_are_asked_for_uncompressed_over_one_connection(host, fetcher, out):
    for number in range(3):
        fetcher.ensure([f"{host.url}/small"], out / str(number), sha256(SMALL))
    assert {headers["Accept-Encoding"] for headers in host.headers} == {"identity"}
    assert {headers["Connection"] for headers in host.headers} == {"keep-alive"}


@pytest.mark.parametrize("fault", [truncate, stall])
@pytest.mark.parametrize("name", ["small", "large"])
def test_what_a_broken_connection_brought_is_gone_on_with(host, fetcher, out, fault, name):
    content = host.files[name]
    fetcher.patience = IMPATIENT if fault is stall else QUICK
    host.faults[name] = [fault(len(content) // 2)]
    assert fetcher.ensure([f"{host.url}/{name}"], out / name, sha256(content)).digest == sha256(content)
    first, second, *_ = host.asked(name)
    assert first == ""
    start = int(second.removeprefix("bytes=").rstrip("-") or 0)
    assert len(content) // 2 - CHUNK_BYTES <= start <= len(content) // 2


def test_a_connection_closed_without_an_answer_is_tried_again(host, fetcher, out):
    host.faults["small"] = [no_answer, no_answer]
    fetcher.ensure([f"{host.url}/large"], out / "large", sha256(LARGE))
    assert fetcher.ensure([f"{host.url}/small"], out / "small", sha256(SMALL)).n_bytes == len(SMALL)


def test_progress_is_no_failure(host, fetcher, out):
    host.faults["large"] = [truncate(RESUMED_BYTES // 4)] * 2 + [truncate(RESUMED_BYTES)] * 2
    host.faults["large"] += [truncate(100)] * 2
    assert fetcher.ensure([f"{host.url}/large"], out / "large", sha256(LARGE)).digest == sha256(LARGE)


def test_a_host_that_stalls_for_good_is_given_up_in_one_line_and_its_bytes_kept(host, fetcher, out):
    fetcher.patience = IMPATIENT
    host.faults["large"] = [stall(2 * RESUMED_BYTES + 2**15)] + [stall(0)] * 9
    with pytest.raises(DownloadError, match=rf"^{host.url}/large: no bytes for 0\.2 s, after [\d,]+ bytes; ") as caught:
        fetcher.ensure([f"{host.url}/large"], out / "large", sha256(LARGE))
    assert "run the same command again to resume" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert names(out) == ["large.part", "large.part.json"]
    kept = (out / "large.part").stat().st_size
    assert kept >= 2 * RESUMED_BYTES + 2**15 - CHUNK_BYTES
    host.released.set()
    host.faults.clear()
    fetcher.patience = QUICK
    assert fetcher.ensure([f"{host.url}/large"], out / "large", sha256(LARGE)).digest == sha256(LARGE)
    assert host.asked("large")[-1] == f"bytes={kept}-"


def test_a_host_without_ranges_sends_all_again(host, fetcher, out):
    host.faults["large"] = [truncate(RESUMED_BYTES), instead(LARGE)]
    assert fetcher.ensure([f"{host.url}/large"], out / "large", sha256(LARGE)).digest == sha256(LARGE)
    assert host.asked("large") == ["", f"bytes={RESUMED_BYTES}-"]


OTHER = LARGE[::-1]


@pytest.mark.parametrize(
    "answer",
    [
        partial(OTHER, RESUMED_BYTES, etag_of(OTHER)),
        partial(LARGE + b"more", RESUMED_BYTES, etag_of(LARGE)),
        partial(LARGE, RESUMED_BYTES - 5, etag_of(LARGE)),
        status(416, Content_Range=f"bytes */{len(LARGE) - 7}"),
        status(416),
    ],
    ids=["etag", "length", "place", "shorter", "no range"],
)
def test_a_range_of_another_edition_is_not_appended(host, fetcher, out, notes, answer):
    host.faults["large"] = [truncate(RESUMED_BYTES), answer]
    assert fetcher.ensure([f"{host.url}/large"], out / "large", sha256(LARGE)).digest == sha256(LARGE)
    assert host.asked("large") == ["", f"bytes={RESUMED_BYTES}-", ""]
    assert notes == []


def test_a_changed_file_is_sent_whole_to_who_has_a_part_of_the_old_one(host, fetcher, out):
    host.faults["large"] = [truncate(RESUMED_BYTES), status(404)]
    with pytest.raises(DownloadError, match="HTTP 404"):
        fetcher.ensure([f"{host.url}/large"], out / "large", sha256(OTHER))
    host.files["large"] = OTHER
    assert fetcher.ensure([f"{host.url}/large"], out / "large", sha256(OTHER)).digest == sha256(OTHER)
    assert host.headers[-1]["If-Range"] == etag_of(LARGE)


def test_a_part_that_was_whole_when_the_process_was_killed_is_not_fetched_again(host, fetcher, out):
    host.faults["large"] = [truncate(RESUMED_BYTES), status(404)]
    with pytest.raises(DownloadError):
        fetcher.ensure([f"{host.url}/large"], out / "large", sha256(LARGE))
    (out / "large.part").write_bytes(LARGE)
    assert fetcher.ensure([f"{host.url}/large"], out / "large", sha256(LARGE)).n_bytes == len(LARGE)
    assert len(host.requests) == 2


def test_a_part_longer_than_the_file_begins_anew(host, fetcher, out):
    host.faults["large"] = [truncate(RESUMED_BYTES), status(404)]
    with pytest.raises(DownloadError):
        fetcher.ensure([f"{host.url}/large"], out / "large", sha256(LARGE))
    (out / "large.part").write_bytes(LARGE + b"more")
    assert fetcher.ensure([f"{host.url}/large"], out / "large", sha256(LARGE)).digest == sha256(LARGE)


@pytest.mark.parametrize("left", [b"", b"{", b"[1]", b'{"etag": "x"}'])
def test_a_part_that_says_not_what_it_is_of_never_ends_up_in_the_file(host, fetcher, out, left):
    out.mkdir()
    (out / "large.part").write_bytes(b"x" * 100)
    if left:
        (out / "large.part.json").write_bytes(left)
    assert fetcher.ensure([f"{host.url}/large"], out / "large", sha256(LARGE)).digest == sha256(LARGE)
    assert names(out) == ["large"]


def test_wrong_bytes_are_deleted_and_fetched_once_more(host, fetcher, out, notes):
    host.faults["small"] = [instead(b"captive portal")]
    assert fetcher.ensure([f"{host.url}/small"], out / "small", sha256(SMALL)).digest == sha256(SMALL)
    assert len(notes) == 1
    assert "small: wrong bytes (sha256:" in notes[0]


def test_a_host_of_wrong_bytes_is_given_up_and_nothing_of_them_stays(host, fetcher, out):
    wrong = sha256(b"what was published")
    with pytest.raises(
        DownloadError,
        match=rf"sends other bytes than the published ones \({sha256(SMALL)}, expected {wrong}\); deleted",
    ):
        fetcher.ensure([f"{host.url}/small"], out / "small", wrong)
    assert names(out) == []
    assert len(host.requests) == 2


def test_the_first_digits_of_a_digest_are_checked_where_no_more_are_known(host, fetcher, out):
    md5 = hashlib.md5(SMALL).hexdigest()
    got = fetcher.ensure([f"{host.url}/small"], out / "small", Digest("md5", md5[:8]))
    assert got.digest == Digest("md5", md5)
    with pytest.raises(DownloadError, match="expected md5:00000000"):
        fetcher.ensure([f"{host.url}/small"], out / "other", Digest("md5", "00000000"))


def test_a_file_that_differs_is_kept_beside_and_replaced(host, fetcher, out, notes):
    out.mkdir()
    (out / "small").write_bytes(b"edited by hand")
    fetcher.ensure([f"{host.url}/small"], out / "small", sha256(SMALL))
    assert digest_of(out / "small") == sha256(SMALL)
    assert (out / "small.differs").read_bytes() == b"edited by hand"
    assert notes == ["small: differs from the published file; kept as small.differs"]


@pytest.mark.parametrize("code", [429, 503])
def test_a_busy_host_is_waited_for_as_long_as_it_asks(host, fetcher, out, code, monkeypatch):
    waits = []
    monkeypatch.setattr(fetcher._stop, "wait", lambda seconds: waits.append(seconds))
    host.faults["small"] = [status(code, Retry_After="0"), status(code), status(code)]
    fetcher.ensure([f"{host.url}/small"], out / "small", sha256(SMALL))
    # Asked for; then the second and third of 0.005, 0.01, 0.02 …
    assert waits == [0.0, 0.01, 0.02]


@pytest.mark.parametrize("asked", ["3600", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_host_that_asks_for_too_long_a_wait_is_not_waited_for(host, fetcher, out, asked):
    host.faults["small"] = [status(503, Retry_After=asked)]
    with pytest.raises(DownloadError, match=r"HTTP 503, asks to wait for [\d,]+ s; run again then"):
        fetcher.ensure([f"{host.url}/small"], out / "small", sha256(SMALL))
    assert len(host.requests) == 1


def test_a_host_that_stays_busy_is_given_up(host, fetcher, out):
    host.faults["small"] = [status(500)] * 9
    with pytest.raises(DownloadError, match="HTTP 500: the host is busy; run the same command"):
        fetcher.ensure([f"{host.url}/small"], out / "small", sha256(SMALL))
    assert len(host.requests) == QUICK.attempts


@pytest.mark.parametrize("code", [202, 401, 403, 404])
def test_a_refusal_is_final_for_its_address_and_the_next_is_asked(host, fetcher, out, code):
    host.files["elsewhere"] = SMALL
    host.faults["small"] = [status(code)] * 2
    addresses = [f"{host.url}/small", f"{host.url}/elsewhere"]
    assert fetcher.ensure(addresses, out / "a", sha256(SMALL)).n_bytes == len(SMALL)
    with pytest.raises(DownloadError, match=rf"{host.url}/small: HTTP {code} instead of the file; pass a mirror as"):
        fetcher.ensure(addresses[:1], out / "b", sha256(SMALL))


def test_redirects_are_followed_to_the_end_and_no_further(host, fetcher, out):
    host.faults["a"] = [status(302, Location="/b?signature=SECRET")]
    host.faults["b"] = [status(301, Location=f"{host.url}/small")]
    assert fetcher.ensure([f"{host.url}/a"], out / "a", sha256(SMALL)).n_bytes == len(SMALL)
    host.faults["a"] = [status(302, Location="/a")] * 99
    with pytest.raises(DownloadError, match="/a: redirects without end"):
        fetcher.ensure([f"{host.url}/a"], out / "b", sha256(SMALL))
    host.faults["a"] = [status(302, Location="ftp://elsewhere/a")]
    with pytest.raises(DownloadError, match="/a: leads to an address that is none"):
        fetcher.ensure([f"{host.url}/a"], out / "b", sha256(SMALL))


def test_a_signed_address_behind_a_redirect_is_never_shown(host, fetcher, out):
    host.faults["a"] = [status(302, Location="/b?signature=SECRET")] * 9
    host.faults["b"] = [status(503)] * 9
    with pytest.raises(DownloadError, match="HTTP 503") as caught:
        fetcher.ensure([f"{host.url}/a"], out / "a", sha256(SMALL))
    assert "SECRET" not in str(caught.value)


def test_a_list_without_digest_must_say_how_long_it_is(host, fetcher, out):
    host.faults["small"] = [endless]
    with pytest.raises(DownloadError, match="small: the host does not say how long it is"):
        fetcher.ensure([f"{host.url}/small"], out / "small", None)
    host.faults["small"] = [endless]
    fetcher.ensure([f"{host.url}/small"], out / "small", sha256(SMALL))
    assert digest_of(out / "small") == sha256(SMALL)


def test_who_is_offline_is_told_so_soon(fetcher, out, monkeypatch):
    def no_name(*args, **keywords):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    with pytest.raises(DownloadError) as caught:
        fetcher.ensure(["https://physionet.org/files/x"], out / "x", None)
    assert str(caught.value) == (
        "https://physionet.org/files/x: no host of that name is found; is this machine online? "
        "Proxies are taken from HTTPS_PROXY and HTTP_PROXY, a mirror from --base-url"
    )


def test_a_closed_port_is_told(fetcher, out):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(DownloadError, match="the host refuses connections; is this machine online"):
            fetcher.ensure([f"http://127.0.0.1:{taken.getsockname()[1]}/x"], out / "x", None)


def test_a_proxy_of_the_environment_is_used(host, fetcher, out, monkeypatch):
    monkeypatch.setenv("http_proxy", host.url)
    fetcher.ensure(["http://mirror.invalid/small"], out / "small", sha256(SMALL))
    assert host.headers[-1]["Host"] == "mirror.invalid"


@pytest.mark.parametrize("proxy", ["http://me:SECRET@127.0.0.1:1", "http://me:SECRET@"])
def test_passwords_are_never_shown(fetcher, out, notes, monkeypatch, proxy):
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(DownloadError, match="HTTP_PROXY") as caught:
        fetcher.ensure(["http://you:SECRET@mirror.invalid/small?token=SECRET"], out / "small", sha256(SMALL))
    assert "SECRET" not in str(caught.value) + "".join(notes)
    assert "\n" not in str(caught.value)


def test_a_certificate_that_is_not_trusted_is_told_with_the_remedy(fetcher, out, monkeypatch):
    def distrust(*args, **options):
        raise requests.exceptions.SSLError("…") from ssl.SSLCertVerificationError(1, "self-signed certificate")

    monkeypatch.setattr(fetcher._session, "get", distrust)
    with pytest.raises(
        DownloadError, match="its certificate is not trusted; where a proxy looks into connections, set"
    ):
        fetcher.ensure(["https://physionet.org/x"], out / "x", None)


def test_a_bundle_of_certificates_that_is_not_there_is_no_fault_of_the_disk(fetcher, out, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    with pytest.raises(DownloadError, match=r"https://127.0.0.1:1/x: .*/nowhere/bundle\.pem"):
        fetcher.ensure(["https://127.0.0.1:1/x"], out / "x", None)


def test_a_file_larger_than_the_disk_is_not_begun(host, fetcher, out, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=len(LARGE) - 1))
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        fetcher.ensure([f"{host.url}/large"], out / "large", sha256(LARGE))
    assert (out / "large.part").stat().st_size == 0
    fetcher.ensure([f"{host.url}/small"], out / "small", sha256(SMALL))


def test_a_stopped_fetcher_keeps_its_part(host, notes, out):
    stop = threading.Event()
    fetcher = Fetcher(QUICK, stop, notes.append)
    host.faults["large"] = [truncate(2 * RESUMED_BYTES), status(503, Retry_After="0.5"), status(503)]
    stop.wait = lambda seconds: True
    with pytest.raises(Stopped):
        fetcher.ensure([f"{host.url}/large"], out / "large", sha256(LARGE))
    fetcher.close()
    assert (out / "large.part").stat().st_size == 2 * RESUMED_BYTES
    assert json.loads((out / "large.part.json").read_text())["total"] == len(LARGE)
