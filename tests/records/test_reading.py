"""Which reader a path goes to, and what is refused before any reader looks."""

from __future__ import annotations

import gzip
import os

import numpy as np
import pytest

from ecgml.errors import RecordError
from ecgml.records.readers import loading
from ecgml.records.reading import files_of, find_records, read_record
from tests.records.hospital import aecg, group, write_dicom


def test_every_format_gives_the_same_record(tmp_path, steps, write_record, write_csv):
    in_mv = (steps / np.float32(1000)).astype(np.float32)
    np.save(tmp_path / "record.npy", in_mv)
    np.savez(tmp_path / "record.npz", waveform=in_mv.T, fs=500, unit="mV")
    options = {"fs": 500, "unit": "uV"}
    records = [
        read_record(write_record(steps)),
        read_record(write_csv(steps.T), **options),
        read_record(tmp_path / "record.npy", fs=500),
        read_record(tmp_path / "record.npz"),
    ]
    for record in records:
        # One rounding of float32 between a quotient and a product.
        np.testing.assert_allclose(record.waveform, in_mv, rtol=2e-7, atol=0)
        assert record.waveform.dtype == np.float32
        assert record.waveform.flags.c_contiguous
        assert record.fs == 500
        assert record.duration_s == 0.4


def test_a_wfdb_record_is_found_by_header_signal_file_or_name(steps, write_record):
    header = write_record(steps)
    for path in (header, header.with_suffix(".mat"), header.with_suffix(""), str(header)):
        assert read_record(path).name == "JS00001.hea"


def test_a_file_without_a_known_suffix_is_recognised_by_its_content(tmp_path, steps, write_csv):
    path = write_csv(steps.T, "export.ecg")
    assert read_record(path, fs=500, unit="uV").waveform.shape == (12, 200)
    np.save(tmp_path / "x.npy", steps)
    os.rename(tmp_path / "x.npy", tmp_path / "upload")
    assert read_record(tmp_path / "upload", fs=500, unit="uV").waveform.shape == (12, 200)


def test_every_format_of_one_file_may_be_packed(tmp_path, steps, write_csv):
    write_dicom(tmp_path / "x.dcm", group(steps, 500.0))
    (tmp_path / "x.xml").write_text(aecg(steps, 500.0))
    np.savez(tmp_path / "x.npz", waveform=steps, fs=500, unit="uV")
    for path in (tmp_path / "x.dcm", tmp_path / "x.xml", tmp_path / "x.npz", write_csv(steps.T, "x.csv")):
        options = {"fs": 500, "unit": "uV"} if path.suffix == ".csv" else {}
        packed = path.with_name(f"{path.name}.gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        np.testing.assert_array_equal(read_record(packed, **options).waveform, read_record(path, **options).waveform)
        assert packed in find_records(tmp_path)[0]


def test_a_packed_wfdb_file_is_answered_with_what_to_do(tmp_path, steps, write_record):
    header = write_record(steps)
    packed = header.with_name("JS00001.hea.gz")
    packed.write_bytes(gzip.compress(header.read_bytes()))
    with pytest.raises(RecordError, match=r"JS00001\.hea\.gz: WFDB files are read unpacked only"):
        read_record(packed)


@pytest.mark.parametrize(
    "name", ["absent.csv", "absent.hea", "absent.mat", "absent.npy", "absent.npz", "absent", "absent.x"]
)
def test_a_missing_file_is_said_to_be_missing(tmp_path, name):
    with pytest.raises(RecordError, match=f"{name}: no ") as caught:
        read_record(tmp_path / name, fs=500, unit="uV")
    assert caught.value.reason == "missing file"


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "record.csv").mkdir()
    with pytest.raises(RecordError, match="is no plain file") as caught:
        read_record(tmp_path / "record.csv", fs=500, unit="uV")
    assert caught.value.reason == "missing file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "record.csv")
    with pytest.raises(RecordError, match="is no plain file"):
        read_record(tmp_path / "record.csv", fs=500, unit="uV")


def test_an_unknown_format_is_answered_with_the_known_ones(tmp_path):
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-1.7\0\1\2")
    with pytest.raises(
        RecordError, match=r"scan.pdf: no known format; known are .aecg .csv .dat .dcm .dicom .hea .mat .npy"
    ) as caught:
        read_record(tmp_path / "scan.pdf")
    assert caught.value.reason == "format"


def test_a_huge_file_is_refused_unread(tmp_path):
    with open(tmp_path / "record.csv", "wb") as file:
        file.truncate(2_000_000_000)  # sparse: takes no space
    with pytest.raises(RecordError, match="2,000,000,000 bytes, at most 1,000,000,000 are read") as caught:
        read_record(tmp_path / "record.csv", fs=500, unit="uV")
    assert caught.value.reason == "too large"


def test_more_than_two_hours_are_refused(tmp_path):
    np.save(tmp_path / "holter.npy", np.zeros((12, 7300), dtype=np.float32))
    with pytest.raises(RecordError, match=r"2\.0 h at 1 Hz, at most 2 h") as caught:
        read_record(tmp_path / "holter.npy", fs=1)
    assert caught.value.reason == "too large"


def test_nothing_but_missing_values_is_refused(tmp_path):
    np.save(tmp_path / "void.npy", np.full((12, 100), np.nan, dtype=np.float32))
    with pytest.raises(RecordError, match="holds no value at all") as caught:
        read_record(tmp_path / "void.npy", fs=500)
    assert caught.value.reason == "empty"


