"""Paired comparisons: exact where they must be, plain in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import comb

import numpy as np
import pytest
from scipy.stats import binomtest

from ecgml.errors import EvaluationError
from ecgml.evaluation.comparison import compare, mcnemar
from ecgml.evaluation.estimates import signed_text
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import score


def test_a_model_against_itself_differs_by_exactly_nothing(simulate: Callable[..., Predictions]) -> None:
    model = simulate(150, n_unscored=5)
    comparison = compare(model, model, n_bootstrap=200)
    for name, difference in comparison.differences.items():
        assert (difference.value, difference.low, difference.high) == (0, 0, 0), name
        assert comparison.p_values[name] == 1
    assert comparison.mcnemar.p_value == 1
    score_a = comparison.a["macro_f1"].value
    assert comparison.verdict("fusion", "baseline") == (
        "fusion and baseline gave almost the same answers and cannot be ranked: on 150 records both are right or both "
        f"are wrong (macro-F1 {score_a:.3f} and {score_a:.3f})."
    )


@pytest.mark.parametrize(("n_better", "is_ranked"), [(5, False), (6, True)])
def test_models_that_answer_alike_are_not_ranked(
    simulate: Callable[..., Predictions], n_better: int, is_ranked: bool
) -> None:
    """McNemar's exact test of five discordant records cannot be below p = 2 / 2^5 = .0625, of six it can: .031."""
    a = simulate(300)
    wrong = np.flatnonzero(a.y_pred != a.y_true)[:n_better]
    better = a.y_prob.copy()
    better[wrong] = np.eye(4)[a.y_true[wrong]]
    verdict = compare(replace(a, y_prob=better), a, n_bootstrap=200).verdict("fusion", "baseline")
    assert ("fusion is ahead of baseline" in verdict) == is_ranked
    assert (f"cannot be ranked: on all but {n_better} of 300 records" in verdict) != is_ranked
    assert "+0.000" not in verdict


@pytest.mark.parametrize(("value", "text"), [(0.0004, "0.000"), (-0.0004, "0.000"), (0.0006, "+0.001"), (-1, "-1.000")])
def test_a_difference_that_rounds_to_zero_has_no_sign(value: float, text: str) -> None:
    assert signed_text(value) == text


def test_differences_are_those_of_the_scores(simulate: Callable[..., Predictions]) -> None:
    a, b = simulate(200), simulate(200, seed=1)
    comparison, scores_a, scores_b = (
        compare(a, b, n_bootstrap=100),
        score(a, n_bootstrap=100),
        score(b, n_bootstrap=100),
    )
    for name, difference in comparison.differences.items():
        assert difference.value == pytest.approx(scores_a[name].value - scores_b[name].value, abs=1e-12)
        assert comparison.a[name].low == pytest.approx(scores_a[name].low, abs=1e-12)


def test_pairing_takes_out_what_both_models_share(simulate: Callable[..., Predictions]) -> None:
    """Two models that differ on five records of 400: at most five sign changes, sd of the mean sqrt(5) / 400."""
    a = simulate(400)
    y_prob = a.y_prob.copy()
    right = np.flatnonzero(a.y_pred == a.y_true)[:5]
    y_prob[right] = np.roll(y_prob[right], 1, axis=1)
    difference = compare(a, replace(a, y_prob=y_prob), n_bootstrap=1000).differences["accuracy"]
    assert difference.value == pytest.approx(5 / 400)
    assert (difference.high - difference.low) / 2 == pytest.approx(1.96 * np.sqrt(5) / 400, rel=0.15)


def test_the_order_of_the_second_does_not_matter(simulate: Callable[..., Predictions]) -> None:
    a, b = simulate(100), simulate(100, seed=1)
    shuffled = b.take(np.random.default_rng(0).permutation(100).tolist())
    assert compare(a, shuffled, n_bootstrap=50) == compare(a, b, n_bootstrap=50)


def test_turning_a_comparison_round_turns_its_signs(simulate: Callable[..., Predictions]) -> None:
    a, b = simulate(150), simulate(150, seed=1)
    forth, back = compare(a, b, n_bootstrap=100), compare(b, a, n_bootstrap=100)
    for name, difference in forth.differences.items():
        assert back.differences[name].value == -difference.value
        assert back.differences[name].low == pytest.approx(-difference.high, abs=1e-12)
        assert back.p_values[name] == forth.p_values[name]


def test_mcnemar_by_hand() -> None:
    """10 against 2 of 12 discordant records: 2 (C(12,0) + C(12,1) + C(12,2)) / 2^12 = 0.0386."""
    a_right = np.array([True] * 10 + [False] * 2 + [True] * 30)
    b_right = np.array([False] * 10 + [True] * 2 + [True] * 30)
    test = mcnemar(a_right, b_right)
    assert (test.only_a_right, test.only_b_right) == (10, 2)
    assert test.p_value == pytest.approx(2 * sum(comb(12, k) for k in range(3)) / 2**12, rel=1e-12)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (1, 0), (5, 5), (3, 9), (40, 61), (0, 400)])
