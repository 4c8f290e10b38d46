"""Marks on beats of Gaussians, whose edges follow from their widths."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.measurements.fiducials import Marks, delineate
from ecgml.measurements.qrs_edges import spatial_velocity
from ecgml.measurements.t_offset import expected_qt_s

FS = 500.0
TIMES_S = np.arange(-210, 361) / FS


def beat(*waves: tuple[float, float, float]) -> np.ndarray:
    """Return eight leads that each see every wave (centre s, width s, mV) by a factor of their own."""
    factors = np.linspace(0.6, 1.4, 8) * np.where(np.arange(8) % 2, 1, -1)
    course = sum(height * np.exp(-0.5 * ((TIMES_S - centre) / width) ** 2) for centre, width, height in waves)
    return np.outer(factors, course)


QRS = (0.0, 0.012, 1.2)
T = (0.30, 0.04, 0.3)
P = (-0.16, 0.018, 0.12)


def marks(*waves: tuple[float, float, float], has_p: bool = True, noise_mv: float = 0.0) -> Marks:
    """Delineate a beat of a rhythm of 60/min."""
    return marks_of(beat(*waves), has_p, noise_mv)


def marks_of(waveform: np.ndarray, has_p: bool = True, noise_mv: float = 0.0, mean: np.ndarray | None = None) -> Marks:
    beats = waveform[None]
    (found,) = delineate(beats, beats if mean is None else mean[None], TIMES_S, 1.0, False, has_p, noise_mv)
    return found


def test_velocity_of_a_slope_is_that_slope() -> None:
    """1 mV/s in each of eight leads is sqrt(8) mV/s of them together, and of four leads as well."""
    ramp = np.tile(TIMES_S, (8, 1))
    assert spatial_velocity(ramp, FS)[50:-50] == pytest.approx(np.sqrt(8))
    assert spatial_velocity(ramp[:4], FS)[50:-50] == pytest.approx(np.sqrt(8))


def test_marks_follow_the_waves_in_time() -> None:
    """All waves 20 ms later: so are all marks, to a sample."""
    usual = marks(P, QRS, T)
    later = marks(*((centre + 0.02, width, height) for centre, width, height in (P, QRS, T)))
    for name in ("p_onset", "p_offset", "qrs_onset", "qrs_offset", "t_offset"):
        assert getattr(later, name) - getattr(usual, name) == pytest.approx(0.02, abs=0.003), name


def test_marks_of_a_symmetric_complex_are_symmetric() -> None:
    found = marks(QRS, has_p=False)
    assert found.qrs_offset == pytest.approx(-found.qrs_onset, abs=0.003)


def test_the_complex_ends_where_its_slope_is_as_the_thresholds_say() -> None:
    """Of a Gaussian of width w and height h (norm over leads) the slope at x is h x / w**2 exp(-x**2 / 2 w**2)."""
    found = marks(QRS, has_p=False)
    norm = np.linalg.norm(np.linspace(0.6, 1.4, 8)) * QRS[2]
    x = np.linspace(0.012, 0.1, 10_000)
    slope = norm * x / QRS[1] ** 2 * np.exp(-0.5 * (x / QRS[1]) ** 2)
    assert -found.qrs_onset == pytest.approx(x[np.argmax(slope < 9)], abs=0.004)
    assert found.qrs_offset == pytest.approx(x[np.argmax(slope < 7)], abs=0.004)


def test_p_and_t_wave_end_about_two_widths_from_their_middle() -> None:
    """A Gaussian's slope is down to a fifth of its steepest 2.6 widths from the middle; smoothing adds to a P wave."""
    found = marks(P, QRS, T)
    assert found.t_offset == pytest.approx(T[0] + 2.6 * T[1], abs=0.015)
    assert found.p_onset == pytest.approx(P[0] - 2.5 * P[1], abs=0.015)
    assert found.p_offset == pytest.approx(P[0] + 2.5 * P[1], abs=0.015)


def test_a_late_second_rise_belongs_to_the_complex() -> None:
    """As in right bundle branch block: R' 25 ms after the first complex is over."""
    late = (0.085, 0.011, 0.5)
    plain, blocked = marks(QRS, has_p=False), marks(QRS, late, has_p=False)
    assert blocked.qrs_offset > late[0]
    assert blocked.qrs_onset == pytest.approx(plain.qrs_onset, abs=0.003)


def test_a_p_wave_of_two_humps_is_bounded_whole() -> None:
    humps = ((-0.20, 0.013, 0.10), (-0.145, 0.013, 0.10))
    found = marks(*humps, QRS, T)
    assert found.p_onset < humps[0][0] - 0.015
    assert found.p_offset > humps[1][0] + 0.015


def test_without_a_p_wave_it_has_no_marks() -> None:
    found = marks(QRS, T, has_p=False)
    assert np.isnan(found.p_onset)
    assert np.isnan(found.p_offset)


def test_baseline_wander_moves_no_mark_by_5_ms() -> None:
    tilted = beat(P, QRS, T) + 0.15 * TIMES_S
    plain, found = marks(P, QRS, T), marks_of(tilted)
    for name in ("p_onset", "p_offset", "qrs_onset", "qrs_offset", "t_offset"):
        assert getattr(found, name) == pytest.approx(getattr(plain, name), abs=0.005), name


def test_no_more_than_three_quarters_of_the_rr_interval_are_expected_of_qt() -> None:
    rr_s = np.linspace(0.2, 2.0, 50)
    expected = np.array([expected_qt_s(value) for value in rr_s])
    assert (expected <= 0.75 * rr_s + 1e-12).all()
    assert (np.diff(expected) > 0).all()


def test_a_steep_t_wave_is_followed_further_down_than_a_flat_one() -> None:
    """Of Gaussians of one width all would end at one time by a share of their own steepest; only height beside the
    complex counts, not height itself."""
    high, low = marks(QRS, (0.30, 0.04, 0.8)), marks(QRS, (0.30, 0.04, 0.1))
    assert 0.004 < high.t_offset - low.t_offset < 0.025
    large = marks_of(3 * beat(QRS, (0.30, 0.04, 0.1)))
    assert large.t_offset - large.qrs_onset == pytest.approx(low.t_offset - large.qrs_onset, abs=0.001)


def test_t_waves_are_measured_on_the_mean_and_the_complex_and_p_waves_on_the_median() -> None:
    plain = marks(P, QRS, T)
    later = beat(*((centre + 0.01, width, height) for centre, width, height in (P, QRS, T)))
    found = marks_of(beat(P, QRS, T), mean=later)
    for name in ("p_onset", "p_offset", "qrs_onset", "qrs_offset"):
        assert getattr(found, name) == getattr(plain, name), name
    assert found.t_offset - plain.t_offset == pytest.approx(0.01, abs=0.003)


def test_where_the_mean_is_far_from_the_median_the_median_counts() -> None:
    """One odd beat of few, or a rest of beats that lies higher, moves a mean."""
    later = beat(P, QRS, (T[0] + 0.06, *T[1:]))
    assert marks_of(beat(P, QRS, T), mean=later).t_offset == marks(P, QRS, T).t_offset
