"""The gate: what it lets through, what it refuses, and that it says why."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ecgml.errors import ConfigError, EvaluationError
from ecgml.evaluation.gate import Judgement, judge
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.settings import GateSettings

QUICK = GateSettings(bootstrap=200)


def model(sharpness: float, n_records: int = 400, seed: int = 0) -> Predictions:
    random = np.random.default_rng(seed)
    y_true = np.arange(n_records) % 3
    logits = random.normal(size=(n_records, 3))
    logits[np.arange(n_records), y_true] += sharpness
    y_prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Predictions(tuple(map(str, range(n_records))), ("A", "B", "C"), y_true, y_prob)


def failed(judgement: Judgement) -> set[str]:
    return {check.name for check in judgement.checks if not check.passed}


def test_the_same_model_is_not_inferior_to_itself() -> None:
    judgement = judge(model(2), model(2), {}, QUICK)
    assert judgement.passed
    check = next(one for one in judgement.checks if one.name == "macro_f1")
    assert (check.difference.value, check.difference.low, check.difference.high) == (0, 0, 0)


def test_a_worse_model_is_refused_with_both_numbers_and_the_rule() -> None:
    judgement = judge(model(1), model(3), {}, QUICK)
    assert {"macro_f1", "macro_auroc"} <= failed(judgement)
    line = next(one for one in judgement.checks if one.name == "macro_f1").line()
    check = next(one for one in judgement.checks if one.name == "macro_f1")
    assert f"{check.challenger.value:.3f} against {check.champion.value:.3f}" in line
    assert "must lie above -0.02" in line


def test_non_inferiority_needs_the_bound_and_not_the_estimate() -> None:
    """Another model as good: the estimate of the difference is near 0, its interval reaches below the margin."""
    judgement = judge(model(2, seed=1), model(2), {}, QUICK)
    difference = next(one for one in judgement.checks if one.name == "macro_f1").difference
    assert abs(difference.value) < 0.05
    assert ("macro_f1" in failed(judgement)) == (difference.low <= -QUICK.margin)
    wide = replace(QUICK, margin=0.3)
    assert "macro_f1" not in failed(judge(model(2, seed=1), model(2), {}, wide))


def sharpened(predictions: Predictions, power: float) -> Predictions:
    raised = predictions.y_prob**power
    return replace(predictions, y_prob=raised / raised.sum(axis=1, keepdims=True))


def test_overconfidence_alone_is_refused() -> None:
    """Of these logits (normal, 2 added to the true class) the posterior is the softmax of twice them."""
    settings = replace(QUICK, margin=0.2)
    assert failed(judge(sharpened(model(2), 12), sharpened(model(2), 2), {}, settings)) == {"ece"}


def test_a_subgroup_left_behind_is_found_though_the_whole_is_not_worse() -> None:
    champion = model(2)
    women = np.arange(400) % 10 < 3
    better, worse = model(4, seed=2), model(0.2, seed=3)
    challenger = replace(champion, y_prob=np.where(women[:, None], worse.y_prob, better.y_prob))
    sex = ["female" if one else "male" for one in women]
    lenient = replace(QUICK, margin=0.5, max_ece_increase=1.0)
    judgement = judge(challenger, champion, {"sex": sex}, lenient)
    assert failed(judgement) == {"subgroup"}
    assert "sex female, 120 records" in judgement.checks[-1].line()
    assert {one["subgroup"] for one in judgement.subgroups} == {"sex female", "sex male"}
    few = judge(challenger, champion, {"sex": sex}, replace(lenient, min_subgroup=300))
    assert few.passed
    assert "not judged" in few.checks[-1].line()


def test_few_records_and_an_absent_class_are_refused_with_the_numbers() -> None:
    few = model(3, 30)
    assert "records" in failed(judge(few, None, {}, QUICK))
    absent = model(3).subset(model(3).y_true != 2)
    judgement = judge(absent, absent, {}, QUICK)
    assert failed(judgement) == {"classes"}
    assert "C 0" in next(one for one in judgement.checks if one.name == "classes").line()


def test_the_first_champion_must_lie_above_the_floor_with_its_lower_bound() -> None:
    settings = replace(QUICK, max_ece=1.0)
    assert judge(model(4), None, {}, settings).passed
    judgement = judge(model(2), None, {}, settings)
    f1 = next(one for one in judgement.checks if one.name == "macro_f1")
    between = replace(settings, floor_f1=(f1.challenger.low + f1.challenger.value) / 2, floor_auroc=0.0)
    assert failed(judge(model(2), None, {}, between)) == {"macro_f1"}


def test_the_record_is_json_without_nan() -> None:
    text = json.dumps(judge(model(2, 30), model(2, 30), {}, QUICK).to_json(), allow_nan=False)
    assert json.loads(text)["support"] == {"A": 10, "B": 10, "C": 10}


def test_other_records_or_attributes_of_others_are_refused() -> None:
    with pytest.raises(EvaluationError, match="only in the first"):
        judge(model(2), model(2, 300), {}, QUICK)
    with pytest.raises(EvaluationError, match="2 values of sex for 400 records"):
        judge(model(2), None, {"sex": ["", ""]}, QUICK)


def test_age_bands_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ConfigError, match="age_bands: 65,40 do not rise"):
        GateSettings(age_bands=(65, 40))
