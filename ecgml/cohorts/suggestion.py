"""What to do about a folder of no known kind: the manifest that would make a data set of the recordings in it."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ecgml.cohorts.places import MANIFEST
from ecgml.errors import RecordError
from ecgml.records.reading import may_be_record, read_record, walk

_LOOKED_AT = 10_000
"""Files of a folder that are looked at, at most; a person waits for the answer."""
_TRIED = 20
_SHOWN = 2

_READ_BYTES = 50_000_000
"""Larger files are not read for a suggestion: twenty minutes of 12 leads as text at 500 Hz."""

_EXAMPLES = ("SR", "AFIB")
_RATES_HZ = (100, 250, 400, 500, 1000)
_LARGE = 20.0
"""What exceeds it, and is called mV, is µV."""

_MOST_BYTES = 3_000_000
"""A minute of 12 leads at 500 Hz as float64; a larger file holds several recordings (CODE-15's)."""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_UNREAD = frozenset(
    {".h5", ".hdf5", ".hdf", ".edf", ".bdf", ".gdf", ".scp", ".xml", ".ecg", ".mwf", ".parquet", ".pkl"}
)
"""Suffixes of recordings in formats that are not read."""


def suggest_manifest(folder: Path) -> str:
    """Return how to make a data set of a folder's recordings, its last lines a manifest of the first two.

    The manifest works as it stands where the recordings can be read, with the columns that they need; where they
    cannot, it is that of the files to convert them to. Empty where nothing looks like a recording.
    """
    readable: dict[Path, dict[str, object]] = {}
    unread: dict[Path, str] = {}
    for path in itertools.islice(walk(folder), _LOOKED_AT):
        if not path.is_file():
            continue  # opening a pipe would wait for ever
        if may_be_record(path):
            if path.stat().st_size > _READ_BYTES:
                continue
            try:
                readable[path] = needed_options(path)
            except RecordError as error:
                unread[path] = f"{error}; or"
        elif path.suffix.lower() in _UNREAD:
            unread[path] = f"{path.name} is {_format(path)}, which is not read:"
        if len(readable) == _SHOWN or len(unread) == _TRIED:
            break
    if readable:
        rows = {path.relative_to(folder).as_posix(): options for path, options in readable.items()}
        return f"; {manifest_for(rows)}"
    if unread:
        return f"; {next(iter(unread.values()))} {_convert(folder, list(unread)[:_SHOWN])}"
    return ""


def manifest_for(rows: dict[str, dict[str, Any]]) -> str:
    """Return the sentence that offers a manifest, and the manifest.

    Parameters
    ----------
    rows : dict of str to dict
        Path from the manifest's folder -> what the file does not tell (``fs``, ``unit``).
    """
    told = [name for name in ("fs", "unit") if any(name in options for options in rows.values())]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "rhythm", *told])
    for (path, options), rhythm in zip(rows.items(), _EXAMPLES, strict=False):
        writer.writerow([path, rhythm, *(options.get(name, "") for name in told)])
    *others, last = ("rhythm", *told)
    own = f"{', '.join(others)} and {last}" if others else last
    return (
        f"write {MANIFEST} there, one row a recording with its own {own} (docs/own-data.md):\n"
        f"{text.getvalue().rstrip()}"
    )


def needed_options(path: Path) -> dict[str, Any]:
    """Return what has to be given for a file to be read, with values that it may have.

    Raises
    ------
    RecordError
        If it cannot be read whatever is given.
    """
    options: dict[str, Any] = {}
    while True:
        try:
            record = read_record(path, **options)
        except RecordError as error:
            missing = {"no fs": ("fs", 500), "no unit": ("unit", "mV")}.get(error.reason)
            if missing is None or missing[0] in options:
                raise
            options[missing[0]] = missing[1]
        else:
            break
    if "fs" in options and record.waveform.shape[1] / 10 in _RATES_HZ:
        options["fs"] = record.waveform.shape[1] // 10  # a resting ECG is of ten seconds
    if "unit" in options and np.nanmax(np.abs(record.waveform)) > _LARGE:
        options["unit"] = "uV"
    return options


def _format(path: Path) -> str:
    with open(path, "rb") as file:
        return "HDF5" if file.read(len(_HDF5)) == _HDF5 else f"a {path.suffix} file"


def _convert(folder: Path, paths: Sequence[Path]) -> str:
    """Return how to save recordings in a format that is read, and the manifest of the files that this makes."""
    stems = [path.relative_to(folder).with_suffix("").as_posix() for path in paths]
    if paths[0].stat().st_size > _MOST_BYTES:
        stems = [f"{stems[0]}-{number}" for number in range(1, _SHOWN + 1)]
    names = [f"{stem}.npz" for stem in stems]
    return (
        f"save each recording as a file of its own, as by numpy.savez({names[0]!r}, waveform=leads, fs=500, unit='mV') "
        f"with leads of shape (12, n_times), and {manifest_for({name: {} for name in names})}"
    )
