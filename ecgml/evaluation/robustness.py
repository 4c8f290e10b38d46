"""Robustness: performance by kind and strength of a perturbation, paired with that on unperturbed records."""

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
from ecgml.evaluation.wilson import n_groups, unless_flat, without_flat_intervals


@dataclass(frozen=True, eq=False)
class Perturbed:
    """Predictions of a model under one condition.

    Parameters
    ----------
    kind, strength : str
    predictions : Predictions
        A record that preprocessing refused has no probabilities and counts as an error.
    abstained : ndarray of bool, shape (n_records,)
        Refused by preprocessing, or abstained on by the model.
    """

    kind: str
    strength: str
    predictions: Predictions
    abstained: NDArray[np.bool_]


@dataclass(frozen=True)
class Cell:
    """Performance under one condition."""

    kind: str
    strength: str
    figures: dict[str, Estimate]
    """The metrics of robustness, ``abstained`` (share), and of those answered ``answered_accuracy``."""
    drops: dict[str, Estimate]
    """By how much each metric is worse than for the unperturbed records; paired."""
    refused: float
    """Share of the records that preprocessing refused; they count as abstained on."""

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
    baseline = reference.predictions
    for condition in perturbed:
        if condition.predictions.record_ids != baseline.record_ids:
            raise EvaluationError(
                f"robustness: {condition.kind}, {condition.strength} has other records than the unperturbed predictions"
            )
    conditions = [reference, *perturbed]
    metrics = [Metrics(condition.predictions) for condition in conditions]
    shown = names_of("robustness")
    wanted = [metrics[0].names.index(name) for name in shown]
    abstentions = np.column_stack([condition.abstained for condition in conditions]).astype(float)
    right = np.column_stack([condition.predictions.y_pred == baseline.y_true for condition in conditions])
    right = right * (1 - abstentions)

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        total = weights.sum(axis=1, keepdims=True)
        abstained = weights @ abstentions / total
        with np.errstate(invalid="ignore", divide="ignore"):
            accuracy = (weights @ right / total) / (1 - abstained)
        return np.hstack([*(of_condition.at(weights)[:, wanted] for of_condition in metrics), abstained, accuracy])

    point = statistic(np.ones((1, baseline.n_records)))
    draws = bootstrap(statistic, baseline.groups, n_bootstrap, seed)
    n, k = len(conditions), len(shown)
    sign = np.array([-1.0 if is_lower_better(name) else 1.0 for name in shown])
    cells = []
    for place, condition in enumerate(conditions):
        of_metrics = range(k * place, k * (place + 1))
        columns = [*of_metrics, k * n + place, (k + 1) * n + place]
        figures = estimates_of((*shown, "abstained", "answered_accuracy"), point[0, columns], draws[:, columns])
        difference = [sign * (values[:, :k] - values[:, of_metrics]) for values in (point, draws)]
        drops = estimates_of(shown, difference[0][0], difference[1])
        refused = float(np.mean(~condition.predictions.scored))
        cells.append(Cell(condition.kind, condition.strength, _with_wilson(figures, condition), drops, refused))
    return Robustness(cells[0], tuple(cells[1:]), baseline.n_records, len(set(baseline.groups)))


def _with_wilson(figures: dict[str, Estimate], condition: Perturbed) -> dict[str, Estimate]:
    groups = condition.predictions.groups
    macro = without_flat_intervals({name: figures[name] for name in names_of("robustness")}, condition.predictions)
    return macro | {
        "abstained": unless_flat(figures["abstained"], len(set(groups))),
        "answered_accuracy": unless_flat(figures["answered_accuracy"], n_groups(groups, ~condition.abstained)),
    }
