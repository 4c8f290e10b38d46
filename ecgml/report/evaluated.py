"""One set of records as a model was scored on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ecgml.evaluation.answers import Answers
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import Scores
from ecgml.evaluation.subgroups import SubgroupScores
from ecgml.records.schemes import Scheme

MOST_SOURCES = 3
"""Names of data sources in a figure's title."""


def predictions_file(key: str) -> str:
    """Return the artifact with the predictions of one set of records."""
    return "predictions.csv" if key == "test" else f"{key}_predictions.csv"


def answers_file(key: str) -> str:
    """Return the artifact that says which records of a set are answered."""
    return "answers.csv" if key == "test" else f"{key}_answers.csv"


def caption(figure: str, model: str, part: str, sources: Iterable[str]) -> str:
    """Return the title of a figure: its name, the model and the data; ``""`` for a model or part that it has not."""
    names = sorted({*sources} - {""})
    listed = ", ".join(names[:MOST_SOURCES]) + ", …" * (len(names) > MOST_SOURCES)
    text = ", ".join(filter(None, (model, part)))
    return ": ".join(filter(None, (figure, text))) + (f" ({listed})" if listed else "")


@dataclass(frozen=True, eq=False)
class Evaluated:
    """One set of records as a model was scored on it.

    Parameters
    ----------
    key : str
        Begins the names of its figures and tables: ``test``, ``external``, ``evaluation``.
    title : str
        ``"test part"``.
    predictions : Predictions
        With original labels.
    scores : Scores
    harmonised : Scores or None
        By harmonised labels; None where these are the same, or unknown.
    people : str
        Age and sex of the patients, in words; empty where unknown.
    answers : Answers or None
        Which records are answered; None where the model's run did not keep them.
    outside : mapping of str to (int, int)
        Records of the same cohorts that the scheme has no class for, by kind: how many, how many abstained on.
    subgroups : SubgroupScores or None
    y_harmonised : ndarray of int64, shape (n_records,), or None
        Harmonised labels, which training and calibration used; None where they are the same, or unknown.
    model : str
        Name of the model, for titles.
    scheme : Scheme or None
        Of the labels: colours of its own, and what its confusions would mean.
    """

    key: str
    title: str
    predictions: Predictions
    scores: Scores
    harmonised: Scores | None = None
    people: str = ""
    answers: Answers | None = None
    outside: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    subgroups: SubgroupScores | None = None
    y_harmonised: NDArray[np.int64] | None = None
    model: str = ""
    scheme: Scheme | None = None

    @property
    def colours(self) -> Mapping[str, str]:
        """Of classes that have one of their own."""
        return self.scheme.colours if self.scheme else {}

    def caption(self, figure: str) -> str:
        """Return the title of a figure: its name, the model and the data."""
        return caption(figure, self.model, self.title, self.predictions.sources)

    @property
    def records(self) -> str:
        """How many records of which set."""
        n = self.scores.n_records
        return f"{n:,} {'record' if n == 1 else 'records'} of the {self.title}"

    @property
    def basis(self) -> str:
        """The records behind a figure, and the artifact that lists them."""
        return f"{self.records} (artifact `{self.file}`)"

    @property
    def file(self) -> str:
        """The artifact with its predictions, record by record."""
        return predictions_file(self.key)

    @property
    def answers_file(self) -> str:
        """The artifact with its answers, record by record."""
        return answers_file(self.key)
