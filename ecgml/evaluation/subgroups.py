"""Subgroup performance: by sex, age, source, date, signal quality and heart rate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecgml.errors import EvaluationError
from ecgml.evaluation.bootstrap import bootstrap
from ecgml.evaluation.cautions import FEW_GROUPS, RARE
from ecgml.evaluation.estimates import Estimate, centre_calibration_error, estimates_of
from ecgml.evaluation.metric_table import class_metric, is_lower_better, names_of
from ecgml.evaluation.metrics import Metrics
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.wilson import without_flat_intervals

AGE_BORDERS = (40, 65, 80)
"""Lower borders of the age bands after the first, years."""

Attributes = Mapping[str, Sequence[str]]
"""Attributes of records by name: a value for each record, ``""`` where unknown."""


@dataclass(frozen=True)
class Subgroup:
    """The records with the same value of an attribute, and their metrics."""

    attribute: str
    value: str
    n_records: int
    n_groups: int
    """Patients, or records of unknown patients."""
    support: tuple[int, ...]
    """Records of each class."""
    note: str
    """Why it is not compared with others; empty where it is."""
    estimates: Mapping[str, Estimate]
    """Every metric by name; those of a class with fewer than five records are unreliable."""

    @property
    def name(self) -> str:
        """Attribute and value: ``"sex female"``."""
        return f"{self.attribute} {self.value}"


@dataclass(frozen=True)
class Gap:
    """The largest difference in a metric between two values of an attribute."""

    metric: str
    attribute: str
    better: str
    worse: str
    size: Estimate
    """Better minus worse: positive also for metrics of which lower is better."""


@dataclass(frozen=True)
class SubgroupScores:
    """What :func:`score_subgroups` returns."""

    classes: tuple[str, ...]
    n_records: int
    overall: Mapping[str, Estimate]
    groups: tuple[Subgroup, ...]
    """In the attributes' order, too small ones included."""
    gaps: tuple[Gap, ...]
    """The widest of each attribute in each metric of subgroups, the widest first within a metric."""
    n_compared: int
    """Pairs of subgroups that were compared."""
    unknown: Mapping[str, int]
    """Records whose value of an attribute is unknown."""
    min_groups: int

    def widest(self, metric: str = "macro_f1") -> Gap | None:
        """Return the widest gap in a metric; None where no two subgroups could be held against each other."""
        return next((gap for gap in self.gaps if gap.metric == metric), None)

    def table(self) -> pd.DataFrame:
        """Return a row a subgroup.

        Returns
        -------
        table : DataFrame
            Columns ``attribute``, ``value``, ``n_records``, ``n_patients``, ``n_<class>``, then macro_f1, macro_auroc,
            ece and each class's sensitivity, every one followed by its ``_low`` and ``_high``, and ``note``.
        """
        recalls = {class_metric("recall", name): class_metric("sensitivity", name) for name in self.classes}
        rows = []
        for group in self.groups:
            row: dict[str, object] = {
                "attribute": group.attribute,
                "value": group.value,
                "n_records": group.n_records,
                "n_patients": group.n_groups,
            }
            row |= {class_metric("n", name): n for name, n in zip(self.classes, group.support, strict=True)}
            for metric, title in ({name: name for name in names_of("subgroups")} | recalls).items():
                estimate = group.estimates[metric]
                row |= {title: estimate.value, f"{title}_low": estimate.low, f"{title}_high": estimate.high}
            rows.append(row | {"note": group.note})
        return pd.DataFrame(rows)

    def caution(self) -> str:
        """Return the caution about the largest of several gaps."""
        if not self.n_compared:
            return "No two subgroups of an attribute are large enough to be compared."
        if self.n_compared == 1:
            return "One pair of subgroups was compared. A gap is a reason to investigate, not a proof."
        by_chance = self.n_compared * 0.05
        return (
            f"{self.n_compared} pairs of subgroups were compared, and the largest gap reported. By chance alone about "
            f"{by_chance:.1f} of them would be significant, and the largest gap is overestimated. A gap is a reason to "
            "investigate, not a proof; subgroups also differ in their class mix."
        )


