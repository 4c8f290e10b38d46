"""`predictions.csv`: predictions on disk, one line a record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecgml.config import nearest
from ecgml.errors import EvaluationError
from ecgml.evaluation.predictions import Predictions
from ecgml.saving import write_whole

PROBABILITY_PREFIX = "prob_"


def write_predictions(predictions: Predictions, path: str | Path) -> Path:
    """Write predictions as CSV, whole or not at all.

    Columns: record_id, group, source, y_true (class name), y_pred (class name, empty where not scored), scored,
    prob_<class> for every class in the order of the labels (as many digits as it takes to read it back bit for bit),
    note.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    return write_whole(path, as_csv(predictions))


def as_csv(predictions: Predictions) -> bytes:
    """Return predictions as :func:`write_predictions` writes them."""
    names = np.array([*predictions.classes, ""], dtype=object)  # NOT_SCORED is -1, which indexes the last
    table = pd.DataFrame(
        {
            "record_id": predictions.record_ids,
            "group": predictions.groups,
            "source": predictions.sources,
            "y_true": names[predictions.y_true],
            "y_pred": names[predictions.y_pred],
            "scored": predictions.scored,
            **{f"{PROBABILITY_PREFIX}{name}": predictions.y_prob[:, k] for k, name in enumerate(predictions.classes)},
            "note": predictions.notes,
        }
    )
    return table.to_csv(index=False, lineterminator="\n").encode()


def read_predictions(path: str | Path) -> Predictions:
    """Read what :func:`write_predictions` wrote; y_pred and scored follow from the probabilities and are not read.

    Columns group, source and note may be absent.

    Raises
    ------
    EvaluationError
        If the file is missing or unreadable, lacks a column, or holds what :class:`Predictions` refuses.
    """
    path = Path(path)
    try:
        # Text throughout: "00123" and "NA" are ids, and Python's own float() reads probabilities back exactly.
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except FileNotFoundError:
        raise EvaluationError(f"{path}: does not exist; `ecgml evaluate` writes it") from None
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{path}: cannot be read as CSV: {' '.join(str(error).split())}") from error
    for column in ("record_id", "y_true"):
        if column not in table:
            raise EvaluationError(f"{path}: no column {column!r} among {', '.join(map(str, table.columns))}")
    names = map(str, table.columns)
    classes = tuple(name.removeprefix(PROBABILITY_PREFIX) for name in names if name.startswith(PROBABILITY_PREFIX))
    try:
        return Predictions(
            record_ids=tuple(table["record_id"]),
            classes=classes,
            y_true=_labels(table, classes),
            y_prob=_probabilities(table, classes),
            **{f"{name}s": tuple(table[name]) for name in ("group", "source", "note") if name in table},
        )
    except EvaluationError as error:
        raise EvaluationError(f"{path}: {error}") from error


def _labels(table: pd.DataFrame, classes: tuple[str, ...]) -> NDArray[np.int64]:
    index = {name: label for label, name in enumerate(classes)}
    for record_id, name in zip(table["record_id"], table["y_true"], strict=True):
        if name not in index:
            raise EvaluationError(
                f"record {record_id} has y_true {name!r}{nearest(name, classes)}; one of {', '.join(classes)}"
            )
    return np.array([index[name] for name in table["y_true"]], dtype=np.int64)


def _probabilities(table: pd.DataFrame, classes: tuple[str, ...]) -> NDArray[np.float64]:
    y_prob = np.empty((len(table), len(classes)))
    for label, name in enumerate(classes):
        for row, text in enumerate(table[f"{PROBABILITY_PREFIX}{name}"]):
            try:
                y_prob[row, label] = float(text) if text else np.nan
            except ValueError:
                raise EvaluationError(
                    f"record {table['record_id'][row]} has {text!r} for {PROBABILITY_PREFIX}{name}, expected a number"
                ) from None
    return y_prob
