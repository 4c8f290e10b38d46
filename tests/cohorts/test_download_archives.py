"""Archives: all files in their folder, or none anywhere."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import zipfile
from pathlib import Path

import pytest

from ecgml.cohorts.download.archives import place, unpack
from ecgml.cohorts.download.checksums import Digest
from ecgml.errors import DownloadError


def quiet(done: int, total: int) -> None:
    """Show nothing."""


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return path


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("inside", ["", "ECGData/"])
def test_files_come_to_a_folder_of_the_archives_name(tmp_path, inside):
    members = {f"{inside}a.csv": b"1,2\n", f"{inside}deep/b.csv": b"3,4\n" * 1000}
    archive = write_zip(
        tmp_path / "ECGData.zip", {**members, "__MACOSX/ECGData/._a.csv": b"junk", f"{inside}empty/": b""}
    )
    digests = unpack(archive, tmp_path / "staging", quiet)
    expected = {"ECGData/a.csv": b"1,2\n", "ECGData/deep/b.csv": b"3,4\n" * 1000}
    assert files_below(tmp_path / "staging") == expected
    assert digests == {
        name: Digest("sha256", hashlib.sha256(content).hexdigest()) for name, content in expected.items()
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../outside.csv", "path '../outside.csv' leads outside"),
        ("ECGData/../../outside.csv", "leads outside"),
        ("/tmp/outside.csv", "path '/tmp/outside.csv' leads outside"),
        ("..\\outside.csv", "leads outside"),
        ("C:/outside.csv", "leads outside"),
        ("ECGData/A.csv", "'ECGData/A.csv' is there twice"),
    ],
)
def test_a_bad_name_unpacks_nothing(tmp_path, name, message):
    root = tmp_path / "root"
    root.mkdir()
    archive = write_zip(root / "ECGData.zip", {"ECGData/a.csv": b"1\n", name: b"2\n"})
    with pytest.raises(
        DownloadError, match=f"{message.replace('/', '.')}; nothing was unpacked and the archive deleted"
    ):
        unpack(archive, root / "staging", quiet)
    assert files_below(tmp_path) == {}


def test_links_and_devices_unpack_nothing(tmp_path):
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR):
        info = zipfile.ZipInfo("ECGData/a.csv")
        info.external_attr = (kind | 0o777) << 16
        with zipfile.ZipFile(tmp_path / "ECGData.zip", "w") as opened:
            opened.writestr(info, "/etc/passwd")
        with pytest.raises(DownloadError, match=r"'ECGData/a\.csv' is a link or a device"):
            unpack(tmp_path / "ECGData.zip", tmp_path / "staging", quiet)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_grows_out_of_measure_unpacks_nothing(tmp_path):
    archive = write_zip(tmp_path / "ECGData.zip", {"a.csv": b"0" * 10_000_000})
    assert archive.stat().st_size < 100_000
    with pytest.raises(DownloadError, match="1 files of 10,000,000 bytes are too many for its size"):
        unpack(archive, tmp_path / "staging", quiet)
    assert list(tmp_path.iterdir()) == []


def test_an_encrypted_archive_is_refused(tmp_path):
    archive = write_zip(tmp_path / "ECGData.zip", {"a.csv": b"1\n"})
    content = bytearray(archive.read_bytes())
    # The flags of the directory's only entry.
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(DownloadError, match=r"'a\.csv' is encrypted"):
        unpack(archive, tmp_path / "staging", quiet)


@pytest.mark.parametrize("damage", ["no archive", "cut", "flipped"])
def test_a_damaged_archive_is_deleted(tmp_path, damage):
    archive = write_zip(tmp_path / "ECGData.zip", {"a.csv": os.urandom(10_000)})
    content = bytearray(archive.read_bytes())
    if damage == "flipped":
        content[5_000] ^= 1
    archive.write_bytes({"no archive": b"<html>", "cut": content[:6_000], "flipped": content}[damage])
    with pytest.raises(DownloadError, match=r"is no whole archive \(.+\); deleted, run again to fetch it anew"):
        unpack(archive, tmp_path / "staging", quiet)
    assert not archive.exists()


def test_a_full_disk_is_foreseen(tmp_path, monkeypatch):
    archive = write_zip(tmp_path / "ECGData.zip", {"a.csv": b"01" * 5_000})
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=9_999))
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        unpack(archive, tmp_path / "staging", quiet)
    assert archive.exists()


def test_what_is_there_already_is_completed_and_what_differs_kept_beside(tmp_path):
    staging, out = tmp_path / "staging", tmp_path / "out"
    unpack(write_zip(tmp_path / "ECGData.zip", {"a.csv": b"a", "b.csv": b"b", "c/d.csv": b"d"}), staging, quiet)
    (out / "ECGData").mkdir(parents=True)
    (out / "ECGData" / "a.csv").write_bytes(b"a")
    (out / "ECGData" / "b.csv").write_bytes(b"edited")
    assert place(staging, out) == ["b.csv: differs from the published file; kept as b.csv.differs"]
    assert files_below(out) == {
        "ECGData/a.csv": b"a",
        "ECGData/b.csv": b"b",
        "ECGData/b.csv.differs": b"edited",
        "ECGData/c/d.csv": b"d",
    }
