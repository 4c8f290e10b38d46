"""`ecgml measure`: a table, JSON, a page, and what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from ecgml.cli import main
from ecgml.measurements.intervals import INTERVALS
from tests.measurements.synthetic import atrial_waves, beat_times, ecg, irregular_times

KEYS = ["file", *INTERVALS, "reasons"]


def call(*words: str) -> Result:
    return CliRunner().invoke(main, ["measure", *words])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two ECGs, a damaged one and a table."""
    folder = tmp_path_factory.mktemp("ecgs")
    fibrillation = ecg(irregular_times(80, 10, cv=0.22, seed=1), fs=500, p_height=0)
    np.savetxt(folder / "a.csv", ecg(beat_times(75, 10), fs=500).T, delimiter=",")
    np.savetxt(folder / "c.csv", (fibrillation + atrial_waves(6.3, 10, 500, 0.08, 0.7)).T, delimiter=",")
    (folder / "b.npy").write_bytes(b"\x93NUMPY damaged")
    (folder / "notes.txt").write_text("read me")
    return folder


def test_a_folder_is_a_table_and_a_damaged_file_is_one_line_of_it(folder: Path) -> None:
    result = call(str(folder), "--fs", "500", "--unit", "mV")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["rate", "PR", "P", "QRS", "QT", "QTc", "P", "axis", "QRS", "axis", "T", "axis", "file"]
    assert next(line.split("  ")[-1] for line in lines if "error" in line).startswith("b.npy")
    sinus, fibrillation = (next(line for line in lines if name in line) for name in ("a.csv", "c.csv"))
    assert sinus.split()[0] == "75"
    assert "–" not in sinus
    assert "PR, P, P axis: no P wave" in fibrillation
    assert "notes.txt" in result.stderr


def test_json_is_an_object_a_line_of_the_documented_keys(folder: Path) -> None:
    result = call(str(folder / "a.csv"), str(folder / "c.csv"), "--fs", "500", "--unit", "mV", "--json")
    assert result.exit_code == 0
    sinus, fibrillation = map(json.loads, result.stdout.splitlines())
    assert list(sinus) == list(fibrillation) == KEYS
    assert sinus["reasons"] == {}
    assert sinus["ventricular_rate"] == pytest.approx(75, abs=0.2)
    assert fibrillation["pr_interval"] is None
    assert set(fibrillation["reasons"]) == {"pr_interval", "p_duration", "p_axis"}


def test_json_of_a_file_that_cannot_be_used_says_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    result = call(str(folder / "b.npy"), str(tmp_path / "none.hea"), str(folder / "a.csv"), "--fs", "500", "--json")
    assert result.exit_code == 1
    damaged, missing, unitless = map(json.loads, result.stdout.splitlines())
    assert list(damaged) == list(missing) == ["file", "error", "reason"]
    assert "b.npy" in damaged["error"]
    assert "none.hea" in missing["error"]
    assert unitless["error"].endswith("--unit uV")


def test_the_formula_of_qtc_is_a_choice(folder: Path) -> None:
    words = (str(folder / "a.csv"), "--fs", "500", "--unit", "mV", "--json", "--qtc")
    fridericia, hodges = (json.loads(call(*words, name).stdout) for name in ("fridericia", "hodges"))
    assert fridericia["qt_corrected"] == pytest.approx(fridericia["qt_interval"] / 0.8 ** (1 / 3), abs=0.5)
    assert hodges["qt_corrected"] == pytest.approx(hodges["qt_interval"] + 1.75 * 15, abs=0.5)
    assert call(*words, "rautaharju").exit_code == 2


def test_a_unit_that_is_none_is_refused_at_once(folder: Path) -> None:
    result = call(str(folder / "a.csv"), "--fs", "500", "--unit", "kg")
    assert result.exit_code == 2
    assert "'kg' is not a voltage" in result.stderr


def test_the_page_shows_marks_of_what_was_measured_and_why_others_are_missing(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = call(str(folder), "--fs", "500", "--unit", "mV", "--plot", str(page))
    text = page.read_text()
    assert result.exit_code == 1
    assert text.count("data:image/png") == 2
    assert "a.csv" in text
    assert "b.npy" not in text
    assert "PR not measured: no P wave" in text
    assert "http:" not in text
    assert "https:" not in text
    assert "Artifact" not in text  # nothing lies beside it


def test_a_page_that_cannot_be_written_is_one_line(folder: Path) -> None:
    result = call(str(folder / "a.csv"), "--fs", "500", "--unit", "mV", "--plot", str(folder / "a.csv" / "page.html"))
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.strip().splitlines()) == 1


def test_an_option_that_the_file_contradicts_is_not_used_and_said(tmp_path: Path) -> None:
    """A WFDB header of 500 Hz and mV."""
    leads = ("I", "II", "III", "aVR", "aVL", "aVF", *(f"V{number}" for number in range(1, 7)))
    samples = np.rint(1000 * ecg(beat_times(75, 10), fs=500)).astype("<i2")
    (tmp_path / "a.dat").write_bytes(samples.T.tobytes())
    signals = "".join(f"a.dat 16 1000/mV 16 0 {row[0]} 0 0 {lead}\n" for lead, row in zip(leads, samples, strict=True))
    (tmp_path / "a.hea").write_text(f"a 12 500 {samples.shape[1]}\n{signals}")
    result = call(str(tmp_path / "a.hea"), "--fs", "250", "--json")
    assert result.exit_code == 0
    assert "the file says 500 Hz: --fs 250 not used" in result.stderr
    assert json.loads(result.stdout)["ventricular_rate"] == pytest.approx(75, abs=0.2)


def test_what_is_wrong_with_a_waveform_names_the_option_that_helps(folder: Path) -> None:
    """Millivolts read as microvolts are a thousandth of an ECG."""
    result = call(str(folder / "a.csv"), "--fs", "500", "--unit", "uV", "--json")
    assert result.exit_code == 1
    assert "--unit" in json.loads(result.stdout)["error"]
