"""Cohort -> memory-mapped int16 windows, one folder per preprocessing hash and cohort.

A folder ``<cache_dir>/<preprocessing hash>/<cohort>-<key>`` holds ``windows.npy``, ``records.npz`` and
``cache.json``. It is filled beside its place (`ecgml.datasets.filling`) and renamed when whole; a job that was killed
goes on from the parts that are there. A lock that the operating system drops with its holder keeps two jobs from
filling the same folder: the second waits, then finds it full.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from ecgml.cohorts.cohort import Cohort, Entry
from ecgml.datasets.amplitudes import misfits
from ecgml.datasets.filling import FORMAT, fill
from ecgml.errors import CacheError, CohortError
from ecgml.measurements.intervals import INTERVALS
from ecgml.preprocessing.preprocess import SUSPECT, SUSPECT_AMPLITUDE
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.clinical import CLINICAL_NAMES


@dataclass(frozen=True)
class Quarantined:
    """A record whose file exists but is unusable."""

    record_id: str
    reason: str
    message: str


@dataclass(frozen=True, eq=False)
class CachedCohort:
    """The preprocessed records of a cohort.

    Parameters
    ----------
    windows : ndarray of int16, shape (n_windows, n_leads, n_times)
        Memory-mapped, in steps of `ecgml.preprocessing.preprocess.STEP_MV`.
    n_valid : ndarray of int32, shape (n_windows,)
        Time points of each window that were recorded; the rest is zero.
    record_ids : tuple of str
        The usable records, in the cohort's order.
    first_window : ndarray of int64, shape (n_records + 1,)
        Record i has the windows ``first_window[i] : first_window[i + 1]``.
    measured : ndarray of float32, shape (n_records, n_features)
        Clinical values measured from the waveform, as far as the model sees them; NaN where not.
    fingerprints : tuple of str
        A digest of each record's waveform: equal for equal recordings.
    notes : tuple of str
        What preprocessing found wanting in each record and mended, and whether its amplitude is far from the cohort's.
    quarantined : tuple of Quarantined
        Records that are there but unusable.
    digest : str
        SHA-256 of all waveforms and record ids.
    amplitudes : ndarray of float32, shape (n_records,)
        What the typical lead of each record spans, mV; NaN where no lead moves.
    intervals : ndarray of float32, shape (n_records, n_intervals)
        By `ecgml.measurements.intervals.INTERVALS`, whether the model sees them or not; NaN where not measured.
    preprocessing : PreprocessingSettings
        That they were made with.
    shapes : ndarray, shape (n_windows, 2)
        QRS width (ms) and share of odd beats of each window, by `ecgml.preprocessing.shapes`; NaN where not measured.
    n_leads : ndarray of int64, shape (n_windows,)
        Usable leads of each window.
    """

    windows: NDArray[np.int16]
    n_valid: NDArray[np.int32]
    record_ids: tuple[str, ...]
    first_window: NDArray[np.int64]
    measured: NDArray[np.float32]
    fingerprints: tuple[str, ...]
    notes: tuple[str, ...]
    quarantined: tuple[Quarantined, ...]
    digest: str
    amplitudes: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    intervals: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, len(INTERVALS)), np.float32))
    preprocessing: PreprocessingSettings = field(default_factory=PreprocessingSettings)
    shapes: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    n_leads: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


def open_or_fill(
    cohort: Cohort,
    settings: PreprocessingSettings,
    cache_dir: Path,
    *,
    n_jobs: int = 1,
    backend: str = "loky",
    on_progress: Callable[[int, int], None] | None = None,
) -> CachedCohort:
    """Return the cache of a cohort, filling it first where it is not there yet.

    Parameters
    ----------
    cohort : Cohort
    settings : PreprocessingSettings
    cache_dir : Path
        Made where it does not exist.
    n_jobs : int
        Processes that read and preprocess.
    backend : str
        Where they run: one of `ecgml.datasets.parallel.BACKENDS`.
    on_progress : callable, optional
        Called with (records done, records in all).

    Raises
    ------
    CacheError
        If the cache cannot be written (the disk is full, no permission) or read.
    """
    folder = cache_dir / settings.digest() / f"{cohort.name}-{_cohort_key(cohort)}"
    with explain_faults(cache_dir):
        if not (folder / "cache.json").is_file():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(folder.with_name(folder.name + ".lock")):
                if not (folder / "cache.json").is_file():
                    fill(cohort.entries, settings, folder, n_jobs, on_progress, backend)
        return _open(folder, settings)


def _cohort_key(cohort: Cohort) -> str:
    """Return a digest of a cohort's files: names, sizes, times, and how to read them."""
    digest = hashlib.sha256(repr((FORMAT, CLINICAL_NAMES, INTERVALS)).encode())
    for entry in cohort.entries:
        path = entry.path.relative_to(cohort.root) if entry.path.is_relative_to(cohort.root) else entry.path
        facts = (
            entry.record_id,
            path.as_posix(),
            _stamps(entry),
            entry.promised_s,
            entry.read_options,
            entry.simulated,
        )
        digest.update(repr(facts).encode())
    return digest.hexdigest()[:16]


