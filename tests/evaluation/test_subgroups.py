"""Subgroups: their figures are those of their records, the widest gap is found, what is too small is said."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ecgml.errors import EvaluationError
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import score
from ecgml.evaluation.subgroups import age_group, divide, score_subgroups

N = 600


def halves(predictions: Predictions) -> dict[str, list[str]]:
    return {"sex": ["female" if row % 2 else "male" for row in range(predictions.n_records)]}


def worse_for_women(simulate: Callable[..., Predictions]) -> Predictions:
    """Return predictions whose probabilities are those of a far worse model on every second record."""
    good, bad = simulate(N, skill=3.0), simulate(N, skill=0.3, seed=5)
    women = np.arange(N) % 2 == 1
    return Predictions(good.record_ids, good.classes, good.y_true, np.where(women[:, None], bad.y_prob, good.y_prob))


def test_figures_of_a_subgroup_are_those_of_its_records_alone(simulate: Callable[..., Predictions]) -> None:
    predictions = simulate(N)
    found = score_subgroups(predictions, halves(predictions), n_bootstrap=50)
    for group, rows in zip(found.groups, (np.arange(N) % 2 == 1, np.arange(N) % 2 == 0), strict=True):
        alone = score(predictions.subset(rows), n_bootstrap=0)
        for name, estimate in group.estimates.items():
            assert estimate.value == pytest.approx(alone[name].value, abs=1e-12)
            assert estimate.low <= estimate.value <= estimate.high
    assert found.overall["macro_f1"].value == score(predictions, n_bootstrap=0)["macro_f1"].value


def test_a_real_gap_is_found_and_one_by_chance_is_not_called_one(simulate: Callable[..., Predictions]) -> None:
    predictions = worse_for_women(simulate)
    gap = score_subgroups(predictions, halves(predictions), n_bootstrap=200).widest()
    assert (gap.attribute, gap.better, gap.worse) == ("sex", "male", "female")
    assert gap.size.low > 0.2
    fair = simulate(N)
    assert not score_subgroups(fair, halves(fair), n_bootstrap=200).widest().size.excludes_zero


def test_a_gap_in_calibration_points_to_the_larger_error(simulate: Callable[..., Predictions]) -> None:
    predictions = worse_for_women(simulate)
    sharp = predictions.y_prob**4
    sharp /= sharp.sum(axis=1, keepdims=True)
    wrong = np.where((np.arange(N) % 2 == 1)[:, None], sharp, predictions.y_prob)
    overconfident = Predictions(predictions.record_ids, predictions.classes, predictions.y_true, wrong)
    gap = score_subgroups(overconfident, halves(predictions), n_bootstrap=100).widest("ece")
    assert gap.worse == "female"
    assert gap.size.value > 0


def test_patients_in_both_subgroups_make_the_gap_paired(simulate: Callable[..., Predictions]) -> None:
    """Each patient has one record in each half, and the second is the first once more: the gap is 0 in every draw."""
    once = simulate(100)
    ids = tuple(f"{name}/{turn}" for turn in range(2) for name in once.record_ids)
    twice = Predictions(
        ids, once.classes, np.tile(once.y_true, 2), np.tile(once.y_prob, (2, 1)), groups=once.record_ids * 2
    )
    gap = score_subgroups(twice, {"visit": ["first"] * 100 + ["second"] * 100}, n_bootstrap=100).widest()
    assert (gap.size.value, gap.size.low, gap.size.high) == (0, 0, 0)


def test_too_small_is_said_shown_and_never_held_against_others(simulate: Callable[..., Predictions]) -> None:
    predictions = simulate(N)
    values = ["ward"] * 10 + ["clinic"] * 300 + ["home"] * 290
    found = score_subgroups(predictions, {"place": values}, n_bootstrap=50)
    notes = {group.value: group.note for group in found.groups}
    assert notes == {"ward": "too few to tell: 10 patients, 30 are needed", "clinic": "", "home": ""}
    assert found.n_compared == 1
    assert {found.widest().better, found.widest().worse} == {"clinic", "home"}
    assert found.table().set_index("value").loc["ward", "note"].startswith("too few")


def test_a_single_class_is_no_subgroup_to_compare(simulate: Callable[..., Predictions]) -> None:
    predictions = simulate(N)
    values = ["slow" if label == 2 else "other" for label in predictions.y_true]
    found = score_subgroups(predictions, {"heart rate": values}, n_bootstrap=20)
    assert next(group for group in found.groups if group.value == "slow").note == "a single class: no macro average"
    assert found.widest() is None
    assert "No two subgroups" in found.caution()


def test_unknown_values_are_counted_and_make_no_subgroup(simulate: Callable[..., Predictions]) -> None:
    predictions = simulate(N)
    found = score_subgroups(predictions, {"sex": ["female"] * 200 + ["male"] * 200 + [""] * 200}, n_bootstrap=20)
    assert found.unknown == {"sex": 200}
    assert sum(group.n_records for group in found.groups) == 400


def test_the_caution_counts_the_pairs_that_were_compared(simulate: Callable[..., Predictions]) -> None:
    """Two sexes make one pair, four places six: 7 pairs, of which 0.35 by chance, rounded to one digit."""
    predictions = simulate(N)
    attributes = halves(predictions) | {"place": [f"place {row % 4}" for row in range(N)]}
    found = score_subgroups(predictions, attributes, n_bootstrap=20)
    assert found.n_compared == 7
    assert found.caution().startswith("7 pairs")
    assert "about 0.3 " in found.caution() or "about 0.4 " in found.caution()


def test_bands_come_in_the_order_of_their_numbers() -> None:
    values = ["above 100", "80 or more", "0 to 39", "below 60", "60 to 100", "100 to 120"]
    order = [value for _, value, _ in divide({"band": values}, 6)]
    assert order == ["0 to 39", "below 60", "60 to 100", "80 or more", "100 to 120", "above 100"]


def test_values_of_other_records_are_refused(simulate: Callable[..., Predictions]) -> None:
    with pytest.raises(EvaluationError, match="2 values of sex for 300 records"):
        score_subgroups(simulate(), {"sex": ["", ""]})


@pytest.mark.parametrize(
    ("age", "band"), [(0, "0 to 39"), (39.9, "0 to 39"), (40, "40 to 64"), (80, "80 or more"), (np.nan, "")]
)
def test_age_bands(age: float, band: str) -> None:
    assert age_group(age, (40, 65, 80)) == band
