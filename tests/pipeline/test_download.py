"""`ecgml download`: what a person sees, what a kill leaves, and that `ecgml prepare` takes the result."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ecgml.cli import main
from ecgml.cohorts.download.part import RESUMED_BYTES
from ecgml.cohorts.download.sources import SOURCES
from ecgml.cohorts.opening import open_cohort
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.errors import CohortError
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.prepare.prepare import prepare
from tests.cohorts.host import Handler, Host, etag_of
from tests.cohorts.published import chapman_files, chapman_source, write_ptbxl
from tests.conftest import ROOT

N_RECORDS = 12
LARGE = os.urandom(3 * RESUMED_BYTES)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.close()


@pytest.fixture(scope="module")
def wfdb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "wfdb"
    write_demo(folder, n_records=N_RECORDS, layout="wfdb")
    return folder


def call(*words: str) -> Result:
    return CliRunner().invoke(main, ["download", *words])


@pytest.mark.parametrize("name", ["chapman", "ecg-arrhythmia", "ptb-xl"])
def test_what_is_downloaded_is_what_prepare_takes(host, wfdb, tmp_path, monkeypatch, name):
    if name == "chapman":
        write_demo(tmp_path / "demo", n_records=N_RECORDS)
        host.files |= chapman_files(tmp_path / "demo")
        monkeypatch.setitem(SOURCES, name, chapman_source(host.files))
    elif name == "ptb-xl":
        host.serve_folder(write_ptbxl(wfdb, tmp_path / "published"))
    else:
        host.serve_folder(wfdb)
    out = tmp_path / "out"
    result = call(name, str(out), "--base-url", host.url)
    assert result.exit_code == 0, result.output
    assert f"{out}: " in result.output
    assert f"{N_RECORDS} records; licence and how to cite: {SOURCES[name].page}" in result.output
    assert f"next: ecgml prepare {out}" in result.output
    assert ("SHA256SUMS.txt: no whole digest of it is published" in result.output) == (name != "chapman")
    summary = prepare({"data_dir": str(out), "cache_dir": str(tmp_path / "cache"), "jobs": 1}, Console()).summary
    assert f"{N_RECORDS} files, {N_RECORDS} usable" in summary


def test_help_names_every_data_set_and_part():
    said = call("--help").output
    for source in SOURCES.values():
        assert source.name in said
        assert all(part in said for part in source.parts)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["ptb-xl", "--part", "raw"], 2, "error: part: 'raw' is no part of ptb-xl; one of records500, records100"),
        (["ptb-xl", "--base-url", "mirror"], 2, "error: base_url: 'mirror' is no folder's address"),
        (["mit-bih"], 2, "'mit-bih' is not one of 'chapman', 'ecg-arrhythmia', 'ptb-xl'"),
        (["ptb-xl", "--jobs", "0"], 2, "0 is not in the range 1<=x<=64"),
        (["ptb-xl", "--base-url", "http://127.0.0.1:1"], 1, "the host refuses connections; is this machine online?"),
    ],
)
def test_what_is_wrong_is_one_line_and_an_exit_code(tmp_path, words, code, message):
    result = call(words[0], str(tmp_path / "out"), *words[1:])
    assert result.exit_code == code
    assert message in result.output
    assert "Traceback" not in result.output
    if result.output.startswith("error: "):
        assert result.output.count("\n") == 1


def stop_midway(host: Host, out: Path, how: signal.Signals) -> tuple[int, str]:
    """Run the command, stop it in the middle of a large file when small ones are done; return exit code and stderr."""
    midway = threading.Event()

    def half(handler: Handler, content: bytes) -> None:
        handler.send_response(200)
        for name, value in {"Content-Length": str(len(content)), "ETag": etag_of(content)}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content[: 2 * RESUMED_BYTES])
        # The other connection asks for one small file when the one before is whole.
        part = out / "large.bin.part"
        while len(host.requests) < 12 or not part.exists() or part.stat().st_size < RESUMED_BYTES:
            if host.released.wait(0.01):
                return
        midway.set()
        host.released.wait(20)

    host.faults["large.bin"] = [half]
    words = ["download", "ecg-arrhythmia", str(out), "--base-url", host.url, "--jobs", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "ecgml", *words],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts in the background ignores SIGINT, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert midway.wait(60)
        process.send_signal(how)
        said = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    return process.returncode, said


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_command_leaves_only_whole_files_and_goes_on(host, wfdb, tmp_path, how):
    host.serve_folder(wfdb)
    host.files["large.bin"] = LARGE
    line = f"{hashlib.sha256(LARGE).hexdigest()} large.bin\n"
    host.files["SHA256SUMS.txt"] = line.encode() + host.files["SHA256SUMS.txt"]
    out = tmp_path / "out"
    exit_code, said = stop_midway(host, out, how)
    if how is signal.SIGINT:
        assert exit_code == 130
        assert said == f"{out}: downloaded files are kept; run the same command again to resume\nstopped\n"
    else:
        assert exit_code == -signal.SIGKILL
    for path in out.rglob("*"):
        name = path.relative_to(out).as_posix()
        if path.is_file() and name in host.files:
            assert path.read_bytes() == host.files[name], "under its name a file is whole"
    with pytest.raises(CohortError, match="its download is not complete"):
        open_cohort(out)
    kept = (out / "large.bin.part").stat().st_size
    already = {path for path, _ in host.requests if (out / path).is_file()}
    host.requests.clear()
    result = call("ecg-arrhythmia", str(out), "--base-url", host.url)
    assert result.exit_code == 0, result.output
    assert host.asked("large.bin") == [f"bytes={kept}-"]
    assert len(already) >= 10
    assert not already & {path for path, _ in host.requests}
    assert len(open_cohort(out).entries) == N_RECORDS
    assert list(out.rglob("*.part*")) == []
