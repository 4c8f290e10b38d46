"""A cohort: a data set on disk as a list of labelled records, before any waveform is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ecgml.cohorts.simulation.record import simulate_record
from ecgml.records.reading import files_of, read_record
from ecgml.records.record import Record


@dataclass(frozen=True)
class Entry:
    """One record of a cohort: where its waveform is and what its table says of it."""

    record_id: str
    """Unique within the cohort; the file's name without suffix where the source has no better one."""
    path: Path
    rhythms: tuple[str, ...] = ()
    """Rhythm codes of `ecgml.records.rhythms` as the source wrote them, in that module's order."""
    others: tuple[str, ...] = ()
    """The source's further statements that are no rhythm of `ecgml.records.rhythms`, as written."""
    given: Mapping[str, float] = field(default_factory=dict)
    """Clinical values by the names of `ecgml.records.clinical`."""
    further: Mapping[str, float] = field(default_factory=dict)
    """The table's numbers that are no clinical columns, by its own names (Chapman: QRSCount, QOnset, …): to look at,
    never features."""
    patient_id: str | None = None
    """Records of one patient share it; None where the source does not say."""
    source: str = ""
    """Where the record comes from (a hospital, a database); the cohort's name where nothing finer is known."""
    date: str | None = None
    """Acquisition date, ISO 8601; never a feature."""
    fold: int | None = None
    """The source's own fold (PTB-XL's strat_fold)."""
    aliases: tuple[str, ...] = ()
    """Other ids of the same ECG in other editions of the data set (JS00008 and MUSE_20180209_172046_21000): duplicates
    are recognised across cohorts by them."""
    twin_key: str | None = None
    """A fingerprint of what the table says of the record where that is specific enough that two records which share it
    are near-certainly one ECG (Chapman: all 13 measurements and the rhythm)."""
    promised_s: float | None = None
    """The length that the data set promises, s (Chapman: 10); a shorter file is truncated."""
    simulated: tuple[str, int] | None = None
    """Rhythm and seed of a record without a file, simulated when it is read (`ecgml.cohorts.pool`)."""
    read_options: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of `ecgml.records.reading.read_record` that the file itself does not tell (fs, unit, leads); of
    a simulated record, how it is made."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Files of the waveform, existing or not; none for a simulated record."""
        return () if self.simulated else files_of(self.path)


@dataclass(frozen=True)
class Cohort:
    """A data set on disk."""

    name: str
    """Short, unique within a job: the folder's name."""
    kind: str
    """``chapman``, ``physionet``, ``ptbxl``, ``ludb``, ``manifest`` or ``pool``."""
    root: Path
    entries: tuple[Entry, ...]
    absent: tuple[Entry, ...] = ()
    """Table rows whose file is not there (a partial copy): counted, warned of once, not quarantined. What the table
    says of them can still be looked at."""
    warnings: tuple[str, ...] = ()
    """One line each, for the person who started the job."""
    simulated: bool = False
    """Whether the records were made by the project's simulator."""
    table: Mapping[str, Path] = field(default_factory=dict)
    """The tables that were read, by role (``diagnostics``, ``labels``, ``manifest``)."""

    @property
    def rows_without_file(self) -> int:
        """Number of table rows without a file."""
        return len(self.absent)


def read_entry(entry: Entry) -> Record:
    """Read the waveform of an entry, or simulate it.

    Raises
    ------
    RecordError
        If the file is missing, malformed or unreadable.
    """
    if entry.simulated:
        rhythm, seed = entry.simulated
        made = simulate_record(rhythm, np.random.default_rng(seed), ectopic_share=entry.read_options["ectopic_share"])
        return Record(made.waveform, made.fs, entry.record_id)
    return read_record(entry.path, **entry.read_options)
