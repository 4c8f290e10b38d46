"""Wilson intervals where the bootstrap collapses: against statsmodels and tables worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ecgml.evaluation.answers import Answers, score_answers
from ecgml.evaluation.comparison import compare
from ecgml.evaluation.estimates import Estimate
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import score
from ecgml.evaluation.subgroups import score_subgroups
from ecgml.evaluation.wilson import wilson

Z2 = 3.841459
"""Square of the 97.5 % quantile of the normal distribution."""


def perfect(*support: int) -> Predictions:
    """Every record right, with certainty."""
    y_true = np.repeat(np.arange(len(support)), support)
    names = tuple(f"r{row}" for row in range(len(y_true)))
    classes = tuple("ABCD"[: len(support)])
    return Predictions(names, classes, y_true, np.eye(len(support))[y_true] * 0.9 + 0.1 / len(support))


@pytest.mark.parametrize(("n", "low"), [(1, 0.206549), (7, 0.645670), (30, 0.886487), (1000, 0.996173)])
def test_of_n_trials_without_error_the_lower_end_is_that_of_statsmodels(n: int, low: float) -> None:
    """``proportion_confint(n, n, method="wilson")`` of statsmodels 0.15.0, which is n / (n + z^2)."""
    assert wilson(Estimate(1.0), n).low == pytest.approx(low, abs=1e-6)
    assert low == pytest.approx(n / (n + Z2), abs=1e-6)
    assert wilson(Estimate(1.0), n).high == 1
    assert wilson(Estimate(0.0), n).high == pytest.approx(1 - low, abs=1e-6)


def test_seven_records_without_error_do_not_prove_a_perfect_class() -> None:
    """Worked by hand: recall and precision 7 / (7 + z^2) = 0.6457, F1 2 * 0.6457 / 1.6457 = 0.7847."""
    scores = score(perfect(7, 40), n_bootstrap=200)
    for metric in ("recall_a", "precision_a", "specificity_b", "auroc_a", "auroc_b", "auprc_a"):
        assert (scores[metric].value, scores[metric].high) == (1, 1)
        assert scores[metric].low == pytest.approx(0.6457, abs=1e-4), metric
    assert scores["f1_a"].low == pytest.approx(0.7847, abs=1e-4)
    assert scores["accuracy"].low == pytest.approx(47 / (47 + Z2), abs=1e-6)


def test_a_macro_average_adds_the_squares_of_the_classes_distances() -> None:
    """Sensitivities of 7 and 40 records: distances 0.3543 and 0.0876, sqrt of the sum of squares 0.3650, half of it."""
    scores = score(perfect(7, 40), n_bootstrap=200)
    assert scores["macro_sensitivity"].low == pytest.approx(1 - 0.3650 / 2, abs=1e-4)
    f1 = [2 * p / (1 + p) for p in (7 / (7 + Z2), 40 / (40 + Z2))]
    expected = 1 - np.hypot(1 - f1[0], 1 - f1[1]) / 2
    assert scores["macro_f1"].low == pytest.approx(expected, abs=1e-6)


def test_a_class_never_recognised_has_an_upper_end_above_zero() -> None:
    always_a = replace(perfect(20, 7), y_prob=np.tile([0.9, 0.1], (27, 1)))
    scores = score(always_a, n_bootstrap=200)
    assert (scores["recall_b"].value, scores["recall_b"].low) == (0, 0)
    assert scores["recall_b"].high == pytest.approx(1 - 7 / (7 + Z2), abs=1e-6)
    assert scores["f1_b"].high == pytest.approx(2 * 0.3543 / 1.3543, abs=1e-4)


def test_trials_are_patients_not_records() -> None:
    """Forty records of four patients count as four."""
    one_class_each = replace(perfect(40, 40), groups=tuple(f"p{row // 10}" for row in range(80)))
    assert score(one_class_each, n_bootstrap=200)["recall_a"].low == pytest.approx(4 / (4 + Z2), abs=1e-6)


def test_intervals_that_did_not_collapse_are_those_of_the_bootstrap(simulate: Callable[..., Predictions]) -> None:
    """Drawn here with NumPy's own generator, patient by patient."""
    predictions = simulate(120)
    right = predictions.y_pred == predictions.y_true
    random = np.random.default_rng(1)
    draws = [right[random.integers(120, size=120)].mean() for _ in range(4000)]
    accuracy = score(predictions, n_bootstrap=4000)["accuracy"]
    assert [accuracy.low, accuracy.high] == pytest.approx(np.quantile(draws, [0.025, 0.975]).tolist(), abs=0.012)


def test_a_coefficient_that_is_no_proportion_has_no_interval() -> None:
    assert np.isnan(score(perfect(7, 40), n_bootstrap=200)["matthews"].low)


def test_comparison_subgroups_and_answers_have_them_too() -> None:
    predictions = perfect(40, 40)
    compared = compare(predictions, predictions, n_bootstrap=100)
    assert compared.a["f1_a"].low == pytest.approx(2 * 40 / (80 + Z2), abs=1e-6)
    assert compared.differences["f1_a"] == Estimate(0.0, 0.0, 0.0)
    ward = {"ward": ["x", "y"] * 40}
    subgroups = score_subgroups(predictions, ward, n_bootstrap=50)
    assert subgroups.groups[0].estimates["recall_a"].low == pytest.approx(20 / (20 + Z2), abs=1e-6)
    answers = score_answers(predictions, Answers(("",) * 80, np.ones(80), np.eye(2, dtype=bool)[predictions.y_true]))
    assert answers.answered.low == pytest.approx(80 / (80 + Z2), abs=1e-6)
    assert answers.accuracy.low == pytest.approx(80 / (80 + Z2), abs=1e-6)
    assert answers.set_coverage[0].low == pytest.approx(40 / (40 + Z2), abs=1e-6)
    assert answers.macro_f1 == score(predictions, n_bootstrap=50)["macro_f1"]
