"""Bytes from a file, within limits."""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from pathlib import Path

from ecgml.errors import RecordError

MAX_FILE_BYTES = 1_000_000_000
"""A two-hour, 12-lead recording as text at 1000 Hz; whatever is larger is no resting ECG."""


def load_bytes(path: Path, *, offset: int = 0, length: int | None = None) -> bytes:
    """Read a file, or a part of it; one that ends in .gz is unpacked.

    Parameters
    ----------
    path : Path
    offset : int
        Where to begin, bytes.
    length : int, optional
        How many bytes at most; to the end by default.

    Raises
    ------
    RecordError
        If it is missing, no plain file, empty, larger than :data:`MAX_FILE_BYTES` (packed or not), or cannot be read.
    """
    size = file_size(path)
    if size == 0:
        raise RecordError(f"{path.name}: the file is empty; fetch it again", "empty")
    if is_packed(path):
        return _unpack(path, offset, length)
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(size if length is None else length)
    except OSError as error:
        raise RecordError(f"{path.name}: cannot be read: {error.strerror}", "unreadable") from None


def is_packed(path: Path) -> bool:
    """Whether a file's name says that it is packed by gzip."""
    return path.suffix.lower() == ".gz"


def _unpack(path: Path, offset: int, length: int | None) -> bytes:
    wanted = MAX_FILE_BYTES + 1 if length is None else offset + length
    try:
        with gzip.open(path, "rb") as file:
            data = file.read(min(wanted, MAX_FILE_BYTES + 1))
    except EOFError:
        raise RecordError(f"{path.name}: cannot be unpacked: it is truncated, fetch it again", "truncated") from None
    except (OSError, zlib.error) as error:
        raise RecordError(f"{path.name}: cannot be unpacked ({str(error)[:60]}); fetch it again", "format") from None
    if len(data) > MAX_FILE_BYTES:
        raise RecordError(f"{path.name}: unpacks to more than {MAX_FILE_BYTES:,} bytes; cut the recording", "too large")
    if not data:
        raise RecordError(f"{path.name}: unpacks to nothing; fetch it again", "empty")
    return data[offset:]


def file_size(path: Path) -> int:
    """Return a file's size, bytes.

    Raises
    ------
    RecordError
        If it is missing, no plain file, or larger than :data:`MAX_FILE_BYTES`.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # ValueError: a name with a null character
        raise RecordError(f"{path.name}: no such file in {path.parent}", "missing file") from None
    # Opening a pipe or a device would wait for ever.
    if not stat.S_ISREG(status.st_mode):
        raise RecordError(f"{path.name}: is no plain file", "missing file")
    if status.st_size > MAX_FILE_BYTES:
        raise RecordError(
            f"{path.name}: {status.st_size:,} bytes, at most {MAX_FILE_BYTES:,} are read; cut the recording",
            "too large",
        )
    return status.st_size
