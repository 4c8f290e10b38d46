"""Weighted sampling: expectation by formula, as little chance as possible."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.datasets.sampling import class_weights, draw_epoch

LABELS = np.repeat([0, 1, 2], [900, 90, 10])


@pytest.mark.parametrize(("balance", "shares"), [(0.0, [0.9, 0.09, 0.01]), (1.0, [1 / 3, 1 / 3, 1 / 3])])
def test_classes_are_drawn_in_the_proportion_asked_for(balance: float, shares: list[float]) -> None:
    drawn = LABELS[draw_epoch(class_weights(LABELS, balance), len(LABELS), np.random.default_rng(0))]
    np.testing.assert_allclose(np.bincount(drawn, minlength=3) / len(LABELS), shares, atol=0.005)


def test_record_is_drawn_the_floor_or_ceiling_of_its_expectation() -> None:
    """Systematic resampling: a record of expectation n w is drawn floor(n w) or ceil(n w) times."""
    weights = class_weights(LABELS, 1.0)
    counts = np.bincount(draw_epoch(weights, len(LABELS), np.random.default_rng(1)), minlength=len(LABELS))
    expected = weights * len(LABELS)
    assert (counts >= np.floor(expected - 1e-9)).all()
    assert (counts <= np.ceil(expected + 1e-9)).all()


def test_same_seed_same_epoch_and_another_seed_another() -> None:
    weights = class_weights(LABELS, 0.5)
    first, again, other = (draw_epoch(weights, len(LABELS), np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
