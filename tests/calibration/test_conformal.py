"""Conformal sets: the promise holds, exactly, class by class, whatever the model is worth."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgml.calibration.conformal import ConformalSets, fit_conformal, least_records
from ecgml.calibration.scaling import softmax

N_CALIBRATION = np.array([14, 40, 120])


def records(counts: NDArray[np.int64], skill: float, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    y_true = np.repeat(np.arange(len(counts)), counts)
    logits = rng.normal(size=(len(y_true), len(counts)))
    logits[np.arange(len(y_true)), y_true] += skill
    return softmax(logits), y_true


@pytest.mark.parametrize("skill", [0.0, 1.0, 4.0])
def test_every_class_is_covered_as_asked(skill: float) -> None:
    rng = np.random.default_rng(0)
    covered = np.zeros(3)
    n_draws = 400
    for _ in range(n_draws):
        fitted = fit_conformal(*records(N_CALIBRATION, skill, rng), 0.9)
        y_prob, y_true = records(np.full(3, 50), skill, rng)
        held = fitted.sets(y_prob)[np.arange(150), y_true]
        covered += held.reshape(3, 50).mean(axis=1) / n_draws
    # Exactly ceil((n + 1) 0.9) / (n + 1) in the mean over calibration sets, of continuous scores.
    expected = np.ceil((N_CALIBRATION + 1) * 0.9) / (N_CALIBRATION + 1)
    assert (covered > expected - 0.015).all()
    if skill < 4:  # a better model's most probable class alone covers more than was asked for
        np.testing.assert_allclose(covered, expected, atol=0.015)


def test_a_better_model_has_smaller_sets() -> None:
    rng = np.random.default_rng(1)
    sizes = []
    for skill in (0.0, 2.0, 6.0):
        fitted = fit_conformal(*records(N_CALIBRATION, skill, rng), 0.9)
        sizes.append(fitted.sets(records(np.full(3, 200), skill, rng)[0]).sum(axis=1).mean())
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 1.1


def test_a_class_with_too_few_records_is_in_every_set() -> None:
    assert [least_records(coverage) for coverage in (0.8, 0.9, 0.95)] == [4, 9, 19]
    rng = np.random.default_rng(2)
    fitted = fit_conformal(*records(np.array([8, 9, 0]), 3.0, rng), 0.9)
    assert fitted.thresholds[1] < 1
    assert fitted.sets(records(np.full(3, 20), 3.0, rng)[0])[:, [0, 2]].all()


def test_sets_survive_json() -> None:
    fitted = ConformalSets(0.9, (0.5, 1.0), (20, 3))
    assert ConformalSets.from_json(fitted.to_json()) == fitted


def test_the_most_probable_class_is_in_every_set() -> None:
    sure = ConformalSets(0.9, (0.01, 1.0, 0.01), (100, 3, 100))
    y_prob = np.array([[0.6, 0.1, 0.3], [0.2, 0.1, 0.7], [0.05, 0.9, 0.05]])
    assert sure.sets(y_prob).tolist() == [[True, True, False], [False, True, True], [False, True, False]]
