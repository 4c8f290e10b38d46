"""Beats are found where they were put, whatever lies around them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgml.measurements.beats import Beats, detect_beats
from tests.measurements.synthetic import atrial_waves, beat_times, ecg, irregular_times, muscle_noise

FS = 100.0


def assert_found(beats: Beats, times_s: NDArray[np.float64], within_s: float) -> None:
    """All beats, no others, and RR intervals right: where in a QRS complex a beat is timed is nobody's business."""
    assert len(beats) == len(times_s)
    found_s = beats.positions / beats.fs
    lag = np.median(found_s - times_s)
    # The middle of the complex is within 20 ms of its R wave.
    assert abs(lag) < 0.02
    np.testing.assert_allclose(found_s - lag, times_s, atol=within_s)


@pytest.mark.parametrize("rate_bpm", [25, 40, 60, 75, 100, 130, 160, 200, 250])
def test_every_beat_is_found_to_a_millisecond_at_any_rate(rate_bpm: float) -> None:
    # A tenth of the sampling interval: interpolation is exact up to the tails of the waves around.
    times_s = beat_times(rate_bpm, 10)
    assert_found(detect_beats(ecg(times_s), FS), times_s, within_s=0.001)


@pytest.mark.parametrize("duration_s", [5, 8.3, 25, 60])
def test_every_beat_is_found_in_recordings_of_any_length(duration_s: float) -> None:
    times_s = beat_times(72, duration_s)
    assert_found(detect_beats(ecg(times_s, duration_s), FS), times_s, within_s=0.001)


@pytest.mark.parametrize("rate_bpm", [60, 90, 140])
def test_every_beat_of_fibrillation_is_found(rate_bpm: float) -> None:
    times_s = irregular_times(rate_bpm, 20, cv=0.25, seed=rate_bpm)
    waveform = ecg(times_s, 20, p_height=0) + atrial_waves(6, 20, FS, height_mv=0.1, wander_hz=0.6)
    # Fibrillatory waves of 0.1 mV under the complex move its apparent middle by a few milliseconds.
    assert_found(detect_beats(waveform, FS), times_s, within_s=0.005)


@pytest.mark.parametrize(("rms_mv", "within_s"), [(0.05, 0.002), (0.1, 0.003), (0.2, 0.006)])
def test_every_beat_is_found_in_muscle_noise(rms_mv: float, within_s: float) -> None:
    """R waves are 0.5 to 1.2 mV: a signal-to-noise ratio (R wave to RMS) from 20 down to 5 in each lead."""
    times_s = beat_times(75, 10)
    waveform = ecg(times_s) + muscle_noise(12, 1000, FS, rms_mv)
    assert_found(detect_beats(waveform, FS), times_s, within_s)


def test_a_burst_of_noise_in_all_leads_hides_no_beat_elsewhere() -> None:
    times_s = beat_times(60, 10)
    burst = muscle_noise(12, 1000, FS, 0.3)
    burst[:, :400] = burst[:, 600:] = 0
    found_s = detect_beats(ecg(times_s) + burst, FS).positions / FS
    outside = times_s[(times_s < 3.9) | (times_s > 6.1)]
    assert np.abs(found_s[:, None] - outside).min(axis=0).max() < 0.02
    assert np.sum((found_s < 3.9) | (found_s > 6.1)) == len(outside)


def test_a_noisy_lead_is_outvoted_by_quiet_ones() -> None:
    times_s = beat_times(75, 10)
    waveform = ecg(times_s)
    waveform[[1, 6, 10]] += muscle_noise(3, 1000, FS, 3.0)
    assert_found(detect_beats(waveform, FS), times_s, within_s=0.002)


def test_an_electrode_that_jumps_makes_no_beat() -> None:
    times_s = beat_times(75, 10)
    waveform = ecg(times_s)
    waveform[9, 250:290] += 5
    waveform[9, 700:703] -= 8
    assert_found(detect_beats(waveform, FS), times_s, within_s=0.002)


@pytest.mark.parametrize("lead", range(12))
def test_a_single_lead_is_enough(lead: int) -> None:
    times_s = beat_times(75, 10)
    waveform = np.zeros((12, 1000), dtype=np.float32)
    waveform[lead] = ecg(times_s)[lead]
    assert_found(detect_beats(waveform, FS), times_s, within_s=0.002)


def test_flat_leads_change_nothing() -> None:
    whole = ecg(beat_times(75, 10))
    holed = whole.copy()
    holed[[0, 3, 8]] = 0
    few = np.delete(whole, [0, 3, 8], axis=0)
    np.testing.assert_array_equal(detect_beats(holed, FS).positions, detect_beats(few, FS).positions)


@pytest.mark.parametrize("factor", [0.02, 0.1, 10, -1])
def test_neither_amplitude_nor_polarity_matters(factor: float) -> None:
    waveform = ecg(beat_times(75, 10)) + muscle_noise(12, 1000, FS, 0.05)
    # float32 rounds differently after scaling: 1e-3 of a sample is 10 µs.
    expected = detect_beats(waveform, FS).positions
    np.testing.assert_allclose(detect_beats(np.float32(factor) * waveform, FS).positions, expected, atol=1e-3)


