"""What `ecgml prepare` says and leaves behind."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from ecgml.cli import main
from ecgml.cohorts.opening import open_cohorts
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.datasets.cache import open_or_fill
from ecgml.errors import CohortError
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.settings import DataSettings
from ecgml.pipeline.prepare.prepare import prepare
from ecgml.preprocessing.settings import PreprocessingSettings


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


def test_a_record_is_collected_whole_whatever_its_manifest_calls_it(spoilt: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    signals = sorted(spoilt.rglob("*.mat"))
    lone = next(header for header in sorted(spoilt.rglob("*.hea")) if not header.with_suffix(".mat").is_file())
    for header in (*(path.with_suffix(".hea") for path in signals[:3]), lone):
        for path in filter(Path.is_file, (header, header.with_suffix(".mat"))):
            shutil.copyfile(path, own / path.name)
    first, second, sound = (path.stem for path in signals[:3])
    rows = (first, f"{second}.mat", sound, f"{lone.stem}.hea")
    (own / "manifest.csv").write_text("path,rhythm\n" + "".join(f"{row},SR\n" for row in rows))
    options = {"data_dir": str(own), "cache_dir": str(tmp_path / "cache"), "jobs": "1"}
    prepare(options, Console(), collect=str(tmp_path / "collected"))
    collected = {path.relative_to(tmp_path / "collected").as_posix() for path in tmp_path.glob("collected/**/*.*")}
    damaged = {f"checksum/own/{name}.{suffix}" for name in (first, second) for suffix in ("hea", "mat")}
    assert collected == {*damaged, f"missing-file/own/{lone.stem}.hea", "quarantine.csv"}
    listed = pd.read_csv(tmp_path / "collected" / "quarantine.csv").query("not used")
    assert [(own / name).is_file() for name in listed.file] == [True] * 3


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


def test_recordings_that_are_there_twice_are_counted_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    write_demo(folder, n_records=8, seed=1, layout="wfdb")
    options = {"data_dir": str(folder), "cache_dir": str(tmp_path / "cache"), "jobs": "1"}
    assert "identical" not in prepare(options, Console()).summary
    first, second = sorted(folder.rglob("*.hea"))[:2]
    for header, copies in ((first, ("A1", "A2")), (second, ("B1",))):
        for name in copies:
            shutil.copyfile(header.with_suffix(".mat"), header.with_name(f"{name}.mat"))
            header.with_name(f"{name}.hea").write_text(header.read_text().replace(header.stem, name))
    relabelled = first.with_name("A2.hea")
    relabelled.write_text(re.sub(r"#\s*Dx:.*", "#Dx: 195101003", relabelled.read_text()))
    told = [line for line in prepare(options, Console()).summary.splitlines() if "identical" in line]
    names = f"A1 = A2 = {first.stem}, B1 = {second.stem}"
    assert told == [f"  identical to another, used once: 3: {names}; in 1 the rhythms differ"]


def with_gain(folder: Path, gain: int, only: slice = slice(None)) -> list[str]:
    """Let headers state another gain; return their names."""
    headers = sorted(folder.rglob("*.hea"))[only]
    for header in headers:
        header.write_text(re.sub(r"1000(?:\.0)?((?:\(-?\d+\))?/mV)", rf"{gain}\1", header.read_text()))
    return [header.stem for header in headers]


def test_wrong_gain_of_a_cohort_is_a_warning_with_the_right_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_demo(tmp_path / "cohort", n_records=24, seed=3, layout="wfdb")
    with_gain(tmp_path / "cohort", 4880)
    prepare({"data_dir": str(tmp_path / "cohort"), "cache_dir": str(tmp_path / "cache"), "jobs": "1"}, Console())
    said = capsys.readouterr().err
    assert "warning: cohort: amplitudes are about 4.9 times too small for ECGs" in said
    assert "the header's gain 4880/mV is probably 1000/mV" in said


def test_records_of_wrong_gain_among_others_are_listed_as_suspect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_demo(tmp_path / "cohort", n_records=24, seed=3, layout="wfdb")
    wrong = with_gain(tmp_path / "cohort", 10000, slice(2, 4))
    prepare({"data_dir": str(tmp_path / "cohort"), "cache_dir": str(tmp_path / "cache"), "jobs": "1"}, Console())
    said = capsys.readouterr().err
    assert "amplitudes are about" not in said
    assert f"2 of 24 records with suspect amplitude are used: {', '.join(wrong)}" in said
    listed = pd.read_csv(next((tmp_path / "cache").rglob("quarantine.csv"))).query("reason == 'suspect'")
    assert listed[listed.message.str.contains("amplitude")].record.tolist() == wrong


def test_cohort_of_two_leads_says_so_and_how_to_use_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_demo(tmp_path / "cohort", n_records=6, seed=3, layout="wfdb")
    for header in (tmp_path / "cohort").rglob("*.hea"):
        header.write_text(re.sub(r" (III|aV[RLF]|V[1-6])$", r" other \1x", header.read_text(), flags=re.MULTILINE))
    options = {"data_dir": str(tmp_path / "cohort"), "cache_dir": str(tmp_path / "cache"), "jobs": "1"}
    failure = prepare(options, Console()).failure
    assert "2 usable measured leads (I, II), 6 needed (4 derived, 6 missing)" in str(failure)
    assert "; used with min_leads 2 (--min-leads)" in str(failure)
    capsys.readouterr()
    assert prepare({**options, "min_leads": "2"}, Console()).failure is None
    assert (
        "leads that none of the 6 usable records has: V1, V2, V3, V4, V5, V6 missing; III, aVR, aVL, aVF derived"
        in capsys.readouterr().err
    )


def test_record_far_from_its_small_cohort_is_suspect_though_ecgs_can_be_so_large(tmp_path: Path) -> None:
    """At 0.6 of its size every record is low; one at 1.9 times its size is 3.2 times as large beside them."""
    write_demo(tmp_path / "cohort", n_records=24, seed=3, layout="wfdb")
    with_gain(tmp_path / "cohort", 1700)
    options = {"data_dir": str(tmp_path / "cohort"), "cache_dir": str(tmp_path / "cache"), "jobs": "1"}
    prepare(options, Console())
    (cohort,) = open_cohorts([tmp_path / "cohort"])
    before = open_or_fill(cohort, PreprocessingSettings(), tmp_path / "cache")
    typical = int(np.argsort(before.amplitudes)[12])
    header = cohort.entries[typical].path
    header.write_text(re.sub(r"1700((?:\(-?\d+\))?/mV)", r"480\1", header.read_text()))
    prepare(options, Console())
    listed = pd.read_csv(tmp_path / "cache" / PreprocessingSettings().digest() / "quarantine.csv")
    told = listed[listed.message.str.contains("its cohort's median")]
    assert told.record.tolist() == [before.record_ids[typical]]


def test_jobs_asked_for_are_kept_where_the_system_does_not_say_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert DataSettings(jobs=2).n_jobs == 2
    assert DataSettings(jobs=0).n_jobs == 7
