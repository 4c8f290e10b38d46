"""Fill a cache: read, preprocess and write a cohort in parts, then join them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.cohort import Entry, read_entry
from ecgml.datasets.parallel import parallel_map
from ecgml.datasets.windows import cut_windows
from ecgml.errors import RecordError
from ecgml.measurements.intervals import INTERVALS
from ecgml.preprocessing.preprocess import preprocess
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.preprocessing.shapes import window_shapes
from ecgml.records.clinical import CLINICAL_NAMES, clinical_row
from ecgml.records.leads import LEADS
from ecgml.saving import flush, whole_file

PART_SIZE = 256
"""Records in a part: what a killed job loses at most, and what a worker takes at a time."""

FORMAT = 4
"""Rises when a cache holds other arrays, or the code beside `ecgml.preprocessing.settings.CODE` fills it otherwise."""


@dataclass(frozen=True, eq=False)
class _Part:
    """Some preprocessed records, as one part file holds them."""

    windows: NDArray[np.int16]
    n_valid: NDArray[np.int32]
    n_windows: NDArray[np.int32]
    measured: NDArray[np.float32]
    intervals: NDArray[np.float32]
    """By `ecgml.measurements.intervals.INTERVALS`; NaN where not measured."""
    record_ids: NDArray[np.str_]
    fingerprints: NDArray[np.str_]
    notes: NDArray[np.str_]
    amplitudes: NDArray[np.float32]
    """mV, by `ecgml.preprocessing.amplitude`."""
    shapes: NDArray[np.float64]
    """QRS width and share of odd beats of each window, by `ecgml.preprocessing.shapes`; NaN where not measured."""
    n_leads: NDArray[np.int64]
    """Usable leads of each window."""
    quarantined: NDArray[np.str_]
    """(record_id, reason, message) rows."""


def fill(
    entries: Sequence[Entry],
    settings: PreprocessingSettings,
    folder: Path,
    n_jobs: int,
    on_progress: Callable[[int, int], None] | None,
    backend: str = "loky",
) -> None:
    """Read, preprocess and write records into a folder that appears only when complete.

    Raises
    ------
    OSError
        If the folder cannot be written; the parts that are whole stay for the next call.
    CacheError
        If workers are killed again and again, or the backend cannot be used.
    """
    partial = folder.with_name(folder.name + ".partial")
    partial.mkdir(exist_ok=True)
    jobs = [
        (entries[start : start + PART_SIZE], settings, partial / f"part-{start // PART_SIZE:05d}.npz")
        for start in range(0, len(entries), PART_SIZE)
    ]
    done = 0
    for n_done in parallel_map(_write_part, jobs, n_jobs, backend):
        done += n_done
        if on_progress:
            on_progress(done, len(entries))
    _assemble([path for _, _, path in jobs], settings, partial)
    for _, _, path in jobs:
        path.unlink(missing_ok=True)
    if folder.exists():  # an older folder without its cache.json: never whole, never used
        shutil.rmtree(folder)
    os.replace(partial, folder)


def _write_part(entries: Sequence[Entry], settings: PreprocessingSettings, path: Path) -> int:
    """Read and preprocess some records into a part file, unless it is there; return how many records it stands for."""
    if path.exists():
        return len(entries)
    windows, n_valid, n_windows, measured, kept, fingerprints, notes, quarantined = [], [], [], [], [], [], [], []
    intervals, amplitudes = [], []
    shapes: list[NDArray[Any]] = []
    n_leads: list[NDArray[Any]] = []
    for entry in entries:
        try:
            prepared = preprocess(read_entry(entry), settings, entry.promised_s)
        except RecordError as error:
            quarantined.append((entry.record_id, error.reason, str(error)))
            continue
        cut, valid = cut_windows(prepared.waveform, settings.n_times)
        windows.append(cut)
        n_valid.append(valid)
        n_windows.append(len(cut))
        measured.append(clinical_row({}, prepared.measured)[0])
        intervals.append([prepared.intervals.values.get(name, np.nan) for name in INTERVALS])
        kept.append(entry.record_id)
        fingerprints.append(hashlib.sha256(prepared.waveform.tobytes()).hexdigest()[:16])
        notes.append("; ".join(prepared.notes))
        amplitudes.append(prepared.amplitude_mv)
        measured_shapes = window_shapes(cut, valid, settings.fs, prepared.beats)
        for values, own in zip((shapes, n_leads), measured_shapes, strict=True):
            values.append(own)
    part = _Part(
        np.concatenate(windows) if windows else np.zeros((0, len(LEADS), settings.n_times), np.int16),
        np.concatenate(n_valid) if n_valid else np.zeros(0, np.int32),
        np.array(n_windows, np.int32),
        np.stack(measured) if measured else np.zeros((0, len(CLINICAL_NAMES)), np.float32),
        np.array(intervals, np.float32).reshape(-1, len(INTERVALS)),
        np.array(kept, np.str_),
        np.array(fingerprints, np.str_),
        np.array(notes, np.str_),
        np.array(amplitudes, np.float32),
        np.concatenate(shapes) if shapes else np.zeros((0, 2)),
        np.concatenate(n_leads) if n_leads else np.zeros(0, np.int64),
        np.array(quarantined, np.str_).reshape(-1, 3),
    )
    _savez(path, asdict(part))
    return len(entries)


def _assemble(parts: Sequence[Path], settings: PreprocessingSettings, folder: Path) -> None:
    """Join the parts into the cache's files, one part in memory at a time."""
    columns: dict[str, list[NDArray[Any]]] = {field.name: [] for field in fields(_Part) if field.name != "windows"}
    digest, total = hashlib.sha256(), 0
    for path in parts:
        with np.load(path) as part:
            for name, values in columns.items():
                values.append(part[name])
            total += len(part["n_valid"])
    header = {"descr": "<i2", "fortran_order": False, "shape": (total, len(LEADS), settings.n_times)}
    # Written, not mapped: a full disk is an error here, but kills a process that writes through a map.
    with (folder / "windows.npy").open("wb") as file:
        np.lib.format.write_array_header_2_0(file, header)
        for path in parts:
            with np.load(path) as part:
                block = part["windows"].astype("<i2", copy=False).tobytes()
            file.write(block)
            digest.update(block)
    flush(folder / "windows.npy")
    joined = {name: np.concatenate(values) for name, values in columns.items()}
    quarantined = joined.pop("quarantined").tolist()
    digest.update("\n".join(joined["record_ids"].tolist()).encode())
    _savez(folder / "records.npz", joined)
    content = {
        "format": FORMAT,
        "preprocessing": asdict(settings),
        "clinical": list(CLINICAL_NAMES),
        "digest": digest.hexdigest(),
        "quarantined": quarantined,
    }
    with whole_file(folder / "cache.json") as partial:
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _savez(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
