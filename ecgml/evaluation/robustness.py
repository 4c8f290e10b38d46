"""How a model fares when its input is perturbed: kind and strength -> figures, paired with the unperturbed ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecgml.errors import EvaluationError
from ecgml.evaluation.bootstrap import bootstrap
from ecgml.evaluation.estimates import Estimate, estimates_of
from ecgml.evaluation.metric_table import is_lower_better, names_of
from ecgml.evaluation.metrics import Metrics
from ecgml.evaluation.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Perturbed:
    """What a model said of records under one condition.

    Parameters
    ----------
    kind, strength : str
    predictions : Predictions
        A record that preprocessing refused has no probabilities and counts as an error.
    abstained : ndarray of bool, shape (n_records,)
        Refused, or not stood by.
    """

    kind: str
    strength: str
    predictions: Predictions
    abstained: NDArray[np.bool_]


@dataclass(frozen=True)
class Cell:
    """The figures of one condition."""

    kind: str
    strength: str
    figures: dict[str, Estimate]
    """The metrics of robustness, ``abstained`` (share), and of those answered ``answered_accuracy``."""
    drops: dict[str, Estimate]
    """By how much the metrics are worse than those of the unperturbed records; paired."""
    refused: float
    """Share of the records that preprocessing refused; they are among those abstained on."""

    @property
    def name(self) -> str:
        """Kind and strength."""
        return f"{self.kind}, {self.strength}"


@dataclass(frozen=True, eq=False)
class Robustness:
    """What :func:`judge_robustness` returns."""

    reference: Cell
    cells: tuple[Cell, ...]
    n_records: int
    n_groups: int

    @property
    def kinds(self) -> dict[str, list[Cell]]:
        """The cells of each kind, in their order."""
        kinds: dict[str, list[Cell]] = {}
        for cell in self.cells:
            kinds.setdefault(cell.kind, []).append(cell)
        return kinds

    def table(self) -> pd.DataFrame:
        """Return a row a condition, the unperturbed first.

        Returns
        -------
        table : DataFrame
            Columns ``perturbation``, ``strength``; the metrics of robustness, abstained, answered_accuracy, and
            ``drop_`` of each metric, each followed by its ``_low`` and ``_high``; ``refused``.
        """
        rows = []
        for cell in (self.reference, *self.cells):
            row: dict[str, object] = {"perturbation": cell.kind, "strength": cell.strength}
            named = {**cell.figures, **{f"drop_{name}": estimate for name, estimate in cell.drops.items()}}
            for name, estimate in named.items():
                row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
            rows.append(row | {"refused": cell.refused})
        return pd.DataFrame(rows)


def judge_robustness(
    reference: Perturbed, perturbed: Sequence[Perturbed], *, n_bootstrap: int = 2000, seed: int = 0
) -> Robustness:
    """Score every condition, and its drop from the unperturbed records, by one set of draws of patients.

    Parameters
    ----------
    reference : Perturbed
        The records as they are.
    perturbed : sequence of Perturbed
        The same records in the same order.
    n_bootstrap : int
    seed : int

    Raises
    ------
    EvaluationError
        If a condition has other records.
    """
    own = reference.predictions
    for one in perturbed:
        if one.predictions.record_ids != own.record_ids:
            raise EvaluationError(f"robustness: {one.kind}, {one.strength} is of other records than the unperturbed")
    everything = [reference, *perturbed]
    metrics = [Metrics(one.predictions) for one in everything]
    shown = names_of("robustness")
    wanted = [metrics[0].names.index(name) for name in shown]
    silent = np.column_stack([one.abstained for one in everything]).astype(float)
    right = np.column_stack([one.predictions.y_pred == one.predictions.y_true for one in everything]) * (1 - silent)

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        total = weights.sum(axis=1, keepdims=True)
        abstained = weights @ silent / total
        with np.errstate(invalid="ignore", divide="ignore"):
            accuracy = (weights @ right / total) / (1 - abstained)
        return np.hstack([*(one.at(weights)[:, wanted] for one in metrics), abstained, accuracy])

    point = statistic(np.ones((1, own.n_records)))
    draws = bootstrap(statistic, own.groups, n_bootstrap, seed)
    n, k = len(everything), len(shown)
    sign = np.array([-1.0 if is_lower_better(name) else 1.0 for name in shown])
    cells = []
    for place, one in enumerate(everything):
        own_columns = range(place * k, (place + 1) * k)
        columns = [*own_columns, k * n + place, (k + 1) * n + place]
        names = (*shown, "abstained", "answered_accuracy")
        figures = estimates_of(names, point[0, columns], draws[:, columns])
        difference = [sign * (values[:, :k] - values[:, own_columns]) for values in (point, draws)]
        drops = estimates_of(shown, difference[0][0], difference[1])
        refused = float(np.mean(~one.predictions.scored))
        cells.append(Cell(one.kind, one.strength, figures, drops, refused))
    return Robustness(cells[0], tuple(cells[1:]), own.n_records, len(set(own.groups)))
