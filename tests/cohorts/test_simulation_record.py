"""Simulated ECGs obey physics, say what is true of them, and resemble real ones."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ecgml.cohorts.simulation.record import SimulatedRecord, simulate_record
from ecgml.errors import CohortError
from ecgml.records.leads import LEADS
from ecgml.records.rhythms import RHYTHM_CODES

N_RECORDS = 24


@cache
def records(rhythm: str) -> tuple[SimulatedRecord, ...]:
    return tuple(simulate_record(rhythm, np.random.default_rng([7, seed])) for seed in range(N_RECORDS))


def lead(waveform: np.ndarray, name: str) -> np.ndarray:
    return waveform[LEADS.index(name)].astype(np.float64)


@pytest.mark.parametrize("rhythm", RHYTHM_CODES)
def test_einthoven_and_goldberger_hold_with_all_noise(rhythm: str) -> None:
    """To the rounding of float32 at 10 mV, 1e-6 mV each."""
    for record in records(rhythm)[:6]:
        i, ii, iii, avr, avl, avf = record.waveform[:6].astype(np.float64)
        np.testing.assert_allclose(i + iii, ii, atol=5e-6)
        np.testing.assert_allclose(avr, -(i + ii) / 2, atol=5e-6)
        np.testing.assert_allclose(avl, i - ii / 2, atol=5e-6)
        np.testing.assert_allclose(avf, ii - i / 2, atol=5e-6)


@pytest.mark.parametrize("rhythm", RHYTHM_CODES)
def test_a_record_is_float32_millivolts_of_ten_seconds_at_500_hz(rhythm: str) -> None:
    for record in records(rhythm):
        assert record.waveform.shape == (12, 5000)
        assert record.waveform.dtype == np.float32
        assert np.isfinite(record.waveform).all()
        assert 0.3 < np.ptp(record.clean, axis=1).max() < 8  # mV; the quietest and the tallest hearts
        assert np.abs(record.waveform).max() < 12


@pytest.mark.parametrize("rhythm", RHYTHM_CODES)
def test_beats_stand_where_the_truth_says(rhythm: str) -> None:
    """The greatest magnitude over all leads lies within 10 ms of a narrow complex's: electrodes are not quite where the
    model's are. A wide complex has two summits; then one of them."""
    for record in records(rhythm)[:8]:
        magnitude = np.linalg.norm(record.clean.astype(np.float64), axis=0)
        tolerance_s = 0.010 if record.qrs_s < 0.11 else record.qrs_s / 2
        for time_s, kind in list(zip(record.beat_s, record.beat_kind, strict=True))[1:-1]:
            start = round((time_s - 0.03) * record.fs)
            peak_s = (start + magnitude[start : start + 30].argmax()) / record.fs
            assert abs(peak_s - time_s) <= (tolerance_s if kind == "usual" else 0.04)


@pytest.mark.parametrize("rhythm", RHYTHM_CODES)
def test_the_machine_measures_what_is_true(rhythm: str) -> None:
    """Within the errors that its own arithmetic and noise explain."""
    for record in records(rhythm):
        row = record.diagnostics
        assert abs(row["VentricularRate"] - record.rate_bpm) < 2
        assert abs(row["QRSDuration"] - 1000 * record.qrs_s) <= 18
        assert abs(row["QTInterval"] - 1000 * record.qt_s) <= 40
        assert row["QRSDuration"] == 2 * (row["QOffset"] - row["QOnset"])
        assert row["QTInterval"] == 2 * (row["TOffset"] - row["QOnset"])
        # Bazett, cut off: the published table is 0 to 1.8 ms below the formula.
        assert -2 <= row["QTCorrected"] - row["QTInterval"] * np.sqrt(row["VentricularRate"] / 60) <= 0
        assert 0 <= len(record.beat_s) - row["QRSCount"] <= 2
        assert 4 <= row["PatientAge"] <= 98
        assert -89 <= row["RAxis"] <= 270
        assert -89 <= row["TAxis"] <= 270


def test_codes_say_what_was_simulated() -> None:
    everything = [record for rhythm in RHYTHM_CODES for record in records(rhythm)]
    for record in everything:
        codes = set(str(record.diagnostics["Beat"]).split())
        assert ("ventricular" in record.beat_kind) == bool(codes & {"VPB", "VB"})
        assert ("aberrant" in record.beat_kind) <= ("IDC" in codes)
        if codes & {"RBBB", "LBBB"}:
            assert record.qrs_s > 0.115
    blocked, normal = (
        [record for record in everything if ("RBBB" in str(record.diagnostics["Beat"])) is has] for has in (True, False)
    )
    assert len(blocked) >= 3

    def late_v1_mv(record: SimulatedRecord) -> float:
        times = np.rint((record.beat_s[1:-1, None] + np.arange(0.03, 0.06, 0.002)) * record.fs).astype(int)
        return float(np.median(lead(record.clean, "V1")[times]))

    assert np.median(list(map(late_v1_mv, blocked))) > 0.15 > np.median(list(map(late_v1_mv, normal)))


