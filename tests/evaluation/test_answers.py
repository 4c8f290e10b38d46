"""Answers: shares, accuracy and set coverage as counted by hand; the curve ends where nothing is abstained on."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.errors import EvaluationError
from ecgml.evaluation.answers import Answers, area_under_risk, coverage_curve, score_answers
from ecgml.evaluation.predictions import Predictions

Y_TRUE = np.array([0, 0, 0, 1, 1, 1])
Y_PROB = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.1, 0.9], [0.7, 0.3], [np.nan, np.nan]])
SETS = np.array([[1, 0], [1, 1], [0, 1], [0, 1], [1, 1], [1, 1]], dtype=bool)
REASONS = ("", "", "low confidence", "", "", "could not be used")


@pytest.fixture
def predictions() -> Predictions:
    return Predictions(tuple("abcdef"), ("A", "B"), Y_TRUE, Y_PROB)


def test_scores_are_those_counted_by_hand(predictions: Predictions) -> None:
    scores = score_answers(predictions, Answers(REASONS, np.zeros(6), SETS), n_bootstrap=100)
    assert scores.answered.value == pytest.approx(4 / 6)
    assert scores.accuracy.value == pytest.approx(3 / 4)
    # A: two right, one false alarm. B: one right, one missed.
    assert scores.macro_f1.value == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert [one.value for one in scores.set_coverage] == pytest.approx([2 / 3, 1.0])
    assert scores.set_size is not None
    assert scores.set_size.value == pytest.approx(9 / 6)
    assert scores.answered.low < 4 / 6 < scores.answered.high
    flat = scores.flat(predictions.classes, "test_")
    assert flat["test_answered"] == pytest.approx(4 / 6)
    assert flat["test_set_coverage_b"] == 1.0


def test_without_sets_and_without_answers(predictions: Predictions) -> None:
    scores = score_answers(predictions, Answers(("no",) * 6, np.zeros(6)), n_bootstrap=10)
    assert scores.answered.value == 0
    assert np.isnan(scores.accuracy.value)
    assert scores.set_size is None
    # Wilson, none of six: z^2 / (6 + z^2).
    assert scores.flat(predictions.classes) == {
        "answered": 0.0, "answered_low": 0.0, "answered_high": pytest.approx(0.390334, abs=1e-6),
    }  # fmt: skip
    with pytest.raises(EvaluationError, match="answers: 2 for 6 records"):
        score_answers(predictions, Answers(("", ""), np.zeros(2)))


def test_curve_and_area_fall_as_the_surest_errors_grow(predictions: Predictions) -> None:
    knowing = np.array([3.0, 3.0, 1.0, 3.0, 1.0, 0.0])
    coverage, accuracy, f1 = coverage_curve(predictions, knowing)
    assert coverage[-1] == 1
    assert accuracy[-1] == pytest.approx(3 / 6)
    assert accuracy[0] == 1
    assert f1[0] == 1
    assert area_under_risk(predictions, knowing) < area_under_risk(predictions, -knowing)
