"""P waves are seen where there are some, and their direction with them."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.measurements.beats import detect_beats
from ecgml.measurements.p_wave import p_wave_measurements
from tests.measurements.synthetic import atrial_waves, beat_times, ecg, irregular_times, muscle_noise

FS = 100.0

# I, II and -aVR see a P dipole of (0.08, 0.12) mV at 0.08, 0.144 and 0.112 mV; a Gaussian bump of 20 ms (SD) has fallen
# to exp(-2.5**2 / 2) 50 ms from its top.
EXPECTED_MV = (0.08 + 0.144 + 0.112) / 3 * (1 - np.exp(-(2.5**2) / 2))


def measured(waveform: np.ndarray, fs: float = FS) -> dict[str, float]:
    return p_wave_measurements(waveform, detect_beats(waveform, fs))


@pytest.mark.parametrize("rate_bpm", [40, 60, 80, 100])
def test_p_waves_are_consistent_and_as_high_as_they_were_made(rate_bpm: float) -> None:
    values = measured(ecg(beat_times(rate_bpm, 10)) + muscle_noise(12, 1000, FS, 0.01))
    assert values["p_consistency"] > 0.9
    # Q wave and T wave reach a little under the shoulders.
    assert values["p_amplitude"] == pytest.approx(EXPECTED_MV, rel=0.15)


@pytest.mark.parametrize("rate_bpm", [60, 90, 120])
def test_fibrillation_has_no_consistent_p_waves(rate_bpm: float) -> None:
    """The median of eight: now and then the waves of one recording fall in step with its beats by chance."""
    values = []
    for seed in range(8):
        times_s = irregular_times(rate_bpm, 20, cv=0.2, seed=seed)
        waves = atrial_waves(6.3, 20, FS, height_mv=0.08, wander_hz=0.7, seed=seed)
        values.append(measured(ecg(times_s, 20, p_height=0) + waves + muscle_noise(12, 2000, FS, 0.01)))
    assert np.median([value["p_consistency"] for value in values]) < 0.4
    assert abs(np.median([value["p_amplitude"] for value in values])) < 0.3 * EXPECTED_MV


def test_p_waves_stay_consistent_when_the_sinus_node_is_irregular() -> None:
    times_s = irregular_times(60, 20, cv=0.15, seed=4)
    assert measured(ecg(times_s, 20) + muscle_noise(12, 2000, FS, 0.01))["p_consistency"] > 0.9


def test_p_waves_of_few_beats_look_no_more_alike_than_those_of_many() -> None:
    """Noise alone: each stretch is compared with the others only, so nothing is expected but 0, whatever the number."""
    values = []
    for seed in range(20):
        waveform = ecg(beat_times(60, 5), 5, p_height=0, t_height=0) + muscle_noise(12, 500, FS, 0.1, seed)
        values.append(measured(waveform)["p_consistency"])
    # Each is the median of some four correlations with an SD of about 0.1, so their mean of 20 has one of 0.02.
    assert np.mean(values) == pytest.approx(0, abs=0.06)


def test_atria_driven_from_below_have_negative_p_waves() -> None:
    assert measured(ecg(beat_times(70, 10), p_height=-1))["p_amplitude"] == pytest.approx(-EXPECTED_MV, rel=0.15)


def test_nothing_is_said_of_p_waves_that_the_beat_before_covers() -> None:
    """At 200/min the QRS complex before lies 40 ms before the stretch."""
    assert measured(ecg(beat_times(200, 10))) == {}


def test_nothing_is_said_of_p_waves_by_two_beats() -> None:
    assert measured(ecg(np.array([0.5, 1.5]), 2.5)) == {}


def test_amplitude_needs_one_of_three_leads_and_consistency_any() -> None:
    waveform = ecg(beat_times(70, 10)) + muscle_noise(12, 1000, FS, 0.005)
    waveform[[0, 1, 3]] = 0
    values = measured(waveform)
    assert "p_amplitude" not in values
    assert values["p_consistency"] > 0.9
    # aVR alone: minus 0.112 of its 0.112 mean.
    only_avr = np.zeros_like(waveform)
    only_avr[3] = ecg(beat_times(70, 10))[3]
    assert measured(only_avr)["p_amplitude"] == pytest.approx(EXPECTED_MV, rel=0.15)


@pytest.mark.parametrize("fs", [250, 500, 1000])
def test_sampling_frequency_changes_little(fs: float) -> None:
    times_s = irregular_times(70, 10, cv=0.05, seed=2)
    at_100, at_fs = measured(ecg(times_s, fs=100)), measured(ecg(times_s, fs=fs), fs)
    assert at_fs["p_consistency"] == pytest.approx(at_100["p_consistency"], abs=0.02)
    assert at_fs["p_amplitude"] == pytest.approx(at_100["p_amplitude"], rel=0.05)
