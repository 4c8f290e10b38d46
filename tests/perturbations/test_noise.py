"""Noise has the ratio asked for, the spectrum it is named for, and is one of electrodes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import periodogram

from ecgml.cohorts.simulation.record import simulate_record
from ecgml.perturbations.matrix import NOISES
from ecgml.perturbations.noise import add_noise, electrode_motion, mains_hum, muscle_noise, signal_power
from ecgml.records.leads import LEADS
from ecgml.records.record import Record


def record(fs: float = 500.0) -> Record:
    made = simulate_record("SR", np.random.default_rng(3))
    step = round(made.fs / fs)
    return Record(made.waveform[:, ::step], made.fs / step, "made")


def added(kind: str, snr_db: float, fs: float = 500.0) -> tuple[Record, np.ndarray]:
    clean = record(fs)
    noisy = add_noise(clean, NOISES[kind], snr_db, np.random.default_rng(0))
    return clean, noisy.waveform.astype(np.float64) - clean.waveform


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("snr_db", [24, 0, -6])
def test_the_ratio_is_what_was_asked_for(kind: str, snr_db: float) -> None:
    clean, noise = added(kind, snr_db)
    assert 10 * np.log10(signal_power(clean) / np.mean(noise**2)) == pytest.approx(snr_db, abs=0.1)


def test_the_signals_power_is_that_of_a_sine_as_high_as_its_qrs_complexes() -> None:
    """A sine of 5/s whose peak to peak lies within the window of a beat: 2 A high, of power A²/2."""
    times = np.arange(5000) / 500
    waveform = np.tile(0.7 * np.sin(2 * np.pi * 10 * times), (12, 1)).astype(np.float32)
    assert signal_power(Record(waveform, 500.0, "sine")) == pytest.approx(0.7**2 / 2, rel=0.02)


@pytest.mark.parametrize("kind", NOISES)
def test_einthovens_law_holds_in_the_noise(kind: str) -> None:
    _, noise = added(kind, 0)
    one, two, three = noise[:3]
    np.testing.assert_allclose(one + three, two, atol=1e-5)
    np.testing.assert_allclose(noise[3:6].sum(axis=0), 0, atol=1e-5)


@pytest.mark.parametrize("hz", [50, 60])
def test_hum_is_of_its_frequency(hz: float) -> None:
    clean = record()
    noise = add_noise(clean, mains_hum(hz), 0, np.random.default_rng(0)).waveform - clean.waveform
    frequencies, power = periodogram(noise[1], clean.fs)
    assert frequencies[power.argmax()] == pytest.approx(hz, abs=0.1)
    assert power[np.abs(frequencies - hz) < 0.3].sum() > 0.99 * power.sum()


def test_wander_is_slow_and_muscle_is_not() -> None:
    shares = {}
    for kind in ("baseline wander", "muscle"):
        _, noise = added(kind, 0)
        frequencies, power = periodogram(noise, 500.0, window="hann")
        shares[kind] = power[:, frequencies < 1].sum() / power.sum(), power[:, frequencies > 15].sum() / power.sum()
    assert shares["baseline wander"][0] > 0.99
    assert shares["muscle"][1] > 0.8


def test_motion_is_of_single_electrodes_and_there_is_always_some() -> None:
    short = replace(record(), waveform=record().waveform[:, :100])
    for seed in range(20):
        noise = electrode_motion(short, np.random.default_rng(seed))
        assert noise.any()
        assert (~noise.any(axis=1)).sum() >= 5


def test_a_lead_that_is_not_there_gets_no_noise_and_does_not_count() -> None:
    clean = record()
    waveform = clean.waveform.copy()
    waveform[LEADS.index("V3")] = np.nan
    waveform[LEADS.index("V4")] = 0
    noisy = add_noise(replace(clean, waveform=waveform), muscle_noise, 0, np.random.default_rng(0)).waveform
    assert np.isnan(noisy[LEADS.index("V3")]).all()
    assert not noisy[LEADS.index("V4")].any()
    silent = replace(clean, waveform=np.zeros_like(waveform))
    assert add_noise(silent, muscle_noise, 0, np.random.default_rng(0)) is silent


@pytest.mark.parametrize("hz", [50, 60])
def test_a_recorder_of_100_hz_has_filtered_the_mains(hz: float) -> None:
    clean = record(100)
    assert add_noise(clean, mains_hum(hz), 0, np.random.default_rng(0)) is clean


@pytest.mark.parametrize("kind", [kind for kind in NOISES if not kind.startswith("mains")])
def test_a_record_of_100_hz_takes_noise_too(kind: str) -> None:
    clean, noise = added(kind, 6, fs=100)
    assert 10 * np.log10(signal_power(clean) / np.mean(noise**2)) == pytest.approx(6, abs=0.1)
