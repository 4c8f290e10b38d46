"""DICOM waveforms: what pydicom writes is read to the last step; what is not an ECG is one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, config
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS
from ecgml.records.reading import find_records, read_record
from tests.records.hospital import MDC, SCP, group, write_dicom


def test_steps_come_back_in_mv_with_age_and_sex(tmp_path: Path, steps: np.ndarray) -> None:
    record = read_record(write_dicom(tmp_path / "x.dcm", group(steps, 500.0, sensitivity=4.88)))
    np.testing.assert_allclose(record.waveform, steps * 0.00488, rtol=1e-6)
    assert (record.fs, record.given, record.unit) == (500.0, {"age": 54.0, "sex": 1.0}, "uV")


@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint16", "int32", "uint32", "int64", "uint64"])
def test_every_kind_of_sample_is_read(tmp_path: Path, dtype: str) -> None:
    steps = np.random.default_rng(1).integers(0, 120, (12, 201)).astype(dtype)
    record = read_record(write_dicom(tmp_path / "x.dcm", group(steps, 250.0, unit="mV", sensitivity=0.005)))
    np.testing.assert_allclose(record.waveform, steps * 0.005, rtol=1e-6)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_transfer_syntax_does_not_matter(tmp_path: Path, steps: np.ndarray, syntax: str) -> None:
    item = group(steps.astype(">i2") if syntax == ExplicitVRBigEndian else steps, 500.0)
    record = read_record(write_dicom(tmp_path / "x.dcm", item, syntax=syntax))
    np.testing.assert_allclose(record.waveform, steps / 1000, rtol=1e-6)


def test_correction_baseline_and_unit_count(tmp_path: Path, steps: np.ndarray) -> None:
    """PS3.3 C.10.9.1.4.2: sensitivity times correction; the baseline is in the unit, too."""
    item = group(steps, 500.0, sensitivity=2.0, correction=1.5, baseline=100.0, unit="nV")
    record = read_record(write_dicom(tmp_path / "x.dcm", item))
    np.testing.assert_allclose(record.waveform, (3.0 * steps + 100) * 1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("codes", "scheme", "names"),
    [
        (SCP, "SCPECG", LEADS),
        (tuple(f"MDC_ECG_LEAD_{name}" for name in LEADS), "MDC", LEADS),
        (tuple(str((2 << 16) + int(code[2:])) for code in MDC), "MDC", LEADS),
        (tuple("X" for _ in LEADS), "99GE", LEADS),
    ],
    ids=["SCP-ECG", "MDC names", "MDC numbers", "meaning"],
)
def test_leads_are_known_by_their_codes(tmp_path: Path, steps: np.ndarray, codes, scheme, names) -> None:
    order = np.random.default_rng(3).permutation(12)
    item = group(
        steps[order],
        500.0,
        codes=[codes[place] for place in order],
        scheme=scheme,
        names=[names[place] if scheme == "99GE" else "" for place in order],
    )
    np.testing.assert_allclose(read_record(write_dicom(tmp_path / "x", item)).waveform, steps / 1000, rtol=1e-6)


def test_rhythm_is_taken_and_not_the_median_beat(tmp_path: Path, steps: np.ndarray) -> None:
    beat = group(np.zeros((12, 900), np.int16), 500.0, originality="DERIVED")
    record = read_record(write_dicom(tmp_path / "x.dcm", beat, group(steps, 500.0)))
    np.testing.assert_allclose(record.waveform, steps / 1000, rtol=1e-6)


def test_leads_recorded_together_in_two_groups_are_joined_and_limb_leads_derived(
    tmp_path: Path, steps: np.ndarray
) -> None:
    one = group(steps[:2], 500.0, codes=MDC[:2], names=LEADS[:2])
    other = group(steps[6:], 500.0, codes=MDC[6:], names=LEADS[6:])
    waveform = read_record(write_dicom(tmp_path / "x.dcm", one, other)).waveform
    np.testing.assert_allclose(waveform[[0, 1, *range(6, 12)]], steps[[0, 1, *range(6, 12)]] / 1000, rtol=1e-6)
    np.testing.assert_allclose(waveform[2], (steps[1].astype(float) - steps[0]) / 1000, atol=1e-6)


def ecg(n_times: int = 5000, seed: int = 2) -> np.ndarray:
    """Return steps of 12 leads, shape (12, n_times)."""
    return np.random.default_rng(seed).integers(-900, 900, (12, n_times), dtype=np.int16)


def part(steps: np.ndarray, leads: slice, fs: float = 500.0, **options: object) -> Dataset:
    """Return a group of some of the twelve leads."""
    return group(steps[leads], fs, codes=MDC[leads], names=LEADS[leads], **options)


def test_a_rhythm_flagged_derived_beats_a_median_beat_flagged_original(tmp_path: Path) -> None:
    steps = ecg()
    beat = group(np.full((12, 600), 77, np.int16), 500.0, originality="ORIGINAL")
    record = read_record(write_dicom(tmp_path / "x.dcm", beat, group(steps, 500.0, originality="DERIVED")))
    np.testing.assert_allclose(record.waveform, steps / 1000, rtol=1e-6)
    assert record.notes == ()


@pytest.mark.parametrize("originality", ["ORIGINAL", "DERIVED"])
def test_a_beat_by_its_label_is_not_the_rhythm_however_long_it_is(tmp_path: Path, originality: str) -> None:
    steps, beat = ecg(), group(np.tile(ecg(600, seed=4), 10), 500.0)
    beat.MultiplexGroupLabel = "Median Beat"
    record = read_record(write_dicom(tmp_path / "x.dcm", beat, group(steps, 500.0, originality=originality)))
    np.testing.assert_allclose(record.waveform, steps / 1000, rtol=1e-6)
    assert record.notes == ()


def test_groups_that_differ_by_a_sample_are_joined_and_cut(tmp_path: Path) -> None:
    steps = ecg()
    record = read_record(write_dicom(tmp_path / "x.dcm", part(steps, slice(0, 6)), part(steps[:, :4999], slice(6, 12))))
    np.testing.assert_allclose(record.waveform, steps[:, :4999] / 1000, rtol=1e-6)
    assert record.notes == ("leads of 4,999 to 5,000 samples cut to the 4,999 that they share",)


def test_groups_that_begin_a_little_apart_are_brought_to_the_same_time(tmp_path: Path) -> None:
    steps = ecg()
    late = part(steps[:, 10:], slice(6, 12), offset_ms=20.0)
    record = read_record(write_dicom(tmp_path / "x.dcm", part(steps, slice(0, 6)), late))
    np.testing.assert_allclose(record.waveform, steps[:, 10:] / 1000, rtol=1e-6)


@pytest.mark.parametrize("has_offsets", [True, False])
def test_the_form_of_a_print_gives_its_strip_and_says_what_was_found(tmp_path: Path, has_offsets: bool) -> None:
    """Four groups of three leads, 2.5 s each, one after the other, and lead II throughout (PS3.3, figure A.34.3-1)."""
    steps = ecg()
    parts = [
        part(
            steps[:, 1250 * place : 1250 * (place + 1)],
            slice(3 * place, 3 * place + 3),
            offset_ms=2500.0 * place * has_offsets,
        )
        for place in range(4)
    ]
    record = read_record(write_dicom(tmp_path / "x.dcm", *parts, part(steps, slice(1, 2))))
    np.testing.assert_allclose(record.waveform[1], steps[1] / 1000, rtol=1e-6)
    assert np.isnan(np.delete(record.waveform, 1, axis=0)).all()
    found = "I II III (2.5 s), aVR aVL aVF (2.5 s)" if has_offsets else "12 leads (2.5 s)"
    assert f"not taken, as recorded apart from II (10 s): {found}" in record.notes[0]


@pytest.mark.parametrize("fill", [0, -(2**15)])
def test_the_form_of_a_print_in_one_group_is_no_ecg_of_one_time(tmp_path: Path, fill: int) -> None:
    steps, filled = ecg(), np.full((12, 5000), fill, np.int16)
    for row in range(12):
        column = slice(1250 * (row // 3), 1250 * (row // 3 + 1))
        filled[row, column] = steps[row, column]
    record = read_record(write_dicom(tmp_path / "x.dcm", group(filled, 500.0)))
    np.testing.assert_allclose(record.waveform[4, 1260:2490], steps[4, 1260:2490] / 1000, rtol=1e-6)
    assert (np.isfinite(record.waveform).sum(axis=1) <= 1252).all()
    assert record.notes[0].endswith(
        "I II III 0.0 to 2.5 s, aVR aVL aVF 2.5 to 5.0 s, V1 V2 V3 5.0 to 7.5 s, V4 V5 V6 7.5 to 10.0 s"
    )


def test_padding_is_missing(tmp_path: Path, steps: np.ndarray) -> None:
    steps[0, 5:9] = 777
    item = group(steps, 500.0)
    item.add_new("WaveformPaddingValue", "OW", np.int16(777).tobytes())
    waveform = read_record(write_dicom(tmp_path / "x.dcm", item)).waveform
    assert {5, 6, 7, 8} <= set(np.isnan(waveform[0]).nonzero()[0].tolist())


@pytest.mark.parametrize(
    ("dtype", "mark"),
    [("int16", -(2**15)), ("int32", -(2**31)), ("int32", -(2**15)), ("uint16", 2**15), ("uint16", 2**16 - 1)],
)
def test_a_missing_sample_needs_no_declared_padding(tmp_path: Path, dtype: str, mark: int) -> None:
    steps = np.random.default_rng(1).integers(0, 1000, (12, 200)).astype(dtype)
    steps[4, 100:103] = mark
    waveform = read_record(write_dicom(tmp_path / "x.dcm", group(steps, 500.0, sensitivity=5.0))).waveform
    assert np.argwhere(np.isnan(waveform)).tolist() == [[4, 100], [4, 101], [4, 102]]
    assert np.nanmax(np.abs(waveform)) <= 5.0


def test_0x8000_is_zero_where_the_samples_are_centred_there(tmp_path: Path) -> None:
    steps = (ecg(200).astype(int) + 2**15).astype(np.uint16)
    steps[:, ::7] = 2**15
    item = group(steps, 500.0, baseline=-(2.0**15))
    waveform = read_record(write_dicom(tmp_path / "x.dcm", item)).waveform
    np.testing.assert_allclose(waveform, (steps - 2.0**15) / 1000, atol=1e-5)


def test_padding_with_its_bytes_the_wrong_way_round_is_understood(tmp_path: Path, steps: np.ndarray) -> None:
    steps[2, 7], steps[2, 8] = 128, -32768
    item = group(steps, 500.0)
    item.add_new("WaveformPaddingValue", "OW", b"\x80\x00")
    waveform = read_record(write_dicom(tmp_path / "x.dcm", item)).waveform
    assert np.argwhere(np.isnan(waveform)).tolist() == [[2, 8]]


def test_what_is_outside_a_channels_valid_range_is_missing(tmp_path: Path) -> None:
    steps = ecg(200)
    steps[3, 50:52] = [2047, -2048]
    item = group(steps, 500.0)
    for channel in item.ChannelDefinitionSequence:
        channel.add_new("ChannelMinimumValue", "OW", np.int16(-2000).tobytes())
        channel.add_new("ChannelMaximumValue", "OW", np.int16(2000).tobytes())
    waveform = read_record(write_dicom(tmp_path / "x.dcm", item)).waveform
    assert np.argwhere(np.isnan(waveform)).tolist() == [[3, 50], [3, 51]]
    for channel in item.ChannelDefinitionSequence:
        channel.ChannelMinimumValue, channel.ChannelMaximumValue = np.int16([-1, 1]).tobytes()[:2], b"\x01\x00"
    waveform = read_record(write_dicom(tmp_path / "y.dcm", item)).waveform
    assert np.isfinite(waveform).all(), "a range that most samples do not keep is none"


def test_a_channel_that_is_flagged_as_no_signal_is_missing_and_said(tmp_path: Path) -> None:
    steps = ecg(200)
    item = group(steps, 500.0)
    item.ChannelDefinitionSequence[7].ChannelStatus = ["OK", "DISCONNECTED"]
    item.ChannelDefinitionSequence[8].ChannelStatus = "QUESTIONABLE"
    record = read_record(write_dicom(tmp_path / "x.dcm", item))
    assert np.isnan(record.waveform[7]).all()
    np.testing.assert_allclose(record.waveform[8], steps[8] / 1000, rtol=1e-6)
    assert record.notes == ("V2 is flagged DISCONNECTED", "V3 is flagged QUESTIONABLE")


def test_channels_that_are_no_lead_are_named(tmp_path: Path, steps: np.ndarray) -> None:
    item = group(steps[:3], 500.0, codes=("2:1", "2:2", "2:99"), names=("I", "II", "Resp\n"))
    pressure = group(steps[:1], 125.0, codes=("9",), names=("ABP",), unit="mm[Hg]")
    record = read_record(write_dicom(tmp_path / "x.dcm", pressure, item))
    assert record.notes == ("not taken, as none of the twelve leads: Lead ABP, Lead Resp",)


@pytest.mark.parametrize(
    ("age", "years", "note"),
    [
        ("018M", 1.5, None),
        ("003W", 3 / 52.18, None),
        ("045Y", 45, None),
        (">89", 90, "age '>89' counts as 90 years"),
        ("old", None, "age 'old' is not understood"),
    ],
)
def test_the_age_is_read_as_everywhere(tmp_path: Path, steps: np.ndarray, age: str, years: float, note: str) -> None:
    with config.disable_value_validation():
        record = read_record(write_dicom(tmp_path / "x.dcm", group(steps, 500.0), PatientAge=age))
    assert record.given.get("age") == (None if years is None else pytest.approx(years))
    assert len(record.notes) == (note is not None)
    assert note is None or record.notes[0].startswith(note)


def test_a_file_is_found_without_suffix_and_without_preamble(tmp_path: Path, steps: np.ndarray) -> None:
    path = write_dicom(tmp_path / "IM0001", group(steps, 500.0))
    assert find_records(tmp_path) == ([path], [])
    bare = tmp_path / "bare.dcm"
    bare.write_bytes(path.read_bytes()[132:])
    np.testing.assert_allclose(read_record(bare).waveform, steps / 1000, rtol=1e-6)


def changed(**attributes: object):
    def change(item: Dataset) -> Dataset:
        for name, value in attributes.items():
            target = item.ChannelDefinitionSequence[0] if name.startswith("Channel") else item
            if value is None:
                delattr(target, name)
            else:
                setattr(target, name, value)
        return item

    return change


@pytest.mark.parametrize(
    ("change", "message", "reason"),
    [
        (changed(WaveformSampleInterpretation="MB"), "samples of kind 'MB' are not read", "format"),
        (changed(WaveformBitsAllocated=8), "8 bits a sample do not fit samples of kind SS", "format"),
        (changed(NumberOfWaveformSamples=201), "holds 200 samples a channel of 201", "truncated"),
        (changed(ChannelSensitivity=None), "without sensitivity", "format"),
        (changed(ChannelSensitivity=0), "sensitivity 0; a number other than 0", "wrong gain"),
        (changed(SamplingFrequency=0), "sampling frequency 0 Hz", "no fs"),
        (
            lambda item: group(np.zeros((2, 9), np.int16), 500.0, codes=("9", "8"), names=("SpO2", "P")),
            "none of the",
            "no leads",
        ),
        (
            lambda item: group(np.zeros((12, 9), np.int16), 500.0, unit="mm[Hg]"),
            "unit 'mm\\[Hg\\]' is not a voltage",
            "unit",
        ),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, steps: np.ndarray, change, message: str, reason: str) -> None:
    path = write_dicom(tmp_path / "x.dcm", change(group(steps, 500.0)))
    with pytest.raises(RecordError, match=message) as caught:
        read_record(path)
    assert caught.value.reason == reason
    assert "\n" not in str(caught.value)


def test_a_picture_is_no_ecg(tmp_path: Path, steps: np.ndarray) -> None:
    path = write_dicom(tmp_path / "x.dcm", group(steps, 500.0))
    import pydicom

    dataset = pydicom.dcmread(path)
    del dataset.WaveformSequence
    dataset.save_as(path)
    with pytest.raises(RecordError, match="a DICOM file without waveforms; export the ECG, not its picture"):
        read_record(path)


def test_given_options_must_agree(tmp_path: Path, steps: np.ndarray) -> None:
    path = write_dicom(tmp_path / "x.dcm", group(steps, 500.0))
    with pytest.raises(RecordError, match="the file says 500 Hz, fs 250 was given"):
        read_record(path, fs=250)
    assert read_record(path, fs=250, unit="mV", yields=True).fs == 500


@pytest.mark.real
@pytest.mark.parametrize("name", ["cinc2021/georgia/E00271", "cinc2021/chapman_ningbo/JS00008"])
def test_real_recordings_come_back_within_a_step(real_data: Path, tmp_path: Path, name: str) -> None:
    record = read_record(real_data / f"{name}.hea")
    steps = np.rint(record.waveform / 0.00488).astype(np.int16)
    again = read_record(write_dicom(tmp_path / "x.dcm", group(steps, record.fs, sensitivity=4.88)))
    assert again.fs == record.fs
    np.testing.assert_allclose(again.waveform, record.waveform, atol=0.00488)


def test_a_missing_sampling_frequency_may_be_given(tmp_path: Path, steps: np.ndarray) -> None:
    item = group(steps, 500.0)
    del item.SamplingFrequency
    path = write_dicom(tmp_path / "x.dcm", item)
    with pytest.raises(RecordError, match="does not tell its sampling frequency"):
        read_record(path)
    assert read_record(path, fs=500).fs == 500
