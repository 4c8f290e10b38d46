"""Write a file so that it is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ecgml.errors import OutputError


def write_whole(path: str | Path, content: bytes) -> Path:
    """Write a file through a temporary sibling, fsync and rename; its folder is made if need be.

    Parameters
    ----------
    path : path
        Where to; an existing file is replaced.
    content : bytes
        All of it.

    Returns
    -------
    path : Path

    Raises
    ------
    OutputError
        If it cannot be written; what was there before is still there.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}; choose another place") from error
    return path
