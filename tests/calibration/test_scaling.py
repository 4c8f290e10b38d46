"""Scaling: finds what was done to logits, and leaves well alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgml.calibration.scaling import Scaling, fit_scaling, fit_vector, softmax


def drawn(n: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return logits and labels that follow them exactly."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, 3))
    labels = (softmax(logits).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return logits, labels


def test_vector_finds_scales_and_biases() -> None:
    logits, labels = drawn(40_000)
    scale, bias = np.array([0.5, 1.5, 1.0]), np.array([0.4, -0.2, 0.3])
    found = fit_vector((logits - bias) / scale, labels)
    np.testing.assert_allclose(found.scale, scale, rtol=0.1)
    # A bias common to all classes changes nothing.
    np.testing.assert_allclose(np.array(found.bias) - found.bias[0], bias - bias[0], atol=0.1)


def test_temperature_is_taken_where_a_vector_is_no_better() -> None:
    logits, labels = drawn(600)
    scaling = fit_scaling(3 * logits, labels, np.arange(600))
    assert scaling.is_temperature
    assert scaling.temperature == pytest.approx(3, rel=0.15)


def test_vector_is_taken_where_a_class_is_off() -> None:
    logits, labels = drawn(600)
    scaling = fit_scaling(logits + np.array([0.0, 2.0, 0.0]), labels, np.arange(600))
    assert not scaling.is_temperature
    y_prob = softmax(scaling(logits + np.array([0.0, 2.0, 0.0])))
    np.testing.assert_allclose(y_prob.mean(axis=0), np.bincount(labels) / 600, atol=0.02)


def test_few_records_get_a_temperature() -> None:
    logits, labels = drawn(60)
    assert fit_scaling(logits + np.array([0.0, 3.0, 0.0]), labels, np.arange(60)).is_temperature
    assert fit_scaling(np.zeros((0, 3)), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)).temperature == 1


def test_windows_of_a_record_stay_in_one_fold() -> None:
    logits, labels = drawn(50)
    # Each record thirty times over: were copies apart, the vector would be fitted to what it is tested on.
    noisy = np.repeat(logits, 30, axis=0), np.repeat(np.random.default_rng(1).permutation(labels), 30)
    assert fit_scaling(*noisy, np.repeat(np.arange(50), 30)).is_temperature


def test_copies_of_a_record_do_not_vouch_for_each_other() -> None:
    """120 records of 20 classes, labels by chance, five windows each: a vector fits only those that it has seen."""
    logits, labels = np.random.default_rng(0).normal(0, 0.5, (120, 20)), np.arange(120) % 20
    scaling = fit_scaling(np.repeat(logits, 5, axis=0), np.repeat(labels, 5), np.repeat(np.arange(120), 5))
    assert scaling.is_temperature


def test_scaling_survives_json() -> None:
    scaling = Scaling((1.25, 0.1), (0.0, -3.5))
    assert Scaling.from_json(scaling.to_json()) == scaling
