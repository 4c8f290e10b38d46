"""`ecgml predict`: classify ECG files, with a table row or JSON object each."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ecgml.errors import RecordError
from ecgml.inference.predictor import Prediction, Predictor, PredictorInput
from ecgml.measurements.table import INTERVAL_MEASUREMENTS
from ecgml.pipeline.job.input_files import contradictions, read_inputs, with_remedy
from ecgml.records.readers.options import ReadOptions
from ecgml.records.record import Record
from ecgml.service.address import checkpoint_at
from ecgml.training.device import choose_device

ABSTAINED = "none"
"""Shown instead of a rhythm on abstention."""

FILES_AT_ONCE = 16
"""Files in a batch of the model: 64 would cost as much per file, and delay the first line of the table."""

_INTERVALS = {
    measurement.name: measurement.heading
    for measurement in INTERVAL_MEASUREMENTS
    if measurement.unit in ("1/min", "ms")
}
"""Columns of the table beside the probabilities."""


def load_predictor(address: str, device: str = "auto", min_leads: int | None = None) -> Predictor:
    """Load a model from a checkpoint folder, ``runs:/<run id>``, ``models:/<name>@<alias>`` or ``models:/<name>/<n>``.

    Parameters
    ----------
    address, device : str
    min_leads : int, optional
        Measured leads that a record needs, instead of the model's setting.

    Raises
    ------
    EcgmlError
        If there is none or it is damaged.
    """
    with checkpoint_at(address) as folder:
        predictor = Predictor.load(folder, choose_device(device))
    if min_leads is None:
        return predictor
    preprocessing = replace(predictor.checkpoint.preprocessing, min_leads=min_leads)
    return Predictor(replace(predictor.checkpoint, preprocessing=preprocessing), predictor.device)


def predict_files(
    predictor: Predictor,
    paths: Sequence[Path],
    options: ReadOptions,
    say: Callable[[str], None],
    with_spread: bool = True,
) -> Iterator[tuple[Path, Prediction | RecordError]]:
    """Predict files in order; an unusable file yields its error and does not stop the rest.

    Parameters
    ----------
    predictor : Predictor
    paths : sequence of Path
        Files, and folders: of these, the ECGs in them and their subfolders.
    options : ReadOptions
        For files that do not tell their sampling frequency, unit or leads. What a file states stands; a note says so
        where another sampling frequency or unit was given.
    say : callable
        Takes a line about what a folder holds beside ECGs.
    with_spread : bool
        Whether to say how sure each interval is, which the table does not show.

    Raises
    ------
    ConfigError
        If the unit is not a voltage, or no lead is known.
    """
    return _predict_each(predictor, read_inputs(paths, options, say), options, with_spread)


def _predict_each(
    predictor: Predictor, inputs: Iterator[tuple[Path, Record | RecordError]], options: ReadOptions, with_spread: bool
) -> Iterator[tuple[Path, Prediction | RecordError]]:
    while files := list(itertools.islice(inputs, FILES_AT_ONCE)):
        outcomes: dict[int, Prediction | RecordError] = {}
        prepared: dict[int, PredictorInput] = {}
        for place, (_, record) in enumerate(files):
            if isinstance(record, RecordError):
                outcomes[place] = record
                continue
            try:
                ready = predictor.prepare(record, with_spread=with_spread)
            except RecordError as error:
                outcomes[place] = with_remedy(error)
            else:
                prepared[place] = replace(ready, notes=(*contradictions(record, options), *ready.notes))
        names = [files[place][0].name for place in prepared]
        outcomes |= zip(prepared, predictor.describe(names, list(prepared.values())), strict=True)
        yield from ((path, outcomes[place]) for place, (path, _) in enumerate(files))


def table_head(classes: Sequence[str]) -> str:
    """Return the line above :func:`as_row`."""
    headings = "".join(f"{heading:>6}" for heading in _INTERVALS.values())
    return f"{'rhythm':<{_width(classes)}}{''.join(f'{name:>8}' for name in classes)}{headings}  file"


def as_row(path: Path, outcome: Prediction | RecordError, classes: Sequence[str]) -> str:
    """Return an outcome as a line of a table for a person: rhythm, probabilities, 1/min and ms, file, notes."""
    if isinstance(outcome, RecordError):
        cells = "       –" * len(classes) + "     –" * len(_INTERVALS)
        return f"{'error':<{_width(classes)}}{cells}  {path}  {outcome}"
    values = "".join(f"{outcome.probabilities[name]:8.3f}" for name in classes)
    remarks = [f"no answer: {outcome.reason}; most probable {outcome.rhythm}"] if outcome.abstained else []
    notes = "; ".join([*remarks, *outcome.notes])
    rhythm = ABSTAINED if outcome.abstained else outcome.rhythm
    return f"{rhythm:<{_width(classes)}}{values}{_interval_cells(outcome)}  {path}{f'  ({notes})' if notes else ''}"


def _interval_cells(prediction: Prediction) -> str:
    values = [prediction.intervals.get(name, {}).get("value") for name in _INTERVALS]
    return "".join(f"{'–':>6}" if value is None else f"{value:6.0f}" for value in values)


def _width(classes: Sequence[str]) -> int:
    return max(map(len, ("rhythm", ABSTAINED, *classes)))


def as_json(path: Path, outcome: Prediction | RecordError, version: str | None) -> str:
    """Return an outcome as one line of JSON.

    Parameters
    ----------
    path : Path
    outcome : Prediction or RecordError
    version : str or None
        Of the registered model that made it.
    """
    answer = (
        {"error": str(outcome), "reason": outcome.reason} if isinstance(outcome, RecordError) else outcome.to_json()
    )
    return json.dumps({"file": str(path), **answer, "model_version": version})
