"""`ecgml prepare --collect`: copy unusable files for inspection."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ecgml.cohorts.cohort import Cohort
from ecgml.datasets.cache import CachedCohort
from ecgml.datasets.quarantine import as_columns
from ecgml.errors import CohortError
from ecgml.saving import whole_file

LIST = "quarantine.csv"


def collect_quarantined(cohorts: Sequence[Cohort], caches: Sequence[CachedCohort], folder: Path) -> str:
    """Copy the files of quarantined records into ``<folder>/<reason>/<cohort>/``, and list all remarks.

    A file takes its name when it is whole; one that is there already is written again. A record brings all its files
    along: a WFDB header's signal files, a signal file's header.

    Parameters
    ----------
    cohorts, caches : sequence
        In the same order.
    folder : Path
        Made where it is not there.

    Returns
    -------
    summary : str

    Raises
    ------
    CohortError
        If the folder lies within a cohort's, or a file cannot be copied.
    """
    for cohort in cohorts:
        if folder.resolve().is_relative_to(cohort.root.resolve()):
            raise CohortError(f"collect: {folder} lies within the cohort {cohort.root}; choose another folder")
    n_copied = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for cohort, cached in zip(cohorts, caches, strict=True):
            entries = {entry.record_id: entry for entry in cohort.entries}
            for bad in cached.quarantined:
                for path in filter(Path.is_file, entries[bad.record_id].files):
                    inside = path.relative_to(cohort.root) if path.is_relative_to(cohort.root) else Path(path.name)
                    with whole_file(folder / bad.reason.replace(" ", "-") / cohort.name / inside) as partial:
                        shutil.copyfile(path, partial)
                    n_copied += 1
        write_list(cohorts, caches, folder / LIST)
    except OSError as error:
        raise CohortError(f"collect: {folder} cannot be written: {error.strerror or error}") from error
    return f"{folder}: {n_copied:,} files collected, listed in {LIST}"


def write_list(cohorts: Sequence[Cohort], caches: Sequence[CachedCohort], path: Path) -> None:
    """Write all remarks on records as a CSV file, completely or not at all."""
    with whole_file(path) as partial:
        pd.DataFrame(as_columns(cohorts, caches)).to_csv(partial, index=False)
