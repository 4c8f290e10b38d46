"""The data set's own denoising: equal to its recipe written plainly, and to the published file."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from ecgml.cohorts.simulation.record import simulate_record
from ecgml.preprocessing.loess import robust_loess
from ecgml.preprocessing.nonlocal_means import nonlocal_means
from ecgml.preprocessing.zheng2020 import denoise_zheng2020, noise_sd
from ecgml.records.reading import read_record

ORACLE_RAW = "cinc2021/chapman_ningbo/JS00008"
ORACLE_DENOISED = "chapman/ECGDataDenoised/MUSE_20180209_172046_21000.csv"


@pytest.fixture(scope="module")
def lead() -> np.ndarray:
    """Three seconds of a noisy simulated lead, µV, with drift."""
    record = simulate_record("SR", np.random.default_rng(3), duration_s=3.0)
    return 1000 * record.waveform[1].astype(np.float64) + 100 * np.sin(np.arange(1500) / 250)


def plain_robust_loess(y: np.ndarray, span: int, n_iterations: int) -> np.ndarray:
    """Cleveland's robust local regression, point by point, each fit by least squares."""
    places, weights = np.arange(y.size), np.ones_like(y)
    for iteration in range(n_iterations + 1):
        smooth = np.empty_like(y)
        good = np.flatnonzero(weights > 0)
        for i in places:
            near = good[np.argsort(np.abs(good - i), kind="stable")[:span]]
            distance = np.abs(near - i)
            root = np.sqrt((1 - (distance / distance.max()) ** 3) ** 3 * weights[near])
            x = (near - i) / distance.max()
            smooth[i] = np.linalg.lstsq(root[:, None] * np.vander(x, 3), root * y[near], rcond=None)[0][-1]
        if iteration < n_iterations:
            residuals = np.abs(y - smooth)
            weights = np.maximum(1 - (residuals / (6 * np.median(residuals))) ** 2, 0) ** 2
    return smooth


def plain_nonlocal_means(x: np.ndarray, half_width: int, bandwidth: float) -> np.ndarray:
    """Buades's mean, pair by pair; the first point is no one's neighbour, ends stay."""
    padded = np.pad(x, half_width, constant_values=np.nan)
    patches = np.lib.stride_tricks.sliding_window_view(padded, 2 * half_width + 1)
    denoised = x.copy()
    for i in range(half_width + 1, x.size - half_width):
        weights = np.exp(-np.nansum((patches[i] - patches[1:]) ** 2, axis=1) / bandwidth)
        denoised[i] = weights @ x[1:] / weights.sum()
    return denoised


def test_robust_loess_is_the_plain_one(lead: np.ndarray) -> None:
    np.testing.assert_allclose(robust_loess(lead, 150, 3), plain_robust_loess(lead, 151, 3), atol=1e-6)


def test_robust_loess_returns_a_parabola_whatever_stands_out_of_it() -> None:
    parabola = (np.arange(400) - 130) ** 2 / 50.0
    spiked = parabola + 1e4 * (np.arange(400) % 37 == 5) + 0.01 * np.sin(np.arange(400))
    np.testing.assert_allclose(robust_loess(spiked, 101, 5), parabola, atol=0.05)


@pytest.mark.parametrize("bandwidth", [50.0, 3e3, 1e6])
@pytest.mark.parametrize("n_times", [1500, 157, 44])
def test_nonlocal_means_are_the_plain_ones(lead: np.ndarray, bandwidth: float, n_times: int) -> None:
    x = lead[:n_times]
    np.testing.assert_allclose(nonlocal_means(x, 10, bandwidth), plain_nonlocal_means(x, 10, bandwidth), atol=1e-3)


def test_record_too_short_for_a_patch_stays_as_it_is() -> None:
    np.testing.assert_array_equal(nonlocal_means(np.arange(20.0), 10, 1.0), np.arange(20.0))


def test_noise_estimate_is_that_of_white_noise_and_in_place_too_large() -> None:
    rng = np.random.default_rng(0)
    assert noise_sd(rng.normal(0, 3, 20_000), in_place=False) == pytest.approx(3, rel=0.03)
    slow = rng.normal(0, 3, 20_000) + 100 * np.sin(np.arange(20_000) / 20)
    assert noise_sd(slow, in_place=False) == pytest.approx(3, rel=0.03)
    assert noise_sd(slow, in_place=True) > 5 * noise_sd(slow, in_place=False)


