"""Predictions to score: simulated with known skill, or written out by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ecgml.evaluation.predictions import Predictions
from ecgml.records.schemes import SCHEMES


@pytest.fixture(scope="session")
def simulate() -> Callable[..., Predictions]:
    """Return a maker of predictions: softmax of noise plus `skill` on the true class, rounded so that ties occur."""

    def make(
        n_records: int = 300,
        classes: tuple[str, ...] = SCHEMES["groups"].classes,
        *,
        skill: float = 1.5,
        seed: int = 0,
        label_seed: int = 0,
        n_unscored: int = 0,
        shares: tuple[float, ...] | None = None,
        decimals: int = 2,
    ) -> Predictions:
        y_true = np.random.default_rng(label_seed).choice(len(classes), size=n_records, p=shares)
        logits = np.random.default_rng([seed, 1]).normal(size=(n_records, len(classes)))
        logits[np.arange(n_records), y_true] += skill
        y_prob = np.round(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), decimals)
        y_prob /= y_prob.sum(axis=1, keepdims=True)
        y_prob[:n_unscored] = np.nan
        return Predictions(tuple(f"r{row}" for row in range(n_records)), classes, y_true, y_prob)

    return make


@pytest.fixture
def by_hand() -> Predictions:
    """Return six records of three classes, one of them not scored; worked out by hand in the tests that use it.

    True A A A B B C, predicted A A B B - A.
    """
    nan = float("nan")
    y_prob = [
        [0.9, 0.1, 0.0],
        [0.6, 0.2, 0.2],
        [0.3, 0.6, 0.1],
        [0.1, 0.9, 0.0],
        [nan, nan, nan],
        [0.5, 0.1, 0.4],
    ]
    return Predictions(
        tuple("abcdef"), ("A", "B", "C"), np.array([0, 0, 0, 1, 1, 2]), np.array(y_prob), notes=("",) * 4 + ("flat", "")
    )
