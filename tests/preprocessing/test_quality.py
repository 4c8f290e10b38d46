"""Faults of single leads and of whole records, made from clean simulated ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgml.cohorts.cohort import read_entry
from ecgml.cohorts.opening import open_cohort
from ecgml.cohorts.simulation.record import simulate_record
from ecgml.errors import RecordError
from ecgml.preprocessing.preprocess import preprocess
from ecgml.preprocessing.quality import gain_error, lead_faults, noise_mv
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.record import Record

FS = 500.0
SETTINGS = PreprocessingSettings()


@pytest.fixture
def waveform() -> np.ndarray:
    """Ten seconds of sinus rhythm, mV, in steps of 1 µV as a file would have them."""
    return np.round(simulate_record("SR", np.random.default_rng(5)).waveform.astype(np.float64), 3)


def faults_of(waveform: np.ndarray) -> list[str | None]:
    return lead_faults(waveform.astype(np.float32), FS, SETTINGS.max_amplitude_mv)


def test_clean_leads_have_no_fault(waveform: np.ndarray) -> None:
    assert faults_of(waveform) == [None] * 12
    assert gain_error(waveform) is None


@pytest.mark.parametrize("factor", [1e-6, 1e-3, 0.01, 100.0, 1e3, 1e6])
def test_record_of_wrong_gain_is_told_by_its_amplitude(waveform: np.ndarray, factor: float) -> None:
    found = gain_error(waveform * factor)
    assert found is not None
    # The typical lead spans between 0.3 and 3 mV: right to the power of ten.
    assert found == pytest.approx(factor, rel=1e-9)
    with pytest.raises(RecordError, match=r"about [0-9,]+ times too (large|small) for an ECG") as caught:
        preprocess(Record((waveform * factor).astype(np.float32), FS, "file.csv"), SETTINGS)
    assert caught.value.reason == "wrong gain"


def test_flicker_of_the_last_digit_is_flat_and_not_small() -> None:
    flicker = np.random.default_rng(0).integers(0, 3, (12, 5000)) * 0.001
    assert gain_error(flicker) is None
    assert faults_of(flicker) == ["flat"] * 12


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_one_lead_of_wrong_gain_is_told_from_a_flat_one_and_from_a_spike(waveform: np.ndarray, factor: float) -> None:
    waveform[8] *= factor
    assert faults_of(waveform) == [None] * 8 + ["wrong gain"] + [None] * 3
    waveform[8] = 0
    assert faults_of(waveform)[8] == "flat"
    waveform[8, 1000:1010] = 50
    assert faults_of(waveform)[8] == "over amplitude"


def test_cut_peaks_are_clipped_and_a_long_rail_is_saturated(waveform: np.ndarray) -> None:
    low, high = np.quantile(waveform[8], [0.02, 0.96])
    clipped = waveform.copy()
    clipped[8] = np.clip(clipped[8], low, high)
    assert faults_of(clipped)[8] == "clipped"
    saturated = waveform.copy()
    saturated[8, 2000:2400] = saturated[8].max()
    assert faults_of(saturated)[8] == "saturated"


def test_noise_is_measured_beside_qrs_complexes(waveform: np.ndarray) -> None:
    """White noise of 0.1 mV at 100 Hz has three fifths of its power above 20 Hz; the complexes do not add to it."""
    slow = waveform[:, ::5]
    noise = 0.1 * np.random.default_rng(1).standard_normal(slow.shape)
    np.testing.assert_allclose(noise_mv(slow + noise, 100.0), 0.1 * np.sqrt(0.6), rtol=0.15)
    assert noise_mv(slow, 100.0).max() < 0.02
    assert not noise_mv(slow, 40.0).any()


def test_lead_that_drowns_in_noise_is_left_out_unless_its_denoiser_saves_it(waveform: np.ndarray) -> None:
    random = np.random.default_rng(2)
    waveform[7] += 0.8 * random.standard_normal(5000)
    prepared = preprocess(Record(waveform.astype(np.float32), FS, "file.csv"), SETTINGS)
    assert "V2 left out: noisy" in prepared.notes
    assert not prepared.waveform[7].any()
    hum = np.round(simulate_record("SR", np.random.default_rng(5)).waveform.astype(np.float64), 3)
    hum[7] += 2 * np.sin(2 * np.pi * 50 * np.arange(5000) / FS)
    assert preprocess(Record(hum.astype(np.float32), FS, "file.csv"), SETTINGS).waveform[7].any()
    noisy = waveform + 0.8 * random.standard_normal(waveform.shape)
    with pytest.raises(RecordError, match="12 noisy") as caught:
        preprocess(Record(noisy.astype(np.float32), FS, "file.csv"), SETTINGS)
    assert caught.value.reason == "noisy"


@pytest.mark.slow
@pytest.mark.real
def test_no_real_recording_is_called_noisy_or_of_wrong_gain(real_data: Path) -> None:
    n_read = 0
    for folder in ("cinc2021/georgia", "cinc2021/cpsc", "cinc2021/chapman_ningbo", "chapman"):
        for entry in open_cohort(real_data / folder).entries:
            prepared = preprocess(read_entry(entry), SETTINGS)
            assert not [note for note in prepared.notes if note.endswith(("noisy", "gain", "saturated"))], entry
            n_read += 1
    assert n_read > 100
