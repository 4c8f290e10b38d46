"""RR statistics against hand-worked tables."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.measurements.rr import rr_measurements
from tests.measurements.synthetic import irregular_times


def test_a_steady_rhythm_by_hand() -> None:
    measured = rr_measurements(np.full(10, 0.8))
    assert measured == pytest.approx(
        {"ventricular_rate": 75, "rr_cv": 0, "rr_jump": 0, "rr_concordance": 1, "rr_shortest": 1}
    )


def test_four_intervals_by_hand() -> None:
    """1.0, 1.2, 1.0, 0.8 s: mean 1.0; SD sqrt(0.02); changes 0.2/1.1, 0.2/1.1, 0.2/0.9; one pair of six the same."""
    measured = rr_measurements(np.array([1.0, 1.2, 1.0, 0.8]))
    assert measured == pytest.approx(
        {
            "ventricular_rate": 60,
            "rr_cv": np.sqrt(0.02),
            "rr_jump": 0.2 / 1.1,
            "rr_concordance": 1 / 6,
            "rr_shortest": 0.8,
        }
    )


def test_one_ectopic_beat_leaves_jump_and_concordance_of_a_steady_rhythm() -> None:
    """Early by 40 %, then a full compensatory pause: of 12 intervals 10 stay, 45 of 66 pairs and 8 of 11 changes."""
    rr_s = np.array([0.8] * 5 + [0.48, 1.12] + [0.8] * 5)
    measured = rr_measurements(rr_s)
    assert measured["rr_jump"] == pytest.approx(0)
    assert measured["rr_concordance"] == pytest.approx(45 / 66)
    assert measured["rr_shortest"] == pytest.approx(0.6)
    assert measured["ventricular_rate"] == pytest.approx(75)


def test_bigeminy_jumps_but_keeps_two_lengths() -> None:
    """Of 10 alternating intervals 2 * 10 of 45 pairs are the same, and each change is 0.4 over a mean of 0.8 s."""
    measured = rr_measurements(np.array([0.6, 1.0] * 5))
    assert measured["rr_jump"] == pytest.approx(0.5)
    assert measured["rr_concordance"] == pytest.approx(20 / 45)


def test_fibrillation_is_more_irregular_than_breathing_by_every_figure() -> None:
    fibrillation = rr_measurements(np.diff(irregular_times(80, 60, cv=0.22, seed=0)))
    breathing = rr_measurements(0.75 * (1 + 0.06 * np.sin(2 * np.pi * 0.25 * 0.75 * np.arange(80))))
    for name, sign in {"rr_cv": 1, "rr_jump": 1, "rr_concordance": -1, "rr_shortest": -1}.items():
        assert sign * fibrillation[name] > sign * breathing[name], name


def test_rate_scales_with_speed_and_the_rest_does_not() -> None:
    rr_s = np.diff(irregular_times(80, 20, cv=0.2, seed=3))
    slow, fast = rr_measurements(rr_s), rr_measurements(rr_s / 1.3)
    assert fast.pop("ventricular_rate") == pytest.approx(1.3 * slow.pop("ventricular_rate"))
    assert fast == pytest.approx(slow)


def test_rate_is_by_the_mean_interval() -> None:
    """As electrocardiographs state it: 60 over (0.5 + 0.5 + 1.1) / 3 s, not over the median of 0.5 s."""
    assert rr_measurements(np.array([0.5, 0.5, 1.1]))["ventricular_rate"] == pytest.approx(60 / 0.7)
