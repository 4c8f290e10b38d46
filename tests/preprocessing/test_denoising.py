"""What every denoiser promises, whatever its name."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.cohorts.simulation.record import simulate_record
from ecgml.preprocessing.denoising import denoise
from ecgml.preprocessing.settings import DENOISERS

REMOVING_DRIFT = ("bandpass", "wavelet", "zheng2020", "zheng2020-fixed")


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return simulate_record("SR", np.random.default_rng(4)).clean.astype(np.float64)


@pytest.mark.parametrize("name", DENOISERS)
@pytest.mark.parametrize("fs", [128.0, 250.0, 500.0, 1000.0])
def test_shape_stays_and_all_is_finite_at_any_rate_and_length(name: str, fs: float) -> None:
    rng = np.random.default_rng(0)
    for duration_s in (5.0, 10.03):
        waveform = rng.normal(size=(3, round(fs * duration_s)))
        denoised, skipped = denoise(waveform, fs, name)
        assert denoised.shape == waveform.shape
        assert np.isfinite(denoised).all()
        assert name == "notch" or skipped == ()


@pytest.mark.parametrize("name", DENOISERS)
def test_leads_are_denoised_one_by_one(name: str, clean: np.ndarray) -> None:
    together, _ = denoise(clean, 500.0, name)
    alone, _ = denoise(clean[4:5], 500.0, name)
    np.testing.assert_allclose(together[4:5], alone, atol=1e-9)


@pytest.mark.parametrize("name", REMOVING_DRIFT)
def test_drift_is_removed(name: str) -> None:
    """0.1 Hz, 1 mV: at least 20 dB away from the ends."""
    drift = np.tile(np.sin(2 * np.pi * 0.1 * np.arange(10_000) / 500), (2, 1))
    noise = np.random.default_rng(0).normal(0, 0.005, drift.shape)
    denoised, _ = denoise(drift + noise, 500.0, name)
    assert np.sqrt(np.mean(denoised[:, 1000:-1000] ** 2)) < 0.1 * np.sqrt(0.5)


@pytest.mark.parametrize("name", DENOISERS)
def test_tall_r_peaks_stay_where_they_are_and_nearly_as_high(name: str, clean: np.ndarray) -> None:
    """In the three leads with the tallest complexes: `zheng2020`, its noise estimate too large, halves low ones."""
    soiled = clean + np.random.default_rng(1).normal(0, 0.01, clean.shape)
    denoised, _ = denoise(soiled, 500.0, name)
    for lead in np.argsort(np.ptp(clean, axis=1))[-3:]:
        level, after = clean[lead] - np.median(clean[lead]), denoised[lead]
        peak = 1000 + int(np.argmax(np.abs(level[1000:-1000])))
        around = slice(peak - 20, peak + 21)
        assert abs(int(np.argmax(np.abs(after[around]))) - 20) <= 1
        assert np.abs(after[around]).max() == pytest.approx(abs(level[peak]), rel=0.2)


@pytest.mark.parametrize("name", ["wavelet", "zheng2020"])
def test_noise_within_the_band_of_the_ecg_is_lowered(name: str) -> None:
    """A band-pass leaves it; so does `zheng2020-fixed`, which measures the noise after its low-pass."""
    noise = np.random.default_rng(2).normal(0, 0.02, (2, 5000))
    assert denoise(noise, 500.0, name)[0].std() < 0.6 * denoise(noise, 500.0, "bandpass")[0].std()


def test_what_cannot_be_at_a_low_rate_is_said() -> None:
    waveform = np.random.default_rng(0).normal(size=(2, 1000))
    assert denoise(waveform, 100.0, "zheng2020")[1] == ("no low-pass below 50 Hz",)
    assert denoise(waveform, 100.0, "notch")[1] == ("no notch at 50 Hz", "no notch at 60 Hz")
    assert denoise(waveform, 80.0, "bandpass")[1] == ("no low-pass at 45 Hz",)
