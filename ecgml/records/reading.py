"""`read_record`: one ECG from a file of any known format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ecgml.errors import RecordError
from ecgml.records.readers.delimited import DELIMITED
from ecgml.records.readers.loading import load_bytes
from ecgml.records.readers.numpy_file import NUMPY
from ecgml.records.readers.options import Format, ReadOptions
from ecgml.records.readers.wfdb import WFDB
from ecgml.records.record import Record

FORMATS = (WFDB, NUMPY, DELIMITED)
"""In the order in which they are tried; any text may pass for the last."""

_HEAD_BYTES = 1024


def read_record(
    path: str | Path, *, fs: float | None = None, unit: str | None = None, leads: Sequence[str] | None = None
) -> Record:
    """Read one ECG.

    Parameters
    ----------
    path : path
        A CSV, WFDB (.hea, its .mat or .dat, or the record's name without suffix) or NumPy file. The format follows from
        the suffix, or from the content where the suffix is none of theirs.
    fs : float, optional
        Sampling frequency, Hz, where the file does not tell it.
    unit : str, optional
        V, mV, uV or nV, where the file does not tell it.
    leads : sequence of str, optional
        Names of the channels in the file's order, where it does not tell them; twelve nameless ones are I, II, III,
        aVR, aVL, aVF, V1 to V6.

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
    options = ReadOptions(fs, unit, None if leads is None else tuple(leads))
    return _format_of(path).read(path, options)


def _format_of(path: Path) -> Format:
    suffix = path.suffix.lower()
    for known in FORMATS:
        if suffix in known.suffixes:
            return known
    is_record_name = WFDB.recognises(path, b"")
    head = b"" if is_record_name else load_bytes(path, length=_HEAD_BYTES)
    for known in FORMATS:
        if known.recognises(path, head):
            return known
    suffixes = " ".join(sorted(suffix for known in FORMATS for suffix in known.suffixes))
    raise RecordError(f"{path.name}: no known format; known are {suffixes}", "format")
