"""NumPy files: axes, units, what travels along in .npz, and nothing that could run code."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from numpy.lib import format as npy_format

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS
from ecgml.records.reading import read_record


@pytest.fixture
def in_mv() -> np.ndarray:
    """Shape (12, 100), mV."""
    return np.random.default_rng(0).normal(size=(12, 100)).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f8"])
@pytest.mark.parametrize("lead_first", [True, False])
def test_the_axis_of_twelve_is_taken_for_the_leads(tmp_path, in_mv, dtype, lead_first):
    np.save(tmp_path / "x.npy", (in_mv if lead_first else in_mv.T).astype(dtype))
    record = read_record(tmp_path / "x.npy", fs=500)
    np.testing.assert_array_equal(record.waveform, in_mv.astype(dtype).astype(np.float32))


def test_fortran_order_is_understood(tmp_path, in_mv):
    np.save(tmp_path / "x.npy", np.asfortranarray(in_mv))
    np.testing.assert_array_equal(read_record(tmp_path / "x.npy", fs=500).waveform, in_mv)


def test_whole_numbers_need_a_unit_and_fractions_are_mv(tmp_path, in_mv):
    np.save(tmp_path / "steps.npy", np.arange(1200, dtype=np.int16).reshape(12, 100))
    with pytest.raises(RecordError, match="does not tell its unit") as caught:
        read_record(tmp_path / "steps.npy", fs=500)
    assert caught.value.reason == "no unit"
    waveform = read_record(tmp_path / "steps.npy", fs=500, unit="uV").waveform
    np.testing.assert_allclose(waveform, np.arange(1200).reshape(12, 100) / 1000, rtol=1e-7)


def test_an_npz_file_can_tell_everything(tmp_path, in_mv):
    order = np.random.default_rng(1).permutation(12)
    np.savez_compressed(
        tmp_path / "x.npz", waveform=in_mv[order] * 1000, fs=250.0, unit="uV", leads=[LEADS[row] for row in order]
    )
    record = read_record(tmp_path / "x.npz")
    assert record.fs == 250
    np.testing.assert_allclose(record.waveform, in_mv, rtol=2e-7)


@pytest.mark.parametrize("shape", [(12, 100), (1, 12, 100), (100, 12), (1, 100, 12)])
def test_what_can_only_be_one_thing_is_read_under_any_name(tmp_path, in_mv, shape):
    """A batch of one, arrays under other names, words in bytes; what else lies in the file is passed over."""
    microvolts = (in_mv if shape[-1] == 100 else in_mv.T).reshape(shape) * 1000
    leads = np.array([lead.encode() for lead in LEADS])
    np.savez(tmp_path / "x.npz", ecg=microvolts, sampling_rate=250, units=b"uV", lead_names=leads, age=63)
    record = read_record(tmp_path / "x.npz")
    assert (record.fs, record.unit) == (250, "uV")
    np.testing.assert_allclose(record.waveform, in_mv, rtol=2e-7)


def test_a_packed_file_is_read(tmp_path, in_mv):
    np.save(tmp_path / "x.npy", in_mv)
    (tmp_path / "x.npy.gz").write_bytes(gzip.compress((tmp_path / "x.npy").read_bytes()))
    np.testing.assert_array_equal(read_record(tmp_path / "x.npy.gz", fs=500).waveform, in_mv)


def test_named_leads_need_not_be_twelve(tmp_path, in_mv):
    np.savez(tmp_path / "x.npz", waveform=in_mv[:2], fs=500, leads=["II", "V1"])
    waveform = read_record(tmp_path / "x.npz").waveform
    np.testing.assert_array_equal(waveform[[1, 6]], in_mv[:2])


@pytest.mark.parametrize(
    ("dtype", "mark"),
    [
        ("int16", -(2**15)),
        ("int32", -(2**31)),
        ("int64", -(2**15)),
        ("uint16", 2**15),
        ("float32", -(2.0**15)),
        ("int8", -(2**7)),
    ],
)
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_number_that_marks_a_missing_sample_is_missing(tmp_path, dtype, mark, suffix):
    steps = np.random.default_rng(1).integers(0, 100, (12, 200)).astype(dtype)
    steps[4, 100:103] = mark
    if suffix == "npy":
        np.save(tmp_path / "x.npy", steps)
    else:
        np.savez(tmp_path / "x.npz", waveform=steps)
    waveform = read_record(tmp_path / f"x.{suffix}", fs=500, unit=None if dtype == "float32" else "uV").waveform
    assert np.argwhere(np.isnan(waveform)).tolist() == [[4, 100], [4, 101], [4, 102]]
    assert np.nanmax(np.abs(waveform)) <= (100 if dtype == "float32" else 0.1)


@pytest.mark.parametrize("name", ["adc_gain", "gain", "gains", "ADC gain"])
def test_counts_are_divided_by_their_gain(tmp_path, name):
    """(counts - baseline) / gain, WFDB header(5), for all leads or each; a marker of missing samples is no count."""
    counts = np.random.default_rng(1).integers(-3000, 3000, (12, 200)).astype(np.int16)
    counts[4, 100] = -(2**15)
    for gain, baseline in ((1000, 0), (np.linspace(200, 8000, 12), np.arange(12))):
        np.savez(tmp_path / "x.npz", signal=counts, fs=500, units="mV", **{name: gain}, baseline=baseline)
        waveform = read_record(tmp_path / "x.npz").waveform
        expected = (counts - np.reshape(baseline, (-1, 1))) / np.reshape(gain, (-1, 1))
        expected[4, 100] = np.nan
        np.testing.assert_allclose(waveform, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("gain", "unit", "dtype", "message"),
    [
        (1000, "mV", "float32", "gain 1000 beside float32: whether it is applied already"),
        (1000, "uV", "int16", "gain 1000 with a unit of 0.001 mV need not be counts per unit"),
        (0.005, "mV", "int16", "gain 0.005 with a unit of 1 mV need not be"),
        (4.88, "uV", "int16", "gain 4.88 with a unit of 0.001 mV need not be"),
        (-200, "mV", "int16", "gain -200; positive"),
        ([200, 200], "mV", "int16", "gain holds 2 values of int64; one number is needed, or 12"),
        ("1000/mV", "mV", "int16", "gain holds 1 values of <U7"),
    ],
)
def test_a_gain_that_may_mean_something_else_is_refused(tmp_path, gain, unit, dtype, message):
    np.savez(tmp_path / "x.npz", signal=np.ones((12, 50), dtype), fs=500, unit=unit, adc_gain=gain)
    with pytest.raises(RecordError, match=rf"x\.npz: {message}") as caught:
        read_record(tmp_path / "x.npz")
    assert caught.value.reason == "gain"


@pytest.mark.parametrize("name", ["freq", "sample_rate_hz", "samplerate", "Sampling Frequency", "sampling_freq", "hz"])
def test_a_sampling_frequency_by_another_name_is_no_less_one(tmp_path, in_mv, name):
    np.savez(tmp_path / "x.npz", ecg=in_mv, gain=1, **{name: 250})
    assert read_record(tmp_path / "x.npz").fs == 250
    with pytest.raises(RecordError, match="the file says 250 Hz, fs 500"):
        read_record(tmp_path / "x.npz", fs=500)


def test_a_name_that_might_tell_of_values_or_times_is_noted(tmp_path, in_mv):
    np.savez(tmp_path / "x.npz", ecg=in_mv, freq=50, fs=500, lowpass_hz=40, age=63, heart_rate=70, Baselines=3)
    record = read_record(tmp_path / "x.npz")
    assert record.fs == 500
    names = ("lowpass_hz", "Baselines", "freq")
    assert list(record.notes) == [f"not read, as its meaning is not known: {name}" for name in names]


def test_channels_that_are_no_lead_are_named(tmp_path, in_mv):
    np.savez(tmp_path / "x.npz", waveform=in_mv[:4], fs=500, leads=["II", "Resp", "V1", "SpO2"])
    record = read_record(tmp_path / "x.npz")
    np.testing.assert_array_equal(record.waveform[[1, 6]], in_mv[[0, 2]])
    assert record.notes == ("not taken, as none of the twelve leads: Resp, SpO2",)


@pytest.mark.parametrize(
    ("arrays", "options", "reason", "message"),
    [
        ({"waveform": np.zeros((12, 12))}, {"fs": 1}, "wrong columns", "does not tell leads from times"),
        ({"waveform": np.zeros((11, 50))}, {"fs": 1}, "wrong columns", r"shape \(11, 50\), expected \(12, n_times\)"),
        ({"waveform": np.zeros(50)}, {"fs": 1}, "wrong columns", r"shape \(50,\)"),
        ({"waveform": np.zeros((2, 12, 50))}, {"fs": 1}, "wrong columns", r"shape \(2, 12, 50\)"),
        ({"waveform": np.zeros((12, 0))}, {"fs": 1}, "empty", "holds no value"),
        ({"waveform": np.zeros((12, 50), complex)}, {"fs": 1}, "not a number", "complex128; numbers are needed"),
        ({"waveform": np.full((12, 50), "a")}, {"fs": 1}, "not a number", "numbers are needed"),
        ({"waveform": np.zeros((12, 50), bool)}, {"fs": 1}, "not a number", "bool; numbers are needed"),
        ({"a": np.zeros((12, 50)), "b": np.zeros((12, 50))}, {}, "no leads", r"no array named waveform \(found: a, b"),
        ({"fs": 500}, {}, "no leads", r"no array named waveform \(found: fs\)"),
        ({"waveform": np.zeros((12, 50)), "fs": 500, "sfreq": 250}, {}, "format", "fs is there twice, as sfreq, too"),
        ({"ecg": np.zeros((12, 50)), "sampling_rate": 500}, {"fs": 250}, "contradiction", "says 500 Hz, fs 250"),
        ({"waveform": np.zeros((12, 50))}, {}, "no fs", "does not tell its sampling frequency"),
        ({"waveform": np.zeros((12, 50)), "fs": 500}, {"fs": 250}, "contradiction", "says 500 Hz, fs 250 was given"),
        ({"waveform": np.zeros((12, 50)), "fs": "fast"}, {}, "format", "fs is 'fast', not a number"),
        ({"waveform": np.zeros((12, 50)), "fs": [1, 2]}, {}, "format", "fs holds 2 values"),
        ({"waveform": np.zeros((12, 50)), "fs": 1, "unit": "mV"}, {"unit": "uV"}, "contradiction", "says mV, unit uV"),
        ({"waveform": np.zeros((1, 50)), "fs": 1, "leads": ["I"]}, {"leads": ["II"]}, "contradiction", "leads are 'I'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_reason(tmp_path, arrays, options, reason, message):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(RecordError, match=rf"x\.npz: .*{message}") as caught:
        read_record(tmp_path / "x.npz", **options)
    assert caught.value.reason == reason


def test_pickled_objects_are_never_loaded(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(RecordError, match="which is never loaded") as caught:
        read_record(tmp_path / "x.npy", fs=500)
    assert caught.value.reason == "format"


def test_a_truncated_file_is_refused(tmp_path, in_mv):
    np.save(tmp_path / "x.npy", in_mv)
    path = tmp_path / "x.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RecordError, match=r"shape \(12, 100\) announced, fewer values found") as caught:
        read_record(path, fs=500)
    assert caught.value.reason == "truncated"


def test_an_announced_terabyte_takes_no_memory(tmp_path):
    with open(tmp_path / "x.npy", "wb") as file:
        npy_format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (12, 10**11)})
        file.write(bytes(1000))
    with pytest.raises(RecordError, match="announced, fewer values found") as caught:
        read_record(tmp_path / "x.npy", fs=500)
    assert caught.value.reason == "truncated"


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "x.npz", waveform=np.zeros((12, 100_000)), fs=500)
    monkeypatch.setattr("ecgml.records.readers.numpy_file.MAX_FILE_BYTES", 1_000_000)
    assert (tmp_path / "x.npz").stat().st_size < 20_000
    with pytest.raises(RecordError, match="unpacks to more than 1,000,000 bytes") as caught:
        read_record(tmp_path / "x.npz")
    assert caught.value.reason == "too large"
