"""`ecgml prepare --export`: denoised recordings in the data set's own layout."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ecgml.cohorts.cohort import Cohort, Entry, read_entry
from ecgml.cohorts.places import SIMULATED
from ecgml.datasets.parallel import parallel_map
from ecgml.errors import CohortError, RecordError
from ecgml.pipeline.job.console import Console
from ecgml.preprocessing.preprocess import denoise_record
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.leads import LEADS
from ecgml.saving import whole_file

SIGNAL_FOLDER = "ECGDataDenoised"
MARKER = "EXPORT.json"
"""File with the settings of an export; a stopped export is resumed only with the same settings."""


def check_exportable(cohorts: Sequence[Cohort], settings: PreprocessingSettings) -> None:
    """Refuse cohorts that cannot be exported, before reading.

    Raises
    ------
    CohortError
        If there are several cohorts, one of another kind than ``chapman``, or nothing is to be denoised.
    """
    if len(cohorts) != 1 or cohorts[0].kind != "chapman":
        raise CohortError(
            f"export: {', '.join(c.name for c in cohorts)}; the layout is for one Chapman-Shaoxing folder"
        )
    if settings.denoise == "none":
        raise CohortError("export: nothing would be denoised; choose a filter, --denoise zheng2020 for one")


def export_denoised(
    cohorts: Sequence[Cohort],
    settings: PreprocessingSettings,
    folder: Path,
    n_jobs: int,
    console: Console,
    backend: str = "loky",
) -> str:
    """Write denoised recordings as the Chapman-Shaoxing set has them: CSV in µV without header, tables beside them.

    A file takes its name when it is whole; those that are there, and no older than the recordings that they are made
    of, are not written again.

    Parameters
    ----------
    cohorts : sequence of Cohort
        One, of the kind ``chapman``.
    settings : PreprocessingSettings
        Its denoiser is applied; the model's band and rate are not.
    folder : Path
    n_jobs : int
        Processes.
    console : Console
    backend : str
        Where they run: one of `ecgml.datasets.parallel.BACKENDS`.

    Returns
    -------
    summary : str

    Raises
    ------
    CohortError
        As :func:`check_exportable`, or if the folder holds something else or writing fails.
    """
    check_exportable(cohorts, settings)
    cohort = cohorts[0]
    made_with = {"denoise": settings.denoise, "source": cohort.name}
    try:
        _claim(folder, made_with, cohort)
        jobs = [(entry, settings, folder / SIGNAL_FOLDER) for entry in cohort.entries]
        failed = []
        with console.progress(f"exporting {cohort.name}", "records") as show:
            for done, reason in enumerate(parallel_map(_export_one, jobs, n_jobs, backend), 1):
                failed += [reason] if reason else []
                show(done, len(jobs))
    except OSError as error:
        raise CohortError(f"{folder}: cannot be written: {error.strerror or error}") from error
    left_out = f"; {len(failed):,} unusable, the first: {sorted(failed)[0]}" if failed else ""
    return f"{folder}: {len(jobs) - len(failed):,} recordings, denoised by {settings.denoise}{left_out}"


def _claim(folder: Path, made_with: dict[str, str], cohort: Cohort) -> None:
    """Create the folder, or check that it is an earlier export of the same cohort."""
    marker = folder / MARKER
    if folder.exists() and any(folder.iterdir()):
        if not marker.is_file():
            raise CohortError(f"export: {folder} is not empty; choose another folder")
        earlier = json.loads(marker.read_text(encoding="utf-8"))
        if earlier != made_with:
            raise CohortError(f"export: {folder} holds an export of {earlier}; choose another folder")
    (folder / SIGNAL_FOLDER).mkdir(parents=True, exist_ok=True)
    marker.write_text(json.dumps(made_with) + "\n", encoding="utf-8")
    for table in cohort.table.values():
        shutil.copyfile(table, folder / table.name)
    if cohort.simulated:
        shutil.copyfile(cohort.root / SIMULATED, folder / SIMULATED)


def _export_one(entry: Entry, settings: PreprocessingSettings, folder: Path) -> str:
    """Write one recording unless it exists; return why it is unusable, or ``""``."""
    path = folder / f"{entry.record_id}.csv"
    if path.exists() and path.stat().st_mtime_ns >= max(file.stat().st_mtime_ns for file in entry.files):
        return ""
    try:
        denoised = denoise_record(read_entry(entry), settings, entry.promised_s)
    except RecordError as error:
        return str(error)
    waveform = np.zeros((len(LEADS), denoised.waveform.shape[1]))
    waveform[denoised.usable] = 1000 * denoised.waveform
    with whole_file(path) as partial:
        np.savetxt(partial, waveform.T, fmt="%.5g", delimiter=",")
    return ""
