"""Predictions: checked when made, honest about what could not be scored."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.errors import EvaluationError
from ecgml.evaluation.predictions import NOT_SCORED, Predictions

GOOD = {
    "record_ids": ("a", "b"),
    "classes": ("SB", "SR"),
    "y_true": np.array([0, 1]),
    "y_prob": np.array([[0.9, 0.1], [0.2, 0.8]]),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"record_ids": ("a", "a")}, "record 'a' is there twice"),
        ({"classes": ("AF", "af")}, "class 'af' is there twice"),
        ({"classes": ("SB",), "y_prob": np.ones((2, 1))}, "at least two are needed"),
        ({"y_true": np.array([0, 2])}, "record b has label 2, expected 0 to 1, an index of SB, SR"),
        ({"y_true": np.array([-1, 0])}, "record a has label -1"),
        ({"y_true": np.array([0.0, 1.0])}, "holds float64, expected whole numbers"),
        ({"y_true": np.array([0, 1, 1])}, r"shape \(3,\), expected \(2,\)"),
        ({"y_prob": np.array([[0.9, 0.1]])}, r"shape \(1, 2\), expected \(2, 2\)"),
        ({"y_prob": np.array([[2.0, -1.0], [0.2, 0.8]])}, "record a has probability 2 for SB.*not logits"),
        ({"y_prob": np.array([[0.9, 0.1], [0.2, 0.799]])}, "record b sum to 0.999, expected 1; apply softmax"),
        ({"y_prob": np.array([[0.9, 0.1], [np.nan, 0.8]])}, "record b has NaN among its probabilities"),
        ({"groups": ("p",)}, "1 groups for 2 records"),
        ({"notes": ("", "", "")}, "3 notes for 2 records"),
        (
            {"record_ids": (), "y_true": np.array([], dtype=int), "y_prob": np.empty((0, 2))},
            "no records, at least one is needed",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_words(change: dict, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        Predictions(**(GOOD | change))


def test_float32_softmax_is_near_enough_to_one() -> None:
    logits = np.random.default_rng(0).normal(size=(500, 11)).astype(np.float32) * 20
    y_prob = np.exp(logits - logits.max(axis=1, keepdims=True))
    y_prob /= y_prob.sum(axis=1, keepdims=True)
    names = tuple(f"r{row}" for row in range(500))
    predictions = Predictions(names, tuple("ABCDEFGHIJK"), np.zeros(500, dtype=int), y_prob)
    assert predictions.coverage == 1


def test_each_record_is_its_own_group_unless_told() -> None:
    assert Predictions(**GOOD).groups == ("a", "b")
    assert Predictions(**GOOD, groups=(7, 7)).groups == ("7", "7")


def test_unscored_records_have_no_class_and_lower_the_coverage(by_hand: Predictions) -> None:
    assert by_hand.y_pred.tolist() == [0, 0, 1, 1, NOT_SCORED, 0]
    assert by_hand.coverage == pytest.approx(5 / 6)
    assert by_hand.support.tolist() == [3, 2, 1]


def test_an_unscored_record_counts_with_no_probability_for_its_class(by_hand: Predictions) -> None:
    """Its class is B: 0 for B, 1 / (3 - 1) for A and C."""
    assert by_hand.counted_prob()[4].tolist() == [0.5, 0.0, 0.5]
    np.testing.assert_array_equal(by_hand.counted_prob()[:4], by_hand.y_prob[:4])


def test_a_subset_keeps_each_record_with_what_belongs_to_it(by_hand: Predictions) -> None:
    unscored = by_hand.subset(~by_hand.scored)
    assert (unscored.record_ids, unscored.y_true.tolist(), unscored.notes) == (("e",), [1], ("flat",))


def test_predictions_cannot_be_changed_from_outside() -> None:
    y_prob = GOOD["y_prob"].copy()
    predictions = Predictions(**(GOOD | {"y_prob": y_prob}))
    y_prob[0] = [0.0, 1.0]
    assert predictions.y_pred[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        predictions.y_prob[0, 0] = 0.5
