"""Whole data sets from a host: what is fetched, what is not fetched again, what is refused."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ecgml.cohorts.cohort import read_entry
from ecgml.cohorts.download import parallel
from ecgml.cohorts.download.checksums import Digest, digest_of, parse_sums
from ecgml.cohorts.download.download import Downloaded, download
from ecgml.cohorts.download.faults import RetryPolicy
from ecgml.cohorts.download.sources import CHAPMAN, ECG_ARRHYTHMIA, PTB_XL, SOURCES, DataSource
from ecgml.cohorts.opening import open_cohort
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.errors import CohortError, ConfigError, DownloadError
from tests.cohorts.host import Host, instead, no_answer, status, truncate
from tests.cohorts.published import chapman_files, chapman_source, write_ptbxl

QUICK = RetryPolicy(connect_s=5.0, stall_s=10.0, attempts=3, first_wait_s=0.005, longest_wait_s=0.5)
N_RECORDS = 12


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="module")
def wfdb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "ecg-arrhythmia"
    write_demo(folder, n_records=N_RECORDS, seed=3, layout="wfdb")
    return folder


@pytest.fixture(scope="module")
def ptbxl(wfdb: Path) -> Path:
    return write_ptbxl(wfdb, wfdb.parent / "ptb-xl")


@pytest.fixture(scope="module")
def demo(wfdb: Path) -> Path:
    folder = wfdb.parent / "chapman"
    write_demo(folder, n_records=N_RECORDS, seed=3)
    return folder


@pytest.fixture(scope="module")
def archived(demo: Path) -> dict[str, bytes]:
    return chapman_files(demo)


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.close()


@pytest.fixture
def chapman(host: Host, archived: dict[str, bytes]) -> DataSource:
    """Return the served Chapman-Shaoxing set."""
    host.files |= archived
    return chapman_source(archived)


def fetch(source: DataSource, out: Path, host: Host, **options) -> Downloaded:
    return download(source, out, base_url=host.url, patience=QUICK, **{"n_jobs": 4, **options})


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


OWN = {"DOWNLOAD.json", ".download.lock", "SHA256SUMS.txt"}


def test_ecg_arrhythmia_comes_as_published_and_opens(host, wfdb, tmp_path):
    host.serve_folder(wfdb)
    done = fetch(ECG_ARRHYTHMIA, tmp_path / "out", host)
    got, published = files_below(tmp_path / "out"), files_below(wfdb)
    assert {name: content for name, content in got.items() if name not in OWN} == published
    assert (done.n_files, done.n_bytes) == (len(published) + 1, sum(map(len, host.files.values())))
    assert done.unproven == {"SHA256SUMS.txt": digest_of(tmp_path / "out" / "SHA256SUMS.txt")}
    cohort = open_cohort(tmp_path / "out")
    assert (cohort.kind, cohort.simulated, len(cohort.entries)) == ("physionet", True, N_RECORDS)
    assert read_entry(cohort.entries[0]).waveform.shape == (12, 5000)


def test_ptb_xl_comes_in_the_part_asked_for_and_opens(host, ptbxl, tmp_path):
    host.serve_folder(ptbxl)
    fetch(PTB_XL, tmp_path, host)
    assert {path.name for path in tmp_path.iterdir()} == {*OWN, "ptbxl_database.csv", "records500"}
    cohort = open_cohort(tmp_path)
    assert (cohort.kind, len(cohort.entries), cohort.warnings) == ("ptbxl", N_RECORDS, ())
    done = fetch(PTB_XL, tmp_path, host, parts=["records100"])
    assert done.n_bytes == sum(len(host.files[name]) for name in host.files if name.startswith("records100"))
    assert json.loads((tmp_path / "DOWNLOAD.json").read_text())["parts"] == ["records100", "records500"]


def test_chapman_is_unpacked_checked_and_opens(host, chapman, demo, tmp_path):
    done = fetch(chapman, tmp_path, host)
    got, published = files_below(tmp_path), files_below(demo)
    assert {name: content for name, content in got.items() if name not in OWN} == published
    assert done.unproven == {}
    listed = parse_sums(got["SHA256SUMS.txt"].decode(), "")
    assert {name: digest.digits for name, digest in listed.items()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in published.items()
    }
    cohort = open_cohort(tmp_path)
    assert (cohort.kind, len(cohort.entries), cohort.warnings) == ("chapman", N_RECORDS, ())
    assert host.asked("ECGDataDenoised.zip") == []


def test_a_digest_that_is_not_wholly_published_is_noted(host, chapman, tmp_path):
    whole = hashlib.md5(host.files["ECGDataDenoised.zip"]).hexdigest()
    done = fetch(chapman, tmp_path, host, parts=["denoised"])
    assert done.unproven == {"ECGDataDenoised.zip": Digest("md5", whole)}
    fetch(chapman, tmp_path, host, parts=["denoised"])
    receipt = json.loads((tmp_path / "DOWNLOAD.json").read_text())
    assert receipt["unproven"] == {"ECGDataDenoised.zip": f"md5:{whole}"}
    assert (receipt["data_set"], receipt["complete"], receipt["from"]) == ("chapman", True, host.url)


@pytest.mark.parametrize("name", ["chapman", "ecg-arrhythmia", "ptb-xl"])
def test_a_whole_data_set_is_checked_without_the_host(host, chapman, wfdb, ptbxl, tmp_path, name):
    source = {**SOURCES, "chapman": chapman}[name]
    if name != "chapman":
        host.serve_folder({"ecg-arrhythmia": wfdb, "ptb-xl": ptbxl}[name])
    first = fetch(source, tmp_path, host)
    host.requests.clear()
    again = fetch(source, tmp_path, host)
    assert host.requests == []
    assert (again.n_files, again.n_bytes) == (first.n_files, 0)


@pytest.mark.parametrize("name", ["chapman", "ecg-arrhythmia"])
def test_only_what_is_missing_or_damaged_is_fetched(host, chapman, wfdb, tmp_path, name):
    if name == "chapman":
        source, pattern = chapman, "*.csv"
    else:
        source, pattern = ECG_ARRHYTHMIA, "*.mat"
        host.serve_folder(wfdb)
    fetch(source, tmp_path, host)
    published = files_below(tmp_path)
    missing, damaged, *_ = sorted(tmp_path.rglob(pattern))
    missing.unlink()
    damaged.write_bytes(b"damaged")
    host.requests.clear()
    notes = []
    fetch(source, tmp_path, host, note=notes.append)
    aside = damaged.relative_to(tmp_path).as_posix() + ".differs"
    got = files_below(tmp_path)
    assert got.pop(aside) == b"damaged"
    del got["DOWNLOAD.json"], published["DOWNLOAD.json"]
    assert got == published
    assert any(f"{damaged.name}: differs from the published file; kept as" in note for note in notes)
    asked = {path for path, _ in host.requests}
    if name == "chapman":
        assert asked == {"ECGData.zip"}
    else:
        assert asked == {path.relative_to(tmp_path).as_posix() for path in (missing, damaged)}
    assert len(open_cohort(tmp_path).entries) == N_RECORDS


def test_a_copy_made_by_other_means_is_taken(host, wfdb, tmp_path):
    host.serve_folder(wfdb)
    shutil.copytree(wfdb, tmp_path / "copied")
    assert fetch(ECG_ARRHYTHMIA, tmp_path / "copied", host).n_bytes == len(host.files["SHA256SUMS.txt"])


def test_an_archive_brought_by_other_means_is_taken(host, chapman, tmp_path):
    (tmp_path / "chapman").mkdir()
    (tmp_path / "chapman" / "ECGData.zip").write_bytes(host.files["ECGData.zip"])
    fetch(chapman, tmp_path / "chapman", host)
    assert host.asked("ECGData.zip") == []


def test_hosts_of_the_data_set_are_asked_by_key_one_after_the_other(host, chapman, tmp_path):
    source = replace(chapman, hosts=(f"{host.url}/down/", f"{host.url}/up/"))
    host.files |= {f"up/{file.key}": host.files[file.name] for file in (*source.files, *source.archives.values())}
    host.faults = {f"down/{file.key}": [status(202)] for file in source.files}
    download(source, tmp_path, patience=QUICK)
    assert len(open_cohort(tmp_path).entries) == N_RECORDS


def test_an_unfinished_download_does_not_open_until_it_is_finished(host, wfdb, tmp_path):
    host.serve_folder(wfdb)
    name = next(name for name in host.files if name.endswith(".mat"))
    host.faults[name] = [status(404)]
    with pytest.raises(DownloadError, match=rf"1 of \d+ files failed; the first: {host.url}/{name}: HTTP 404"):
        fetch(ECG_ARRHYTHMIA, tmp_path, host)
    assert (tmp_path / "Diagnostics.xlsx").is_file(), "what is whole is kept"
    for folder in (tmp_path, tmp_path / "WFDBRecords", (tmp_path / name).parent):
        with pytest.raises(CohortError, match=rf"not complete; run `ecgml download ecg-arrhythmia {tmp_path}` again"):
            open_cohort(folder)
    host.requests.clear()
    fetch(ECG_ARRHYTHMIA, tmp_path, host)
    assert [path for path, _ in host.requests] == [name]
    assert len(open_cohort(tmp_path).entries) == N_RECORDS


def test_a_disturbed_host_gives_the_same_data_set_in_the_end(host, wfdb, tmp_path):
    host.serve_folder(wfdb)
    for number, name in enumerate(sorted(host.files)):
        faults = [no_answer, truncate(100), status(503, Retry_After="0"), instead(b"wrong")]
        host.faults[name] = [] if name == "SHA256SUMS.txt" else [faults[number % 4], faults[number // 4 % 2]]
    fetch(ECG_ARRHYTHMIA, tmp_path, host, n_jobs=8)
    got = files_below(tmp_path)
    assert {name: got[name] for name in got if name not in OWN} == files_below(wfdb)


def test_many_failures_end_the_attempt(host, wfdb, tmp_path):
    host.serve_folder(wfdb)
    host.files = {"SHA256SUMS.txt": host.files["SHA256SUMS.txt"]}
    with pytest.raises(
        DownloadError, match=r"10 of \d+ files failed; the rest was not tried; the first: .*HTTP 404"
    ) as caught:
        fetch(ECG_ARRHYTHMIA, tmp_path, host)
    assert "\n" not in str(caught.value)
    # What was under way when the tenth failed is not taken back; on a busy machine that is more than one a worker.
    assert parallel.MAX_FAILED < len(host.requests) < host.files["SHA256SUMS.txt"].count(b"\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>log in</html>", "line 1 is no digest and path: '<html>log in</html>'; is this the data set's address"),
        (b"", "lists no file"),
        (b"0" * 64 + b" ../outside.hea\n", "path '../outside.hea' leads outside"),
        (b"0" * 64 + b" /tmp/outside.hea\n", "path '/tmp/outside.hea' leads outside"),
    ],
)
def test_a_bad_list_is_refused(host, tmp_path, content, message):
    host.files["SHA256SUMS.txt"] = content
    with pytest.raises((DownloadError, CohortError), match=message):
        fetch(ECG_ARRHYTHMIA, tmp_path / "out", host)
    assert {name for name in files_below(tmp_path) if not name.endswith("SHA256SUMS.txt")} == {
        "out/DOWNLOAD.json",
        "out/.download.lock",
    }


def test_a_link_out_of_the_folder_is_not_written_through(host, wfdb, tmp_path):
    host.serve_folder(wfdb)
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "WFDBRecords").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CohortError, match="leads outside"):
        fetch(ECG_ARRHYTHMIA, tmp_path / "out", host)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_host_whose_archive_leads_outside_leaves_nothing(host, chapman, tmp_path):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("../../outside.csv", "1\n")
    host.files["ECGData.zip"] = written.getvalue()
    raw = replace(chapman.archives["raw"], digest=None)
    out = tmp_path / "deep" / "out"
    with pytest.raises(DownloadError, match="leads outside; nothing was unpacked"):
        fetch(replace(chapman, archives={"raw": raw}), out, host)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        *(OWN - {"SHA256SUMS.txt"}),
        *(file.name for file in chapman.files),
    }


@pytest.mark.parametrize("stage", ["unpacked", "digests", "placed"])
def test_a_kill_while_unpacking_is_gone_on_with(host, chapman, demo, tmp_path, monkeypatch, stage):
    """Every step is a state on disk: the next call finds it, whatever the one before did not come to."""
    step = {"unpacked": "write_file", "digests": "place", "placed": "shutil.rmtree"}[stage]

    def killed(path, *rest, **options):
        if stage != "placed" or not options:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"ecgml.cohorts.download.download.{step}", killed)
        with pytest.raises(KeyboardInterrupt):
            fetch(chapman, tmp_path, host)
    with pytest.raises(CohortError, match="not complete"):
        open_cohort(tmp_path)
    host.requests.clear()
    fetch(chapman, tmp_path, host)
    assert host.asked("ECGData.zip") == []
    got = files_below(tmp_path)
    assert {name: got[name] for name in got if name not in OWN} == files_below(demo)


def test_two_downloads_do_not_write_into_one_folder(host, wfdb, tmp_path):
    host.serve_folder(wfdb)
    waiting, go_on = threading.Event(), threading.Event()

    def hold(handler, content):
        waiting.set()
        go_on.wait(5)
        handler.serve(content)

    host.faults["SHA256SUMS.txt"] = [hold]
    first = threading.Thread(target=lambda: download(ECG_ARRHYTHMIA, tmp_path, base_url=host.url, patience=QUICK))
    first.start()
    assert waiting.wait(5)
    with pytest.raises(DownloadError, match="another download is writing into it"):
        fetch(ECG_ARRHYTHMIA, tmp_path, host)
    go_on.set()
    first.join(5)
    assert len(open_cohort(tmp_path).entries) == N_RECORDS


def test_a_folder_of_another_data_set_is_refused(host, wfdb, tmp_path):
    host.serve_folder(wfdb)
    fetch(ECG_ARRHYTHMIA, tmp_path, host)
    with pytest.raises(DownloadError, match="holds ecg-arrhythmia; choose another folder for ptb-xl"):
        fetch(PTB_XL, tmp_path, host)


def test_a_folder_that_may_not_be_written_is_told(host, tmp_path, monkeypatch):
    def forbidden(path, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "mkdir", forbidden)
    with pytest.raises(DownloadError, match=r"out: cannot be written: Permission denied; what is whole is kept"):
        fetch(ECG_ARRHYTHMIA, tmp_path / "out", host)


def test_a_file_in_the_place_of_the_folder_is_told(host, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(DownloadError, match=r"out: cannot be written: File exists"):
        fetch(ECG_ARRHYTHMIA, tmp_path / "out", host)


def test_a_disk_that_fills_up_is_told_and_what_is_whole_kept(host, wfdb, tmp_path, monkeypatch):
    host.serve_folder(wfdb)
    usage = shutil.disk_usage("/")
    largest = max(len(host.files[name]) for name in host.files if name.endswith(".mat"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=largest - 1))
    with pytest.raises(DownloadError, match="No space left on device; what is whole is kept: mend that and run again"):
        fetch(ECG_ARRHYTHMIA, tmp_path, host)
    monkeypatch.undo()
    fetch(ECG_ARRHYTHMIA, tmp_path, host)
    assert len(open_cohort(tmp_path).entries) == N_RECORDS


def test_a_defect_of_ours_is_not_taken_for_the_hosts(host, wfdb, tmp_path, monkeypatch):
    def broken(*args):
        raise ZeroDivisionError

    monkeypatch.setattr("ecgml.cohorts.download.fetching.Fetcher._fetch", broken)
    with pytest.raises(ZeroDivisionError):
        fetch(ECG_ARRHYTHMIA, tmp_path, host)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (PTB_XL, {"parts": ["records50"]}, "'records50' is no part of ptb-xl, did you mean 'records500'"),
        (CHAPMAN, {"parts": ["cooked"]}, "'cooked' is no part of chapman; one of raw, denoised"),
        (ECG_ARRHYTHMIA, {"parts": ["raw"]}, "'raw' is no part of ecg-arrhythmia; it has none"),
        (PTB_XL, {"base_url": "ftp://mirror/ptb"}, "'ftp://mirror/ptb' is no folder's address"),
        (PTB_XL, {"base_url": "mirror/ptb"}, "'mirror/ptb' is no folder's address"),
        (PTB_XL, {"base_url": "http://me:SECRET@mirror:port/"}, "'http://mirror:port/' is no folder's address"),
        (PTB_XL, {"base_url": "https://mirror/?key=SECRET"}, "'https://mirror/' is no folder's address"),
    ],
)
def test_a_bad_option_is_refused_before_anything_is_made(tmp_path, source, options, message):
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")) as caught:
        download(source, tmp_path / "out", **options)
    assert "SECRET" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_known_files_have_digests_and_distinct_names():
    for source in SOURCES.values():
        files = [*source.files, *source.archives.values()]
        assert len({file.name for file in files}) == len({file.key for file in files}) == len(files)
        assert all(file.digest is not None for file in files)
        assert all(host.startswith("https://") and host.endswith("/") for host in source.hosts)


@pytest.mark.real
def test_the_published_spreadsheets_have_the_digests_that_are_known(real_data):
    for file in CHAPMAN.files:
        assert digest_of(real_data / "chapman" / file.name, "md5") == file.digest