def test_noise_estimate_in_place_is_the_loop() -> None:
    x = np.random.default_rng(1).normal(size=200)
    loop = x.copy()
    for k in range(1, 199):
        loop[k] = (2 * loop[k] - loop[k - 1] - loop[k + 1]) / np.sqrt(6)
    expected = 1.4826 * np.median(np.abs(loop - np.median(loop)))
    assert noise_sd(x, in_place=True) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("as_published", [True, False])
def test_drift_goes_peaks_stay_and_gain_does_not_matter(as_published: bool) -> None:
    record = simulate_record("SR", np.random.default_rng(8))
    clean = record.clean[[1, 7, 10]].astype(np.float64)
    times = np.arange(clean.shape[1]) / record.fs
    drift = 0.5 * np.sin(2 * np.pi * 0.15 * times)
    soiled = clean + drift + np.random.default_rng(0).normal(0, 0.01, clean.shape)
    denoised = denoise_zheng2020(soiled, record.fs, as_published=as_published)
    reference = denoise_zheng2020(clean, record.fs, as_published=as_published)
    inside = slice(500, -500)
    assert np.sqrt(np.mean((denoised - reference)[:, inside] ** 2)) < 0.03
    for before, after in zip(clean, denoised, strict=True):
        peaks, _ = signal.find_peaks(np.abs(before), height=0.6 * np.abs(before).max(), distance=150)
        for peak in peaks[1:-1]:
            around = slice(peak - 20, peak + 21)
            assert abs(np.argmax(np.abs(after[around])) - 20) <= 2
            assert np.abs(after[around]).max() > 0.75 * np.abs(before[peak])
    np.testing.assert_allclose(
        denoise_zheng2020(1000 * soiled, record.fs, as_published=as_published), 1000 * denoised, atol=1e-3
    )


def test_flat_lead_stays_flat() -> None:
    np.testing.assert_allclose(denoise_zheng2020(np.full((2, 1000), 0.7), 500.0, as_published=True), 0, atol=1e-9)


@pytest.mark.real
def test_published_file_comes_out_of_its_raw_form(real_data) -> None:
    """Within 0.2 µV RMS on every lead (4 asked); to the published digits once the rounding to 1 µV is undone."""
    raw = 1000 * read_record(real_data / ORACLE_RAW).waveform.astype(np.float64)
    published = np.loadtxt(real_data / ORACLE_DENOISED, delimiter=",").T
    denoised = denoise_zheng2020(raw, 500.0, as_published=True)
    assert np.sqrt(np.mean((denoised - published) ** 2, axis=1)).max() < 0.2
    assert min(np.corrcoef(ours, theirs)[0, 1] for ours, theirs in zip(denoised, published, strict=True)) > 0.99999
    steps = 4.88 * np.rint(raw / 4.88)
    np.testing.assert_allclose(denoise_zheng2020(steps, 500.0, as_published=True), published, atol=0.051)


def test_fast_form_is_near_the_exact_one() -> None:
    """Within a few µV, twenty times less than the denoiser takes away; the first and last points stay in both."""
    record = simulate_record("AFIB", np.random.default_rng(7))
    noisy = record.waveform[:4].astype(np.float64)
    exact = denoise_zheng2020(noisy, 500.0, as_published=True)
    fast = denoise_zheng2020(noisy, 500.0, as_published=True, is_fast=True)
    assert fast.shape == exact.shape
    rms = np.sqrt(((fast - exact) ** 2).mean(axis=1))
    assert rms.max() < 0.005
    assert (rms < 0.05 * np.sqrt(((noisy - exact) ** 2).mean(axis=1))).all()


def test_fast_form_does_not_decimate_what_is_slow_already() -> None:
    slow = simulate_record("SR", np.random.default_rng(3)).waveform[:2, ::5].astype(np.float64)
    exact = denoise_zheng2020(slow, 100.0, as_published=True)
    np.testing.assert_allclose(denoise_zheng2020(slow, 100.0, as_published=True, is_fast=True), exact, atol=0.003)
