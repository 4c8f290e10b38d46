"""Options of reading a file, reconciled with the file's own statements."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS, canonical_lead
from ecgml.records.record import Record
from ecgml.records.units import UNITS, mv_per_unit


@dataclass(frozen=True)
class ReadOptions:
    """What the caller gives; None where the file is expected to tell."""

    fs: float | None = None
    """Sampling frequency, Hz."""
    unit: str | None = None
    """Unit of the values: V, mV, uV or nV."""
    leads: tuple[str, ...] | None = None
    """Names of the channels, in the file's order."""
    yields: bool = False
    """Whether all this is for files that do not tell it: what a file states stands then, and is no contradiction."""

    def settle_fs(self, stated: float | None, where: str) -> float:
        """Return the sampling frequency that file and caller agree on, Hz.

        Raises
        ------
        RecordError
            If neither tells, they contradict each other (and the caller does not yield), or it is no positive number.
        """
        differs = stated is not None and self.fs is not None and not math.isclose(stated, self.fs, rel_tol=1e-6)
        if differs and not self.yields:
            raise RecordError(
                f"{where}: the file says {stated:g} Hz, fs {self.fs:g} was given; leave it out", "contradiction"
            )
        fs = self.fs if stated is None else stated
        if fs is None:
            raise RecordError(f"{where}: the file does not tell its sampling frequency (Hz); give fs", "no fs")
        if not (math.isfinite(fs) and fs > 0):
            raise RecordError(f"{where}: sampling frequency {fs:g} Hz; a positive number is needed", "no fs")
        return float(fs)

    def settle_unit(self, stated: str | None, where: str) -> float:
        """Return the mV of one unit that file and caller agree on.

        Raises
        ------
        RecordError
            If neither tells, they contradict each other (and the caller does not yield), or it is not a voltage.
        """
        if stated is None and self.unit is None:
            raise RecordError(f"{where}: the file does not tell its unit ({', '.join(UNITS)}); give unit", "no unit")
        scales = [mv_per_unit(unit, where) for unit in (stated, self.unit) if unit is not None]
        if scales[0] != scales[-1] and not self.yields:
            raise RecordError(
                f"{where}: the file says {stated}, unit {self.unit} was given; leave it out", "contradiction"
            )
        return scales[0]

    def settle_leads(self, stated: Sequence[str] | None, n_channels: int, where: str) -> tuple[str, ...]:
        """Return the channels' names that file and caller agree on; twelve nameless ones are the twelve leads.

        Raises
        ------
        RecordError
            If they contradict each other (and the caller does not yield), or do not fit the number of channels.
        """
        names = self.leads if stated is None else tuple(stated)
        if names is not None and self.leads is not None and not self.yields and not _same_leads(names, self.leads):
            written, given = " ".join(names)[:80], " ".join(self.leads)
            raise RecordError(
                f"{where}: the file's leads are {written!r}, leads {given} was given; leave it out", "contradiction"
            )
        if names is None and n_channels == len(LEADS):
            return LEADS
        if names is None or len(names) != n_channels:
            known = f"{len(names)} leads are named" if names else f"expected {len(LEADS)} ({' '.join(LEADS)})"
            raise RecordError(f"{where}: {n_channels} columns, {known}; name the leads in the file", "wrong columns")
        return names


def _same_leads(stated: Sequence[str], given: Sequence[str]) -> bool:
    return [canonical_lead(name) for name in stated] == [canonical_lead(name) for name in given]


def _itself(path: Path) -> tuple[Path, ...]:
    return (path,)


@dataclass(frozen=True)
class Format:
    """A file format that can be read."""

    name: str
    suffixes: frozenset[str]
    """Lower case; a file that bears one is read as this format."""
    recognises: Callable[[Path, bytes], bool]
    """Whether a path without a known suffix is this format, from the path and the file's first bytes."""
    read: Callable[[Path, ReadOptions], Record]
    files: Callable[[Path], tuple[Path, ...]] = _itself
    """The files that `read` opens for a path, there or not: the one that it opens first comes first."""
