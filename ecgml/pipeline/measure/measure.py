"""`ecgml measure`: rates, intervals and axes of ECG files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ecgml.errors import RecordError
from ecgml.measurements.intervals import INTERVALS, Intervals, measure_intervals
from ecgml.measurements.table import INTERVAL_MEASUREMENTS
from ecgml.pipeline.job.input_files import contradictions, read_inputs, with_remedy
from ecgml.preprocessing.preprocess import usable_waveform
from ecgml.records.readers.options import ReadOptions

HEADINGS = {measurement.name: measurement.heading for measurement in INTERVAL_MEASUREMENTS}
"""Headings of the table's columns: 1/min, ms, degrees."""

_WIDTH = 9


def measure_files(
    paths: Sequence[Path], options: ReadOptions, qtc: str, say: Callable[[str], None]
) -> Iterator[tuple[Path, Intervals | RecordError]]:
    """Measure files one by one; an unusable file yields its error and does not stop the rest.

    Parameters
    ----------
    paths : sequence of Path
        Files, and folders: of these, the ECGs in them and their subfolders.
    options : ReadOptions
        For files that do not tell their sampling frequency, unit or leads. What a file states stands; a line says so
        where another sampling frequency or unit was given.
    qtc : str
        Formula of the corrected QT interval.
    say : callable
        Takes a line about what a folder holds beside ECGs, and about options that were not used.

    Raises
    ------
    ConfigError
        If the unit is not a voltage, or no lead is known.
    """
    return _measure_each(read_inputs(paths, options, say), options, qtc, say)


def _measure_each(
    inputs: Iterator[Any], options: ReadOptions, qtc: str, say: Callable[[str], None]
) -> Iterator[tuple[Path, Intervals | RecordError]]:
    for path, record in inputs:
        if isinstance(record, RecordError):
            yield path, record
            continue
        for note in contradictions(record, options):
            say(f"{path}: {note}")
        try:
            yield path, measure_intervals(usable_waveform(record), record.fs, qtc)
        except RecordError as error:
            yield path, with_remedy(error)


def table_head() -> str:
    """Return the line above :func:`as_row`."""
    return "".join(f"{heading:>{_WIDTH}}" for heading in HEADINGS.values()) + "  file"


def as_row(path: Path, outcome: Intervals | RecordError) -> str:
    """Return an outcome as a line of a table for a person: 1/min, ms, degrees, file, and why a value is missing."""
    if isinstance(outcome, RecordError):
        return f"{'error':>{_WIDTH}}" + f"{'–':>{_WIDTH}}" * (len(INTERVALS) - 1) + f"  {path}  {outcome}"
    cells = "".join(
        f"{outcome.values[name]:{_WIDTH}.0f}" if name in outcome.values else f"{'–':>{_WIDTH}}" for name in INTERVALS
    )
    missing: dict[str, list[str]] = {}
    for name, reason in outcome.reasons.items():
        missing.setdefault(reason, []).append(HEADINGS[name])
    notes = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in missing.items())
    return f"{cells}  {path}{f'  ({notes})' if notes else ''}"


def as_json(path: Path, outcome: Intervals | RecordError) -> str:
    """Return an outcome as one line of JSON; for an unusable file ``error`` and ``reason`` instead of values."""
    if isinstance(outcome, RecordError):
        return json.dumps({"file": str(path), "error": str(outcome), "reason": outcome.reason})
    values = {name: round(outcome.values[name], 1) if name in outcome.values else None for name in INTERVALS}
    return json.dumps({"file": str(path), **values, "reasons": dict(outcome.reasons)})
