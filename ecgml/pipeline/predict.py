"""`ecgml predict`: files in, a line of a table or JSON object each out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ecgml.errors import ConfigError, RecordError
from ecgml.inference.predictor import Prediction, Predictor
from ecgml.records.reading import FORMATS, find_records, read_record
from ecgml.records.record import Record
from ecgml.records.units import UNITS, is_voltage, mv_per_unit
from ecgml.training.device import choose_device

_REMEDIES = {
    "no fs": "--fs 500",
    "no unit": "--unit uV",
    "wrong gain": "check --unit, or what the file says",
}
"""What to do here about a file that cannot be used, by the error's reason."""


ABSTAINED = "none"
"""In place of a rhythm that the model does not stand by."""


def load_predictor(address: str, device: str = "auto", min_leads: int | None = None) -> Predictor:
    """Load a model from a checkpoint folder, ``runs:/<run id>``, ``models:/<name>@<alias>`` or ``models:/<name>/<n>``.

    Parameters
    ----------
    address, device : str
    min_leads : int, optional
        A record needs so many measured leads, instead of the model's own setting.

    Raises
    ------
    EcgmlError
        If there is none or it is damaged.
    """
    chosen = choose_device(device)
    if ":/" not in address:
        return _with_min_leads(Predictor.load(Path(address).expanduser(), chosen), min_leads)
    # MLflow takes seconds to import, and a checkpoint folder needs none of it.
    from ecgml.service.models import fetch_checkpoint

    with TemporaryDirectory(prefix="ecgml-") as folder:
        return _with_min_leads(Predictor.load(fetch_checkpoint(address, Path(folder)), chosen), min_leads)


def _with_min_leads(predictor: Predictor, min_leads: int | None) -> Predictor:
    if min_leads is None:
        return predictor
    preprocessing = replace(predictor.checkpoint.preprocessing, min_leads=min_leads)
    return Predictor(replace(predictor.checkpoint, preprocessing=preprocessing), predictor.device)


def predict_files(
    predictor: Predictor, paths: Sequence[Path], fs: float | None, unit: str | None, say: Callable[[str], None]
) -> Iterator[tuple[Path, Prediction | RecordError]]:
    """Predict files one by one; a file that cannot be used gives its error, and the rest goes on.

    Parameters
    ----------
    predictor : Predictor
    paths : sequence of Path
        Files, and folders: of these, the ECGs in them and their subfolders.
    fs : float, optional
        Hz, for files that do not tell it.
    unit : str, optional
        For files that do not tell it. What a file states stands; a note says so where something else was given.
    say : callable
        Takes a line about what a folder holds beside ECGs.

    Raises
    ------
    ConfigError
        If the unit is no voltage.
    """
    if unit is not None and not is_voltage(unit):
        raise ConfigError(f"--unit: {unit!r} is no voltage; one of {', '.join(UNITS)}")
    return _predict_each(predictor, paths, fs, unit, say)


def _predict_each(
    predictor: Predictor, paths: Sequence[Path], fs: float | None, unit: str | None, say: Callable[[str], None]
) -> Iterator[tuple[Path, Prediction | RecordError]]:
    for given in paths:
        records, others = find_records(given) if given.is_dir() else ([given], [])
        if others:
            shown = ", ".join(str(path.relative_to(given)) for path in others[:5]) + (", …" if others[5:] else "")
            say(f"{given}: {len(others):,} file{'s' * (len(others) > 1)} passed over as no ECG: {shown}")
        if not records:
            suffixes = " ".join(sorted(suffix for known in FORMATS for suffix in known.suffixes))
            yield given, RecordError(f"no ECG in this folder or below; looked for {suffixes}", "missing file")
        for path in records:
            try:
                record = read_record(path, fs=fs, unit=unit, yields=True)
                prediction = predictor.predict([record])[0]
            except RecordError as error:
                remedy = f": {_REMEDIES[error.reason]}" if error.reason in _REMEDIES else ""
                yield path, RecordError(f"{error}{remedy}", error.reason)
            else:
                yield path, replace(prediction, notes=(*_contradictions(record, fs, unit), *prediction.notes))


def _contradictions(record: Record, fs: float | None, unit: str | None) -> Iterator[str]:
    """Say what was given and is not what the file states."""
    if fs is not None and not math.isclose(record.fs, fs, rel_tol=1e-6):
        yield f"the file says {record.fs:g} Hz: --fs {fs:g} not used"
    if unit and record.unit and mv_per_unit(record.unit, "file") != mv_per_unit(unit, "--unit"):
        yield f"the file says {record.unit}: --unit {unit} not used"


def resolve_model(address: str) -> tuple[str, str | None]:
    """Return the address of the very version that an alias means now, and its number; see `ecgml.service.models`.

    Raises
    ------
    TrackingError
        If there is none.
    """
    if ":/" not in address:
        return address, None
    from ecgml.service.models import pinned

    return pinned(address)


def table_head(classes: Sequence[str]) -> str:
    """Return the line above :func:`as_row`."""
    return f"{'rhythm':<{_width(classes)}}{''.join(f'{name:>8}' for name in classes)}  file"


def as_row(path: Path, outcome: Prediction | RecordError, classes: Sequence[str]) -> str:
    """Return an outcome as a line of a table for a person: rhythm, probabilities, file, notes."""
    if isinstance(outcome, RecordError):
        return f"{'error':<{_width(classes)}}{'       –' * len(classes)}  {path}  {outcome}"
    values = "".join(f"{outcome.probabilities[name]:8.3f}" for name in classes)
    said = [f"no answer: {outcome.reason}; most probable {outcome.rhythm}"] if outcome.abstained else []
    notes = "; ".join([*said, *outcome.notes])
    rhythm = ABSTAINED if outcome.abstained else outcome.rhythm
    return f"{rhythm:<{_width(classes)}}{values}  {path}{f'  ({notes})' if notes else ''}"


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
    told = {"error": str(outcome), "reason": outcome.reason} if isinstance(outcome, RecordError) else outcome.to_json()
    return json.dumps({"file": str(path), **told, "model_version": version})