def _stamps(entry: Entry) -> list[tuple[int, int]]:
    """Sizes and modification times of a record's files."""
    stamps = []
    for path in entry.files:
        with contextlib.suppress(OSError):
            status = path.stat()
            stamps.append((status.st_size, status.st_mtime_ns))
    return stamps


@contextlib.contextmanager
def explain_faults(cache_dir: Path) -> Iterator[None]:
    """Turn the operating system's errors about a cache folder into a CacheError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message = f"{cache_dir}: the disk is full; free space or pass --cache-dir on another disk"
        else:
            message = f"{cache_dir}: the cache cannot be used: {error.strerror or error}; pass another --cache-dir"
        raise CacheError(message) from error


def _open(folder: Path, settings: PreprocessingSettings) -> CachedCohort:
    try:
        content = json.loads((folder / "cache.json").read_text())
        with np.load(folder / "records.npz") as arrays:
            records = {name: arrays[name] for name in arrays.files}
        windows = np.load(folder / "windows.npy", mmap_mode="r")
    except (ValueError, KeyError, BadZipFile) as error:
        raise CacheError(f"{folder}: the cache is damaged ({error}); delete the folder and run again") from None
    return CachedCohort(
        windows,
        records["n_valid"],
        tuple(records["record_ids"].tolist()),
        np.concatenate([[0], np.cumsum(records["n_windows"], dtype=np.int64)]),
        records["measured"],
        tuple(records["fingerprints"].tolist()),
        _with_misfits(records["notes"].tolist(), records["amplitudes"]),
        tuple(Quarantined(*row) for row in content["quarantined"]),
        content["digest"],
        records["amplitudes"],
        records["intervals"],
        settings,
        records["shapes"],
        records["n_leads"],
    )


def _with_misfits(notes: list[str], amplitudes: NDArray[np.float32]) -> tuple[str, ...]:
    """Add notes on records far from the cohort's amplitude, unless they are already suspect."""
    return tuple(
        "; ".join(filter(None, [note, SUSPECT + misfit])) if misfit and SUSPECT_AMPLITUDE not in note else note
        for note, misfit in zip(notes, misfits(amplitudes), strict=True)
    )


def check_quarantine(cohort: Cohort, cached: CachedCohort, max_share: float, from_records: int = 20) -> None:
    """Stop when too much of a cohort is unusable.

    Raises
    ------
    CohortError
        If more than ``max_share`` of a cohort of at least ``from_records`` files is quarantined, or all of it.
    """
    n_files, n_bad = len(cohort.entries), len(cached.quarantined)
    if n_bad and (n_bad == n_files or (n_files >= from_records and n_bad > max_share * n_files)):
        reason, count = Counter(bad.reason for bad in cached.quarantined).most_common(1)[0]
        first = next(bad for bad in cached.quarantined if bad.reason == reason)
        raise CohortError(
            f"{cohort.root}: {n_bad} of {n_files} files are unusable, more than {max_share:.0%}; mostly {reason} "
            f"({count}), first: {first.message}{_remedy(cohort, reason, first.message, n_bad < n_files)}"
        )


_IN_MANIFEST = {
    "no fs": "write it in column fs of {}",
    "no unit": "write it in column unit of {}",
    "wrong gain": "correct column unit of {}, or what the file says",
    "contradiction": "empty that cell of {}",
}
"""What to do about files of a manifest, by the reason of their quarantine."""


def _remedy(cohort: Cohort, reason: str, message: str, some_are_usable: bool) -> str:
    """Return the remedy for a mostly unusable cohort, by the main cause."""
    if "manifest" in cohort.table and reason in _IN_MANIFEST:
        return ": " + _IN_MANIFEST[reason].format(cohort.table["manifest"])
    if reason == "too short":
        return "; pass --min-duration-s if they are meant to be so short"
    if reason == "missing" and "--min-leads" in message:
        return ""
    if reason == "over amplitude":
        return "; check its unit or the headers' gain, or raise --max-amplitude-mv if such amplitudes are expected"
    return "; raise --max-quarantined if that is expected" if some_are_usable else ""
