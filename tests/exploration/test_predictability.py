"""What tells the class is found to, what does not is not, and nobody is on both sides."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.exploration.tables.predictability import (
    BY_NEIGHBOURS,
    BY_TREE,
    N_FOLDS,
    Classifier,
    predictability,
    stratified_folds,
)

RNG = np.random.default_rng(0)


def test_a_class_recorded_on_separate_days_is_predicted_by_the_date() -> None:
    """Two classes on days of their own: told perfectly; a third that shares its days with a fourth: not at all."""
    labels = np.repeat([0, 1, 2, 3], 100)
    days = np.where(labels == 0, 1, np.where(labels == 1, 2, 3 + RNG.integers(0, 5, 400)))[:, None].astype(float)
    found = predictability(days, labels, np.arange(400), BY_TREE, seed=0)
    assert found is not None
    assert found.is_above_chance
    assert found.accuracy == pytest.approx(0.75, abs=0.06)  # half of the latter two by luck
    assert found.majority_share == 0.25
    assert found.shuffled == pytest.approx(0.25, abs=0.05)
    assert found.sentence("The date alone", "class").startswith("The date alone predicts the class: macro-F1 0.7")


@pytest.mark.parametrize("classifier", [BY_TREE, BY_NEIGHBOURS])
def test_noise_is_not_above_chance(classifier: Classifier) -> None:
    labels = RNG.choice(4, 500, p=[0.7, 0.1, 0.1, 0.1])
    found = predictability(RNG.normal(size=(500, 1)), labels, np.arange(500), classifier, seed=0)
    assert found is not None
    assert not found.is_above_chance
    assert "does not clearly predict the class" in found.sentence("Noise", "class")


def test_a_rare_class_that_lies_apart_is_told() -> None:
    """Of 20 in 1,000 all are found: each label has the same weight in the vote."""
    labels = (np.arange(1000) < 20).astype(np.int64)
    points = RNG.normal(size=(1000, 2)) + 6 * labels[:, None]
    found = predictability(points, labels, np.arange(1000), BY_NEIGHBOURS, seed=0)
    assert found is not None
    assert found.score > 0.98
    assert found.shuffled == pytest.approx(0.5, abs=0.1)


def test_a_patient_is_never_in_two_folds() -> None:
    """Every patient has a number of its own that gives the label away: of no use for patients never seen."""
    patients = np.repeat(np.arange(60), 5)
    labels = RNG.integers(0, 2, 60)[patients]
    folds = stratified_folds(labels, patients, np.random.default_rng(0))
    assert all(len(np.unique(folds[patients == patient])) == 1 for patient in range(60))
    counts = np.array([np.bincount(labels[folds == fold], minlength=2) for fold in range(N_FOLDS)])
    assert np.ptp(counts, axis=0).max() <= 5
    number = RNG.permutation(60)[patients][:, None].astype(float)
    found = predictability(number, labels, patients, BY_TREE, seed=0)
    assert found is not None
    assert not found.is_above_chance


def test_too_few_labels_are_no_comparison() -> None:
    points = RNG.normal(size=(12, 1))
    assert predictability(points, np.zeros(12, dtype=int), np.arange(12), BY_TREE, seed=0) is None
    assert predictability(points, np.full(12, -1), np.arange(12), BY_TREE, seed=0) is None
    labels = np.array([0] * 8 + [1] * 4)  # fewer than folds
    assert predictability(points, labels, np.arange(12), BY_TREE, seed=0) is None
    assert predictability(points[:0], labels[:0], labels[:0], BY_TREE, seed=0) is None
