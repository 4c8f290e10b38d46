"""Every metric of a set of predictions, at many record weights at once: what bootstrap and point figures share."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import EvaluationError
from ecgml.evaluation import confusion, probability
from ecgml.evaluation.metric_table import Metric, metric_rows
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.ranking import Ranking

Array = NDArray[np.float64]


class PreparedPredictions:
    """Labels and probabilities made ready: sorted once, and sums over records laid out for one matrix product.

    Parameters
    ----------
    y_true, y_pred : ndarray of int, shape (n_records,)
        Label indices; a predicted one is -1 where the record could not be scored.
    y_prob : ndarray, shape (n_records, n_classes)
        No NaN.
    """

    def __init__(self, y_true: NDArray[np.int64], y_pred: NDArray[np.int64], y_prob: Array) -> None:
        self.y_true, self.y_pred, self.y_prob = y_true, y_pred, y_prob
        self.n_classes = y_prob.shape[1]
        # Side by side so that one matrix product gives the sums of all draws; columns as `WeightedPredictions` splits
        # them.
        self.addends = np.column_stack(
            [
                confusion.confusion_cells(y_true, y_pred, self.n_classes),
                probability.calibration_gaps(y_prob.max(axis=1), y_pred == y_true),
                probability.brier_losses(y_prob, y_true),
                probability.log_losses(y_prob, y_true),
            ]
        )
        self.rankings = [Ranking(y_prob[:, label], y_true == label) for label in range(self.n_classes)]


class WeightedPredictions:
    """Predictions at many sets of record weights: what a metric is a function of.

    A draw of the bootstrap is a set of weights: how often each record is counted.

    Parameters
    ----------
    prepared : PreparedPredictions
    weights : ndarray, shape (n_draws, n_records)
        Not negative.
    """

    def __init__(self, prepared: PreparedPredictions, weights: Array) -> None:
        self._prepared, self.weights = prepared, weights
        self.y_true, self.y_pred, self.y_prob = prepared.y_true, prepared.y_pred, prepared.y_prob
        self.total = weights.sum(axis=1)
        """Sum of each draw's weights, shape (n_draws,)."""
        n_classes = prepared.n_classes
        n_cells = n_classes * (n_classes + 1)
        cells, self.bin_gaps, losses = np.split(
            weights @ prepared.addends, [n_cells, n_cells + probability.N_BINS], axis=1
        )
        self.confusion = cells.reshape(-1, n_classes, n_classes + 1)
        """Confusion matrices with a last column for what could not be scored, (n_draws, n_classes, n_classes + 1)."""
        with np.errstate(invalid="ignore"):  # a draw may leave out every scored record
            self.brier, self.log_loss = (losses / self.total[:, None]).T

    @cached_property
    def by_class(self) -> dict[str, Array]:
        """precision, recall, specificity, f1, auroc and auprc of each class, each of shape (n_draws, n_classes)."""
        areas = [ranking.areas(self.weights) for ranking in self._prepared.rankings]
        auroc, auprc = (np.stack(area, axis=1) for area in zip(*areas, strict=True))
        return confusion.class_metrics(self.confusion) | {"auroc": auroc, "auprc": auprc}

    def mean(self, values: NDArray[Any]) -> Array:
        """Return the weighted mean of a number a record, shape (n_draws,).

        Parameters
        ----------
        values : ndarray, shape (n_records,)
        """
        with np.errstate(invalid="ignore"):
            return self.weights @ values / self.total


class Metrics:
    """All metrics of a set of predictions.

    Macro averages are unweighted means over the classes present in `y_true` (in a bootstrap draw: in the draw). Every
    record counts; one that could not be scored is an error, with the probabilities of `Predictions.counted_prob`.

    Parameters
    ----------
    predictions : Predictions
    """

    def __init__(self, predictions: Predictions) -> None:
        self._rows = metric_rows()
        self.names = tuple(name for row in self._rows for name in row.names(predictions.classes))
        self._prepared = PreparedPredictions(predictions.y_true, predictions.y_pred, predictions.counted_prob())

    def at(self, weights: Array) -> Array:
        """Return every metric at each set of record weights.

        Parameters
        ----------
        weights : ndarray, shape (n_draws, n_records)
            Not negative: how often each record is counted.

        Returns
        -------
        values : ndarray, shape (n_draws, n_metrics)
            In the order of `names`; NaN where undefined.

        Raises
        ------
        EvaluationError
            If a metric's function returns an array of another shape.
        """
        weighted = WeightedPredictions(self._prepared, weights)
        return np.column_stack([self._figures(row, weighted) for row in self._rows])

    def _figures(self, row: Metric, weighted: WeightedPredictions) -> Array:
        figures, n_draws = np.asarray(row.function(weighted)), len(weighted.total)
        expected = (n_draws, self._prepared.n_classes) if row.by_class else (n_draws,)
        if figures.shape != expected:
            raise EvaluationError(
                f"metric {row.name}: its function returns an array of shape {figures.shape}, expected {expected}: "
                f"a figure a draw{' and class' if row.by_class else ''}"
            )
        return figures

    def point(self) -> Array:
        """Return every metric with each record counted once, shape (n_metrics,)."""
        return self.at(np.ones((1, len(self._prepared.y_true))))[0]
