"""Temperature and vector scaling: logits scaled and shifted before the softmax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ecgml.calibration.temperature import HIGHEST, LOWEST, PRIOR_RECORDS, fit_temperature

FOLDS = 5

LEAST_RECORDS = 100
"""With fewer validation records a vector is not tried: eight numbers would fit their noise."""


@dataclass(frozen=True)
class Scaling:
    """Logits times `scale` plus `bias`, class by class: temperature scaling where all scales are one and no bias is.

    Parameters
    ----------
    scale, bias : tuple of float, length n_classes
    """

    scale: tuple[float, ...]
    bias: tuple[float, ...]

    @classmethod
    def of_temperature(cls, temperature: float, n_classes: int) -> Scaling:
        """Return what divides all logits by one number."""
        return cls((1 / temperature,) * n_classes, (0.0,) * n_classes)

    def __call__(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return calibrated logits, shape (n, n_classes)."""
        return logits * np.array(self.scale) + np.array(self.bias)

    @property
    def is_temperature(self) -> bool:
        """Whether one number does."""
        return len(set(self.scale)) == 1 and not any(self.bias)

    @property
    def temperature(self) -> float:
        """The number by which logits are divided, in the geometric mean over the classes."""
        return float(np.exp(-np.mean(np.log(self.scale))))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {"scale": list(self.scale), "bias": list(self.bias)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Scaling:
        """Rebuild from :meth:`to_json`."""
        return cls(tuple(map(float, values["scale"])), tuple(map(float, values["bias"])))


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities, shape (n, n_classes)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return powers / powers.sum(axis=1, keepdims=True)


def fit_vector(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> Scaling:
    """Fit a scale and a bias a class by the log loss (vector scaling, Guo et al. 2017, arXiv 1706.04599).

    A weak prior draws scales to the temperature and biases to 0, so that a class that is hardly there keeps them.

    Parameters
    ----------
    logits : ndarray, shape (n, n_classes)
    labels : ndarray of int64, shape (n,)
    """
    n_classes = logits.shape[1]
    start = -np.log(fit_temperature(logits, labels))
    rows = np.arange(len(labels))

    def cost(values: NDArray[np.float64]) -> float:
        scaled = logits * np.exp(values[:n_classes]) + values[n_classes:]
        top = scaled.max(axis=1, keepdims=True)
        log_prob = scaled - top - np.log(np.exp(scaled - top).sum(axis=1, keepdims=True))
        prior = np.square(values[:n_classes] - start).sum() + np.square(values[n_classes:]).sum()
        return float(-log_prob[rows, labels].sum() + PRIOR_RECORDS / n_classes * prior)

    first = np.concatenate([np.full(n_classes, start), np.zeros(n_classes)])
    bounds = [(-np.log(HIGHEST), -np.log(LOWEST))] * n_classes + [(-5.0, 5.0)] * n_classes
    fitted = minimize(cost, first, method="L-BFGS-B", bounds=bounds).x
    return Scaling(tuple(np.exp(fitted[:n_classes]).tolist()), tuple(fitted[n_classes:].tolist()))


def fit_scaling(logits: NDArray[np.float64], labels: NDArray[np.int64], owner: NDArray[np.int64]) -> Scaling:
    """Fit a temperature, or a vector where that is better beyond noise.

    The vector is taken where cross-validation, by record, finds its log loss lower by more than two standard errors
    of the difference: it can change which class is the most probable, the temperature cannot.

    Parameters
    ----------
    logits : ndarray, shape (n_windows, n_classes)
        Of the validation part.
    labels : ndarray of int64, shape (n_windows,)
    owner : ndarray of int64, shape (n_windows,)
        The record of each window.
    """
    n_classes = logits.shape[1]
    simple = Scaling.of_temperature(fit_temperature(logits, labels), n_classes)
    records, first = np.unique(owner, return_index=True)
    if len(records) < LEAST_RECORDS:
        return simple
    # Each class is dealt out over the folds in turn.
    by_class = records[np.argsort(labels[first], kind="stable")]
    fold_of = dict(zip(by_class.tolist(), (np.arange(len(records)) % FOLDS).tolist(), strict=True))
    folds = np.array([fold_of[record] for record in owner.tolist()])
    gain = np.zeros(len(labels))
    for fold in range(FOLDS):
        inner, outer = folds != fold, folds == fold
        rivals = (
            Scaling.of_temperature(fit_temperature(logits[inner], labels[inner]), n_classes),
            fit_vector(logits[inner], labels[inner]),
        )
        y_prob = [softmax(rival(logits[outer]))[np.arange(outer.sum()), labels[outer]] for rival in rivals]
        gain[outer] = np.log(np.maximum(y_prob[1], 1e-12)) - np.log(np.maximum(y_prob[0], 1e-12))
    per_record = np.bincount(np.searchsorted(records, owner), weights=gain) / np.bincount(
        np.searchsorted(records, owner)
    )
    if per_record.mean() > 2 * per_record.std(ddof=1) / np.sqrt(len(per_record)):
        return fit_vector(logits, labels)
    return simple
