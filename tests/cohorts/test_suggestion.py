"""A folder of no known kind is answered with the manifest that it lacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgml.cohorts.cohort import read_entry
from ecgml.cohorts.opening import open_cohort
from ecgml.cohorts.pool import simulated_pool
from ecgml.errors import CohortError
from ecgml.preprocessing.preprocess import preprocess
from ecgml.preprocessing.settings import PreprocessingSettings

HDF5 = b"\x89HDF\r\n\x1a\n"


def answer(folder: Path) -> tuple[str, str]:
    """Return the sentence and the manifest with which a folder is refused."""
    with pytest.raises(CohortError, match="no known kind of data set") as caught:
        open_cohort(folder)
    sentence, _, manifest = str(caught.value).partition("\n")
    return sentence, manifest


@pytest.fixture
def waveform():
    """Return ten seconds of a simulated ECG at 500 Hz, in mV, shape (12, 5000)."""
    return read_entry(simulated_pool(1).entries[0]).waveform


@pytest.mark.parametrize(
    ("suffix", "columns"),
    [
        ("csv in uV", "path,rhythm,fs,unit"),
        ("csv with units", "path,rhythm,fs"),
        ("npy", "path,rhythm,fs"),
        ("npz", "path,rhythm"),
    ],
)
@pytest.mark.parametrize("fs", [100, 500])
def test_the_manifest_of_files_that_are_read_works_as_it_stands(tmp_path, waveform, suffix, columns, fs):
    waveform = waveform[:, :: 500 // fs]
    for name in ("a", "b", "c"):
        path = tmp_path / "ward, 7" / name
        path.parent.mkdir(exist_ok=True)
        if suffix == "csv in uV":
            np.savetxt(f"{path}.csv", 1000 * waveform.T, fmt="%.0f", delimiter=",")
        elif suffix == "csv with units":
            names = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
            head = ",".join(f"{lead} (mV)" for lead in names)
            np.savetxt(f"{path}.csv", waveform.T, fmt="%.3f", delimiter=",", header=head, comments="")
        elif suffix == "npy":
            np.save(f"{path}.npy", waveform)
        else:
            np.savez(f"{path}.npz", waveform=waveform, fs=fs)
    (tmp_path / "patients.csv").write_text("file,age\na,63\n")
    sentence, manifest = answer(tmp_path)
    assert "write manifest.csv there, one row a recording with its own rhythm" in sentence
    assert manifest.splitlines()[0] == columns
    assert len(manifest.splitlines()) == 3
    (tmp_path / "manifest.csv").write_text(manifest)
    cohort = open_cohort(tmp_path)
    assert (len(cohort.entries), cohort.warnings) == (2, ())
    for entry in cohort.entries:
        record = read_entry(entry)
        assert record.fs == fs
        np.testing.assert_allclose(record.waveform, waveform, atol=6e-4)
        preprocess(record, PreprocessingSettings())


@pytest.mark.parametrize(
    ("files", "fault", "named"),
    [
        # SPH: a file a recording.
        (
            {"records/A00001.h5": HDF5, "records/A00002.h5": HDF5},
            "A00001.h5 is HDF5, which is not read: save",
            ["records/A00001", "records/A00002"],
        ),
        # CODE-15: thousands in one.
        (
            {"exams_part0.hdf5": HDF5 + bytes(4_000_000)},
            "exams_part0.hdf5 is HDF5, which is not read: save",
            ["exams_part0-1", "exams_part0-2"],
        ),
        (
            {"E0001.mat": bytes(99), "E0002.mat": bytes(99)},
            "is read by its header only; fetch that too",
            ["E0001", "E0002"],
        ),
        ({"x.edf": b"0       "}, "x.edf is a .edf file, which is not read: save", ["x"]),
    ],
)
def test_files_that_are_not_read_are_refused_with_the_way_to_those_that_are(tmp_path, waveform, files, fault, named):
    for name, content in {**files, "exams.csv": b"exam_id,age\n1,50\n"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    sentence, manifest = answer(tmp_path)
    assert fault in sentence
    assert f"numpy.savez('{named[0]}.npz', waveform=leads, fs=500, unit='mV')" in sentence
    assert [line.partition(",")[0] for line in manifest.splitlines()] == ["path", *(f"{name}.npz" for name in named)]
    for name in named:
        np.savez(tmp_path / f"{name}.npz", waveform=waveform, fs=500, unit="mV")
    (tmp_path / "manifest.csv").write_text(manifest)
    cohort = open_cohort(tmp_path)
    assert len(cohort.entries) == len(named)
    assert read_entry(cohort.entries[0]).duration_s == 10


def test_damaged_recordings_are_answered_with_their_fault(tmp_path):
    (tmp_path / "a.csv").write_text("1,2,3,4,5,6,7,8,9,10,11,12,13\n" * 3)
    assert "a.csv: 13 columns, expected 12" in answer(tmp_path)[0]


def test_headers_without_any_label_open_with_a_manifest_that_would_label_them(tmp_path, header):
    for name in ("s1", "s2", "s3"):
        header(tmp_path / "ptb" / "patient1" / f"{name}.hea", "Reason for admission: Healthy control")
    (warning,) = open_cohort(tmp_path / "ptb").warnings
    first, manifest = warning.split("\n", 1)
    assert first.startswith("3 of 3 headers have no #Dx statement: they are unlabelled; write manifest.csv there")
    (tmp_path / "ptb" / "manifest.csv").write_text(manifest)
    cohort = open_cohort(tmp_path / "ptb")
    assert [entry.record_id for entry in cohort.entries] == ["patient1/s1", "patient1/s2"]
