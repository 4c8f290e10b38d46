"""How far one set of records is ahead of another, patients of both drawn together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import EvaluationError
from ecgml.evaluation.bootstrap import bootstrap
from ecgml.evaluation.estimates import Estimate, centre_calibration_error, estimates_of
from ecgml.evaluation.metrics import Metrics
from ecgml.evaluation.predictions import Predictions


def contrast(a: Predictions, b: Predictions, *, n_bootstrap: int = 2000, seed: int = 0) -> dict[str, Estimate]:
    """Return each metric of one set of predictions minus that of another, with its 95 % interval.

    The groups of both are drawn together, one that is in both as one: paired where the records are the same,
    independent where no group is shared, and right for what lies between. (`compare` is for two models on the same
    records, and tests as well.)

    Parameters
    ----------
    a, b : Predictions
        Of the same classes; groups of one name are the same patient.
    n_bootstrap : int
        Draws; 0 for point figures alone.
    seed : int

    Returns
    -------
    differences : dict of str to Estimate
        By metric name.

    Raises
    ------
    EvaluationError
        If the classes differ, or `n_bootstrap` is negative.
    """
    if a.classes != b.classes:
        raise EvaluationError(
            f"contrast: classes {', '.join(a.classes)} against {', '.join(b.classes)}; both must be of one scheme"
        )
    metrics_a, metrics_b = Metrics(a), Metrics(b)
    names = metrics_a.names

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.hstack([metrics_a.at(weights[:, : a.n_records]), metrics_b.at(weights[:, a.n_records :])])

    point_a, point_b = metrics_a.point(), metrics_b.point()
    draws_a, draws_b = np.split(bootstrap(statistic, (*a.groups, *b.groups), n_bootstrap, seed), 2, axis=1)
    draws_a = centre_calibration_error(names, point_a, draws_a)
    draws_b = centre_calibration_error(names, point_b, draws_b)
    return estimates_of(names, point_a - point_b, draws_a - draws_b)
