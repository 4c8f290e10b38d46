"""`ecgml predict`: files in, a line or JSON object each out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ecgml.errors import RecordError
from ecgml.inference.predictor import Prediction, Predictor
from ecgml.records.reading import read_record
from ecgml.records.schemes import scheme_named
from ecgml.training.device import choose_device


def load_predictor(address: str, device: str = "auto") -> Predictor:
    """Load a model from a checkpoint folder, ``runs:/<run id>`` or ``models:/<name>@<alias>``.

    Raises
    ------
    EcgmlError
        If there is none or it is damaged.
    """
    chosen = choose_device(device)
    if ":/" not in address:
        return Predictor.load(Path(address).expanduser(), chosen)
    # MLflow takes seconds to import, and a checkpoint folder needs none of it.
    from ecgml.service.models import fetch_checkpoint

    with TemporaryDirectory(prefix="ecgml-") as folder:
        return Predictor.load(fetch_checkpoint(address, Path(folder)), chosen)


def predict_files(
    predictor: Predictor, paths: Sequence[Path], fs: float | None, unit: str | None
) -> Iterator[tuple[Path, Prediction | RecordError]]:
    """Predict files one by one; a file that cannot be used gives its error, and the rest goes on.

    Parameters
    ----------
    predictor : Predictor
    paths : sequence of Path
        Files; of a folder, the files and WFDB headers in it.
    fs : float, optional
        Hz, where files do not tell it.
    unit : str, optional
        Where files do not tell it.
    """
    for path in (one for given in paths for one in _files(given)):
        try:
            yield path, predictor.predict([read_record(path, fs=fs, unit=unit)])[0]
        except RecordError as error:
            yield path, error


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(one for one in path.iterdir() if one.is_file())
    headers = [one for one in files if one.suffix == ".hea"]
    return headers or files


def as_line(path: Path, outcome: Prediction | RecordError) -> str:
    """Return an outcome as a line for a person."""
    if isinstance(outcome, RecordError):
        return f"{path}: error: {outcome}"
    ranked = sorted(outcome.probabilities.items(), key=lambda item: -item[1])
    notes = f" ({'; '.join(outcome.notes)})" if outcome.notes else ""
    return f"{path}: {outcome.rhythm} {', '.join(f'{name} {value:.3f}' for name, value in ranked)}{notes}"


def as_json(path: Path, outcome: Prediction | RecordError, scheme: str) -> str:
    """Return an outcome as one line of JSON."""
    if isinstance(outcome, RecordError):
        return json.dumps({"file": str(path), "error": str(outcome), "reason": outcome.reason})
    return json.dumps(
        {
            "file": str(path),
            "rhythm": outcome.rhythm,
            "snomed": scheme_named(scheme).snomed(outcome.rhythm),
            "probabilities": outcome.probabilities,
            "clinical": outcome.clinical,
            "origins": outcome.origins,
            "notes": outcome.notes,
        }
    )
