"""From a record as read to the model's waveform: physics of the band, quality, quarantine reasons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from ecgml.errors import ConfigError, RecordError
from ecgml.measurements.zero_phase import forward_backward
from ecgml.preprocessing.denoising import denoise
from ecgml.preprocessing.filters import butterworth, resample, zero_phase
from ecgml.preprocessing.preprocess import STEP_MV, denoise_record, preprocess, to_model_band, to_mv
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.leads import LEADS
from ecgml.records.readers.assembly import assemble
from ecgml.records.reading import find_records, read_record
from ecgml.records.record import Record

SETTINGS = PreprocessingSettings()

HEIGHTS = (0.6, 1.0, 0.4, -0.8, 0.1, 0.7, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
"""Of the leads of a sine, mV: limb leads that agree with each other, chest leads of one height."""


def sine(hz: float, fs: float, duration_s: float = 10.0) -> np.ndarray:
    times = np.arange(round(duration_s * fs)) / fs
    return np.outer(HEIGHTS, np.sin(2 * np.pi * hz * times)).astype(np.float32)


def record(waveform: np.ndarray, fs: float = 500.0) -> Record:
    return Record(waveform.astype(np.float32), fs, "file.csv")


def middle_amplitude(waveform: np.ndarray, fs: float) -> float:
    """Amplitude of a sine in the chest leads away from the edges: sqrt(2) times its root mean square."""
    inside = waveform[6:, round(2 * fs) : round(-2 * fs)]
    return float(np.sqrt(2 * np.mean(inside**2)))


@pytest.mark.parametrize("fs", [100.0, 250.0, 257.0, 400.0, 500.0, 1000.0])
@pytest.mark.parametrize("hz", [1.5, 5.0, 10.0, 20.0])
def test_pass_band_is_kept_within_two_percent_at_every_source_rate(hz: float, fs: float) -> None:
    waveform = to_model_band(sine(hz, fs), fs, SETTINGS)
    assert middle_amplitude(waveform, SETTINGS.fs) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("fs", [250.0, 500.0, 1000.0])
@pytest.mark.parametrize("hz", [0.05, 50.0, 60.0, 70.0, 100.0])
def test_drift_mains_and_what_would_alias_are_removed(hz: float, fs: float) -> None:
    """At 0.05 Hz the zero-phase high-pass of order 2 leaves (0.05/0.5)^4 = 1e-4; above 45 Hz nothing is left."""
    prepared = preprocess(record(sine(hz, fs, 40.0), fs), SETTINGS)
    assert middle_amplitude(to_mv(prepared.waveform), SETTINGS.fs) < 0.02


def test_sources_of_different_rate_give_the_same_waveform() -> None:
    """A 10 Hz sine sampled at 100, 500 and 1000 Hz must come out the same within 1 %."""
    waveforms = [
        to_mv(preprocess(record(sine(10, fs), fs), SETTINGS).waveform)[:, 200:800] for fs in (100.0, 500.0, 1000.0)
    ]
    for other in waveforms[1:]:
        np.testing.assert_allclose(other, waveforms[0], atol=0.01)


def test_filter_moves_no_peak() -> None:
    """A zero-phase filter answers an impulse symmetrically."""
    impulse = np.zeros((1, 1001))
    impulse[0, 500] = 1
    answer = zero_phase(impulse, butterworth(6, None, 40, 500.0), 500.0)[0]
    np.testing.assert_allclose(answer, answer[::-1], atol=1e-6)
    assert answer.argmax() == 500


def test_resampled_length_covers_the_recording() -> None:
    assert resample(np.zeros((1, 2570)), 257.0, 100.0).shape == (1, 1000)
    assert resample(np.zeros((1, 5000)), 500.0, 100.0).shape == (1, 1000)
    assert resample(np.zeros((1, 1000)), 100.0, 500.0).shape == (1, 5000)


@pytest.mark.parametrize(("fs", "n_times"), [(500.0, 5000), (500.0, 5003), (1000.0, 777), (200.0, 2)])
def test_decimation_is_that_of_scipy(fs: float, n_times: int) -> None:
    """To 1e-12 of the values: a sum of other order. The kernel reaches beyond both ends of the shortest."""
    waveform = np.random.default_rng(0).normal(3, 1, (2, n_times))
    expected = signal.resample_poly(waveform, 1, round(fs / 100), axis=-1, padtype="line")
    np.testing.assert_allclose(resample(waveform, fs, 100.0), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_filter_is_that_of_scipy_to_the_last_bit(dtype: type) -> None:
    waveform = np.random.default_rng(0).normal(3, 1, (2, 1, 300)).astype(dtype)
    sos = butterworth(3, 0.5, 40.0, 100.0)
    for sections, padding in ((sos, 100), (sos[:1], 299)):
        expected = signal.sosfiltfilt(sections, waveform[..., :300], axis=-1, padlen=padding)
        np.testing.assert_array_equal(forward_backward(waveform, sections, padding), expected)


def test_result_is_whole_steps_of_a_microvolt() -> None:
    prepared = preprocess(record(0.3 * sine(7, 500)), SETTINGS)
    assert prepared.waveform.dtype == np.int16
    assert middle_amplitude(to_mv(prepared.waveform), SETTINGS.fs) == pytest.approx(0.3, abs=0.005)
    assert STEP_MV == 0.001


def test_result_is_rounded_to_the_nearest_step() -> None:
    """Within half a step of what the filters give, and as often above as below it: truncation would pull to zero."""
    noise = np.random.default_rng(0).normal(0, 0.05, (12, 500))
    noise[2:6] = [noise[1] - noise[0], -(noise[0] + noise[1]) / 2, noise[0] - noise[1] / 2, noise[1] - noise[0] / 2]
    made = record(resample(noise, 50.0, 500.0))
    exact = to_model_band(made.waveform.astype(np.float64), 500.0, SETTINGS) / STEP_MV
    steps = preprocess(made, SETTINGS).waveform.astype(float)
    assert np.abs(steps - exact).max() <= 0.5 + 1e-6
    assert abs(np.mean((steps - exact) * np.sign(exact))) < 0.02


def test_values_beyond_the_cache_are_clipped_and_said() -> None:
    waveform = sine(2, 500)
    waveform[7] *= 40
    prepared = preprocess(record(waveform), PreprocessingSettings(max_amplitude_mv=100))
    assert "clipped at 32.767 mV" in prepared.notes
    assert (prepared.waveform[7].min(), prepared.waveform[7].max()) == (-32767, 32767)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_spike_to_either_side_is_over_amplitude(sign: int) -> None:
    waveform = sine(7, 500)
    waveform[7, 1000:1010] = sign * (SETTINGS.max_amplitude_mv + 1)
    assert preprocess(record(waveform), SETTINGS).notes == ("V2 left out: over amplitude",)


def test_as_many_leads_as_are_needed_are_enough_and_one_less_is_not() -> None:
    waveform = sine(7, 500)
    waveform[SETTINGS.min_leads :] = 0
    assert len(preprocess(record(waveform), SETTINGS).notes) == 12 - SETTINGS.min_leads
    waveform[0] = 0
    with pytest.raises(RecordError, match=f"{SETTINGS.min_leads - 1} usable leads, {SETTINGS.min_leads} needed"):
        preprocess(record(waveform), SETTINGS)


def with_lead(lead: int, values: np.ndarray | float) -> np.ndarray:
    waveform = sine(7, 500)
    waveform[lead] = values
    return waveform


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        (0.0, "flat"),
        (1.3, "flat"),
        (np.nan, "missing"),
        (11 * sine(7, 500)[7], "over amplitude"),
        (np.clip(sine(7, 500)[7], -0.5, 0.5), "clipped"),
        (np.where(np.arange(5000) < 3000, 0.2, sine(7, 500)[7]), "flat"),
    ],
)
def test_unusable_lead_is_left_out_and_named(values: np.ndarray | float, fault: str) -> None:
    prepared = preprocess(record(with_lead(7, values)), SETTINGS)
    assert prepared.notes == (f"V2 left out: {fault}",)
    assert not prepared.waveform[7].any()
    assert prepared.waveform[6].any()


def test_constant_offset_is_no_fault() -> None:
    assert preprocess(record(sine(7, 500) + 15), SETTINGS).notes == ()


def test_short_gap_is_bridged_and_a_long_one_costs_the_lead() -> None:
    short, long = sine(7, 500), sine(7, 500)
    short[0, 1000:1015] = np.nan
    long[0, 1000:1100] = np.nan
    assert preprocess(record(short), SETTINGS).notes == ()
    assert preprocess(record(long), SETTINGS).notes == ("I left out: missing",)


@pytest.mark.parametrize(
    ("waveform", "reason"),
    [
        (np.zeros((12, 5000)), "flat"),
        (np.full((12, 5000), np.nan), "missing"),
        (30 * sine(7, 500), "wrong gain"),
        (np.clip(sine(7, 500), -0.5, 0.5), "clipped"),
        (sine(7, 500)[:, :2000], "too short"),
    ],
)
def test_unusable_record_says_why_in_one_line(waveform: np.ndarray, reason: str) -> None:
    with pytest.raises(RecordError, match=r"file\.csv") as caught:
        preprocess(record(waveform), SETTINGS)
    assert caught.value.reason == reason
    assert "\n" not in str(caught.value)


def test_what_was_not_taken_of_the_file_is_passed_on_and_is_the_end_of_a_refusal() -> None:
    noted = replace(record(sine(7, 500)), notes=("not taken: Resp",))
    assert preprocess(noted, SETTINGS).notes == ("not taken: Resp",)
    for waveform in (np.where(np.arange(12)[:, None] == 1, sine(7, 500), np.nan), sine(7, 500)[:, :2000]):
        with pytest.raises(RecordError, match=r"needed.*; not taken: Resp$"):
            preprocess(replace(noted, waveform=waveform.astype(np.float32)), SETTINGS)


@pytest.mark.parametrize(
    ("factor", "unit", "message"),
    [
        (1000, "mV", r"1,000 times too large .*\(taken for mV; uV would fit\)$"),
        (1e-3, "uV", r"1,000 times too small .*\(taken for uV; mV would fit\)$"),
    ],
)
def test_record_of_a_mistaken_unit_says_which_would_fit(factor: float, unit: str, message: str) -> None:
    made = Record((factor * sine(7, 500)).astype(np.float32), 500.0, "file.csv", unit=unit)
    with pytest.raises(RecordError, match=message) as caught:
        preprocess(made, SETTINGS)
    assert caught.value.reason == "wrong gain"


@pytest.mark.slow
@pytest.mark.real
def test_every_real_recording_in_a_mistaken_unit_is_told_its_own(real_data: Path) -> None:
    """Those of PTB-XL, Georgia and CPSC; of the others some have six flat leads."""
    folders = [real_data / "ptbxl", real_data / "cinc2021" / "georgia", real_data / "cinc2021" / "cpsc"]
    headers = [path for folder in folders for path in find_records(folder)[0]]
    assert headers
    for header in headers:
        read = read_record(header)
        with pytest.raises(RecordError, match=r"times too large .*\(taken for mV; uV would fit\)"):
            denoise_record(replace(read, waveform=1000 * read.waveform), SETTINGS)
        with pytest.raises(RecordError, match=r"times too small .*\(taken for uV; mV would fit\)"):
            denoise_record(replace(read, waveform=read.waveform / 1000, unit="uV"), SETTINGS)


def test_record_shorter_than_the_data_set_promises_is_truncated() -> None:
    with pytest.raises(RecordError, match=r"4,982 samples.*at least 5,000.*--min-duration-s 9\.9") as caught:
        preprocess(record(sine(7, 500)[:, :4982]), SETTINGS, promised_s=10.0)
    assert caught.value.reason == "truncated"
    preprocess(record(sine(7, 500)[:, :4982]), PreprocessingSettings(min_duration_s=9.9), promised_s=10.0)


def test_digest_names_every_setting() -> None:
    digests = {
        settings.digest()
        for settings in (SETTINGS, PreprocessingSettings(fs=250), PreprocessingSettings(denoise="notch"))
    }
    assert len(digests) == 3


def test_band_must_fit_the_rate() -> None:
    with pytest.raises(ConfigError, match="lowpass_hz: 40 Hz does not fit below half of fs=75 Hz"):
        PreprocessingSettings(fs=75)


@pytest.mark.parametrize(("name", "gain_at_mains"), [("bandpass", 1 / (1 + (50 / 45) ** 6)), ("notch", 0.0)])
def test_denoiser_keeps_ten_hertz_and_has_the_gain_of_its_formula_at_mains(name: str, gain_at_mains: float) -> None:
    """A Butterworth filter of order n run twice leaves 1 / (1 + (f / f_c)^2n)."""
    for hz, gain in ((10, 1.0), (50, gain_at_mains)):
        denoised, skipped = denoise(sine(hz, 500), 500.0, name)
        assert skipped == ()
        assert middle_amplitude(denoised, 500.0) == pytest.approx(gain, abs=0.02)


def test_denoiser_says_what_cannot_be_done_at_a_low_rate() -> None:
    prepared = preprocess(record(sine(7, 100), 100.0), PreprocessingSettings(denoise="notch"))
    assert prepared.notes == ("no notch at 50 Hz", "no notch at 60 Hz")


def with_leads(*names: str) -> Record:
    rows = sine(7, 500)[[LEADS.index(name) for name in names]]
    return assemble(rows, names, 500.0, "file.csv")


def test_two_leads_count_as_two_whatever_is_derived_from_them() -> None:
    expected = (
        r"^file.csv: 2 usable measured leads \(I, II\), 6 needed \(4 derived, 6 missing\); "
        r"used with min_leads 2 \(--min-leads\)$"
    )
    with pytest.raises(RecordError, match=expected):
        preprocess(with_leads("I", "II"), SETTINGS)
    prepared = preprocess(with_leads("I", "II"), replace(SETTINGS, min_leads=2))
    assert "; ".join(prepared.notes) == (
        "measured leads: I, II; derived: III, aVR, aVL, aVF; missing: V1, V2, V3, V4, V5, V6"
    )
    assert prepared.waveform[:6].any(axis=1).all()


def test_six_limb_leads_of_a_file_are_measured() -> None:
    prepared = preprocess(with_leads(*LEADS[:6]), SETTINGS)
    assert [note for note in prepared.notes if not note.startswith("suspect")] == [
        f"{lead} left out: missing" for lead in LEADS[6:]
    ]


def test_eight_leads_are_enough_and_the_derived_are_named() -> None:
    prepared = preprocess(with_leads("I", "II", *LEADS[6:]), SETTINGS)
    assert prepared.notes[:2] == (
        "measured leads: I, II, V1, V2, V3, V4, V5, V6",
        "derived: III, aVR, aVL, aVF",
    )


def test_one_measured_lead_says_how_it_is_used_and_flat_ones_do_not() -> None:
    with pytest.raises(RecordError, match=r"1 usable lead, 6 needed \(11 missing\); used with min_leads 1"):
        preprocess(with_leads("II"), SETTINGS)
    flat = sine(7, 500)
    flat[3:] = 0
    with pytest.raises(RecordError, match=r"3 usable leads, 6 needed \(9 flat\)$"):
        preprocess(record(flat), SETTINGS)


def test_lead_derived_from_one_with_a_gap_is_missing_not_derived() -> None:
    rows = sine(7, 500)[[0, 1, *range(6, 12)]]
    rows[0, 1000:2000] = np.nan
    prepared = preprocess(assemble(rows, ("I", "II", *LEADS[6:]), 500.0, "file.csv"), SETTINGS)
    assert prepared.notes[:2] == (
        "measured leads: II, V1, V2, V3, V4, V5, V6",
        "missing: I, III, aVR, aVL, aVF",
    )
