"""One set of records as a model was scored on it."""

from __future__ import annotations

from dataclasses import dataclass

from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import Scores


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
        Beside labels as their sources wrote them.
    scores : Scores
    harmonised : Scores or None
        By harmonised labels; None where these are the same, or not known.
    people : str
        Whose ECGs, in words; empty where nothing is known.
    """

    key: str
    title: str
    predictions: Predictions
    scores: Scores
    harmonised: Scores | None = None
    people: str = ""

    @property
    def basis(self) -> str:
        """What a figure of it stands on, and the artifact that has it."""
        n = self.scores.n_records
        return f"{n:,} {'record' if n == 1 else 'records'} of the {self.title} (artifact {self.file})"

    @property
    def file(self) -> str:
        """The artifact with its predictions, record by record."""
        return "predictions.csv" if self.key == "test" else f"{self.key}_predictions.csv"
