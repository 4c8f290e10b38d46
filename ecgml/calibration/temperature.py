"""Temperature scaling: one number that makes confidence match accuracy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

LOWEST, HIGHEST = 0.2, 5.0
"""Beyond these a temperature says that there was too little to fit it to."""

PRIOR_RECORDS = 10.0
"""Weight of the prior belief in temperature 1, in records: a validation part without an error would ask for 0."""


def fit_temperature(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Fit the temperature that minimises the log loss (Guo et al. 2017, arXiv 1706.04599).

    We add a weak prior around 1: on a small validation part that the model gets all right the log loss falls without
    end as the temperature goes to 0.

    Parameters
    ----------
    logits : ndarray, shape (n, n_classes)
        Of validation windows.
    labels : ndarray of int64, shape (n,)

    Returns
    -------
    temperature : float
        Logits are divided by it; above 1 the model was too confident. 1 when there is nothing to fit to.
    """
    if len(labels) == 0:
        return 1.0

    def cost(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled = scaled - scaled.max(axis=1, keepdims=True)
        log_prob = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        return float(-log_prob[np.arange(len(labels)), labels].sum() + PRIOR_RECORDS * log_temperature**2)

    bounds = (np.log(LOWEST), np.log(HIGHEST))
    return float(np.exp(minimize_scalar(cost, bounds=bounds, method="bounded").x))
