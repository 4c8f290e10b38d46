"""Bytes from a file, within limits."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ecgml.errors import RecordError

MAX_FILE_BYTES = 1_000_000_000
"""A two-hour, 12-lead recording as text at 1000 Hz; whatever is larger is no resting ECG."""


def load_bytes(path: Path, *, offset: int = 0, length: int | None = None) -> bytes:
    """Read a file, or a part of it.

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
        If it is missing, no plain file, empty, larger than :data:`MAX_FILE_BYTES`, or cannot be read.
    """
    size = file_size(path)
    if size == 0:
        raise RecordError(f"{path.name}: the file is empty; fetch it again", "empty")
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(size if length is None else length)
    except OSError as error:
        raise RecordError(f"{path.name}: cannot be read: {error.strerror}", "unreadable") from None


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
