"""A zip archive -> a folder of its files: none outside it, and all or none."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import zipfile
import zlib
from lzma import LZMAError
from pathlib import Path

from ecgml.cohorts.download.checksums import Digest, digest_of
from ecgml.cohorts.download.parallel import Show
from ecgml.cohorts.download.receipt import set_aside
from ecgml.errors import DownloadError
from ecgml.saving import flush

MAX_EXPANSION = 100
"""How many times larger than an archive its files may be; an ECG's CSV file shrinks to a fifth or so."""
MAX_FILES = 1_000_000

_CHUNK_BYTES = 2**20
_DAMAGE = (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, NotImplementedError, ValueError)
_JUNK = "__MACOSX"


def unpack(archive: Path, staging: Path, show: Show) -> dict[str, Digest]:
    """Unpack ``NAME.zip`` into the folder ``NAME`` of a staging folder.

    Parameters
    ----------
    archive : Path
        Its files may lie in a folder ``NAME`` or not. It is deleted if it is refused.
    staging : Path
        Made; must not exist.
    show : callable
        Called with (files done, files in all).

    Returns
    -------
    digests : dict
        SHA-256 of each file, by path in the staging folder.

    Raises
    ------
    DownloadError
        If the archive is damaged (every file's CRC is checked), encrypted, larger than
        :data:`MAX_EXPANSION` times its size, or holds a path out of the folder, a link, or a name twice.
    OSError
        If the files cannot be written, or the disk has no room for them.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _members(opened, archive)
            n_bytes = sum(info.file_size for info in members.values())
            if n_bytes > shutil.disk_usage(archive.parent).free:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(archive.with_suffix("")))
            digests = {}
            for name, info in members.items():
                digests[name] = _extract(opened, info, staging / name)
                show(len(digests), len(members))
    except _DAMAGE as error:
        archive.unlink()
        what = " ".join(str(error).split()) or type(error).__name__
        raise DownloadError(f"{archive}: is no whole archive ({what}); deleted, run again to fetch it anew") from None
    except DownloadError:
        archive.unlink()
        raise
    return digests


def _members(opened: zipfile.ZipFile, archive: Path) -> dict[str, zipfile.ZipInfo]:
    """Return the files of an archive by the path that each is unpacked to, or refuse them all."""
    infos = [info for info in opened.infolist() if not info.is_dir() and not info.filename.startswith(f"{_JUNK}/")]
    n_bytes, limit = sum(info.file_size for info in infos), MAX_EXPANSION * archive.stat().st_size
    if n_bytes > limit or len(infos) > MAX_FILES:
        raise _refused(archive, f"{len(infos):,} files of {n_bytes:,} bytes are too many for its size")
    members: dict[str, zipfile.ZipInfo] = {}
    names = set()
    for info in infos:
        parts = info.filename.split("/")
        if not parts[0] or ".." in parts or "\\" in info.filename or ":" in parts[0]:
            raise _refused(archive, f"path {info.filename!r} leads outside")
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            raise _refused(archive, f"{info.filename!r} is a link or a device")
        if info.flag_bits & 1:
            raise _refused(archive, f"{info.filename!r} is encrypted")
        name = "/".join([archive.stem, *(parts[1:] if parts[0] == archive.stem else parts)])
        if name.casefold() in names:
            raise _refused(archive, f"{info.filename!r} is there twice")
        names.add(name.casefold())
        members[name] = info
    return members


def _refused(archive: Path, why: str) -> DownloadError:
    return DownloadError(f"{archive}: {why}; nothing was unpacked and the archive deleted; do not trust its host")


def _extract(opened: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Digest:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = hashlib.sha256()
    with opened.open(info) as source, path.open("xb") as file:
        # Reading ends at the size that the archive states, and fails if the CRC is another.
        while chunk := source.read(_CHUNK_BYTES):
            made.update(chunk)
            file.write(chunk)
    flush(path)
    return Digest("sha256", made.hexdigest())


def place(staging: Path, out: Path) -> list[str]:
    """Move unpacked files to where they belong: a folder at once where there is none yet.

    Returns
    -------
    notes : list of str
        A line for each file that was there with another content, which is kept as ``NAME.differs``.
    """
    notes = []
    for folder in sorted(staging.iterdir()):
        if not (out / folder.name).exists():
            os.replace(folder, out / folder.name)
            continue
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            target = out / path.relative_to(staging)
            if target.exists():
                if target.is_file() and digest_of(target) == digest_of(path):
                    continue
                notes.append(f"{target.name}: differs from the published file; kept as {set_aside(target)}")
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
    return notes
