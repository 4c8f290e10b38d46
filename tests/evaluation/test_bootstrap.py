"""The bootstrap against formulas: standard errors, coverage, clusters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm

from ecgml.errors import EvaluationError
from ecgml.evaluation import bootstrap as room
from ecgml.evaluation.bootstrap import bootstrap, percentile_interval, resampled_weights, two_sided_p


def mean_of(values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the weighted mean as a statistic."""
    return lambda weights: (weights @ values / weights.sum(axis=1))[:, None]


def test_draws_of_an_accuracy_spread_by_the_binomial_standard_error() -> None:
    """sqrt(p (1 - p) / n); the spread of 4,000 draws is known to 1 / sqrt(8,000) = 1.1 %, four of these allowed."""
    right = (np.arange(500) < 400).astype(float)
    draws = bootstrap(mean_of(right), [str(i) for i in range(500)], 4000, seed=0)
    assert draws.std() == pytest.approx(np.sqrt(0.8 * 0.2 / 500), rel=0.045)
    assert draws.mean() == pytest.approx(0.8, abs=4 * np.sqrt(0.8 * 0.2 / 500 / 4000))


def test_the_interval_of_an_accuracy_holds_the_truth_as_often_as_it_says() -> None:
    """95 % of 300 samples; the share is known to 1.3 %, three of these allowed."""
    random = np.random.default_rng(0)
    groups = [str(i) for i in range(200)]
    held = 0
    for sample in range(300):
        right = (random.uniform(size=200) < 0.8).astype(float)
        low, high = percentile_interval(bootstrap(mean_of(right), groups, 400, seed=sample))
        held += low[0] <= 0.8 <= high[0]
    assert held / 300 == pytest.approx(0.95, abs=0.038)


def test_the_interval_is_the_normal_one_where_that_holds() -> None:
    right = (np.arange(2000) < 1700).astype(float)
    low, high = percentile_interval(bootstrap(mean_of(right), [str(i) for i in range(2000)], 4000, seed=1))
    half = norm.ppf(0.975) * np.sqrt(0.85 * 0.15 / 2000)
    # A quantile of 4,000 draws is known to about 4 % of the half width.
    assert (low[0], high[0]) == pytest.approx((0.85 - half, 0.85 + half), abs=0.12 * half)


def test_records_of_one_patient_widen_the_interval() -> None:
    """Four equal records a patient are worth one: twice the standard error of as many independent records."""
    right = np.repeat(np.arange(250) < 200, 4).astype(float)
    alone = bootstrap(mean_of(right), [str(i) for i in range(1000)], 4000, seed=0).std()
    together = bootstrap(mean_of(right), [str(i // 4) for i in range(1000)], 4000, seed=0).std()
    assert together / alone == pytest.approx(2, rel=0.05)


def test_every_draw_takes_whole_groups_and_as_many_as_there_are() -> None:
    groups = ["a", "b", "a", "c", "b", "a"]
    for weights in resampled_weights(groups, 50, seed=3):
        np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
        np.testing.assert_array_equal(weights[:, 1], weights[:, 4])
        np.testing.assert_array_equal(weights[:, [0, 1, 3]].sum(axis=1), 3)


def test_draws_do_not_depend_on_how_they_are_chunked(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = [str(i % 37) for i in range(61)]
    whole = np.concatenate(list(resampled_weights(groups, 100, seed=5)))
    monkeypatch.setattr(room, "CHUNK_SIZE", 61 * 7)
    chunks = list(resampled_weights(groups, 100, seed=5))
    assert len(chunks) == 15
    np.testing.assert_array_equal(np.concatenate(chunks), whole)


def test_a_draw_that_leaves_a_value_undefined_is_passed_over() -> None:
    draws = np.column_stack([np.linspace(0, 1, 101), np.full(101, np.nan)])
    draws = np.vstack([draws, [[np.nan, np.nan]] * 20])
    low, high = percentile_interval(draws)
    assert (low[0], high[0]) == pytest.approx((0.025, 0.975))
    assert np.isnan([low[1], high[1]]).all()
    assert np.isnan(two_sided_p(draws)[1])


@pytest.mark.parametrize("z", [0.0, 0.5, 1.0, 2.0, 3.0])
def test_p_of_normal_differences_is_that_of_the_z_test(z: float) -> None:
    """2 (1 - Phi(|z|)); exact quantiles in place of draws, so that only the added one separates them."""
    differences = norm.ppf((np.arange(20_000) + 0.5) / 20_000, loc=z)[:, None]
    assert two_sided_p(differences)[0] == pytest.approx(2 * norm.sf(z), abs=2e-4)


def test_fewer_than_no_draws_are_refused() -> None:
    with pytest.raises(EvaluationError, match="n_bootstrap: -1 draws, at least 0"):
        bootstrap(mean_of(np.ones(3)), ["a", "b", "c"], -1, seed=0)
