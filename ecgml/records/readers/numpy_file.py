"""NumPy files: .npy (one array) and .npz (``waveform`` and, if known, ``fs``, ``leads``, ``unit``).

An .npz file whose only array of several values goes by another name is read, too; so are other words for the rest, and
a gain beside whole numbers (`gain`).

Pickled objects are refused. The header is read before the values, so that a file that announces more than it holds
costs nothing.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS
from ecgml.records.readers.assembly import assemble
from ecgml.records.readers.gain import counts_to_units
from ecgml.records.readers.loading import MAX_FILE_BYTES, load_bytes
from ecgml.records.readers.missing import is_missing
from ecgml.records.readers.options import Format, ReadOptions
from ecgml.records.record import Record

_VAGUE = ("hz", "freq", "freqhz", "frequency", "frequencyhz", "sr")
"""These mean the sampling frequency where nothing else does: beside it, ``freq`` may be the mains'."""
_MEANT = {
    **dict.fromkeys(("fs", "fshz", "fsample", "sfreq", *_VAGUE), "fs"),
    **{
        f"{word}{rate}{unit}": "fs"
        for word in ("sample", "sampling")
        for rate in ("rate", "freq", "frequency")
        for unit in ("", "hz")
    },
    **dict.fromkeys(("leads", "leadnames", "lead", "channels", "channelnames", "signame", "chnames"), "leads"),
    **dict.fromkeys(("unit", "units"), "unit"),
    **dict.fromkeys(("gain", "gains", "adcgain", "adcgains"), "gain"),
    **dict.fromkeys(("baseline", "baselines"), "baseline"),
}
"""What the arrays beside the waveform are called, in lower case and without separators."""
_SEPARATORS = re.compile(r"[\W_]+")
_TELLING = re.compile(
    r"freq|(?<!heart)(?<!heart_)rate|hz|(?:^|_)(?:fs|sr)(?:_|$)|gain|scale|lsb|offset|baseline|adc", re.IGNORECASE
)
"""Names of what might change the values or their times."""
_MAX_VALUES = 64
"""No array beside a waveform has more."""
_ZIP_MAGIC = b"PK\x03\x04"


def read_numpy(path: Path, options: ReadOptions) -> Record:
    """Read a .npy or .npz file.

    Parameters
    ----------
    path : Path
        An array of shape (n_leads, n_times) or (n_times, n_leads), perhaps with a first axis of 1 (a batch of one);
        whichever axis fits the leads is taken for them. Whole numbers need a unit, fractions without one are mV.
    options : ReadOptions
        What the file does not tell: a .npy file never tells its sampling frequency.

    Raises
    ------
    RecordError
        If it is no such file, truncated, of another shape, or its sampling frequency or unit is unknown.
    """
    where = path.name
    arrays, unknown = parse_numpy(load_bytes(path), where)
    waveform = arrays["waveform"]
    if waveform.dtype.kind not in "iuf":
        raise RecordError(f"{where}: an array of {waveform.dtype}; numbers are needed", "not a number")
    stated_fs, stated_unit = _scalar(arrays, "fs", where), _scalar(arrays, "unit", where)
    if stated_unit is None and options.unit is None and waveform.dtype.kind == "f":
        stated_unit = "mV"
    leads = [_text(name) for name in arrays["leads"].ravel()] if "leads" in arrays else None
    channels = _lead_first(waveform, len(leads or options.leads or LEADS), where)
    names = options.settle_leads(leads, len(channels), where)
    unit = options.unit if stated_unit is None else _text(stated_unit)
    scale = options.settle_unit(None if stated_unit is None else unit, where)
    missing = is_missing(channels)
    if "gain" in arrays:
        channels = counts_to_units(channels, arrays["gain"], arrays.get("baseline"), scale, where)
    # Values beyond float32 become infinite, which the quality check finds.
    with np.errstate(over="ignore"):
        in_mv = channels.astype(np.float32) if scale == 1 else (channels * scale).astype(np.float32)
    if missing is not None:
        in_mv[missing] = np.nan
    fs = options.settle_fs(_number(stated_fs, where), where)
    notes = [f"not read, as its meaning is not known: {name}" for name in unknown if _TELLING.search(name)]
    return assemble(in_mv, names, fs, where, unit=unit, notes=notes)


