"""Every metric against scikit-learn, weighted and not, and against tables worked by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics as sk

from ecgml.evaluation.metric_table import names_of
from ecgml.evaluation.metrics import Metrics
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.probability import calibration_error, calibration_gaps
from ecgml.evaluation.ranking import Ranking

EXACT = 1e-12
"""Float64 sums of a few hundred terms in another order."""


def by_name(predictions: Predictions, weights: np.ndarray | None = None) -> dict[str, float]:
    metrics = Metrics(predictions)
    values = metrics.point() if weights is None else metrics.at(weights[None, :])[0]
    return dict(zip(metrics.names, values.tolist(), strict=True))


def by_sklearn(predictions: Predictions, weights: np.ndarray | None = None) -> dict[str, float]:
    """Return scikit-learn's figures; an unscored record is predicted to be of one more class, "none"."""
    n_classes, y_true, y_prob = predictions.n_classes, predictions.y_true, predictions.counted_prob()
    y_pred = np.where(predictions.scored, predictions.y_pred, n_classes)
    present = np.unique(y_true)
    labels = np.arange(n_classes)
    weigh = {"sample_weight": weights}
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        y_true, y_pred, labels=labels, zero_division=np.nan, **weigh
    )
    auroc = {k: sk.roc_auc_score(y_true == k, y_prob[:, k], **weigh) for k in present}
    auprc = {k: sk.average_precision_score(y_true == k, y_prob[:, k], **weigh) for k in present}
    expected = {
        "accuracy": sk.accuracy_score(y_true, y_pred, **weigh),
        "macro_f1": f1[present].mean(),
        "macro_auroc": np.mean(list(auroc.values())),
        "macro_auprc": np.mean(list(auprc.values())),
        "macro_sensitivity": sk.recall_score(y_true, y_pred, labels=present, average="macro", **weigh),
        "macro_specificity": np.mean([sk.recall_score(y_true != k, y_pred != k, **weigh) for k in present]),
        "brier": sk.brier_score_loss(y_true, y_prob, labels=labels, scale_by_half=False, **weigh),
        "log_loss": sk.log_loss(y_true, y_prob, labels=labels, **weigh),
        "matthews": sk.matthews_corrcoef(y_true, y_pred, **weigh),
        "cohen_kappa": sk.cohen_kappa_score(y_true, y_pred, **weigh),
    }
    for k in present:
        name = predictions.classes[k].lower()
        expected |= {f"precision_{name}": precision[k], f"recall_{name}": recall[k], f"f1_{name}": f1[k]}
        expected |= {f"auroc_{name}": auroc[k], f"auprc_{name}": auprc[k]}
        expected[f"specificity_{name}"] = sk.recall_score(y_true != k, y_pred != k, **weigh)
    return expected


def assert_same(ours: dict[str, float], theirs: dict[str, float]) -> None:
    differing = {name: (ours[name], value) for name, value in theirs.items() if abs(ours[name] - value) > EXACT}
    assert not differing


@pytest.mark.parametrize("n_classes", [2, 4, 11])
def test_every_metric_is_scikit_learns(simulate: Callable[..., Predictions], n_classes: int) -> None:
    predictions = simulate(400, tuple(f"C{k}" for k in range(n_classes)))
    assert_same(by_name(predictions), by_sklearn(predictions))


def test_every_metric_is_scikit_learns_at_any_weights(simulate: Callable[..., Predictions]) -> None:
    """Whole counts with zeros, as the bootstrap draws them, and fractions."""
    predictions = simulate(400)
    random = np.random.default_rng(1)
    for weights in (random.poisson(1, 400).astype(float), random.uniform(0.1, 3, 400)):
        assert_same(by_name(predictions, weights), by_sklearn(predictions, weights))


def test_a_weight_of_two_is_the_record_twice(simulate: Callable[..., Predictions]) -> None:
    predictions = simulate(200)
    weights = np.random.default_rng(2).integers(0, 3, 200)
    rows = np.repeat(np.arange(200), weights)
    repeated = Predictions(
        tuple(f"copy{i}" for i in range(len(rows))),
        predictions.classes,
        predictions.y_true[rows],
        predictions.y_prob[rows],
    )
    assert_same(by_name(predictions, weights.astype(float)), by_name(repeated))


def test_unscored_records_count_as_errors_in_every_metric(simulate: Callable[..., Predictions]) -> None:
    predictions = simulate(400, n_unscored=40)
    assert_same(by_name(predictions), by_sklearn(predictions))
    all_scored = by_name(simulate(400))
    for name in ("accuracy", "macro_f1", "macro_auroc", "macro_auprc", "matthews", "cohen_kappa"):
        assert by_name(predictions)[name] < all_scored[name]
    for name in ("brier", "log_loss"):
        assert by_name(predictions)[name] > all_scored[name]


