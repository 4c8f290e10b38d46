"""Every metric of a set of predictions, at many record weights at once: what bootstrap and point figures share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgml.evaluation import confusion, probability
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.ranking import Ranking

OVERALL = (
    "accuracy",
    "macro_f1",
    "macro_auroc",
    "macro_auprc",
    "macro_sensitivity",
    "macro_specificity",
    "ece",
    "brier",
    "log_loss",
    "matthews",
    "cohen_kappa",
)
PER_CLASS = ("precision", "recall", "specificity", "f1", "auroc", "auprc")
LOWER_IS_BETTER = frozenset({"ece", "brier", "log_loss"})


def class_metric(metric: str, class_name: str) -> str:
    """Return what a class's metric is called among all: ``f1_afib``."""
    return f"{metric}_{class_name.lower()}"


def metric_names(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of all metrics: the overall ones, then each class's."""
    return OVERALL + tuple(class_metric(metric, name) for metric in PER_CLASS for name in classes)


class Metrics:
    """Predictions made ready: sorted once, and linear metrics laid out for one matrix product.

    Macro averages are unweighted means over the classes present in `y_true` (in a bootstrap draw: in the draw). Every
    record counts; one that could not be scored is an error, with the probabilities of `Predictions.counted_prob`.

    Parameters
    ----------
    predictions : Predictions
    """

    def __init__(self, predictions: Predictions) -> None:
        y_true, y_pred, y_prob = predictions.y_true, predictions.y_pred, predictions.counted_prob()
        self.names = metric_names(predictions.classes)
        self._n_classes = predictions.n_classes
        # Side by side so that one matrix product gives the sums of all draws; columns as `at` splits them.
        self._addends = np.column_stack(
            [
                confusion.confusion_cells(y_true, y_pred, self._n_classes),
                probability.calibration_gaps(y_prob.max(axis=1), y_pred == y_true),
                probability.brier_losses(y_prob, y_true),
                probability.log_losses(y_prob, y_true),
            ]
        )
        self._rankings = [Ranking(y_prob[:, label], y_true == label) for label in range(self._n_classes)]

    def at(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return every metric at each set of record weights.

        Parameters
        ----------
        weights : ndarray, shape (n_draws, n_records)
            Not negative: how often each record is counted.

        Returns
        -------
        values : ndarray, shape (n_draws, n_metrics)
            In the order of `names`; NaN where undefined.
        """
        n_cells = self._n_classes * (self._n_classes + 1)
        cells, bin_gaps, losses = np.split(weights @ self._addends, [n_cells, n_cells + probability.N_BINS], axis=1)
        matrices = cells.reshape(-1, self._n_classes, self._n_classes + 1)
        total = weights.sum(axis=1)
        areas = [ranking.areas(weights) for ranking in self._rankings]

        per_class = confusion.class_metrics(matrices)
        per_class["auroc"], per_class["auprc"] = (np.stack(area, axis=1) for area in zip(*areas, strict=True))
        with np.errstate(invalid="ignore"):  # a draw may leave out every scored record
            mean_losses = losses / total[:, None]
        # As recall, an absent class's specificity stays out of the average.
        specificity = np.where(np.isnan(per_class["recall"]), np.nan, per_class["specificity"])
        overall = {
            "accuracy": confusion.accuracy(matrices),
            "macro_f1": confusion.macro(per_class["f1"]),
            "macro_auroc": confusion.macro(per_class["auroc"]),
            "macro_auprc": confusion.macro(per_class["auprc"]),
            "macro_sensitivity": confusion.macro(per_class["recall"]),
            "macro_specificity": confusion.macro(specificity),
            "ece": probability.calibration_error(bin_gaps, total),
            "brier": mean_losses[:, 0],
            "log_loss": mean_losses[:, 1],
            "matthews": confusion.matthews(matrices),
            "cohen_kappa": confusion.cohen_kappa(matrices),
        }
        return np.column_stack([overall[name] for name in OVERALL] + [per_class[name] for name in PER_CLASS])

    def point(self) -> NDArray[np.float64]:
        """Return every metric with each record counted once, shape (n_metrics,)."""
        return self.at(np.ones((1, len(self._addends))))[0]
