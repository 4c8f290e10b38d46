"""WFDB records: physical values, integrity, and nothing opened outside the header's folder."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS
from ecgml.records.reading import read_record


def test_physical_is_digital_less_baseline_over_gain_in_mv(steps, write_record):
    record = read_record(write_record(steps, gain="200(-50)/uV"))
    np.testing.assert_allclose(record.waveform, (steps + 50.0) / 200 / 1000, rtol=2e-7)
    assert record.fs == 500
    assert record.statements == ("426177001", "164934002")
    assert record.given == {"age": 59.0, "sex": 1.0}
    assert record.name == "JS00001.hea"


@pytest.mark.filterwarnings("ignore")  # The package uses what pandas deprecates.
@pytest.mark.parametrize("fmt", ["16", "24", "32", "80", "212"])
def test_records_of_the_wfdb_package_read_as_it_reads_them(wfdb, tmp_path, fmt):
    limit = 100 if fmt == "80" else 2000
    steps = np.random.default_rng(1).integers(-limit, limit, size=(333, 12))
    wfdb.wrsamp(
        "x", fs=250, units=["mV"] * 12, sig_name=list(LEADS), d_signal=steps, fmt=[fmt] * 12,
        adc_gain=[204.8] * 12, baseline=[3] * 12, write_dir=str(tmp_path),
    )  # fmt: skip
    expected = wfdb.rdrecord(str(tmp_path / "x")).p_signal.T
    np.testing.assert_allclose(read_record(tmp_path / "x").waveform, expected, rtol=2e-7)


def test_the_invalid_value_becomes_missing(steps, write_record):
    steps[4, 100:103] = -32768
    waveform = read_record(write_record(steps)).waveform
    assert np.isnan(waveform).sum() == 3
    assert np.isnan(waveform[4, 100:103]).all()


def test_a_baseline_beyond_16_bits_costs_no_precision(steps, write_record):
    """As in PTB-XL+; float32 would lose up to 64 steps of 2**30."""
    baseline = 2**30 + 1
    record = read_record(write_record(steps, gain=f"1000({-baseline})/mV"))
    np.testing.assert_array_equal(record.waveform, ((steps + float(baseline)) / 1000).astype(np.float32))


def test_leads_in_any_order_and_case_come_out_canonical(steps, write_record):
    order = np.random.default_rng(1).permutation(12)
    shuffled = read_record(write_record(steps[order], "s", leads=[LEADS[row].upper() for row in order]))
    np.testing.assert_array_equal(shuffled.waveform, read_record(write_record(steps)).waveform)


def test_signals_may_lie_in_several_files_and_formats(tmp_path, steps, write_record):
    header = write_record(steps)
    (tmp_path / "limb.dat").write_bytes(steps[:6].T.astype("<i2").tobytes())
    (tmp_path / "chest.dat").write_bytes(b"head" + steps[6:].T.astype(">i2").tobytes())
    lines = ["x 12 500"]  # the length follows from the files
    lines += [
        f"limb.dat 16 1000/mV 16 0 0 {int(row.sum()) % 65536} 0 {lead}"
        for row, lead in zip(steps[:6], LEADS, strict=False)
    ]
    lines += [
        f"chest.dat 61+4 1000/mV 16 0 0 {int(row.sum()) % 65536} 0 {lead}"
        for row, lead in zip(steps[6:], LEADS[6:], strict=True)
    ]
    (tmp_path / "x.hea").write_text("\n".join(lines))
    np.testing.assert_array_equal(read_record(tmp_path / "x.hea").waveform, read_record(header).waveform)


def test_skew_brings_signals_back_in_step(tmp_path):
    """A signal of skew 3 was sampled three frames late: its sample 3 belongs to time 0."""
    early = np.arange(20, dtype="<i2")
    late = np.concatenate([[99] * 3, early[:-3]]).astype("<i2")
    (tmp_path / "x.dat").write_bytes(np.stack([early, late], axis=1).tobytes())
    (tmp_path / "x.hea").write_text("x 2 500 20\nx.dat 16 1/mV 16 0 0 0 0 I\nx.dat 16:3 1/mV 16 0 0 0 0 II\n")
    waveform = read_record(tmp_path / "x.hea").waveform
    np.testing.assert_array_equal(waveform[1, :17], waveform[0, :17])
    assert np.isnan(waveform[1, 17:]).all()


def test_channels_that_are_no_leads_may_have_any_unit(tmp_path, steps):
    (tmp_path / "x.dat").write_bytes(steps[:2].T.astype("<i2").tobytes())
    (tmp_path / "x.hea").write_text("x 2 500 200\nx.dat 16 1000/mV 16 0 0 0 0 II\nx.dat 16 10/mmHg 16 0 0 0 0 ABP\n")
    waveform = read_record(tmp_path / "x.hea").waveform
    np.testing.assert_allclose(waveform[1], steps[1 - 1] / 1000, rtol=2e-7)
    assert np.isnan(np.delete(waveform, 1, axis=0)).all()


def test_every_signal_has_its_own_unit_gain_baseline_and_adc_zero(tmp_path):
    steps = np.random.default_rng(4).integers(-900, 900, (12, 200)).astype("<i2")
    (tmp_path / "x.dat").write_bytes(steps.T.tobytes())
    # gain(baseline)/unit, ADC zero: mV = (step - baseline) / gain in the unit; no baseline: the ADC zero; no unit: mV
    lines = [
        ("200(10)/mV", 0, (10, 200.0)),
        ("0.2(-7)/uV", 5, (-7, 200.0)),
        ("2e5/V", 3, (3, 200.0)),
        ("1000/mv", 0, (0, 1000.0)),
        ("0.5/\N{GREEK SMALL LETTER MU}V", -4, (-4, 500.0)),
        ("4.88e-3/nV", 0, (0, 4880.0)),
        ("100", 9, (9, 100.0)),
        ("0/mV", 0, (0, 200.0)),
        ("(2)/mV", 8, (2, 200.0)),
        ("-1000/mV", 0, (0, -1000.0)),
        ("204.8/millivolt", 0, (0, 204.8)),
        ("1000(0)/mV", 512, (0, 1000.0)),
    ]
    header = ["x 12 500 200"]
    header += [
        f"x.dat 16 {gain} 16 {zero} {row[0]} {int(row.sum()) % 65536} 0 {lead}"
        for (gain, zero, _), row, lead in zip(lines, steps, LEADS, strict=True)
    ]
    (tmp_path / "x.hea").write_text("\n".join(header), encoding="utf-8")
    record = read_record(tmp_path / "x.hea")
    expected = [(row - float(baseline)) / gain for row, (_, _, (baseline, gain)) in zip(steps, lines, strict=True)]
    np.testing.assert_allclose(record.waveform, expected, rtol=1e-6)
    assert (record.unit, record.notes) == (None, ())


@pytest.mark.parametrize("row", range(12))
def test_every_signals_checksum_is_verified(steps, write_record, row):
    header = write_record(steps)
    lines = header.read_text().splitlines()
    words = lines[1 + row].split()
    words[6] = str(int(words[6]) + 1)
    lines[1 + row] = " ".join(words)
    header.write_text("\n".join(lines))
    with pytest.raises(RecordError, match=f"checksum of '{LEADS[row]}' is"):
        read_record(header)


def test_what_is_not_taken_or_not_read_as_written_is_noted(tmp_path, steps):
    (tmp_path / "x.dat").write_bytes(steps[:2].T.astype("<i2").tobytes())
    signals = "x.dat 16 1000/mV 16 0 0 0 0 II\nx.dat 16 10/mmHg 16 0 0 0 0 ABP\n"
    (tmp_path / "x.hea").write_text(f"x 2 500 200\n{signals}#Age: 90+\n#Sex: 7\n")
    record = read_record(tmp_path / "x.hea")
    assert record.given == {"age": 90}
    assert record.notes == (
        "not taken, as none of the twelve leads: ABP",
        "age '90+' counts as 90 years",
        "sex '7' is neither male nor female, so missing",
    )


def test_the_two_merged_headers_of_ecg_arrhythmia_are_read_and_proved_by_checksum(steps, write_record):
    header = write_record(steps, "JS01052")
    expected = read_record(header).waveform
    lines = header.read_text().splitlines()
    tail = lines[1].split("/mV")[1]
    header.write_text("\n".join([f"JS01052 12 500 500000/mV{tail}", *lines[2:]]))
    np.testing.assert_array_equal(read_record(header).waveform, expected)


def test_a_damaged_signal_file_is_found_by_its_checksum(steps, write_record):
    header = write_record(steps)
    signal = header.with_suffix(".mat")
    data = bytearray(signal.read_bytes())
    data[24 + 2 * (12 * 50 + 7)] ^= 0x40  # lead V2 at sample 50
    signal.write_bytes(data)
    with pytest.raises(RecordError, match=r"JS00001\.hea: checksum of 'V2' is \d+, the header says \d+") as caught:
        read_record(header)
    assert caught.value.reason == "checksum"


def test_checksums_that_are_all_0_were_never_computed(steps, write_record):
    assert read_record(write_record(steps, checksums=False)).waveform.any()


def test_an_all_zero_record_is_read_and_left_to_the_quality_check(write_record):
    assert not read_record(write_record(np.zeros((12, 200), dtype=np.int16))).waveform.any()


@pytest.mark.parametrize("kept", [0, 24, 25, 24 + 12 * 199 * 2, 24 + 12 * 200 * 2 - 1])
def test_a_truncated_signal_file_is_refused_with_both_lengths(steps, write_record, kept):
    header = write_record(steps)
    signal = header.with_suffix(".mat")
    signal.write_bytes(signal.read_bytes()[:kept])
    message = "the file is empty" if kept == 0 else r"JS00001\.mat holds \d+ samples of 200; it is truncated"
    with pytest.raises(RecordError, match=message) as caught:
        read_record(header)
    assert caught.value.reason == ("empty" if kept == 0 else "truncated")


def test_a_header_without_its_signal_file_is_refused(steps, write_record):
    header = write_record(steps)
    header.with_suffix(".mat").unlink()
    with pytest.raises(RecordError, match=r"JS00001\.mat: no such file") as caught:
        read_record(header)
    assert caught.value.reason == "missing file"


def test_a_signal_file_without_its_header_is_refused_with_the_remedy(steps, write_record):
    header = write_record(steps)
    header.unlink()
    with pytest.raises(RecordError, match=r"JS00001\.mat: no JS00001\.hea .* save the waveform as \.npy") as caught:
        read_record(header.with_suffix(".mat"))
    assert caught.value.reason == "missing file"


@pytest.mark.parametrize(
    "name",
    [
        "../secret.dat",
        "{folder}/secret.dat",
        "link.dat",
        "sub/../../secret.dat",
        "..",
        "/dev/zero",
        # Folders whose names begin as the header's.
        "../records2/secret.dat",
        "{folder}/records2/secret.dat",
        "sub/../../records2/secret.dat",
        "link2/secret.dat",
        "../records.dat",
    ],
)
def test_a_signal_file_outside_the_folder_is_never_opened(tmp_path, monkeypatch, name):
    (tmp_path / "secret.dat").write_bytes(bytes(400))
    home = tmp_path / "records"
    (home / "sub").mkdir(parents=True)
    (tmp_path / "records2").mkdir()
    for place in (tmp_path / "records2" / "secret.dat", tmp_path / "records.dat"):
        place.write_bytes(bytes(400))
    os.symlink(tmp_path / "secret.dat", home / "link.dat")
    os.symlink(tmp_path / "records2", home / "link2")
    name = name.format(folder=tmp_path)
    (home / "x.hea").write_text(f"x 1 500 200\n{name} 16 1000/mV 16 0 0 0 0 I\n")
    opened = []
    monkeypatch.setattr("ecgml.records.readers.wfdb.load_bytes", _recording(opened))
    with pytest.raises(RecordError, match=r"x\.hea: names a signal file outside its folder") as caught:
        read_record(home / "x.hea")
    assert caught.value.reason == "outside folder"
    assert [path.name for path in opened] == ["x.hea"]


def _recording(opened: list):
    from ecgml.records.readers.loading import load_bytes

    def load(path, **where):
        opened.append(path)
        return load_bytes(path, **where)

    return load


def test_a_folder_that_is_itself_a_link_is_no_escape(tmp_path, steps, write_record):
    write_record(steps, folder=tmp_path / "store")
    os.symlink(tmp_path / "store", tmp_path / "data")
    assert read_record(tmp_path / "data" / "JS00001.hea").waveform.shape == (12, 200)


def test_a_moved_pair_of_files_reads_the_same(tmp_path, steps, write_record):
    header = write_record(steps)
    shutil.copytree(header.parent, tmp_path / "copy", ignore=shutil.ignore_patterns("copy"))
    np.testing.assert_array_equal(read_record(tmp_path / "copy" / "JS00001.hea").waveform, read_record(header).waveform)


@pytest.mark.parametrize(
    ("header", "reason", "message"),
    [
        ("x 1 500 10\nx.dat 8 200/mV 12 0 0 0 0 I", "format", "format 8 is not read, only 16, 24, 32, 61, 80, 212"),
        ("x 1 500 10\nx.dat 516 200/mV 12 0 0 0 0 I", "format", "signal format 516 is not read"),
        ("x 1 500 10\nx.dat 16x4 200/mV 12 0 0 0 0 I", "format", "several samples a frame"),
        ("x 2 500 10\nx.dat 16 200 12 0 0 0 0 I\nx.dat 80 200 12 0 0 0 0 II", "header", "is given several formats"),
        ("x 3 500 3" + "\n{}.dat 16 1 0 0 0 0 0 {}" * 3, "header", "signals of a file do not stand together"),
        ("x 1 500 10\nx.dat 16 200/mmHg 12 0 0 0 0 I", "unit", "unit 'mmHg' is not a voltage"),
        ("x 1 500 10\nx.dat 16 200/mV 12 0 0 0 0 V7", "no leads", "none of the twelve leads"),
        ("x 2 500 10\nx.dat 16 1 12 0 0 0 0 I\nx.dat 16 1 12 0 0 0 0 i", "duplicate lead", "lead I is there twice"),
        ("x 1 500 2000000000\nx.dat 16 200/mV 12 0 0 0 0 I", "too large", "at most 2 h are read"),
        ("x 1 500 10\n- 16 200/mV 12 0 0 0 0 I", "missing file", "no such file"),
        ("x 1 500 10\nx\0.dat 16 200/mV 12 0 0 0 0 I", "header", "is not understood"),
        ("x 1 500 10\n" + "y" * 5000 + " 16 200/mV 12 0 0 0 0 I", "missing file", "no such file"),
        ("x 1\nx.dat 16 200/mV 12 0 0 0 0 I", "no fs", "does not tell its sampling frequency"),
        ("x 2 500\nx.dat 16 200\nx.dat 16 200", "wrong columns", "2 columns, expected 12"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_reason(tmp_path, header, reason, message):
    (tmp_path / "x.dat").write_bytes(bytes(1000))
    (tmp_path / "x.hea").write_text(header.format(*["x", "I", "y", "II", "x", "V1"]))
    with pytest.raises(RecordError, match=message) as caught:
        read_record(tmp_path / "x.hea")
    assert caught.value.reason == reason
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fs": 250}, "the file says 500 Hz, fs 250 was given"),
        ({"unit": "uV"}, "the file says mV, unit uV was given"),
        ({"leads": LEADS[::-1]}, "the file's leads are"),
    ],
)
def test_a_caller_that_contradicts_the_header_is_refused(steps, write_record, options, message):
    with pytest.raises(RecordError, match=message) as caught:
        read_record(write_record(steps), **options)
    assert caught.value.reason == "contradiction"


def test_a_caller_fills_what_the_header_leaves_open(tmp_path, steps):
    (tmp_path / "x.dat").write_bytes(steps[:2].T.astype("<i2").tobytes())
    (tmp_path / "x.hea").write_text("x 2\nx.dat 16 10\nx.dat 16 10\n")
    record = read_record(tmp_path / "x.hea", fs=250, unit="uV", leads=["V1", "V2"])
    assert record.fs == 250
    np.testing.assert_allclose(record.waveform[6:8], steps[:2] / 10 / 1000, rtol=2e-7)
