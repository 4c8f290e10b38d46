"""The cache: whole or not there, filled once, resumed part by part, the same however it is filled."""

from __future__ import annotations

import errno
import io
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import cloudpickle
import numpy as np
import pytest

from ecgml.cohorts.cohort import Cohort, Entry, read_entry
from ecgml.cohorts.opening import open_cohort
from ecgml.cohorts.pool import simulated_pool
from ecgml.datasets import filling
from ecgml.datasets.cache import CachedCohort, check_quarantine, open_or_fill
from ecgml.datasets.parallel import parallel_map
from ecgml.errors import CacheError, CohortError
from ecgml.measurements.intervals import INTERVALS, measure_intervals
from ecgml.preprocessing.preprocess import preprocess, usable_waveform
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.preprocessing.shapes import window_shapes
from ecgml.records.clinical import CLINICAL_NAMES, INTERVAL_COLUMNS
from ecgml.records.leads import LEADS

SETTINGS = PreprocessingSettings()


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "PART_SIZE", 4)


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix != ".lock")


def fill(cohort: Cohort, folder: Path, **options: object) -> CachedCohort:
    return open_or_fill(cohort, SETTINGS, folder, **options)


def with_unreadable(cohort: Cohort, folder: Path) -> Cohort:
    """Return the cohort with an empty file in its second place."""
    path = folder / "empty.csv"
    path.touch()
    broken = Entry("broken", path, rhythms=("SVT",), read_options={"fs": 500.0, "unit": "uV"})
    return replace(cohort, entries=(cohort.entries[0], broken, *cohort.entries[1:]))


def test_cache_holds_what_preprocess_makes(tmp_path: Path) -> None:
    cohort = simulated_pool(5)
    cached = fill(cohort, tmp_path)
    assert cached.record_ids == tuple(entry.record_id for entry in cohort.entries)
    for place, entry in enumerate(cohort.entries):
        prepared = preprocess(read_entry(entry), SETTINGS)
        first, beyond = cached.first_window[place : place + 2]
        assert beyond - first == 1
        np.testing.assert_array_equal(cached.windows[first], prepared.waveform)


@pytest.mark.parametrize("intervals", ["given", "measured"])
def test_intervals_are_cached_and_part_of_the_models_values_only_where_the_setting_says_so(
    tmp_path: Path, intervals: str
) -> None:
    cohort, settings = simulated_pool(3), PreprocessingSettings(intervals=intervals)
    cached = open_or_fill(cohort, settings, tmp_path)
    assert cached.intervals.shape == (3, len(INTERVALS))
    for place, entry in enumerate(cohort.entries):
        found = measure_intervals(usable_waveform(read_entry(entry)), 500.0).values
        expected = [found.get(name, np.nan) for name in INTERVALS]
        np.testing.assert_allclose(cached.intervals[place], expected, rtol=1e-5)
        columns = [CLINICAL_NAMES.index(name) for name in INTERVAL_COLUMNS]
        seen = [found.get(name, np.nan) if intervals == "measured" else np.nan for name in INTERVAL_COLUMNS]
        np.testing.assert_allclose(cached.measured[place, columns], seen, rtol=1e-5)


def test_the_beats_shape_is_cached_to_the_last_bit(tmp_path: Path) -> None:
    """What abstention is fitted to and judges by is what serving measures in the same windows."""
    cached = fill(simulated_pool(5), tmp_path)
    shapes, n_leads = window_shapes(cached.windows, cached.n_valid, SETTINGS.fs)
    assert np.isfinite(shapes).any(axis=0).all()
    np.testing.assert_array_equal(cached.shapes, shapes)
    np.testing.assert_array_equal(cached.n_leads, n_leads)


def test_filling_again_reads_nothing(tmp_path: Path) -> None:
    fill(simulated_pool(6), tmp_path)
    calls: list[tuple[int, int]] = []
    fill(simulated_pool(6), tmp_path, on_progress=lambda done, total: calls.append((done, total)))
    assert calls == []


def test_other_settings_or_records_get_a_cache_of_their_own(tmp_path: Path) -> None:
    fill(simulated_pool(5), tmp_path)
    fill(simulated_pool(6), tmp_path)
    open_or_fill(simulated_pool(5), PreprocessingSettings(fs=250), tmp_path)
    assert sum(name.endswith("cache.json") for name in files_of(tmp_path)) == 3


def test_changed_file_is_read_again(tmp_path: Path) -> None:
    cohort = with_unreadable(simulated_pool(3), tmp_path)
    assert fill(cohort, tmp_path / "cache").quarantined[0].reason == "empty"
    (tmp_path / "empty.csv").write_text("1,x\n")
    assert fill(cohort, tmp_path / "cache").quarantined[0].reason != "empty"


