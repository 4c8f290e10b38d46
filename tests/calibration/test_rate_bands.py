"""Rate bands: sinus classes follow the measured rate, others keep their probability, limits are soft."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ecgml.calibration.rate_bands import RateBands, fit_rate_bands

AFIB, GSVT, SB, SR = range(4)
BANDS = RateBands((None, (False, False, True), (True, False, False), (False, True, False)))


def training(n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels that follow the rate, and fibrillation from 65/min on, so that its training records leave a band out."""
    rng = np.random.default_rng(0)
    ranges = {AFIB: (65, 160), GSVT: (101, 160), SB: (40, 59), SR: (60, 100)}
    labels = np.repeat(list(ranges), n)
    rates = np.concatenate([rng.uniform(*ranges[label], n) for label in ranges])
    return labels, rates, labels != AFIB


def test_classes_with_sinus_rhythms_are_bound_to_their_bands_and_fibrillation_to_none() -> None:
    assert fit_rate_bands(*training(), 4) == BANDS


def test_a_class_that_has_other_rhythms_in_a_band_keeps_it() -> None:
    """Two atrial tachycardias in a hundred of GSVT at 80/min: they may be right."""
    labels, rates, sinus = training(100)
    rows = np.flatnonzero(labels == GSVT)[:2]
    rates[rows], sinus[rows] = 80, False
    assert fit_rate_bands(labels, rates, sinus, 4).allowed[GSVT] == (False, True, True)


def test_too_few_records_bind_nothing() -> None:
    assert fit_rate_bands(*training(49), 4) == RateBands((None,) * 4)


@pytest.mark.parametrize(("rate", "label"), [(50, SB), (58, SB), (60.4, SR), (80, SR), (99.8, SR), (102, GSVT)])
def test_an_answer_never_contradicts_the_rate(rate: float, label: int) -> None:
    """Whatever a network says among the three, after Chapman's integer: 59.5 to 100.4 counts as 60 to 100."""
    for favourite in (GSVT, SB, SR):
        row = np.full((1, 4), 0.01)
        row[0, favourite] = 0.97
        assert BANDS(row, np.array([rate]))[0].argmax() == label


def test_what_is_not_bound_keeps_its_probability_and_rows_sum_to_one() -> None:
    y_prob = np.random.default_rng(1).dirichlet(np.ones(4), 100)
    agreed = BANDS(y_prob, np.random.default_rng(2).uniform(40, 140, 100))
    np.testing.assert_allclose(agreed[:, AFIB], y_prob[:, AFIB])
    np.testing.assert_allclose(agreed.sum(axis=1), 1)


def test_at_a_limit_both_sides_have_half_and_two_beats_away_none() -> None:
    row = np.array([[0.1, 0.0, 0.5, 0.4]])
    at, away = BANDS(row, np.array([59.5]))[0], BANDS(row, np.array([61.5]))[0]
    assert at[SB] == pytest.approx(0.45, abs=0.001)
    assert at[SR] == pytest.approx(0.45, abs=0.001)
    assert away[SB] < 0.001


def test_an_unknown_rate_changes_nothing_and_an_unreadable_record_stays_unreadable() -> None:
    y_prob = np.array([[0.1, 0.2, 0.3, 0.4], [np.nan] * 4])
    np.testing.assert_array_equal(BANDS(y_prob, np.array([np.nan, 70.0])), y_prob)


def test_bands_that_no_class_is_open_to_leave_shares_as_they_are() -> None:
    bands = RateBands((None, (False, False, True), (True, False, False), None))
    row = np.array([[0.1, 0.3, 0.2, 0.4]])
    np.testing.assert_allclose(bands(row, np.array([80.0])), row)


def test_bands_survive_json() -> None:
    assert RateBands.from_json(json.loads(json.dumps(BANDS.to_json()))) == BANDS
