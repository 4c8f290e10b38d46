"""Answers of a model as a CSV file, record by record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecgml.errors import EvaluationError
from ecgml.evaluation.answers import Answers
from ecgml.evaluation.predictions import Predictions

JOIN = "+"
"""Between the classes of a set."""


def answers_csv(predictions: Predictions, answers: Answers) -> bytes:
    """Return answers as CSV.

    Columns: record, abstained, reason (empty where answered), certainty, and, of a model with conformal sets, set (its
    classes joined by ``+``).

    Parameters
    ----------
    predictions : Predictions
    answers : Answers
        Of the same records in the same order.
    """
    columns: dict[str, list[Any]] = {
        "record": list(predictions.record_ids),
        "abstained": answers.abstained.tolist(),
        "reason": list(answers.reasons),
        "certainty": answers.certainty.tolist(),
    }
    if answers.sets is not None:
        classes = np.array(predictions.classes)
        columns["set"] = [JOIN.join(classes[row]) for row in answers.sets]
    return pd.DataFrame(columns).to_csv(index=False, lineterminator="\n").encode()


def read_answers(path: str | Path, predictions: Predictions) -> Answers:
    """Read what :func:`answers_csv` gave of these predictions.

    Raises
    ------
    EvaluationError
        If the file is missing, unreadable, or of other records.
    """
    try:
        table = pd.read_csv(path, dtype={"record": str, "reason": str, "set": str}, keep_default_na=False)
        if table["record"].tolist() != list(predictions.record_ids):
            raise EvaluationError(f"{path}: answers of other records than the predictions'")
        sets = None
        if "set" in table:
            held = [set(cell.split(JOIN)) for cell in table["set"]]
            sets = np.array([[name in names for name in predictions.classes] for names in held], dtype=bool)
            sets = sets.reshape(-1, predictions.n_classes)
        return Answers(tuple(table["reason"]), table["certainty"].to_numpy(float), sets)
    except (OSError, ValueError, KeyError) as error:
        raise EvaluationError(f"{path} cannot be read as answers: {' '.join(str(error).split())}") from None