@pytest.mark.parametrize("fs", [0, -500, float("nan"), float("inf")])
def test_a_sampling_frequency_is_a_positive_number(tmp_path, fs):
    np.save(tmp_path / "x.npy", np.zeros((12, 100), dtype=np.float32))
    with pytest.raises(RecordError, match="a positive number is needed") as caught:
        read_record(tmp_path / "x.npy", fs=fs)
    assert caught.value.reason == "no fs"


def test_a_caller_that_yields_leaves_a_file_its_word(tmp_path, steps, write_record, write_csv):
    given = {"fs": 250, "unit": "uV", "yields": True}
    header = write_record(steps)
    record = read_record(header, **given)
    assert (record.fs, record.unit) == (500, "mV")
    np.testing.assert_array_equal(record.waveform, read_record(header).waveform)
    record = read_record(write_csv(steps.T), **given)
    assert (record.fs, record.unit) == (250, "uV")
    np.savez(tmp_path / "half.npz", waveform=steps, fs=500)
    record = read_record(tmp_path / "half.npz", **given)
    assert (record.fs, record.unit) == (500, "uV")


def test_a_folder_is_searched_for_what_may_be_an_ecg(tmp_path, steps, write_record, write_csv):
    header = write_record(steps, folder=tmp_path / "ward" / "7")
    table = write_csv(steps.T)
    np.save(tmp_path / "upload.npy", steps)
    os.rename(tmp_path / "upload.npy", tmp_path / "upload")
    (tmp_path / "lone.mat").write_bytes(b"\0")
    (tmp_path / "empty.csv").touch()
    records = [header, table, tmp_path / "upload", tmp_path / "lone.mat", tmp_path / "empty.csv"]
    (tmp_path / "manifest.csv").write_text("path,rhythm\nrecord.csv,SR\n")
    (tmp_path / "labels.yaml").write_text("VHF, paroxysmal: AFIB\n")
    (tmp_path / "README").write_text("Recordings of ward 7, and a table\n")
    (tmp_path / "book.xlsx").write_bytes(b"PK\3\4" + bytes(26) + b"[Content_Types].xml")
    (tmp_path / "scan.png").write_bytes(b"\x89PNG\r\n\x1a\n\0")
    others = [tmp_path / name for name in ("manifest.csv", "labels.yaml", "README", "book.xlsx", "scan.png")]
    (tmp_path / "._record.csv").write_bytes(b"\0")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "record.csv").write_text("1,2\n")
    assert find_records(tmp_path) == (sorted(records), sorted(others))


def opened_by(monkeypatch, path, **options):
    """Return the files that reading a record opens, each once, in that order."""
    opened = []

    def spy(file, *arguments):
        opened.append(file)
        return open(file, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loading, "open", spy, raising=False)
        read_record(path, **options)
    return tuple(dict.fromkeys(opened))


@pytest.mark.parametrize("name", ["ward/0001", "ward/0001.hea", "ward/0001.mat", "ward/0001.dat"])
def test_the_files_of_a_wfdb_record_are_those_that_reading_opens(tmp_path, steps, write_record, monkeypatch, name):
    header = write_record(steps, "0001", folder=tmp_path / "ward")
    # Two signal files, one of another name than its header's.
    halves = {"0001.mat": steps[:6], "chest-leads.bin": steps[6:]}
    for file, half in halves.items():
        (header.parent / file).write_bytes(bytes(24) + half.T.astype("<i2").tobytes())
    lines = header.read_text().splitlines()
    lines[7:13] = [line.replace("0001.mat", "chest-leads.bin") for line in lines[7:13]]
    header.write_text("\n".join(lines) + "\n")
    files = files_of(tmp_path / name)
    assert files == (header, header.parent / "0001.mat", header.parent / "chest-leads.bin")
    assert files == opened_by(monkeypatch, tmp_path / name)


def test_any_other_record_lies_in_the_file_that_reading_opens(tmp_path, steps, write_csv, monkeypatch):
    np.savez(tmp_path / "record.npz", waveform=steps, fs=500, unit="uV")
    for path, options in ((write_csv(steps.T, "no-suffix"), {"fs": 500, "unit": "uV"}), (tmp_path / "record.npz", {})):
        assert files_of(path) == (path,) == opened_by(monkeypatch, path, **options)


def test_the_files_of_a_record_that_is_not_there_are_those_that_it_would_have(tmp_path):
    def names(path):
        return [file.name for file in files_of(tmp_path / path)]

    assert names("absent.csv") == ["absent.csv"]
    assert names("absent.dat") == ["absent.hea", "absent.dat"]
    assert names("absent") == ["absent.hea"]
    # A dot in a record's name begins no suffix.
    assert names("patient1.5") == ["patient1.5.hea"]


def test_files_that_reading_refuses_to_open_are_no_files_of_the_record(tmp_path, steps, write_record):
    header = write_record(steps, folder=tmp_path / "ward")
    (tmp_path / "secret.mat").write_bytes(b"x")
    header.write_text(header.read_text().replace("JS00001.mat", "../secret.mat"))
    assert files_of(header) == (header,)


def test_a_signal_file_of_another_name_is_no_record_of_its_own(tmp_path, steps, write_record):
    header = write_record(steps)
    (tmp_path / "JS00001.mat").rename(tmp_path / "waves.mat")
    header.write_text(header.read_text().replace("JS00001.mat", "waves.mat"))
    (tmp_path / "JS00001").touch()
    assert find_records(tmp_path) == ([header], [])