def test_mcnemar_is_scipys_binomial_test(only_a: int, only_b: int) -> None:
    a_right, b_right = np.repeat([True, False], [only_a, only_b]), np.repeat([False, True], [only_a, only_b])
    expected = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert mcnemar(a_right, b_right).p_value == pytest.approx(expected, rel=1e-9)


def test_a_record_only_one_model_could_score_is_the_others_error(simulate: Callable[..., Predictions]) -> None:
    whole, partial = simulate(100, skill=50), simulate(100, skill=50, n_unscored=8)
    test = compare(whole, partial, n_bootstrap=50).mcnemar
    assert (test.only_a_right, test.only_b_right) == (8, 0)


def test_the_verdict_names_the_better_model_amount_and_interval(simulate: Callable[..., Predictions]) -> None:
    strong, weak = simulate(400, skill=3), simulate(400, skill=1, seed=1)
    comparison = compare(weak, strong, n_bootstrap=300)
    verdict = comparison.verdict("baseline", "fusion")
    ahead = -comparison.differences["macro_f1"].value
    assert verdict.startswith(f"fusion is ahead of baseline by {ahead:.3f} macro-F1 (")
    assert f"interval of the difference is {-comparison.differences['macro_f1'].high:+.3f} to " in verdict
    assert verdict.count(": significant (95 % CI excludes 0)") == 2
    assert "So few records" not in verdict


def test_the_verdict_says_where_a_difference_is_noise_and_records_are_few(
    simulate: Callable[..., Predictions],
) -> None:
    comparison = compare(simulate(65), simulate(65, seed=1), n_bootstrap=300)
    verdict = comparison.verdict("fusion", "baseline")
    rarest = min(comparison.support)
    assert "not significant (95 % CI includes 0)" in verdict
    assert f"So few records, {rarest} of them of the rarest class, cannot show" in verdict


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param([0, 1, 2, 3, 3], id="five records"),
        pytest.param([0, 1, 2] * 40 + [3] * 4, id="four of a class"),
        pytest.param([0, 1, 2, 3] * 7, id="28 records"),
    ],
)
def test_a_handful_of_records_is_never_called_more_than_noise(kept: list[int]) -> None:
    """One model all right, the other all wrong: every draw agrees, and still a handful shows little."""
    y_true = np.array(kept)
    right = np.eye(4)[y_true] * 0.96 + 0.01
    ids = tuple(f"r{row}" for row in range(y_true.size))
    good = Predictions(ids, ("AFIB", "GSVT", "SB", "SR"), y_true, right)
    verdict = compare(good, replace(good, y_prob=np.roll(right, 1, axis=1)), n_bootstrap=200).verdict("a", "b")
    assert "significant (95" not in verdict
    assert "too few records to call it significant" in verdict
    assert "the intervals are too narrow" in verdict


def test_no_interval_is_minus_zero(simulate: Callable[..., Predictions]) -> None:
    a = simulate(300)
    y_prob = a.y_prob.copy()
    y_prob[np.flatnonzero(a.y_pred == a.y_true)[0]] = np.roll(y_prob[np.flatnonzero(a.y_pred == a.y_true)[0]], 1)
    verdict = compare(a, replace(a, y_prob=y_prob), n_bootstrap=300).verdict("a", "b")
    assert "-0.000" not in verdict


def test_the_table_says_which_way_is_better(simulate: Callable[..., Predictions]) -> None:
    table = compare(simulate(100), simulate(100, seed=1), n_bootstrap=50).table()
    assert table.loc["macro_f1", "better"] == "higher"
    assert table.loc[["ece", "brier", "log_loss"], "better"].tolist() == ["lower"] * 3
    np.testing.assert_allclose(table["a"] - table["b"], table["difference"], atol=1e-12)
    assert table["mcnemar_p"].notna().tolist() == [name == "accuracy" for name in table.index]


def test_what_cannot_be_compared_is_refused_by_the_first_mismatch(simulate: Callable[..., Predictions]) -> None:
    a = simulate(10)
    relabelled = a.y_true.copy()
    relabelled[3] = (relabelled[3] + 1) % 4
    was, becomes = a.classes[a.y_true[3]], a.classes[relabelled[3]]
    for other, message in (
        (a.take(range(9)), "record r9 is only in the first"),
        (simulate(11), "record r10 is only in the second"),
        (replace(a, y_true=relabelled), f"record r3 is labelled {was} in the first and {becomes} in the second"),
        (replace(a, classes=("AFIB", "GSVT", "SR", "SB")), "classes AFIB, GSVT, SB, SR against AFIB, GSVT, SR, SB"),
        (replace(a, groups=("p",) * 10), "record r0 is in group r0 in the first and p in the second"),
    ):
        with pytest.raises(EvaluationError, match=message):
            compare(a, other, n_bootstrap=10)
    with pytest.raises(EvaluationError, match="n_bootstrap: 0 draws, a comparison needs at least 1"):
        compare(a, a, n_bootstrap=0)