@pytest.mark.parametrize("name", ["ward/0001", "ward/0001.hea", "ward/0001.dat"])
@pytest.mark.parametrize("signals", ["0001.dat", "waves.bin"])
def test_a_corrected_record_is_read_again_whatever_it_is_called(tmp_path: Path, name: str, signals: str) -> None:
    """Half the gain, in steps per mV, is twice the voltage, to two of the cache's steps: all that follows is linear."""
    steps = np.round(1000 * read_entry(simulated_pool(1).entries[0]).waveform).astype("<i2")
    header = tmp_path / "ward" / "0001.hea"
    header.parent.mkdir()
    (header.parent / signals).write_bytes(steps.T.tobytes())

    def write(gain: int) -> None:
        lines = [f"{signals} 16 {gain}/mV 16 0 {row[0]} 0 0 {lead}" for row, lead in zip(steps, LEADS, strict=True)]
        header.write_text("\n".join([f"0001 12 500 {steps.shape[1]}", *lines]) + "\n")

    cohort = Cohort("own", "manifest", tmp_path, (Entry("r", tmp_path / name),))
    write(2000)
    before = fill(cohort, tmp_path / "cache").windows.astype(int)
    write(1000)
    after = fill(cohort, tmp_path / "cache").windows.astype(int)
    assert np.abs(before).max() > 100
    np.testing.assert_allclose(after, 2 * before, atol=2)
    (header.parent / signals).write_bytes((steps // 2).T.tobytes())
    again = fill(cohort, tmp_path / "cache").windows.astype(int)
    np.testing.assert_allclose(again, before, atol=2)


@pytest.mark.slow
def test_two_workers_give_the_same_bytes_as_one(tmp_path: Path) -> None:
    cohort = simulated_pool(10)
    one, two = fill(cohort, tmp_path / "one"), fill(cohort, tmp_path / "two", n_jobs=2)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    for name in files_of(tmp_path / "one"):
        if (tmp_path / "one" / name).is_file():
            assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    assert one.digest == two.digest


@pytest.mark.slow
def test_dask_workers_give_the_same_bytes_as_one(tmp_path: Path) -> None:
    cohort = simulated_pool(10)
    fill(cohort, tmp_path / "one")
    environment = dict(os.environ)
    fill(cohort, tmp_path / "dask", n_jobs=2, backend="dask")
    # Dask's own OMP_NUM_THREADS=1 would make every later process compute on one thread.
    assert dict(os.environ) == environment
    for name in ("windows.npy", "records.npz", "cache.json"):
        (one,), (dask,) = ([*(tmp_path / folder).rglob(name)] for folder in ("one", "dask"))
        assert one.read_bytes() == dask.read_bytes(), name


@pytest.mark.slow
def test_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    """The first worker that comes to a marked job kills itself with the signal that cannot be caught."""
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import tests
    marker = tmp_path / "killed"
    results = parallel_map(_square_or_die, [(number, marker) for number in range(12)], 2)
    assert sorted(results) == [number**2 for number in range(12)]
    assert marker.exists()


@pytest.mark.slow
def test_workers_killed_again_and_again_are_one_line() -> None:
    with pytest.raises(CacheError, match="a worker was killed 3 times"):
        list(parallel_map(signal.raise_signal, [(signal.SIGKILL,)] * 2, 2))


def _square_or_die(number: int, marker: Path) -> int:
    if number == 5 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


def test_missing_backend_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(CacheError, match=r"backend: dask needs a package that is missing: dask\.distributed"):
        list(parallel_map(abs, [(1,), (2,)], 2, "dask"))


class Killed(Exception):
    """Stands for a kill."""


def test_killed_job_goes_on_from_the_parts_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = simulated_pool(10)

    def kill(done: int, total: int) -> None:
        if done >= 8:
            raise Killed

    with pytest.raises(Killed):
        fill(cohort, tmp_path, on_progress=kill)
    assert not any(name.endswith("cache.json") for name in files_of(tmp_path))
    read: list[str] = []
    original = filling.read_entry
    monkeypatch.setattr(filling, "read_entry", lambda entry: read.append(entry.record_id) or original(entry))
    resumed = fill(cohort, tmp_path)
    assert read == [entry.record_id for entry in cohort.entries[8:]]
    assert resumed.digest == fill(cohort, tmp_path / "whole").digest
    assert not any("partial" in name or "part-" in name for name in files_of(tmp_path))


def test_job_killed_while_a_part_is_written_leaves_no_half_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of its own ends on the spot, as by SIGKILL, with half of the second part on the disk."""
    cohort, savez = simulated_pool(6), np.savez
    written: list[int] = []

    def half(file: BinaryIO, **arrays: np.ndarray) -> None:
        whole = io.BytesIO()
        savez(whole, **arrays)
        if written:
            file.write(whole.getvalue()[: whole.tell() // 2])
            file.flush()
            os._exit(9)
        written.append(file.write(whole.getvalue()))

    with monkeypatch.context() as patch:
        patch.setattr(filling.np, "savez", half)
        process = multiprocessing.get_context("fork").Process(target=fill, args=(cohort, tmp_path / "cache"))
        process.start()
        process.join()
    assert process.exitcode == 9
    resumed = fill(cohort, tmp_path / "cache")
    assert resumed.record_ids == tuple(entry.record_id for entry in cohort.entries)
    assert resumed.digest == fill(cohort, tmp_path / "whole").digest


@pytest.mark.parametrize("at", ["part-00001", "windows.npy", "cache.json"])
def test_full_disk_is_one_line_and_leaves_nothing_that_looks_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    real_open = Path.open

    def open_or_full(path: Path, *arguments: object, **options: object) -> object:
        if at in path.name and "w" in str(options.get("mode", arguments[:1])):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real_open(path, *arguments, **options)

    cohort = simulated_pool(6)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_or_full)
        with pytest.raises(CacheError, match="the disk is full; free space or pass --cache-dir"):
            fill(cohort, tmp_path)
    folders = [path for path in tmp_path.rglob("*") if path.is_dir() and path.parent != tmp_path]
    assert all(path.name.endswith(".partial") for path in folders)
    assert len(fill(cohort, tmp_path).record_ids) == 6


def test_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="the cache cannot be used"):
        fill(simulated_pool(1), tmp_path / "file")


def test_damaged_cache_is_said_to_be(tmp_path: Path) -> None:
    fill(simulated_pool(3), tmp_path)
    path = next(tmp_path.rglob("records.npz"))
    path.write_bytes(b"not an archive")
    with pytest.raises(CacheError, match=r"is damaged .*; delete the folder and run again"):
        fill(simulated_pool(3), tmp_path)


FILL = """
import sys
from pathlib import Path

from ecgml.cohorts.opening import open_cohort
from ecgml.cohorts.pool import simulated_pool
from ecgml.datasets.cache import open_or_fill
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.preprocessing.shapes import window_shapes

calls = []
open_or_fill(simulated_pool(8), PreprocessingSettings(), Path(sys.argv[1]), on_progress=lambda *at: calls.append(at))
print(len(calls))
"""


@pytest.mark.slow
def test_two_jobs_that_want_the_same_cache_fill_it_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILL, str(tmp_path)]
    jobs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    calls = sorted(int(job.communicate(timeout=120)[0]) for job in jobs)
    assert calls[0] == 0
    assert calls[1] > 0


def test_cohort_without_a_usable_record_makes_an_empty_cache(tmp_path: Path) -> None:
    cohort = with_unreadable(simulated_pool(1), tmp_path)
    cached = fill(replace(cohort, entries=cohort.entries[1:]), tmp_path / "cache")
    assert len(cached.windows) == 0
    assert [bad.record_id for bad in cached.quarantined] == ["broken"]


def test_job_stops_when_more_than_its_share_is_unusable(tmp_path: Path) -> None:
    cohort = with_unreadable(simulated_pool(19), tmp_path)
    cached = fill(cohort, tmp_path / "cache")
    check_quarantine(cohort, cached, 0.05)
    with pytest.raises(CohortError, match=r"1 of 20 files are unusable, more than 4%; .*raise --max-quarant"):
        check_quarantine(cohort, cached, 0.04)
    check_quarantine(replace(cohort, entries=cohort.entries[:3]), cached, 0.04)


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Cohort]:
    """Return a function that writes three sines of 1 mV, in mV, with a manifest, and opens it."""

    def write(columns: str, cells: str) -> Cohort:
        times = np.arange(5000) / 500
        folder = tmp_path / "own"
        folder.mkdir()
        rows = [f"path,rhythm,{columns}"]
        for number in range(3):
            sine = np.tile(np.sin(2 * np.pi * (7 + number) * times), (12, 1)).T
            np.savetxt(folder / f"{number}.csv", sine, fmt="%.4f", delimiter=",")
            rows.append(f"{number}.csv,SR,{cells}")
        (folder / "manifest.csv").write_text("\n".join(rows))
        return open_cohort(folder)

    return write


@pytest.mark.parametrize(
    ("columns", "cells", "message"),
    [
        (
            "fs,unit",
            "500,uV",
            r"mostly wrong gain \(3\), .*; mV would fit\): correct column unit of .*manifest\.csv, or",
        ),
        ("fs,unit", "500,", r"mostly no unit \(3\), .*: write it in column unit of .*manifest\.csv$"),
        ("fs,unit", ",mV", r"mostly no fs \(3\), .*: write it in column fs of .*manifest\.csv$"),
        ("fs,unit", "2500,mV", r"mostly too short \(3\), .* are 2 s; .*; pass --min-duration-s if"),
    ],
)
def test_stopped_job_names_the_probable_cause_and_where_to_mend_it(
    manifest: Callable[..., Cohort], tmp_path: Path, columns: str, cells: str, message: str
) -> None:
    cohort = manifest(columns, cells)
    with pytest.raises(CohortError, match=message) as caught:
        check_quarantine(cohort, fill(cohort, tmp_path / "cache"), 0.25)
    assert "max-quarantined" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_job_stops_when_all_of_a_small_cohort_is_unusable(tmp_path: Path) -> None:
    cohort = replace(with_unreadable(simulated_pool(1), tmp_path), entries=())
    cohort = replace(cohort, entries=with_unreadable(simulated_pool(1), tmp_path).entries[1:])
    with pytest.raises(CohortError, match="1 of 1 files are unusable"):
        check_quarantine(cohort, fill(cohort, tmp_path / "cache"), 0.25)
