"""WFDB records: a header (.hea) and the signal files that it names (.mat of MATLAB v4, .dat).

Native because the published sets need it: wfdb 4.3.1 refuses headers whose record line names a file (``E00271.mat``),
and takes more than ten times as long (``benchmarks/reading.py``).
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.records.leads import canonical_lead, require_leads
from ecgml.records.readers.assembly import MAX_DURATION_S, assemble, channels_not_taken
from ecgml.records.readers.loading import file_size, load_bytes
from ecgml.records.readers.options import Format, ReadOptions
from ecgml.records.readers.wfdb_header import (
    MAX_HEADER_BYTES,
    Header,
    SignalLine,
    decode_header,
    parse_comments,
    parse_header,
    signal_files,
)
from ecgml.records.readers.wfdb_samples import INVALID, decode, n_bytes, n_values
from ecgml.records.record import Record
from ecgml.records.units import mv_per_unit

_SIGNAL_SUFFIXES = frozenset({".mat", ".dat"})


def header_of(path: Path) -> Path:
    """Return the header that belongs to a path: of a header itself, a signal file, or a record's name."""
    if path.suffix.lower() == ".hea":
        return path
    if path.suffix.lower() in _SIGNAL_SUFFIXES:
        return path.with_suffix(".hea")
    return path.with_name(f"{path.name}.hea")


def files_of_wfdb(path: Path) -> tuple[Path, ...]:
    """Return a record's header and the signal files that it names; those outside its folder are never opened.

    Of a signal file whose header cannot be read: both.
    """
    header_path = header_of(path)
    try:
        text = decode_header(load_bytes(header_path, length=MAX_HEADER_BYTES))
    except RecordError:
        return (header_path, path) if path.suffix.lower() in _SIGNAL_SUFFIXES else (header_path,)
    return (header_path, *(header_path.parent / name for name in signal_files(text) if _is_inside(header_path, name)))


def read_wfdb(path: Path, options: ReadOptions) -> Record:
    """Read a WFDB record.

    Parameters
    ----------
    path : Path
        The header, the signal file beside it, or the record's name without suffix.
    options : ReadOptions
        What the header does not tell.

    Raises
    ------
    RecordError
        If the header is missing or not understood, a signal file is missing, outside the header's folder, truncated or
        of another format, a checksum does not fit, or caller and header contradict each other.
    """
    header_path = header_of(path)
    if header_path != path and not header_path.is_file():
        hint = "a .mat or .dat file is read by its header only; fetch that too, or save the waveform as .npy"
        raise RecordError(f"{path.name}: no {header_path.name} in {path.parent}; {hint}", "missing file")
    where = header_path.name
    header = parse_header(decode_header(load_bytes(header_path, length=MAX_HEADER_BYTES)), where)
    fs = options.settle_fs(header.fs, where)
    channels, names, unit, notes = _read_leads(header_path, header, options, fs)
    statements, given, remarks = parse_comments(header.comments)
    notes = (*notes, *remarks)
    return assemble(channels, names, fs, where, statements=statements, given=given, unit=unit, notes=notes)


def stated_gain(path: Path) -> float | None:
    """Return the gain that a header states for all leads alike, steps a mV; None where it states none.

    Raises
    ------
    RecordError
        If the header is missing or not understood.
    """
    where = path.name
    header = parse_header(decode_header(load_bytes(path, length=MAX_HEADER_BYTES)), where)
    leads = [signal for signal in header.signals if signal.name and canonical_lead(signal.name)]
    gains = {signal.gain / mv_per_unit(signal.unit or "mV", where) for signal in leads}
    return gains.pop() if len(gains) == 1 else None


def _read_leads(
    path: Path, header: Header, options: ReadOptions, fs: float
) -> tuple[NDArray[np.floating], list[str], str | None, tuple[str, ...]]:
    """Return the signals that are leads, in mV, their names, their unit where they have one, and what was not taken."""
    where = path.name
    stated = [signal.name for signal in header.signals if signal.name is not None]
    n_signals = len(header.signals)
    names = options.settle_leads(stated if len(stated) == n_signals else None, n_signals, where)
    require_leads(names, where)
    # The units of other channels (respiration, pressure) are none of ours.
    used = [index for index, name in enumerate(names) if canonical_lead(name)]
    signals = [header.signals[index] for index in used]
    units = [signal.unit or options.unit or "mV" for signal in signals]
    mv_of = {unit: options.settle_unit(unit, where) for unit in set(units)}
    steps = _read_steps(path, header, fs)
    in_mv = _to_mv(steps if len(used) == len(steps) else steps[used], signals, [mv_of[unit] for unit in units])
    unit = units[0] if len(mv_of) == 1 else None
    return in_mv, [names[index] for index in used], unit, channels_not_taken(names)


def _read_steps(path: Path, header: Header, fs: float) -> NDArray[np.integer]:
    """Return all signals as the converter's steps, shape (n_signals, n_times)."""
    groups = [list(group) for _, group in itertools.groupby(header.signals, key=lambda signal: signal.file_name)]
    for group in groups:
        _check_group(group, path.name)
    if len({group[0].file_name for group in groups}) < len(groups):
        raise RecordError(f"{path.name}: the signals of a file do not stand together; correct the header", "header")
    lengths = {header.n_times or _length_of(path, group) for group in groups}
    if len(lengths) > 1:
        raise RecordError(f"{path.name}: signal files of different lengths ({sorted(lengths)} samples)", "truncated")
    n_times = lengths.pop()
    if n_times > MAX_DURATION_S * fs:
        raise RecordError(
            f"{path.name}: {n_times:,} samples at {fs:g} Hz, at most {MAX_DURATION_S / 3600:g} h are read", "too large"
        )
    blocks = [_read_group(path, group, n_times) for group in groups]
    steps = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    _check_sums(steps, header.signals, path.name)
    return steps


