"""`ecgml prepare --export`: files in the data set's layout that open as the data set does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgml.cohorts.cohort import read_entry
from ecgml.cohorts.opening import open_cohorts
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.errors import CohortError
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.prepare.prepare import prepare
from ecgml.preprocessing.denoising import denoise


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "demo"
    write_demo(folder, n_records=12)
    return folder


def export(demo: Path, to: Path, name: str = "zheng2020") -> str:
    options = {"data_dir": str(demo), "denoise": name, "cache_dir": str(to.parent / "cache"), "jobs": 1}
    return prepare(options, Console(), export=str(to)).summary


@pytest.mark.slow
def test_export_opens_as_the_data_set_does_and_holds_the_denoised_leads(demo: Path, tmp_path: Path) -> None:
    out = tmp_path / "denoised"
    said = export(demo, out)
    before, after = open_cohorts([demo])[0], open_cohorts([out])[0]
    assert f"{len(after.entries)} recordings, denoised by zheng2020" in said
    assert after.simulated
    given = {entry.record_id: entry for entry in before.entries}
    for entry in after.entries[:3]:
        assert entry.path.parent.name == "ECGDataDenoised"
        assert not entry.path.read_text().startswith("I,")
        assert entry.rhythms == given[entry.record_id].rhythms
        raw, denoised = read_entry(given[entry.record_id]).waveform, read_entry(entry).waveform
        expected, _ = denoise(raw.astype(np.float64), 500.0, "zheng2020")
        np.testing.assert_allclose(denoised, expected, rtol=1e-4, atol=1e-6)


def test_stopped_export_goes_on_with_what_is_missing(demo: Path, tmp_path: Path) -> None:
    out = tmp_path / "denoised"
    export(demo, out, "bandpass")
    files = sorted((out / "ECGDataDenoised").glob("*.csv"))
    files[0].unlink()
    files[1].write_text("left alone\n")
    export(demo, out, "bandpass")
    assert sorted((out / "ECGDataDenoised").iterdir()) == files
    assert files[1].read_text() == "left alone\n"


def test_a_corrected_recording_is_exported_again(tmp_path: Path) -> None:
    """The filter is linear: twice the voltage stays so, to the digits that a file has."""
    write_demo(tmp_path / "demo", n_records=12)
    out = tmp_path / "denoised"
    export(tmp_path / "demo", out, "bandpass")
    written = sorted((out / "ECGDataDenoised").glob("*.csv"))[0]
    before = np.loadtxt(written, delimiter=",")
    source = tmp_path / "demo" / "ECGData" / written.name
    raw = np.loadtxt(source, delimiter=",", skiprows=1)
    head = source.read_text().splitlines()[0]
    np.savetxt(source, raw / 2, fmt="%.3f", delimiter=",", header=head, comments="")
    export(tmp_path / "demo", out, "bandpass")
    np.testing.assert_allclose(np.loadtxt(written, delimiter=","), before / 2, rtol=1e-3, atol=0.01)


def test_denoising_what_is_denoised_is_warned_of(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warning = "already denoised by its publishers, now denoised again"
    export(demo, tmp_path / "denoised", "bandpass")
    assert warning not in "".join(capsys.readouterr())
    options = {"data_dir": str(tmp_path / "denoised"), "cache_dir": str(tmp_path / "cache"), "jobs": 1}
    prepare({**options, "denoise": "notch"}, Console())
    assert warning in "".join(capsys.readouterr())


@pytest.mark.slow
def test_export_mixes_with_nothing_else(demo: Path, tmp_path: Path) -> None:
    out = tmp_path / "denoised"
    export(demo, out, "bandpass")
    with pytest.raises(CohortError, match=r"holds an export of .*bandpass.*; choose another folder"):
        export(demo, out, "notch")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    with pytest.raises(CohortError, match="is not empty; choose another folder"):
        export(demo, tmp_path / "full")


@pytest.mark.parametrize(
    ("layout", "name", "message"),
    [
        ("wfdb", "notch", "the layout is for one Chapman-Shaoxing folder"),
        ("chapman", "none", "nothing would be denoised; choose a filter"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_anything_is_read(
    tmp_path: Path, layout: str, name: str, message: str
) -> None:
    write_demo(tmp_path / "demo", n_records=12, layout=layout)
    with pytest.raises(CohortError, match=message):
        export(tmp_path / "demo", tmp_path / "out", name)
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "out").exists()
