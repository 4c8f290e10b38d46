"""Read the files and folders given to a command, each into a record or an error."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ecgml.errors import ConfigError, RecordError
from ecgml.records.leads import LEADS, canonical_lead
from ecgml.records.readers.options import ReadOptions
from ecgml.records.reading import find_records, formats, read_record
from ecgml.records.record import Record
from ecgml.records.units import UNITS, is_voltage, mv_per_unit

_REMEDIES = {
    "no fs": "--fs 500",
    "no unit": "--unit uV",
    "wrong gain": "check --unit, or what the file says",
    "no leads": "--leads I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6, if they are in this order",
}
"""Remedy for an unusable file, by the error's reason."""


def read_inputs(
    paths: Sequence[Path], options: ReadOptions, say: Callable[[str], None]
) -> Iterator[tuple[Path, Record | RecordError]]:
    """Read files one by one; an unreadable file yields its error and does not stop the rest.

    Parameters
    ----------
    paths : sequence of Path
        Files, and folders: of these, the ECGs in them and their subfolders.
    options : ReadOptions
        For files that do not tell their sampling frequency, unit or leads: what a file states stands.
    say : callable
        Called with a line about files in a folder that are not ECGs.

    Raises
    ------
    ConfigError
        If the unit is not a voltage, or no lead is known.
    """
    if options.unit is not None and not is_voltage(options.unit):
        raise ConfigError(f"--unit: {options.unit!r} is not a voltage; one of {', '.join(UNITS)}")
    if options.leads is not None and not any(map(canonical_lead, options.leads)):
        raise ConfigError(f"--leads: {','.join(options.leads)!r} names none of {', '.join(LEADS)}")
    return _read_each(paths, replace(options, yields=True), say)


def _read_each(
    paths: Sequence[Path], options: ReadOptions, say: Callable[[str], None]
) -> Iterator[tuple[Path, Record | RecordError]]:
    for place in paths:
        records, others = find_records(place) if place.is_dir() else ([place], [])
        if others:
            shown = ", ".join(str(path.relative_to(place)) for path in others[:5]) + (", …" if others[5:] else "")
            say(f"{place}: {len(others):,} file{'s' * (len(others) > 1)} skipped, not an ECG: {shown}")
        if not records:
            suffixes = " ".join(sorted(suffix for file_format in formats() for suffix in file_format.suffixes))
            yield place, RecordError(f"no ECG in this folder or below; looked for {suffixes}", "missing file")
        for path in records:
            try:
                yield path, read_record(path, **vars(options))
            except RecordError as error:
                yield path, with_remedy(error)


def with_remedy(error: RecordError) -> RecordError:
    """Return an error extended by the option that helps, if any."""
    remedy = f": {_REMEDIES[error.reason]}" if error.reason in _REMEDIES else ""
    return RecordError(f"{error}{remedy}", error.reason)


def contradictions(record: Record, options: ReadOptions) -> Iterator[str]:
    """Return notes on options that contradict the file."""
    fs, unit = options.fs, options.unit
    if fs is not None and not math.isclose(record.fs, fs, rel_tol=1e-6):
        yield f"the file says {record.fs:g} Hz: --fs {fs:g} not used"
    if unit and record.unit and mv_per_unit(record.unit, "file") != mv_per_unit(unit, "--unit"):
        yield f"the file says {record.unit}: --unit {unit} not used"
