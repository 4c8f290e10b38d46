"""Write files and folders so that under its name each is whole or not there."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from ecgml.errors import OutputError


def write_whole(path: str | Path, content: bytes) -> Path:
    """Write a file; an existing one is replaced, its folder is made if need be.

    Raises
    ------
    OutputError
        If it cannot be written; what was there before is still there.
    """
    path = Path(path)
    try:
        with whole_file(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}; choose another place") from error
    return path


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a hidden sibling to write, which takes the file's name at the end; its folder is made if need be."""
    partial = _partial(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        put(partial, path)
    finally:
        with contextlib.suppress(OSError):  # what is wrong with the folder was raised
            partial.unlink()


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a hidden sibling to fill, which takes the folder's name at the end; a folder of that name is replaced."""
    partial = _partial(folder)
    partial.mkdir(parents=True)
    try:
        yield partial
        for path in partial.rglob("*"):
            if path.is_file():
                flush(path)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def put(partial: Path, path: Path) -> None:
    """Give a written file its name, in place of one that has it."""
    flush(partial)
    os.replace(partial, path)


def flush(path: Path) -> None:
    """Make a written file survive a power cut that its renaming survives."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def remove_whole(path: Path) -> None:
    """Remove a file, and what processes that were killed while they wrote it left beside it."""
    for left in (path, *path.parent.glob(f".{glob.escape(path.name)}.*.partial")):
        left.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    # Not by process: two containers that share a folder number theirs alike.
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