def parse_numpy(data: bytes, where: str) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Return the arrays of a .npz file by meaning, or that of a .npy file as ``waveform``; and the other arrays' names.

    Raises
    ------
    RecordError
        If it is neither, is truncated, holds objects, or would unpack to more than the size limit.
    """
    if not data.startswith(_ZIP_MAGIC):
        return {"waveform": _parse_array(data, where)}, []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if sum(info.file_size for info in members.values()) > MAX_FILE_BYTES:
                raise RecordError(f"{where}: unpacks to more than {MAX_FILE_BYTES:,} bytes", "too large")
            contents = {key: archive.read(info) for key, info in members.items()}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise RecordError(f"{where}: no readable .npz file ({error}); fetch or save it again", "format") from None
    return _by_meaning(contents, where)


def _by_meaning(contents: dict[str, bytes], where: str) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Return the waveform and what else is known by its name; and the names that are not."""
    arrays: dict[str, NDArray[Any]] = {}
    unknown = []
    plain = {key: _SEPARATORS.sub("", key.lower()) for key in contents}
    has_gain = any(_MEANT.get(word) == "gain" for word in plain.values())
    for key in sorted(contents, key=lambda key: plain[key] in _VAGUE):
        meant = _MEANT.get(plain[key])
        is_vague = (meant == "baseline" and not has_gain) or (meant in arrays and plain[key] in _VAGUE)
        if meant is None or is_vague:
            unknown.append(key)
        elif meant in arrays:
            raise RecordError(f"{where}: {meant} is there twice, as {key}, too; keep one of them", "format")
        else:
            arrays[meant] = _parse_array(contents[key], where)
    others = unknown
    if "waveform" not in contents:
        # Objects (a dict of remarks) are never loaded, and hold no waveform.
        shapes = {key: _shape(contents[key]) for key in unknown}
        others = [key for key in unknown if math.prod(shapes[key]) > _MAX_VALUES or len(shapes[key]) > 1]
    waveform = "waveform" if "waveform" in contents else others[0] if len(others) == 1 else None
    if waveform is None:
        found = ", ".join(sorted(contents)[:6])
        raise RecordError(f"{where}: no array named waveform (found: {found[:80]}); name it so", "no leads")
    unknown.remove(waveform)
    return arrays | {"waveform": _parse_array(contents[waveform], where)}, unknown


def _shape(data: bytes) -> tuple[int, ...]:
    """Return the shape that an array announces; none where its header cannot be read."""
    try:
        return _read_header(io.BytesIO(data))[0]
    except Exception:  # NumPy's parser raises whatever a damaged header makes it stumble over.
        return ()


def _read_header(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy_format.read_magic(stream)
    return (npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0)(stream)


def _parse_array(data: bytes, where: str) -> NDArray[Any]:
    stream = io.BytesIO(data)
    try:
        shape, fortran_order, dtype = _read_header(stream)
        count = math.prod(shape)
    except Exception as error:  # NumPy's parser raises whatever a damaged header makes it stumble over.
        raise RecordError(f"{where}: no readable NumPy file ({' '.join(str(error).split())[:80]})", "format") from None
    if dtype.hasobject or dtype.itemsize == 0:
        raise RecordError(f"{where}: holds {dtype}, which is never loaded; save plain numbers", "format")
    if min(shape, default=0) < 0 or count * dtype.itemsize > len(data) - stream.tell():
        raise RecordError(f"{where}: shape {shape} announced, fewer values found; it is truncated", "truncated")
    values = np.frombuffer(data, dtype=dtype, count=count, offset=stream.tell()) if count else np.empty(0, dtype)
    return values.reshape(shape, order="F" if fortran_order else "C")


def _lead_first(waveform: NDArray[Any], n_leads: int, where: str) -> NDArray[Any]:
    """Return the array with its leads along the first axis."""
    if waveform.ndim == 3 and waveform.shape[0] == 1:
        waveform = waveform[0]
    if waveform.ndim != 2 or n_leads not in waveform.shape:
        raise RecordError(
            f"{where}: shape {waveform.shape}, expected ({n_leads}, n_times); transpose or cut it", "wrong columns"
        )
    if waveform.shape == (n_leads, n_leads):
        raise RecordError(
            f"{where}: shape {waveform.shape} does not tell leads from times; give a longer recording", "wrong columns"
        )
    return waveform if waveform.shape[0] == n_leads else waveform.T


def _scalar(arrays: dict[str, NDArray[Any]], key: str, where: str) -> Any:
    if key not in arrays:
        return None
    if arrays[key].size != 1:
        raise RecordError(f"{where}: {key} holds {arrays[key].size} values, one is needed", "format")
    return arrays[key].ravel()[0]


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _number(value: Any, where: str) -> float | None:
    if value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise RecordError(f"{where}: fs is {str(value)[:40]!r}, not a number", "format") from None


def _recognises(path: Path, head: bytes) -> bool:
    # Spreadsheets are zip files, too; numpy.savez writes an array first.
    return head.startswith(b"\x93NUMPY") or (head.startswith(_ZIP_MAGIC) and b".npy" in head[:256])


NUMPY = Format("NumPy", frozenset({".npy", ".npz"}), _recognises, read_numpy)
