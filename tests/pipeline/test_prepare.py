"""What `ecgml prepare` says and leaves behind."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from ecgml.cli import main
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.errors import CohortError
from ecgml.pipeline.console import Console
from ecgml.pipeline.prepare import prepare
from ecgml.pipeline.settings import DataSettings


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    """Return a WFDB cohort of 24 with two empty signal files and a header without its signal."""
    folder = tmp_path / "spoilt"
    write_demo(folder, n_records=24, seed=3, layout="wfdb")
    signals = sorted(folder.rglob("*.mat"))
    for path in signals[:2]:
        size = path.stat().st_size
        path.write_bytes(path.read_bytes()[:24] + bytes(size - 24))
    signals[2].unlink()
    return folder


def test_unusable_files_are_collected_by_reason_with_a_list(spoilt: Path, tmp_path: Path) -> None:
    options = {"data_dir": str(spoilt), "cache_dir": str(tmp_path / "cache"), "jobs": "1"}
    collected = tmp_path / "collected"
    for _ in range(2):  # again is no harm
        prepared = prepare(options, Console(), collect=str(collected))
    assert prepared.failure is None
    assert "quarantined, checksum: 2" in prepared.summary
    listed = pd.read_csv(collected / "quarantine.csv")
    unusable = listed[~listed.used]
    assert len(unusable) == 3
    for row in unusable.itertuples():
        folder = collected / row.reason.replace(" ", "-") / "spoilt"
        assert (folder / row.file).read_bytes() == (spoilt / row.file).read_bytes()
    assert len(list((collected / "checksum").rglob("*.mat"))) == 2
    assert not list(collected.rglob("*.partial"))
    in_cache = next((tmp_path / "cache").rglob("quarantine.csv"))
    pd.testing.assert_frame_equal(pd.read_csv(in_cache), listed)


def test_too_many_unusable_files_are_summed_up_and_collected_before_it_fails(spoilt: Path, tmp_path: Path) -> None:
    words = ["prepare", str(spoilt), "--cache-dir", str(tmp_path / "cache"), "--jobs", "1", "--max-quarantined", "0.1"]
    result = CliRunner().invoke(main, [*words, "--collect", str(tmp_path / "collected")])
    assert result.exit_code == 1
    assert "quarantined, checksum: 2" in result.output
    assert "error: " in result.output
    assert "3 of 24 files are unusable" in result.output
    assert len(pd.read_csv(tmp_path / "collected" / "quarantine.csv").query("not used")) == 3


def test_collecting_into_the_cohort_itself_is_refused(spoilt: Path, tmp_path: Path) -> None:
    options = {"data_dir": str(spoilt), "cache_dir": str(tmp_path / "cache"), "jobs": "1"}
    with pytest.raises(CohortError, match="lies within the cohort"):
        prepare(options, Console(), collect=str(spoilt / "bad_files"))


def test_class_that_loses_more_than_its_share_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "cohort"
    write_demo(folder, n_records=60, seed=1)
    table = (
        pd.read_excel(next(folder.glob("Diagnostics.xlsx")))
        if any(folder.glob("*.xlsx"))
        else pd.read_csv(next(folder.glob("Diagnostics*.csv")), sep=None, engine="python")
    )
    chosen = table[table.Rhythm == table.Rhythm.mode()[0]].FileName.tolist()[:8]
    for name in chosen:
        path = next(folder.rglob(f"{name}*.csv"))
        header = path.read_text().splitlines()[0]
        path.write_text("\n".join([header, *[",".join("0" * 12)] * 5000]) + "\n")
    prepare({"data_dir": str(folder), "cache_dir": str(tmp_path / "cache"), "jobs": "1"}, Console())
    assert f"{table.Rhythm.mode()[0]} loses 8 of " in capsys.readouterr().err


def test_jobs_asked_for_are_kept_where_the_system_does_not_say_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert DataSettings(jobs=2).n_jobs == 2
    assert DataSettings(jobs=0).n_jobs == 7
