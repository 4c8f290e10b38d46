"""Areas under the ROC and precision-recall curves of one class against the rest, at many record weights at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Ranking:
    """Records sorted once by a class's probability; both areas then cost cumulative sums only.

    Records of equal probability share one threshold: such a tie counts half in the ROC area (trapezoid rule) and gives
    one step of the precision-recall curve, as in scikit-learn's `roc_auc_score` and `average_precision_score`. Only
    thresholds at which there is a record of the class add to either area, so nothing is summed over the others.

    Parameters
    ----------
    y_score : ndarray, shape (n_records,)
        Probability of the class; no NaN.
    positive : ndarray of bool, shape (n_records,)
        True for the records of the class.
    """

    def __init__(self, y_score: NDArray[np.float64], positive: NDArray[np.bool_]) -> None:
        self._order = np.argsort(-y_score, kind="stable")
        ranked, is_positive = y_score[self._order], positive[self._order]
        edges = np.concatenate([[0], np.flatnonzero(np.diff(ranked)) + 1, [len(ranked)]])
        positives_above = np.concatenate([[0], np.cumsum(is_positive)])[edges]
        adds = np.diff(positives_above) > 0
        # Where each adding threshold starts and ends, among all records and among the positive ones.
        self._start, self._end = edges[:-1][adds], edges[1:][adds]
        self._positive_start, self._positive_end = positives_above[:-1][adds], positives_above[1:][adds]
        self._positives = self._order[is_positive]

    def areas(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return both areas at each set of record weights.

        Parameters
        ----------
        weights : ndarray, shape (n_draws, n_records)
            Not negative; all ones for the plain figures.

        Returns
        -------
        auroc : ndarray, shape (n_draws,)
            Area under the ROC curve (Hanley & McNeil 1982, 10.1148/radiology.143.1.7063747); NaN where the class or
            the rest has no weight.
        auprc : ndarray, shape (n_draws,)
            Average precision, the step-wise area that does not interpolate (Davis & Goadrich 2006,
            10.1145/1143844.1143874); NaN where the class has no weight.
        """
        everyone = _running_sum(weights, self._order)
        positive = _running_sum(weights, self._positives)
        n_positive = positive[:, -1]
        n_negative = everyone[:, -1] - n_positive

        above, hits = everyone[:, self._end], positive[:, self._positive_end]  # (n_draws, n_thresholds)
        found_before = positive[:, self._positive_start]
        newly_found = hits - found_before
        false_alarms = (above - hits + everyone[:, self._start] - found_before) / 2  # mean over the tie
        with np.errstate(invalid="ignore"):
            auroc = 1 - (newly_found * false_alarms).sum(axis=1) / (n_positive * n_negative)
            # Above a threshold nobody may have weight; nothing is newly found there either.
            precision = np.divide(hits, above, out=np.zeros_like(hits), where=above > 0)
            auprc = (newly_found * precision).sum(axis=1) / n_positive
        return auroc, auprc


def _running_sum(weights: NDArray[np.float64], order: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the sums of the first 0, 1, … n weights in the given order, shape (n_draws, n + 1)."""
    sums = np.zeros((len(weights), len(order) + 1))
    np.cumsum(weights[:, order], axis=1, out=sums[:, 1:])
    return sums