@pytest.mark.parametrize("fs", [125, 200, 250, 257, 360, 400, 500, 1000])
def test_sampling_frequency_moves_no_beat(fs: float) -> None:
    times_s = irregular_times(80, 10, cv=0.15, seed=1)
    at_100 = detect_beats(ecg(times_s, fs=100), 100).positions / 100
    at_fs = detect_beats(ecg(times_s, fs=fs), fs).positions / fs
    # Where the signal is brought near 100 Hz its samples, and with them the interpolation, lie elsewhere.
    np.testing.assert_allclose(at_fs, at_100, atol=0.003)


def test_rr_intervals_are_not_rounded_to_samples() -> None:
    """70/min is 85.71 samples: rounding to samples would give an RR interval's SD of about 4 ms."""
    beats = detect_beats(ecg(beat_times(70, 10)), FS)
    assert beats.rr_s.std() < 0.0005
    assert 60 / beats.rr_s.mean() == pytest.approx(70, abs=0.02)


@pytest.mark.parametrize("t_height", [0, 3, -3, 5])
def test_tall_t_waves_are_no_beats(t_height: float) -> None:
    times_s = beat_times(65, 10)
    assert_found(detect_beats(ecg(times_s, t_height=t_height), FS), times_s, within_s=0.002)


def test_tall_p_waves_are_no_beats() -> None:
    times_s = beat_times(65, 10)
    assert_found(detect_beats(ecg(times_s, p_height=3), FS), times_s, within_s=0.002)


@pytest.mark.parametrize("rate_hz", [4, 5, 6])
def test_flutter_waves_are_no_beats(rate_hz: float) -> None:
    # Every fourth wave is conducted; flutter waves of 0.3 mV shift the middle of a complex of 1 mV by a few ms.
    times_s = beat_times(60 * rate_hz / 4, 10)
    waveform = ecg(times_s, p_height=0) + atrial_waves(rate_hz, 10, FS, height_mv=0.3)
    assert_found(detect_beats(waveform, FS), times_s, within_s=0.005)


@pytest.mark.parametrize("rate_bpm", [40, 70, 110, 150])
def test_wide_complexes_count_once(rate_bpm: float) -> None:
    """Stretched 2.2 times the complex lasts 200 ms, as a paced one does."""
    times_s = beat_times(rate_bpm, 10)
    assert_found(detect_beats(ecg(times_s, qrs_width=2.2), FS), times_s, within_s=0.002)


def test_an_early_wide_beat_is_found_and_looks_different() -> None:
    times_s = beat_times(60, 10)
    early_s = times_s[4] + 0.45
    waveform = ecg(times_s) - 1.2 * ecg([early_s], p_height=0, qrs_width=2.2)
    beats = detect_beats(waveform, FS)
    assert len(beats) == len(times_s) + 1
    assert beats.positions[5] / FS == pytest.approx(early_s, abs=0.05)
    assert beats.similarity[5] < 0.5
    assert np.delete(beats.similarity, 5).min() > 0.95


def test_a_pause_makes_no_beat_and_hides_none() -> None:
    times_s = np.delete(beat_times(80, 10), [5, 6, 7])
    assert_found(detect_beats(ecg(times_s), FS), times_s, within_s=0.001)


def test_fading_contact_loses_no_beat() -> None:
    times_s = beat_times(80, 10)
    waveform = ecg(times_s) * np.linspace(1, 0.3, 1000, dtype=np.float32)
    assert_found(detect_beats(waveform, FS), times_s, within_s=0.002)


@pytest.mark.parametrize(
    "waveform",
    [np.zeros((12, 1000)), np.full((12, 1000), 0.3), np.zeros((12, 0)), np.ones((12, 30)) * np.arange(30) % 2],
    ids=["all zero", "constant", "empty", "0.3 s"],
)
def test_without_a_signal_there_are_no_beats(waveform: NDArray[np.float64]) -> None:
    assert len(detect_beats(waveform.astype(np.float32), FS)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_anything_finite_is_survived(seed: int) -> None:
    """Leads that move for a moment only, steps, spikes: no exception, no warning, positions inside the recording."""
    random = np.random.default_rng(seed)
    waveform = np.zeros((12, 700), dtype=np.float32)
    for lead in random.choice(12, 6, replace=False):
        start = random.integers(690)
        waveform[lead, start : start + random.integers(1, 300)] = random.normal() * 10.0 ** random.integers(-6, 3)
    positions = detect_beats(waveform, FS).positions
    assert np.all((positions >= 0) & (positions < 700))
    assert np.all(np.diff(positions) > 0)


def test_similarity_tells_beats_from_noise() -> None:
    waveform = ecg(beat_times(75, 10)) + muscle_noise(12, 1000, FS, 0.05)
    assert np.median(detect_beats(waveform, FS).similarity) > 0.9
    assert np.median(detect_beats(muscle_noise(12, 1000, FS, 1.0), FS).similarity) < 0.45