def _check_group(group: list[SignalLine], where: str) -> None:
    first = group[0]
    if first.format not in INVALID:
        known = ", ".join(str(code) for code in INVALID)
        raise RecordError(
            f"{where}: signal format {first.format} is not read, only {known}; convert it with wfdb's xform", "format"
        )
    if any(signal.format != first.format for signal in group):
        raise RecordError(f"{where}: {first.file_name!r} is given several formats", "header")
    if any(signal.frame_samples != 1 for signal in group):
        raise RecordError(f"{where}: several samples a frame ({first.file_name!r}) are not read; convert it", "format")


def _length_of(path: Path, group: list[SignalLine]) -> int:
    size = file_size(_inside(path, group[0].file_name)) - group[0].byte_offset
    return max(0, n_values(group[0].format, size) // len(group))


def _read_group(path: Path, group: list[SignalLine], n_times: int) -> NDArray[np.integer]:
    """Return the signals of one file, shape (len(group), n_times)."""
    first = group[0]
    signal_path = _inside(path, first.file_name)
    count = n_times * len(group)
    needed = n_bytes(first.format, count)
    data = load_bytes(signal_path, offset=first.byte_offset, length=needed)
    if len(data) < needed:
        there = n_values(first.format, len(data)) // len(group)
        raise RecordError(
            f"{path.name}: {first.file_name} holds {there:,} samples of {n_times:,}; it is truncated, fetch it again",
            "truncated",
        )
    steps = decode(data, first.format, count).reshape(n_times, len(group))
    steps = np.ascontiguousarray(steps.T, dtype=steps.dtype.newbyteorder("="))  # (len(group), n_times)
    return steps if not any(signal.skew for signal in group) else _unskew(steps, group)


def _unskew(steps: NDArray[np.integer], group: list[SignalLine]) -> NDArray[np.integer]:
    """Bring back in step what the recorder sampled late; the end that is then missing is marked so."""
    shifted = np.full_like(steps, INVALID[group[0].format])
    for row, late, signal in zip(shifted, steps, group, strict=True):
        kept = max(0, steps.shape[1] - signal.skew)
        row[:kept] = late[steps.shape[1] - kept :]
    return shifted


def _inside(path: Path, name: str) -> Path:
    """Return the path of a signal file, which must lie in the header's folder: a header is not to be trusted."""
    if not name.isprintable():
        raise RecordError(f"{path.name}: signal file name {name[:80]!r} is not understood", "header")
    place = path.parent / name
    # A plain name that is no link, as nearly all are, leads nowhere else.
    if name == os.path.basename(name) and name not in (os.curdir, os.pardir) and not os.path.islink(place):
        return place
    resolved, home = os.path.realpath(place), os.path.realpath(path.parent)
    # By whole names: /data/rec2 is not in /data/rec.
    if resolved == home or not Path(resolved).is_relative_to(home):
        raise RecordError(
            f"{path.name}: names a signal file outside its folder ({name[:80]!r}); not opened", "outside folder"
        )
    return Path(resolved)


def _is_inside(path: Path, name: str) -> bool:
    try:
        _inside(path, name)
    except RecordError:
        return False
    return True


def _check_sums(steps: NDArray[np.integer], signals: tuple[SignalLine, ...], where: str) -> None:
    stated = [signal.checksum for signal in signals]
    # Writers that compute none (PhysioNet's 2017 challenge) put 0 everywhere; after a skew some samples are gone.
    if not any(stated) or any(signal.skew for signal in signals):
        return
    sums = steps.sum(axis=1, dtype=steps.dtype).astype(np.int64)
    for signal, expected, found in zip(signals, stated, sums, strict=True):
        if expected is not None and (expected - found) % 2**16:
            raise RecordError(
                f"{where}: checksum of {signal.name or signal.file_name!r} is {found % 2**16}, the header says "
                f"{expected % 2**16}; the signal file is damaged, fetch it again",
                "checksum",
            )


def _to_mv(steps: NDArray[np.integer], signals: list[SignalLine], scales: list[float]) -> NDArray[np.floating]:
    """Return (steps − baseline) / gain, in mV, missing samples as NaN."""
    baselines = np.array([signal.baseline for signal in signals])
    gains = np.array([signal.gain for signal in signals]) / np.array(scales)
    # float32 holds 16 bits less 16 bits exactly; wider steps do not fit.
    exact = steps.dtype.itemsize == 2 and np.abs(baselines).max(initial=0) <= 2**15
    physical: NDArray[np.floating] = steps.astype(np.float32 if exact else np.float64)
    if baselines.any():
        physical -= baselines[:, None].astype(physical.dtype)
    physical /= gains[:, None].astype(physical.dtype)
    # The value that marks a missing sample is the smallest of its format.
    for row, signal, lowest in zip(range(len(steps)), signals, steps.min(axis=1, initial=0), strict=True):
        if lowest == INVALID[signal.format]:
            physical[row, steps[row] == lowest] = np.nan
    return physical


def _recognises(path: Path, head: bytes) -> bool:
    return header_of(path).is_file()


WFDB = Format("WFDB", _SIGNAL_SUFFIXES | {".hea"}, _recognises, read_wfdb, files_of_wfdb)
