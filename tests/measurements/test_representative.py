"""The representative beat: which beats it is made of, and at which rate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from ecgml.measurements.conditioning import condition, independent_leads, twelve_leads
from ecgml.measurements.representative import representative_beat
from tests.measurements.synthetic import beat_times, ecg, muscle_noise


def test_the_band_keeps_10_hz_and_takes_drift_and_300_hz() -> None:
    clock = np.arange(10_000) / 1000
    rows = np.stack([np.sin(2 * np.pi * hz * clock) for hz in (0.05, 10, 300)])
    kept = condition(rows, 1000).waveform[:, 1000:-1000].std(axis=1) * np.sqrt(2)
    assert kept[1] == pytest.approx(1, abs=0.01)
    assert kept[0] < 0.02
    assert kept[2] < 0.02


@pytest.mark.parametrize("fs", [100, 250, 257, 500, 1000])
def test_every_sampling_frequency_becomes_500_hz_and_keeps_the_time(fs: float) -> None:
    """A bump at 5 s stays there, to a tenth of a sample at 500 Hz."""
    clock = np.arange(round(10 * fs)) / fs
    found = condition(np.exp(-0.5 * ((clock - 5) / 0.03) ** 2)[None], fs)
    assert found.fs == pytest.approx(500, rel=0.001)
    for rows, rate in ((found.waveform, found.fs), (found.slow, found.slow_fs)):
        row = rows[0] - np.median(rows[0])
        crest = int(row.argmax())
        before, at, after = np.log(row[crest - 1 : crest + 2])  # a parabola
        assert (crest + (before - after) / (before - 2 * at + after) / 2) / rate == pytest.approx(5, abs=0.001)


def test_mains_hum_is_cut_and_what_is_beside_it_kept() -> None:
    clock = np.arange(5000) / 500
    noise = signal.lfilter([1], [1, -0.5], np.random.default_rng(0).standard_normal(5000)) * 0.01
    hum = 0.5 * np.sin(2 * np.pi * 50 * clock)
    plain, found = condition(noise[None], 500).waveform, condition((noise + hum)[None], 500).waveform
    # Of 0.35 mV RMS; the noise of the same frequency goes with it.
    assert (found - plain)[:, 500:-500].std() < 0.015


def test_any_two_limb_leads_give_i_and_ii() -> None:
    waveform = ecg(beat_times(70, 5), 5, fs=500).astype(np.float64)
    one, two = waveform[:2].copy()
    waveform[2:6] = two - one, -(one + two) / 2, one - two / 2, two - one / 2
    whole, _ = independent_leads(waveform)
    for gone in ([0], [1], [0, 1], [0, 3, 4], [1, 2, 5]):
        part = waveform.copy()
        part[gone] = 0
        rows, leads = independent_leads(part)
        assert leads == (0, 1, 6, 7, 8, 9, 10, 11)
        assert rows == pytest.approx(whole, abs=1e-9)
        assert twelve_leads(rows, leads) == pytest.approx(waveform, abs=1e-9)


def test_one_limb_lead_stands_for_itself() -> None:
    waveform = np.zeros((12, 100))
    waveform[[2, 7]] = np.random.default_rng(0).standard_normal((2, 100))
    rows, leads = independent_leads(waveform)
    assert leads == (2, 7)
    assert rows == pytest.approx(waveform[[2, 7]])


def test_odd_beats_are_no_part_of_it() -> None:
    times_s = beat_times(70, 20)
    odd = times_s[3::5]
    waveform = ecg(times_s, 20, fs=500) - 2.2 * ecg(odd, 20, fs=500)
    beat = representative_beat(waveform, 500)
    # One at each end may be cut.
    assert len(times_s) - len(odd) - 2 <= len(beat.positions_s) <= len(times_s) - len(odd)
    assert np.abs(beat.positions_s[:, None] - odd).min() > 0.1


def test_noise_is_told_to_a_quarter() -> None:
    """White noise of s in each of n beats leaves sqrt(pi / 2n) s in the median, less what the 100 Hz band takes."""
    times_s = beat_times(70, 30)
    noise = np.random.default_rng(1).standard_normal((12, 15_000)) * 0.02
    within = condition(noise[[0, 1, *range(6, 12)]], 500).waveform
    beat = representative_beat(ecg(times_s, 30, fs=500) + noise, 500)
    steps = np.diff(within, axis=1).std() / np.sqrt(2)
    assert beat.noise_mv == pytest.approx(steps * np.sqrt(np.pi / 2 / len(beat.positions_s)), rel=0.25)


def test_what_does_not_beat_has_none() -> None:
    assert representative_beat(np.zeros((12, 5000)), 500) is None
    assert representative_beat(np.zeros((12, 10)), 500) is None
    assert representative_beat(ecg([1.0], 2, fs=500), 500) is None
    assert representative_beat(muscle_noise(12, 200, 500, 0.1), 500) is None


def test_complexes_of_the_neighbours_are_no_part_of_it() -> None:
    """At 150/min they are 0.4 s away, and above 0.7 mV."""
    beat = representative_beat(ecg(beat_times(150, 10), fs=500), 500)
    beside = (beat.times_s > 0.34) & (beat.times_s < 0.42)
    assert np.abs(beat.waveform).max() > 0.7
    assert np.ptp(beat.waveform[:, beside], axis=1).max() < 0.1