def test_r_grows_and_s_shrinks_across_the_chest() -> None:
    """R progression: R over S is below 1 in V1 and above 1 in V5 of nearly every heart conducted as usual."""
    ratios = []
    for record in records("SR"):
        centre = round(record.beat_s[2] * record.fs)
        complexes = record.clean[6:, centre - 25 : centre + 25].astype(np.float64)
        baseline = np.median(record.clean[6:], axis=1, keepdims=True)
        ratios.append((complexes - baseline).max(axis=1) / -(complexes - baseline).min(axis=1))
    ratios = np.array(ratios)
    assert np.mean(ratios[:, 0] < 1) > 0.85
    assert np.mean(ratios[:, 4] > 1) > 0.85
    assert (np.diff(np.median(ratios, axis=0)[:4]) > 0).all()


def test_the_same_seed_gives_the_same_record_and_another_another() -> None:
    one, same, other = (simulate_record("AFIB", np.random.default_rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.waveform, same.waveform)
    assert one.diagnostics == same.diagnostics
    assert np.abs(one.waveform - other.waveform).max() > 0.1


def test_a_second_recording_has_the_same_heart_and_other_noise() -> None:
    one, two = (
        simulate_record("SR", np.random.default_rng(5), noise_rng=np.random.default_rng(seed)) for seed in (1, 2)
    )
    np.testing.assert_array_equal(one.clean, two.clean)
    assert one.diagnostics == two.diagnostics
    assert np.abs(one.waveform - two.waveform).max() > 0.005


@pytest.mark.parametrize("fs", [250.0, 1000.0])
def test_the_heart_does_not_depend_on_the_sampling_frequency(fs: float) -> None:
    """Same times, same values; medians of differently many points differ by a few µV."""
    at_500, other = (simulate_record("SB", np.random.default_rng(8), fs=rate) for rate in (500.0, fs))
    np.testing.assert_array_equal(at_500.beat_s, other.beat_s)
    step = round(max(fs, 500.0) / min(fs, 500.0))
    dense, sparse = (other, at_500) if fs > 500 else (at_500, other)
    np.testing.assert_allclose(dense.clean[:, ::step], sparse.clean, atol=0.005)


def test_noise_says_nothing_of_the_rhythm() -> None:
    """Medians of the noise's magnitude over 24 records of a log-normal with sigma 0.6 agree to a third."""
    levels = [
        np.median([(record.waveform - record.clean).std() for record in records(rhythm)])
        for rhythm in ("SB", "SR", "AFIB", "ST", "SVT")
    ]
    assert max(levels) / min(levels) < 1.5
    assert 0.01 < np.median(levels) < 0.1  # mV


@pytest.mark.parametrize("duration_s", [2.0, 7.3, 60.0])
def test_any_length_is_filled_with_beats(duration_s: float) -> None:
    record = simulate_record("ST", np.random.default_rng(9), duration_s=duration_s)
    assert record.waveform.shape == (12, round(500 * duration_s))
    assert record.beat_s.min() < 1.3
    assert record.beat_s.max() > duration_s - 1.3
    assert record.rr_s.max() < 1.5


def test_wrong_arguments_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(CohortError, match="rhythm 'AFLB' is unknown, did you mean 'AFIB'"):
        simulate_record("AFLB", rng)
    with pytest.raises(CohortError, match="at least 2 s at 150 Hz"):
        simulate_record("SR", rng, fs=100.0)
    with pytest.raises(CohortError, match="at least 2 s at 150 Hz"):
        simulate_record("SR", rng, duration_s=1.0)


@pytest.mark.real
def test_amplitudes_are_those_of_real_sinus_rhythm(real_data: Path) -> None:
    """The median peak-to-peak of each lead lies in the middle 80 % of PTB-XL's, simulated and real at 100 Hz."""
    wfdb = pytest.importorskip("wfdb")
    pandas = pytest.importorskip("pandas")
    labels = pandas.read_csv(real_data / "ptbxl" / "labels.csv")
    files = labels.filename_lr[labels.rhythm_statements == "SR"].sample(150, random_state=0)
    real = np.array(
        [
            np.ptp(np.quantile(wfdb.rdrecord(str(real_data / "ptbxl" / name)).p_signal, [0.002, 0.998], axis=0), axis=0)
            for name in files
        ]
    )
    simulated = [
        np.ptp(np.quantile(record.waveform[:, ::5], [0.002, 0.998], axis=1), axis=0) for record in records("SR")
    ]
    low, high = np.quantile(real, [0.1, 0.9], axis=0)
    median = np.median(simulated, axis=0)
    assert (low < median).all()
    assert (median < high).all()
