"""What names a model: a checkpoint folder, a run, or a model of the registry.

Loads MLflow, which takes seconds, only when an address leads there.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

_REMOTE = re.compile(r"[a-z][a-z0-9+.-]+:/")  # C:/ is a folder

_RUN_ID = re.compile(r"[0-9a-f]{32}")

_OF_A_RUN = re.compile(r"runs:/([^/]+)/?(.*)")

_REGISTERED = re.compile(r"models:/([^/@]+)([/@])(.+)")


def is_local(address: str) -> bool:
    """Whether an address is a folder's or file's."""
    return not _REMOTE.match(address)


def full_address(address: str) -> str:
    """Return the address of a run that is named by its id alone; any other as it is."""
    return f"runs:/{address}" if _RUN_ID.fullmatch(address) and not Path(address).exists() else address


def run_and_path(address: str) -> tuple[str, str]:
    """Return a run's id and what is meant in it, ``runs:/<id>/<path>``; empty for any other address."""
    match = _OF_A_RUN.fullmatch(address)
    return (match[1], match[2].rstrip("/")) if match else ("", "")


def registered(address: str) -> tuple[str, str]:
    """Return a registered model's name and its version, alias or stage; empty for any other address."""
    match = _REGISTERED.fullmatch(address)
    return (match[1], match[3]) if match else ("", "")


def moves(address: str) -> bool:
    """Whether an address may mean another model tomorrow: an alias, a stage, the latest version."""
    match = _REGISTERED.fullmatch(address)
    return match is not None and (match[2] == "@" or not match[3].isdecimal())


def pin(address: str) -> tuple[str, str | None]:
    """Return what an address means now, an alias as ``models:/<name>/<version>``, and the number of that version.

    Raises
    ------
    TrackingError
        If there is no such model, version or alias, or the registry cannot be reached.
    """
    if not address.startswith("models:/"):
        return full_address(address), None
    from ecgml.service.models import version_of

    name, version = version_of(address)
    return (f"models:/{name}/{version}", version) if version else (address, None)


@contextlib.contextmanager
def checkpoint_at(address: str) -> Iterator[Path]:
    """Give the checkpoint's folder that an address leads to; one that is fetched is there while the block lasts.

    Raises
    ------
    TrackingError
        If the address leads to none.
    """
    if is_local(address):
        yield Path(address).expanduser()
        return
    from ecgml.service.models import fetch_checkpoint

    with TemporaryDirectory(prefix="ecgml-") as folder:
        yield fetch_checkpoint(address, Path(folder))
