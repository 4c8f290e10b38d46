"""Conformal prediction sets: sets of classes that contain the true class with a chosen probability."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ConformalSets:
    """Class-conditional ("Mondrian") split conformal prediction.

    Vovk (2012, arXiv 1209.2673). Of new records of a class, drawn as the calibration records were, at least `coverage`
    have that class in their set, whatever the model is worth: a poor one has large sets.

    Parameters
    ----------
    coverage : float
        Asked for, between 0 and 1.
    thresholds : tuple of float, length n_classes
        A class is in the set where its probability is at least 1 minus this, and where it is the most probable; 1 puts
        it in every set.
    n_records : tuple of int, length n_classes
        Calibration records of each class.
    """

    coverage: float
    thresholds: tuple[float, ...]
    n_records: tuple[int, ...]

    def sets(self, y_prob: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which classes are in each record's set, shape (n_records, n_classes).

        The most probable class always is: without it a set could be empty, or speak against the rhythm beside it. More
        classes never cost coverage.
        """
        held = 1 - y_prob <= np.array(self.thresholds)
        held[np.arange(len(y_prob)), y_prob.argmax(axis=1)] = True
        return held

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "coverage": self.coverage, "thresholds": list(self.thresholds), "n_records": list(self.n_records)
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ConformalSets:
        """Rebuild from :meth:`to_json`."""
        return cls(
            float(values["coverage"]), tuple(map(float, values["thresholds"])), tuple(map(int, values["n_records"]))
        )


def least_records(coverage: float) -> int:
    """Return how many calibration records of a class a coverage needs: 9 for 0.9, 19 for 0.95."""
    # Rounded: 1 / (1 - 0.9) is a little more than 10.
    return math.ceil(round(1 / (1 - coverage), 9)) - 1


def fit_conformal(y_prob: NDArray[np.float64], y_true: NDArray[np.int64], coverage: float) -> ConformalSets:
    """Fit thresholds to records that took no part in training, selection or scaling.

    Parameters
    ----------
    y_prob : ndarray, shape (n_records, n_classes)
        Calibrated, without NaN.
    y_true : ndarray of int64, shape (n_records,)
    coverage : float
        Asked for, between 0 and 1.
    """
    thresholds, counts = [], []
    for label in range(y_prob.shape[1]):
        scores = np.sort(1 - y_prob[y_true == label, label])
        rank = math.ceil(round((len(scores) + 1) * coverage, 9))
        thresholds.append(float(scores[rank - 1]) if rank <= len(scores) else 1.0)
        counts.append(len(scores))
    return ConformalSets(coverage, tuple(thresholds), tuple(counts))