def test_a_small_table_by_hand(by_hand: Predictions) -> None:
    """True A A A B B C, predicted A A B B - A.

    A: 2 of 3 found, 3 predicted, so recall, precision and F1 are 2/3. B: 1 of 2 found, 2 predicted: 1/2 each. C: none
    found, never predicted: recall and F1 are 0, precision is undefined. A's rest is 3 records, one of them called A.
    """
    figures = by_name(by_hand)
    assert figures["accuracy"] == pytest.approx(3 / 6)
    assert [figures[f"f1_{name}"] for name in "abc"] == pytest.approx([2 / 3, 1 / 2, 0])
    assert [figures[f"recall_{name}"] for name in "abc"] == pytest.approx([2 / 3, 1 / 2, 0])
    assert [figures[f"precision_{name}"] for name in "abc"] == pytest.approx([2 / 3, 1 / 2, np.nan], nan_ok=True)
    assert figures["specificity_a"] == pytest.approx(2 / 3)
    assert figures["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert figures["macro_sensitivity"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    # Of B's rest, 4 records, one is called B; of C's none is called C.
    assert figures["macro_specificity"] == pytest.approx((2 / 3 + 3 / 4 + 1) / 3)


def test_areas_by_hand() -> None:
    """Scores 0.9+ 0.8- 0.8+ 0.8+ 0.3- : of 3 × 2 pairs 3 + 0 are won, two tied: (1·2 + 2·(1/2 + 1)) / 6 = 5/6.

    Average precision: the first threshold finds 1 of 3 at precision 1, the tie finds 2 of 3 at precision 3/4.
    """
    ranking = Ranking(np.array([0.9, 0.8, 0.8, 0.8, 0.3]), np.array([True, False, True, True, False]))
    auroc, auprc = ranking.areas(np.ones((1, 5)))
    assert auroc[0] == pytest.approx(5 / 6, abs=EXACT)
    assert auprc[0] == pytest.approx(1 / 3 * 1 + 2 / 3 * 3 / 4, abs=EXACT)


def test_ranking_without_information_has_half_the_area() -> None:
    ranking = Ranking(np.full(10, 0.25), np.arange(10) < 3)
    auroc, auprc = ranking.areas(np.ones((1, 10)))
    assert auroc[0] == pytest.approx(0.5, abs=EXACT)
    assert auprc[0] == pytest.approx(0.3, abs=EXACT)  # the prevalence


def test_calibration_error_by_hand() -> None:
    """Two records at 0.9, one right: gap 0.4. Two at 0.6, one right: gap 0.1. Half the records each: 0.25."""
    gaps = calibration_gaps(np.array([0.9, 0.9, 0.6, 0.6]), np.array([True, False, True, False]))
    assert calibration_error(gaps.sum(axis=0), np.array(4.0)) == pytest.approx(0.25, abs=EXACT)


def test_too_sure_here_and_too_unsure_there_do_not_cancel() -> None:
    """Two records at 0.9, one right: gap 0.4. Two at 0.6, both right: gap -0.4. Half the records each: 0.4."""
    gaps = calibration_gaps(np.array([0.9, 0.9, 0.6, 0.6]), np.array([True, False, True, True]))
    assert calibration_error(gaps.sum(axis=0), np.array(4.0)) == pytest.approx(0.4, abs=EXACT)


def test_calibration_bins_are_closed_on_the_right() -> None:
    """As Guo et al. (2017) draw them: 0.2 = 3/15 belongs to the third bin, 1 to the last, a little more to the next."""
    gaps = calibration_gaps(np.array([0.2, np.nextafter(0.2, 1), 1.0]), np.zeros(3, dtype=bool))
    assert gaps.argmax(axis=1).tolist() == [2, 3, 14]


def test_calibration_error_tends_to_zero_for_a_calibrated_model() -> None:
    """Labels drawn from the probabilities leave sampling error: 15 bins, each off by 0.5 sqrt(n / 15) or less."""
    random = np.random.default_rng(0)
    confidence = random.uniform(0.3, 1, 200_000)
    gaps = calibration_gaps(confidence, random.uniform(size=200_000) < confidence)
    assert calibration_error(gaps.sum(axis=0), np.array(200_000.0)) < 0.5 * np.sqrt(15 / 200_000)


def test_brier_is_two_where_a_model_is_sure_and_wrong() -> None:
    wrong = Predictions(("a", "b"), ("SB", "SR"), np.array([0, 1]), np.array([[0.0, 1.0], [1.0, 0.0]]))
    figures = by_name(wrong)
    assert figures["brier"] == 2
    assert figures["log_loss"] == pytest.approx(-np.log(np.finfo(float).eps))


def test_macro_averages_are_over_the_classes_present(simulate: Callable[..., Predictions]) -> None:
    predictions = simulate(300, shares=(0.5, 0.3, 0.2, 0.0))
    figures = by_name(predictions)
    assert_same(figures, by_sklearn(predictions))
    for metric in ("recall", "f1", "auroc", "auprc"):
        assert np.isnan(figures[f"{metric}_sr"])
        assert not np.isnan(figures[f"{metric}_sb"])
    assert figures["specificity_sr"] < 1


def test_one_class_alone_leaves_undefined_what_compares_classes() -> None:
    alone = Predictions(("a", "b"), ("SB", "SR"), np.array([0, 0]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    figures = by_name(alone)
    undefined = {name for name in names_of() if np.isnan(figures[name])}
    assert undefined == {"macro_auroc", "macro_specificity", "matthews", "cohen_kappa"}
    assert figures["accuracy"] == 1


def test_nothing_scored_is_no_better_than_nothing(simulate: Callable[..., Predictions]) -> None:
    figures = by_name(simulate(40, n_unscored=40))
    assert figures["accuracy"] == figures["macro_f1"] == figures["macro_auroc"] == 0