def divide(attributes: Attributes, n_records: int) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Give each value of each attribute and the records that have it; unknown values make no subgroup.

    Parameters
    ----------
    attributes : mapping of str to sequence of str
    n_records : int

    Yields
    ------
    attribute, value : str
    rows : ndarray of bool, shape (n_records,)

    Raises
    ------
    EvaluationError
        If an attribute is not of every record.
    """
    for attribute, values in attributes.items():
        if len(values) != n_records:
            raise EvaluationError(f"subgroups: {len(values):,} values of {attribute} for {n_records:,} records")
        column: NDArray[np.str_] = np.array(values, dtype=np.str_)
        # In the order of their numbers where they begin with one: 80 after 100 is no order of ages or rates.
        for value in sorted(set(column.tolist()) - {""}, key=_natural):
            yield attribute, value, column == value


def age_group(age: float, borders: Sequence[int] = AGE_BORDERS) -> str:
    """Return the band of an age in years, ``"40 to 64"``; ``""`` where it is unknown."""
    if not math.isfinite(age):
        return ""
    edges = [0, *borders]
    index = max(place for place, edge in enumerate(edges) if edge <= max(age, 0))
    return f"{edges[index]} to {edges[index + 1] - 1}" if index + 1 < len(edges) else f"{edges[index]} or more"


def too_small(predictions: Predictions, rows: NDArray[np.bool_], min_groups: int = FEW_GROUPS) -> str:
    """Return why some of the records are too few to be judged alone, or nothing.

    Parameters
    ----------
    predictions : Predictions
    rows : ndarray of bool, shape (n_records,)
    min_groups : int
        Patients needed.
    """
    n_groups = len({predictions.groups[row] for row in np.flatnonzero(rows)})
    if n_groups < min_groups:
        return f"too few to tell: {n_groups} patient{'s' * (n_groups != 1)}, {min_groups} are needed"
    present = [n for n in np.bincount(predictions.y_true[rows]) if n]
    if len(present) < 2:
        return "a single class: no macro average"
    n_enough = sum(n >= RARE for n in present)
    return "" if n_enough >= 2 else f"fewer than two classes with {RARE} records"


def score_subgroups(
    predictions: Predictions,
    attributes: Attributes,
    *,
    min_groups: int = FEW_GROUPS,
    n_bootstrap: int = 2000,
    seed: int = 0,
) -> SubgroupScores:
    """Score every subgroup, and find the widest gap within each attribute.

    One set of draws of whole patients serves all subgroups, so that the interval of a gap is right whether patients
    have records in both subgroups or in one.

    Parameters
    ----------
    predictions : Predictions
    attributes : mapping of str to sequence of str, length n_records
        ``""`` where unknown.
    min_groups : int
        Patients that a subgroup needs to be held against others; a smaller one is scored and said to be too small.
    n_bootstrap : int
    seed : int

    Raises
    ------
    EvaluationError
        If an attribute is not of every record, or `n_bootstrap` is negative.
    """
    n_records = predictions.n_records
    # All records are no subgroup.
    divided = [part for part in divide(attributes, n_records) if not part[2].all()]
    parts = [predictions, *(predictions.subset(rows) for _, _, rows in divided)]
    views = list(
        zip(map(Metrics, parts), (np.ones(n_records, dtype=bool), *(rows for *_, rows in divided)), strict=True)
    )
    names = views[0][0].names
    points = [metrics.point() for metrics, _ in views]
    n_patients = [len({predictions.groups[row] for row in np.flatnonzero(rows)}) for _, rows in views]
    wanted = _wanted(names, predictions.classes)

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.hstack([metrics.at(weights[:, rows])[:, wanted] for metrics, rows in views])

    kept = [names[column] for column in wanted]
    draws = np.split(bootstrap(statistic, predictions.groups, n_bootstrap, seed), len(views), axis=1)
    points = [point[wanted] for point in points]
    draws = [centre_calibration_error(kept, point, drawn) for point, drawn in zip(points, draws, strict=True)]
    overall, *estimates = (
        without_flat_intervals(estimates_of(kept, point, drawn), part)
        for part, point, drawn in zip(parts, points, draws, strict=True)
    )
    groups = tuple(
        Subgroup(
            attribute,
            value,
            int(rows.sum()),
            n_groups,
            tuple(np.bincount(predictions.y_true[rows], minlength=predictions.n_classes).tolist()),
            too_small(predictions, rows, min_groups),
            metrics,
        )
        for (attribute, value, rows), n_groups, metrics in zip(divided, n_patients[1:], estimates, strict=True)
    )
    gaps, n_compared = _gaps(groups, kept, points[1:], draws[1:])
    unknown = {name: n for name, values in attributes.items() if (n := sum(not value for value in values))}
    return SubgroupScores(predictions.classes, n_records, overall, groups, gaps, n_compared, unknown, min_groups)


def _wanted(names: Sequence[str], classes: Sequence[str]) -> list[int]:
    shown = ("accuracy", *names_of("subgroups"), *(class_metric("recall", name) for name in classes))
    return [names.index(name) for name in shown]


def _gaps(
    groups: Sequence[Subgroup],
    names: Sequence[str],
    points: Sequence[NDArray[np.float64]],
    draws: Sequence[NDArray[np.float64]],
) -> tuple[tuple[Gap, ...], int]:
    """Return the widest gap of each attribute and metric, widest first, and how many pairs there were."""
    gaps, n_pairs, shown = [], 0, names_of("subgroups")
    for attribute in dict.fromkeys(group.attribute for group in groups):
        rows = [row for row, group in enumerate(groups) if group.attribute == attribute and not group.note]
        n_pairs += math.comb(len(rows), 2)
        for metric in shown:
            column, sign = names.index(metric), -1.0 if is_lower_better(metric) else 1.0
            pairs = [
                pair
                for first, second in combinations(rows, 2)
                for pair in ((first, second), (second, first))
                if sign * (points[pair[0]][column] - points[pair[1]][column]) >= 0
            ]
            if not pairs:
                continue
            better, worse = max(pairs, key=lambda pair: sign * (points[pair[0]][column] - points[pair[1]][column]))
            size = sign * (points[better] - points[worse])[[column]]
            drawn = sign * (draws[better] - draws[worse])[:, [column]]
            estimate = estimates_of([metric], size, drawn)[metric]
            gaps.append(Gap(metric, attribute, groups[better].value, groups[worse].value, estimate))
    gaps.sort(key=lambda gap: (shown.index(gap.metric), -gap.size.value))
    return tuple(gaps), n_pairs


def _natural(value: str) -> tuple[float, str]:
    digits = value.removeprefix("below ").split(" ")[0].split("-")[0]
    below = 0.5 if value.startswith("below ") else 0.0
    return (float(digits) - below if digits.isdigit() else math.inf, value)
