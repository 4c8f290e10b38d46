"""Flutter is seen by the rate at which the signal between the beats swings."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.measurements.beats import Beats, detect_beats
from ecgml.measurements.flutter import flutter_measurements
from tests.measurements.synthetic import atrial_waves, beat_times, ecg

FS = 100.0
NO_BEATS = Beats(np.empty(0), np.empty(0), FS)


def share(waveform: np.ndarray, fs: float = FS) -> float:
    return flutter_measurements(waveform, detect_beats(waveform, fs))["flutter_share"]


@pytest.mark.parametrize(("sine_hz", "expected"), [(5.0, 1.0), (3.0, 0.0), (8.0, 0.0), (4.5, 1.0)])
def test_a_sine_is_in_the_band_or_out_of_it(sine_hz: float, expected: float) -> None:
    """Without beats to bridge; the Hann window spreads a line over 0.2 Hz either side."""
    sine = np.tile(np.sin(2 * np.pi * sine_hz * np.arange(1000) / FS), (12, 1))
    assert flutter_measurements(sine, NO_BEATS)["flutter_share"] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("conduction", "factor"), [(2, 1.2), (3, 2), (4, 2)])
def test_flutter_is_seen_however_it_conducts(conduction: int, factor: float) -> None:
    """Least at 2:1, for the second harmonic of sinus tachycardia at 150/min lies at the same 5 Hz."""
    times_s = beat_times(300 / conduction, 10)
    waves = atrial_waves(5, 10, FS, height_mv=0.15)
    assert share(ecg(times_s, p_height=0) + waves) > factor * share(ecg(times_s))


@pytest.mark.parametrize("rate_bpm", [45, 70, 100])
def test_sinus_rhythm_has_little_of_it(rate_bpm: float) -> None:
    # Three quarters of real sinus rhythms lie below 0.175, flutter above 0.29.
    assert share(ecg(beat_times(rate_bpm, 10))) < 0.25


def test_sampling_frequency_and_amplitude_do_not_matter() -> None:
    times_s = beat_times(75, 10)
    at_100 = share(ecg(times_s) + atrial_waves(5, 10, 100, 0.1))
    at_500 = share(5 * (ecg(times_s, fs=500) + atrial_waves(5, 10, 500, 0.1)), 500)
    # The stretch that is bridged ends on other samples.
    assert at_500 == pytest.approx(at_100, abs=0.02)


def test_flat_leads_do_not_dilute() -> None:
    waveform = ecg(beat_times(75, 10)) + atrial_waves(5, 10, FS, 0.2)
    few = waveform.copy()
    few[[0, 4, 7]] = 0
    assert flutter_measurements(few, detect_beats(few, FS)) == pytest.approx(
        flutter_measurements(np.delete(waveform, [0, 4, 7], axis=0), detect_beats(few, FS))
    )


def test_nothing_is_said_where_nothing_moves() -> None:
    assert flutter_measurements(np.zeros((12, 1000), dtype=np.float32), NO_BEATS) == {}
