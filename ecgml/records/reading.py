"""`read_record`: one ECG from a file of any known format; `files_of`: the files in which it lies."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path

from ecgml.errors import ConfigError, RecordError
from ecgml.plugins import added, load, package_of
from ecgml.records.readers.aecg import AECG
from ecgml.records.readers.delimited import DELIMITED, is_table
from ecgml.records.readers.dicom import DICOM
from ecgml.records.readers.loading import is_packed, load_bytes
from ecgml.records.readers.numpy_file import NUMPY
from ecgml.records.readers.options import Format, ReadOptions
from ecgml.records.readers.wfdb import WFDB
from ecgml.records.record import Record

OURS = (WFDB, NUMPY, DICOM, AECG, DELIMITED)
"""In the order in which they are tried; any text may pass for the last."""

GROUP = "ecgml.readers"
"""Entry points of other packages' formats: each a `ecgml.records.readers.options.Format`."""

_HEAD_BYTES = 1024
_TABLE_BYTES = 16_384


def formats() -> tuple[Format, ...]:
    """Return the formats that can be read, those of other packages included, in the order in which they are tried.

    Raises
    ------
    ConfigError
        If what a package adds cannot be imported, is no format, or claims a suffix that another format has.
    """
    others = added(GROUP, tuple(known.name for known in OURS))
    return _with(tuple(others.values())) if others else OURS


@functools.cache
def _with(entries: tuple[EntryPoint, ...]) -> tuple[Format, ...]:
    owners = {suffix: f"ecgml's {known.name}" for known in OURS for suffix in known.suffixes}
    others = []
    for entry in entries:
        known = _format(entry)
        for suffix in sorted(known.suffixes):
            if suffix in owners:
                raise ConfigError(
                    f"{entry.name}: {package_of(entry)} claims the suffix {suffix}, which is read as {owners[suffix]}; "
                    "leave it out, or uninstall the package"
                )
            owners[suffix] = f"{entry.name} of {package_of(entry)}"
        others.append(known)
    return (*OURS[:-1], *others, OURS[-1])


def _format(entry: EntryPoint) -> Format:
    known = load(entry)
    if not isinstance(known, Format):
        raise ConfigError(
            f"{entry.name}: {package_of(entry)} names {entry.value}, which is no Format; see docs/extending.md"
        )
    return known


def read_record(
    path: str | Path,
    *,
    fs: float | None = None,
    unit: str | None = None,
    leads: Sequence[str] | None = None,
    yields: bool = False,
) -> Record:
    """Read one ECG.

    Parameters
    ----------
    path : path
        A CSV, WFDB (.hea, its .mat or .dat, or the record's name without suffix), NumPy, DICOM or HL7 aECG file. The
        format follows from the suffix, or from the content where the suffix is none of theirs (.xml). All but WFDB may
        be packed by gzip (.csv.gz).
    fs : float, optional
        Sampling frequency, Hz, where the file does not tell it.
    unit : str, optional
        V, mV, uV or nV, where the file does not tell it.
    leads : sequence of str, optional
        Names of the channels in the file's order, where it does not tell them; twelve nameless ones are I, II, III,
        aVR, aVL, aVF, V1 to V6.
    yields : bool
        What to do where the file states another sampling frequency or unit: True goes by the file, False refuses it.

    Returns
    -------
    record : Record
        In mV, leads in the canonical order, NaN where the file has no value.

    Raises
    ------
    RecordError
        If the file is missing, of no known format, damaged, or contradicts what was given.
    """
    path = Path(path)
    options = ReadOptions(fs, unit, None if leads is None else tuple(leads), yields)
    return _format_of(path).read(path, options)


def files_of(path: str | Path) -> tuple[Path, ...]:
    """Return the files in which a record lies, as :func:`read_record` opens them: a change of one changes the record.

    Parameters
    ----------
    path : path
        As for :func:`read_record`.

    Returns
    -------
    files : tuple of Path
        At least one, there or not. The first is the one by which the record is known, whichever of its names was
        given: a WFDB record's header, the signal files behind it; else the file itself. Where nothing of an unknown
        suffix is there, it is the header that such a record would have.
    """
    path = Path(path)
    try:
        return _format_of(path).files(path)
    except RecordError:
        return (path,) if path.exists() else WFDB.files(path)


def find_records(folder: Path) -> tuple[list[Path], list[Path]]:
    """Find the ECGs in a folder and its subfolders, by suffix or first bytes.

    Returns
    -------
    records : list of Path
        Sorted; a WFDB record by its header.
    others : list of Path
        Sorted; tables, notes, pictures: what is no ECG. Hidden files and folders are in neither.
    """
    files = {path: files_of(path) for path in walk(folder)}
    # A header may name signal files that do not bear its name.
    parts = {part for path, (first, *rest) in files.items() if first == path for part in rest}
    records: list[Path] = []
    others: list[Path] = []
    for path, (first, *_) in files.items():
        if path not in parts and (first == path or first not in files):
            (records if may_be_record(path) else others).append(path)
    return sorted(records), sorted(others)


def walk(folder: Path) -> Iterator[Path]:
    """Return the files in a folder and its subfolders, folder by folder in sorted order, but hidden ones."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def may_be_record(path: Path) -> bool:
    """Whether a file is worth reading; what is damaged is, so that a person hears of it."""
    try:
        known = _format_of(path)
    except RecordError:
        return False
    try:
        return known is not DELIMITED or not is_table(load_bytes(path, length=_TABLE_BYTES))
    except RecordError:
        return True


def _format_of(path: Path) -> Format:
    packed = is_packed(path)
    suffix = (path.with_suffix("") if packed else path).suffix.lower()
    if packed and suffix in WFDB.suffixes:
        raise RecordError(f"{path.name}: WFDB files are read unpacked only; unpack all files of the record", "format")
    for known in formats():
        if suffix in known.suffixes:
            return known
    is_record_name = WFDB.recognises(path, b"")
    head = b"" if is_record_name else load_bytes(path, length=_HEAD_BYTES)
    for known in formats():
        if known.recognises(path, head):
            return known
    suffixes = " ".join(sorted(suffix for known in formats() for suffix in known.suffixes))
    raise RecordError(f"{path.name}: no known format; known are {suffixes}", "format")
