"""The simulated demo cohort on disk: whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ecgml.cohorts.places import SIMULATED
from ecgml.cohorts.simulation.admission import admit
from ecgml.cohorts.simulation.chapman_files import write_csv
from ecgml.cohorts.simulation.roster import admissions
from ecgml.cohorts.simulation.tables import write_tables
from ecgml.cohorts.simulation.wfdb_files import write_wfdb
from ecgml.config import nearest
from ecgml.errors import CohortError
from ecgml.saving import whole_folder

GENERATOR_VERSION = 1
"""Raised whenever the same seed gives other records."""

LAYOUTS = ("chapman", "wfdb")


def write_demo(
    out: Path,
    *,
    n_records: int = 1000,
    seed: int = 0,
    layout: str = "chapman",
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a simulated cohort in the layout of a real data set, with that set's oddities and defects.

    The same arguments give the same bytes. Records do not depend on `n_records`: a larger demo begins with a smaller
    one's records.

    Parameters
    ----------
    out : Path
        The folder; it may exist if it is empty.
    n_records : int
        At least 1. From 11 records on every rhythm is there.
    seed : int
        Not negative.
    layout : str
        ``"chapman"`` (Chapman-Shaoxing: spreadsheets and `ECGData/*.csv`) or ``"wfdb"`` (PhysioNet's ecg-arrhythmia,
        and Diagnostics.xlsx whose row *n* is record JS*n*).
    progress : callable, optional
        Called with the number of records written and their total after each.

    Raises
    ------
    CohortError
        If the folder exists and is not empty, an argument does not fit, or writing fails. What was written is then
        removed.
    """
    if layout not in LAYOUTS:
        raise CohortError(f"layout: {layout!r} is unknown{nearest(layout, LAYOUTS)}; one of {', '.join(LAYOUTS)}")
    if n_records < 1 or seed < 0:
        raise CohortError(
            f"simulation: {n_records} records with seed {seed}; at least one and no negative seed are needed"
        )
    with _whole_or_nothing(Path(out)) as folder:
        rows = []
        for admission in admissions(n_records, seed):
            waveform, row = admit(admission, seed)
            if layout == "chapman":
                file = write_csv(folder, admission.name, waveform)
            else:
                file = write_wfdb(folder, admission.number, waveform, row)
            if admission.defect == "truncated":
                os.truncate(file, int(0.6 * file.stat().st_size))
            rows.append(row)
            if progress is not None:
                progress(len(rows), n_records)
        write_tables(folder, rows)
        marker = {"simulated": True, "version": GENERATOR_VERSION, "seed": seed, "n_records": n_records}
        (folder / SIMULATED).write_text(json.dumps(marker | {"layout": layout}, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _whole_or_nothing(out: Path) -> Iterator[Path]:
    """Give a hidden folder beside `out` that takes its name at the end, or is removed when anything goes wrong.

    A kill leaves the hidden folder, without tables or marker: nothing takes it for a data set.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CohortError(f"{out}: exists and is not empty; choose another folder or remove it")
    try:
        with whole_folder(out) as partial:
            yield partial
            if out.exists():
                out.rmdir()  # while it is still empty
    except OSError as error:
        raise CohortError(f"{out}: the demo cohort cannot be written: {error.strerror or error}") from error
