"""Abstention: as many answers as promised, and silence on what is no ECG of the scheme."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgml.calibration.abstention import (
    MIN_LEADS,
    NO_BEATS,
    ODDITIES,
    REASONS,
    Abstention,
    Distribution,
    fit_abstention,
    oddities,
)
from ecgml.cohorts.simulation.record import simulate_record
from ecgml.datasets.windows import cut_windows
from ecgml.preprocessing.preprocess import preprocess
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.preprocessing.shapes import window_shapes
from ecgml.records.record import Record

FULL = np.full(400, 12)


def typical(n: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(n, len(ODDITIES)))


@pytest.fixture(scope="module")
def fitted() -> Abstention:
    abstention = fit_abstention(typical(400, 0), FULL, typical(3000, 1)[:, :2], 0.95)
    assert abstention is not None
    return abstention


def test_so_many_validation_records_are_answered_and_new_ones_nearly(fitted: Abstention) -> None:
    def answered(values: NDArray[np.float64]) -> float:
        return 1 - np.mean([one.abstained for one in fitted.judge(values, np.full(len(values), 12))])

    assert answered(typical(400, 0)) == pytest.approx(0.95, abs=0.005)
    assert answered(typical(20_000, 2)) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("index", range(len(ODDITIES)))
def test_what_is_odd_is_said(fitted: Abstention, index: int) -> None:
    values = np.zeros((1, len(ODDITIES)))
    values[0, index] = 6
    verdict = fitted.judge(values, FULL[:1])[0]
    assert verdict.abstained
    assert verdict.reason == REASONS[ODDITIES[index]]


def test_no_beats_and_few_leads_come_first(fitted: Abstention) -> None:
    values = np.zeros((2, len(ODDITIES)))
    values[0, 2] = np.nan
    values[1, 0] = 6
    verdicts = fitted.judge(values, np.array([12, 7]))
    assert [one.reason for one in verdicts] == [NO_BEATS, "poor signal: 7 of 12 leads usable"]


def test_just_enough_leads_are_enough(fitted: Abstention) -> None:
    verdicts = fitted.judge(np.zeros((2, len(ODDITIES))), np.array([MIN_LEADS, MIN_LEADS - 1]))
    assert [one.abstained for one in verdicts] == [False, True]


def test_unfamiliar_is_what_no_logit_speaks_for() -> None:
    """The energy, minus the logarithm of the sum of the logits' exponentials: larger is odder."""
    logits = np.array([[8.0, 1.0], [0.5, 0.1]])
    values, _ = oddities(np.zeros((2, 2)), np.full(2, 12), np.arange(2), logits, np.full((2, 2), 0.5))
    np.testing.assert_allclose(values[:, ODDITIES.index("unfamiliarity")], -np.log(np.exp(logits).sum(axis=1)))


def test_what_stands_in_the_padding_is_not_looked_at() -> None:
    made = simulate_record("SR", np.random.default_rng(0))
    steps = preprocess(Record(made.waveform, made.fs, "one"), PreprocessingSettings()).waveform
    filled = steps.copy()
    filled[:, 600:] = np.random.default_rng(1).integers(-2000, 2000, filled[:, 600:].shape)
    n_valid = np.array([600])
    shapes = window_shapes([filled], n_valid, 100.0)[0]
    assert np.isfinite(shapes).all()
    np.testing.assert_array_equal(shapes, window_shapes([steps[:, :600]], n_valid, 100.0)[0])


def test_known_beats_of_a_recording_are_those_of_its_only_window() -> None:
    """Found once, they give a window of all the same shape; of several windows each has its own."""
    both = [simulate_record("SR", np.random.default_rng(seed)) for seed in (0, 1)]
    waveform = np.concatenate([made.waveform for made in both], axis=1)
    prepared = preprocess(Record(waveform, both[0].fs, "two"), PreprocessingSettings())
    windows, n_valid = cut_windows(prepared.waveform, 1000)
    for shown, n_times in ((windows, n_valid), (prepared.waveform[None], np.array([2000]))):
        alone, known = (window_shapes(shown, n_times, 100.0, beats)[0] for beats in (None, prepared.beats))
        np.testing.assert_array_equal(alone, known)


def test_few_validation_records_leave_nothing_odd_but_all_answered() -> None:
    abstention = fit_abstention(typical(12, 0), FULL[:12], np.zeros((0, 2)), 0.95)
    assert abstention is not None
    assert not any(one.abstained for one in abstention.judge(typical(12, 0), FULL[:12]))
    assert fit_abstention(np.full((3, len(ODDITIES)), np.nan), FULL[:3], np.zeros((0, 2)), 0.95) is None


def test_distribution_is_the_share_at_least_so_large() -> None:
    sample = np.random.default_rng(3).exponential(size=50_000)
    own = Distribution.of(sample)
    assert len(own.values) <= 200
    points = np.array([0.0, 0.5, 2.0, 6.0])
    np.testing.assert_allclose(own.share(points), np.exp(-points), rtol=0.1)
    assert own.share(np.array([1e9]))[0] > 0
    assert Distribution.of(np.zeros(9)).share(np.array([0.0, 1.0])).tolist() == [1.0, 1.0]


def test_abstention_survives_json(fitted: Abstention) -> None:
    assert Abstention.from_json(json.loads(json.dumps(fitted.to_json()))) == fitted


def values_of(waveform: NDArray[np.floating], fs: float) -> NDArray[np.float64]:
    settings = PreprocessingSettings()
    steps = preprocess(Record(waveform.astype(np.float32), fs, "one"), settings).waveform
    shapes = window_shapes([steps], np.array([steps.shape[1]]), 100.0)
    return oddities(*shapes, np.array([0]), np.zeros((1, 2)), np.full((1, 2), 0.5))[0]


def test_wide_complexes_and_noise_are_odd_in_themselves() -> None:
    width = ODDITIES.index("qrs_width")
    made = simulate_record("SR", np.random.default_rng(0))
    narrow = values_of(made.waveform, made.fs)[0, width]
    # Played at two thirds of its speed every wave is half as long again.
    wide = values_of(made.waveform, made.fs / 1.6)[0, width]
    assert 40 <= narrow <= 120
    assert wide == pytest.approx(1.6 * narrow, abs=30)
    rng = np.random.default_rng(1)
    sine = np.sin(2 * np.pi * 440 / 500 * np.arange(5000))[None] * rng.uniform(0.5, 1, (12, 1))
    assert (
        np.isnan(values_of(sine + rng.normal(0, 0.02, (12, 5000)), 500.0)).any()
        or values_of(sine + rng.normal(0, 0.02, (12, 5000)), 500.0)[0, ODDITIES.index("odd_beats")] > 0.2
    )
