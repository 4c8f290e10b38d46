"""Axes point where the dipole was made to point."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgml.measurements.axes import axis_measurements
from ecgml.measurements.beats import detect_beats
from tests.measurements.synthetic import LEAD_DIRECTIONS, beat_times

FS = 100.0


def pointing(r_degrees: float, t_degrees: float, qrs_mv: float = 1.0, t_mv: float = 0.3) -> NDArray[np.float32]:
    """Return twelve leads of a dipole whose QRS complex and T wave each keep one direction in the frontal plane."""
    clock = np.arange(1000) / FS - beat_times(65, 10)[:, None]
    dipole = np.zeros((3, 1000))
    for degrees, centre, width, height in ((r_degrees, 0, 0.015, qrs_mv), (t_degrees, 0.26, 0.04, t_mv)):
        direction = np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees)), 0.2])
        dipole += np.outer(direction, height * np.exp(-0.5 * ((clock - centre) / width) ** 2).sum(axis=0))
    return (LEAD_DIRECTIONS @ dipole).astype(np.float32)


def measured(waveform: NDArray[np.float32]) -> dict[str, float]:
    return axis_measurements(waveform, detect_beats(waveform, FS))


def apart(degrees: float, expected: float) -> float:
    return abs((degrees - expected + 180) % 360 - 180)


@pytest.mark.parametrize("degrees", range(-180, 180, 30))
def test_axes_are_those_of_the_dipole(degrees: float) -> None:
    values = measured(pointing(degrees, degrees + 40))
    # The directions of the simulated leads are rounded to three digits.
    assert apart(values["r_axis"], degrees) < 0.5
    assert apart(values["t_axis"], degrees + 40) < 0.5


@pytest.mark.parametrize("left", [[0, 1], [0, 5], [2, 3], [4, 5]])
def test_any_two_limb_leads_are_enough(left: list[int]) -> None:
    waveform = pointing(50, 30)
    waveform[np.setdiff1d(np.arange(6), left)] = 0
    assert apart(measured(waveform)["r_axis"], 50) < 1
    assert apart(measured(waveform)["t_axis"], 30) < 1


def test_one_limb_lead_is_not() -> None:
    waveform = pointing(50, 30)
    waveform[1:6] = 0
    assert measured(waveform) == {}


def test_a_flat_t_wave_points_nowhere() -> None:
    assert measured(pointing(50, 30, t_mv=0.02)).keys() == {"r_axis"}


def test_an_offset_between_the_beats_turns_no_axis() -> None:
    waveform = pointing(50, 30) + np.float32(0.4)
    assert apart(measured(waveform)["r_axis"], 50) < 0.5
