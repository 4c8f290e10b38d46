"""DOWNLOAD.json: source, digests and completeness of a downloaded folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ecgml.errors import CohortError, DownloadError
from ecgml.saving import whole_file

RECEIPT = "DOWNLOAD.json"
LOCK = ".download.lock"


def refuse_unfinished(folder: Path) -> None:
    """Refuse a data set whose download was stopped: what is there must not be taken for the whole.

    Raises
    ------
    CohortError
        If the folder's receipt, or that of a folder around it, says so.
    """
    # WFDBRecords/01/010 is three levels below the receipt.
    for place in (folder, *folder.parents[:3]):
        receipt = read_receipt(place)
        if "data_set" in receipt and not receipt.get("complete"):
            raise CohortError(
                f"{place}: its download is not complete; run `ecgml download {receipt['data_set']} {place}` again, or "
                f"remove {RECEIPT} to use what is there"
            )


def read_receipt(folder: Path) -> dict[str, Any]:
    """Return a folder's receipt; empty where there is none that can be read."""
    try:
        content = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


@contextmanager
def claimed(out: Path, name: str) -> Iterator[dict[str, Any]]:
    """Make a folder one's own for a download, and give its receipt, written at the beginning and at the end.

    Parameters
    ----------
    out : Path
        Made if need be.
    name : str
        Of the data set.

    Yields
    ------
    receipt : dict
        To be filled; ``complete`` is false until the block ends without an exception.

    Raises
    ------
    DownloadError
        If the folder holds another data set, or another process writes into it.
    OSError
        If it cannot be written.
    """
    from filelock import FileLock, Timeout

    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / LOCK, timeout=0):
            receipt = read_receipt(out)
            if receipt.get("data_set", name) != name:
                raise DownloadError(f"{out}: holds {receipt['data_set']}; choose another folder for {name}")
            receipt |= {"data_set": name, "complete": False}
            _write(out, receipt)
            yield receipt
            _write(out, receipt | {"complete": True})
    except Timeout:
        raise DownloadError(
            f"{out}: another download is writing into it; wait for it or choose another folder"
        ) from None


def _write(out: Path, receipt: dict[str, Any]) -> None:
    write_file(out / RECEIPT, json.dumps(receipt, indent=1).encode() + b"\n")


def write_file(path: Path, content: bytes) -> None:
    """Write a small file, whole or not at all.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with whole_file(path) as partial:
        partial.write_bytes(content)


def set_aside(path: Path) -> str:
    """Rename a file that is not the published one, lest somebody's work be lost; return its new name."""
    aside = path.with_name(f"{path.name}.differs")
    os.replace(path, aside)
    return aside.name
