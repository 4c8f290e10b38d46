"""Scores: every metric of a set of predictions with its 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecgml.evaluation.bootstrap import bootstrap
from ecgml.evaluation.cautions import cautions_on, support_note
from ecgml.evaluation.estimates import Estimate, centre_calibration_error, estimates_of
from ecgml.evaluation.metric_table import class_metric, logged_names, metric_rows, names_of
from ecgml.evaluation.metrics import Metrics
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.wilson import without_flat_intervals


@dataclass(frozen=True)
class Scores:
    """What :func:`score` returns; estimates are looked up by metric name, ``scores["macro_f1"].value``."""

    classes: tuple[str, ...]
    support: tuple[int, ...]
    """Records of each class, scored or not."""
    n_groups: int
    coverage: float
    """Fraction of the records that could be scored."""
    estimates: Mapping[str, Estimate]
    """The headline: every record counts, one that could not be scored as an error."""
    scored: Mapping[str, Estimate]
    """The same figures on the scored records alone; empty where there are none."""
    n_bootstrap: int
    cautions: tuple[str, ...]
    """One sentence each: what a reader of the figures must know."""

    def __getitem__(self, metric: str) -> Estimate:
        return self.estimates[metric]

    @property
    def n_records(self) -> int:
        """Number of records, scored or not."""
        return sum(self.support)

    def flat(self, prefix: str = "") -> dict[str, float]:
        """Return the headline as MLflow metrics; what is undefined is left out.

        Parameters
        ----------
        prefix : str
            Put before every name: ``"test_"`` gives ``test_macro_f1``, ``test_macro_f1_low``, ``test_macro_f1_high``.

        Returns
        -------
        metrics : dict of str to float
            The overall metrics and ``f1_<class>`` (the other figures of a class are in :meth:`table`), each with
            ``_low`` and ``_high``; ``coverage`` and ``n_records``; where not every record could be scored also
            ``scored_<metric>``, the overall metrics on those that could.
        """
        flat = {"coverage": self.coverage, "n_records": float(self.n_records)}
        for name in logged_names(self.classes):
            estimate = self.estimates[name]
            flat |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        if self.coverage < 1 and self.scored:
            flat |= {f"scored_{name}": self.scored[name].value for name in names_of()}
        return {f"{prefix}{name}": value for name, value in flat.items() if math.isfinite(value)}

    def table(self) -> pd.DataFrame:
        """Return the figures class by class.

        Returns
        -------
        table : DataFrame
            Index ``class``; columns ``support``, then each of precision, recall (sensitivity), specificity, f1, auroc
            and auprc followed by its ``_low`` and ``_high``, and ``note`` (absent or rare).
        """
        rows = []
        for class_name, n in zip(self.classes, self.support, strict=True):
            row: dict[str, object] = {"class": class_name, "support": n}
            for metric in metric_rows(by_class=True):
                estimate = self.estimates[class_metric(metric.name, class_name)]
                figures = {"": estimate.value, "_low": estimate.low, "_high": estimate.high}
                row |= {f"{metric.name}{end}": value for end, value in figures.items()}
            rows.append(row | {"note": support_note(n)})
        return pd.DataFrame(rows).set_index("class")


def score(predictions: Predictions, *, n_bootstrap: int = 2000, seed: int = 0) -> Scores:
    """Compute every metric with a 95 % cluster-bootstrap interval, or Wilson's where that collapses to a point.

    One set of draws serves all metrics, and the figures on scored records too.

    Parameters
    ----------
    predictions : Predictions
    n_bootstrap : int
        Draws; 0 for point figures alone.
    seed : int
        Same seed and groups, same draws.

    Returns
    -------
    scores : Scores

    Raises
    ------
    EvaluationError
        If `n_bootstrap` is negative.
    """
    scored = predictions.scored
    views: list[tuple[Predictions, slice | NDArray[np.bool_]]] = [(predictions, slice(None))]
    if scored.any() and not scored.all():
        views.append((predictions.subset(scored), scored))
    metrics = [(Metrics(view), rows) for view, rows in views]

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.hstack([of_view.at(weights[:, rows]) for of_view, rows in metrics])

    point = statistic(np.ones((1, predictions.n_records)))[0]
    draws = bootstrap(statistic, predictions.groups, n_bootstrap, seed)
    names = metrics[0][0].names
    headline, *rest = (
        without_flat_intervals(estimates_of(names, values, centre_calibration_error(names, values, drawn)), view)
        for (view, _), values, drawn in zip(
            views, np.split(point, len(views)), np.split(draws, len(views), axis=1), strict=True
        )
    )
    alone = headline if scored.all() else {}
    return Scores(
        classes=predictions.classes,
        support=tuple(int(n) for n in predictions.support),
        n_groups=len(set(predictions.groups)),
        coverage=predictions.coverage,
        estimates=headline,
        scored=rest[0] if rest else alone,
        n_bootstrap=n_bootstrap,
        cautions=tuple(cautions_on(predictions)),
    )
