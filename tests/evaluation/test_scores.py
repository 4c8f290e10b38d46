"""Scores: names for MLflow, intervals, coverage, cautions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ecgml.evaluation.metric_table import names_of
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import score
from ecgml.evaluation.summary import summary_text
from ecgml.records.rhythms import RHYTHM_CODES
from ecgml.records.schemes import SCHEMES


def test_every_estimate_lies_in_its_interval(simulate: Callable[..., Predictions]) -> None:
    scores = score(simulate(120), n_bootstrap=500)
    for name, estimate in scores.estimates.items():
        assert estimate.low <= estimate.value <= estimate.high, name


def test_the_calibration_error_of_a_calibrated_model_lies_in_its_interval() -> None:
    """Where plain percentiles would leave it out: labels drawn from the stated probabilities."""
    random = np.random.default_rng(0)
    y_prob = random.dirichlet(np.ones(4), size=300)
    y_true = (random.uniform(size=(300, 1)) > y_prob.cumsum(axis=1)).sum(axis=1).clip(max=3)
    ece = score(Predictions(tuple(map(str, range(300))), SCHEMES["groups"].classes, y_true, y_prob), n_bootstrap=500)[
        "ece"
    ]
    assert 0 <= ece.low < ece.value < ece.high


def test_flat_names_are_those_of_the_tracker(simulate: Callable[..., Predictions]) -> None:
    flat = score(simulate(120), n_bootstrap=200).flat("test_")
    names = [*names_of(), "f1_afib", "f1_gsvt", "f1_sb", "f1_sr"]
    expected = {f"test_{name}{end}" for name in names for end in ("", "_low", "_high")}
    assert set(flat) == expected | {"test_coverage", "test_n_records"}
    assert flat["test_n_records"] == 120
    assert all(type(value) is float and math.isfinite(value) for value in flat.values())


def test_the_headline_counts_what_the_scored_figures_leave_out(by_hand: Predictions) -> None:
    """3 of 6 right in all, 3 of the 5 scored; without its unscored record B has one record, found, 2 predicted."""
    scores = score(by_hand, n_bootstrap=200)
    assert scores["accuracy"].value == pytest.approx(3 / 6)
    assert scores.scored["accuracy"].value == pytest.approx(3 / 5)
    assert scores["f1_b"].value == pytest.approx(1 / 2)
    assert scores.scored["f1_b"].value == pytest.approx(2 / 3)
    flat = scores.flat()
    assert (flat["coverage"], flat["n_records"]) == (pytest.approx(5 / 6), 6)
    assert flat["scored_accuracy"] == pytest.approx(3 / 5)


def test_figures_on_scored_records_are_the_headline_where_all_are_scored(
    simulate: Callable[..., Predictions],
) -> None:
    scores = score(simulate(100), n_bootstrap=100)
    assert scores.scored == scores.estimates
    assert not [name for name in scores.flat() if name.startswith("scored_")]


def test_nothing_scored_leaves_no_figures_beside_the_headline(simulate: Callable[..., Predictions]) -> None:
    scores = score(simulate(30, n_unscored=30), n_bootstrap=100)
    assert scores.scored == {}
    assert scores.flat()["accuracy"] == 0
    assert summary_text(scores, "x")


def test_a_group_drawn_together_widens_every_interval(simulate: Callable[..., Predictions]) -> None:
    """Each record three times over in one patient: the widths of independent records grow by about sqrt(3)."""
    once = simulate(200)
    ids = tuple(f"{name}-{copy}" for copy in range(3) for name in once.record_ids)
    thrice = Predictions(ids, once.classes, np.tile(once.y_true, 3), np.tile(once.y_prob, (3, 1)))
    grouped = replace(thrice, groups=once.record_ids * 3)
    alone, together = score(thrice, n_bootstrap=1000), score(grouped, n_bootstrap=1000)
    for name in ("accuracy", "macro_f1", "macro_auroc", "brier"):
        ratio = (together[name].high - together[name].low) / (alone[name].high - alone[name].low)
        assert ratio == pytest.approx(math.sqrt(3), rel=0.2), name


def test_same_seed_same_scores_another_seed_others(simulate: Callable[..., Predictions]) -> None:
    predictions = simulate(100)
    assert score(predictions, n_bootstrap=50, seed=1) == score(predictions, n_bootstrap=50, seed=1)
    assert score(predictions, n_bootstrap=50, seed=1) != score(predictions, n_bootstrap=50, seed=2)


def test_no_draws_give_point_figures_alone(simulate: Callable[..., Predictions]) -> None:
    flat = score(simulate(100), n_bootstrap=0).flat()
    assert flat["macro_f1"] > 0
    assert not [name for name in flat if name.endswith(("_low", "_high"))]


def test_absent_and_rare_classes_are_said_and_left_out_where_undefined() -> None:
    """SB 8 records, SR 4, SA none; every one is called SB."""
    y_true = np.repeat([0, 1], [8, 4])
    y_prob = np.tile([0.6, 0.3, 0.1], (12, 1))
    scores = score(Predictions(tuple("abcdefghijkl"), ("SB", "SR", "SA"), y_true, y_prob), n_bootstrap=100)
    assert scores.table()["note"].tolist() == ["", "too rare", "absent"]
    assert "No record of SA: left out of the macro averages." in scores.cautions
    assert any("SR (4): too rare to score alone" in caution for caution in scores.cautions)
    assert "f1_sa" not in scores.flat()
    assert scores["macro_f1"].value == pytest.approx((2 * 8 / (8 + 12) + 0) / 2)


def test_too_few_errors_and_groups_are_cautioned_of(simulate: Callable[..., Predictions]) -> None:
    predictions = simulate(20, skill=50)
    y_true = predictions.y_true.copy()
    y_true[0] = (y_true[0] + 1) % predictions.n_classes
    cautions = score(replace(predictions, y_true=y_true), n_bootstrap=50).cautions
    assert any("Only 1 error in 20 records" in caution for caution in cautions)
    assert any("Only 20 independent groups" in caution and "30" in caution for caution in cautions)
    assert score(simulate(200), n_bootstrap=50).cautions == ()


def test_the_table_has_a_row_for_every_class(simulate: Callable[..., Predictions]) -> None:
    table = score(simulate(200, RHYTHM_CODES), n_bootstrap=50).table()
    assert tuple(table.index) == RHYTHM_CODES
    assert table["support"].sum() == 200
    for metric in ("precision", "recall", "specificity", "f1", "auroc", "auprc"):
        assert (table[f"{metric}_low"] <= table[metric]).all()


def test_the_summary_says_figure_interval_note_and_caution(by_hand: Predictions) -> None:
    text = summary_text(score(by_hand, n_bootstrap=200), "fusion on the test split", "Simulated data")
    lines = text.splitlines()
    assert lines[0] == "**fusion on the test split**: 6 records (A 3, B 2, C 1)"
    assert "*Simulated data*" in lines
    assert any(line.startswith("| accuracy | 0.500 (") and "| 0.600 (" in line for line in lines)
    assert "- 1 of 6 records could not be scored and count as errors." in lines
    tables = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in tables} == {4}
