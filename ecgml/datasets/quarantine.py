"""Unusable records and records with remarks: as a table, and by class."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import hypergeom

from ecgml.cohorts.cohort import Cohort
from ecgml.datasets.amplitudes import cohort_fault
from ecgml.datasets.cache import CachedCohort
from ecgml.errors import RecordError
from ecgml.preprocessing.preprocess import DERIVED, LEFT_OUT_MISSING, MISSING, SUSPECT, SUSPECT_AMPLITUDE
from ecgml.records.leads import LEADS
from ecgml.records.readers.wfdb import stated_gain
from ecgml.records.schemes import Scheme

LEAST_LOST = 3
"""A class is said to lose more than its share from so many records on."""

LEAST_RATIO = 2.0
"""… and where its loss is at least so many times that of the others."""

SIGNIFICANCE = 0.01
"""… and chance would take so many from some class less often than this."""


HEADERS_LOOKED_AT = 5
"""Of so many records the header tells the gain of a cohort whose amplitudes are off."""


@dataclass(frozen=True)
class Remark:
    """A remark on a record that is unusable or suspect."""

    record_id: str
    used: bool
    reason: str
    """The reason of the quarantine; ``mended`` or ``suspect`` where the record is used."""
    message: str


def remarks_on(cached: CachedCohort) -> Iterator[Remark]:
    """Return the remarks on a cohort's records, the quarantined first.

    A note of mended leads and one of a suspicion are two remarks.
    """
    for bad in cached.quarantined:
        yield Remark(bad.record_id, False, bad.reason, bad.message)
    for record_id, note in zip(cached.record_ids, cached.notes, strict=True):
        for suspect in (False, True):
            if parts := [part for part in note.split("; ") if part and part.startswith(SUSPECT) is suspect]:
                message = "; ".join(part.removeprefix(SUSPECT) for part in parts)
                yield Remark(record_id, True, "suspect" if suspect else "mended", message)


def common_faults(cohort: Cohort, cached: CachedCohort) -> list[str]:
    """Return faults of a whole cohort: its amplitudes, and leads missing from every record.

    Parameters
    ----------
    cohort : Cohort
    cached : CachedCohort
        Of that cohort.

    Returns
    -------
    warnings : list of str
    """
    warnings = []
    # The headers are opened only where the amplitudes ask for it.
    if (fault := cohort_fault(cached.amplitudes)) is not None:
        gain = _stated_gain(cohort, cached)
        warnings.append(cohort_fault(cached.amplitudes, gain) or fault)
    missing, derived = _lacking_everywhere(cached.notes)
    kinds = [f"{', '.join(leads)} {how}" for leads, how in ((missing, "missing"), (derived, "derived")) if leads]
    if kinds:
        warnings.append(f"leads that none of the {len(cached.notes):,} usable records has: {'; '.join(kinds)}")
    return warnings


def suspect_amplitudes(cached: CachedCohort) -> list[str]:
    """Return the records whose amplitude is implausible, or far from their cohort's."""
    return [name for name, note in zip(cached.record_ids, cached.notes, strict=True) if SUSPECT_AMPLITUDE in note]


def _stated_gain(cohort: Cohort, cached: CachedCohort) -> float | None:
    """Return the gain that the headers of a cohort state, steps a mV; None where they differ or there are none."""
    usable = set(cached.record_ids)
    headers = [entry.path for entry in cohort.entries if entry.record_id in usable and entry.path.suffix == ".hea"]
    gains = set()
    for path in headers[:: max(1, len(headers) // HEADERS_LOOKED_AT)][:HEADERS_LOOKED_AT]:
        with contextlib.suppress(RecordError):
            gains.add(stated_gain(path))
    return gains.pop() if len(gains) == 1 else None


def _lacking_everywhere(notes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the leads that are missing, and those that are derived, in every record."""
    missing = derived = set(LEADS) if notes else set()
    for note in notes:
        parts = note.split("; ")
        missing = missing & {lead for part in parts for lead in _missing_of(part)}
        derived = derived & {
            lead for part in parts if part.startswith(DERIVED) for lead in part.removeprefix(DERIVED).split(", ")
        }
        if not (missing or derived):
            break
    return [lead for lead in LEADS if lead in missing], [lead for lead in LEADS if lead in derived]


def _missing_of(part: str) -> list[str]:
    if part.endswith(LEFT_OUT_MISSING):
        return [part.removesuffix(LEFT_OUT_MISSING)]
    return part.removeprefix(MISSING).split(", ") if part.startswith(MISSING) else []


def unequal_losses(cohort: Cohort, cached: CachedCohort, scheme: Scheme) -> list[str]:
    """Return classes that lose more than their share to the quarantine: the rest may not be typical.

    Parameters
    ----------
    cohort : Cohort
    cached : CachedCohort
        Of that cohort.
    scheme : Scheme
        Whose classes are looked at.

    Returns
    -------
    warnings : list of str
        By the hypergeometric test, corrected for the number of classes (Bonferroni).
    """
    bad = {remark.record_id for remark in cached.quarantined}
    members: dict[str, list[bool]] = {}
    for entry in cohort.entries:
        name = scheme.class_of(entry.rhythms)[0]
        if name is not None:
            members.setdefault(name, []).append(entry.record_id in bad)
    n_all, n_bad = sum(map(len, members.values())), sum(map(sum, members.values()))
    warnings = []
    for name, lost in members.items():
        n, k = len(lost), sum(lost)
        n_others, k_others = n_all - n, n_bad - k
        if k < LEAST_LOST or not n_others or k * n_others < LEAST_RATIO * k_others * n:
            continue
        if hypergeom.sf(k - 1, n_all, n_bad, n) * len(members) < SIGNIFICANCE:
            warnings.append(
                f"{name} loses {k:,} of {n:,} records ({k / n:.1%}) to the quarantine, the other classes "
                f"{k_others:,} of {n_others:,} ({k_others / n_others:.1%}): what is left of it may not be typical"
            )
    return warnings


def losses_by_reason(cohort: Cohort, cached: CachedCohort, scheme: Scheme) -> dict[str, dict[str, int]]:
    """Count the quarantined records by reason, most frequent first, and class (``"no class"`` where there is none)."""
    class_of = {entry.record_id: scheme.class_of(entry.rhythms)[0] or "no class" for entry in cohort.entries}
    counts: dict[str, dict[str, int]] = {}
    for bad in cached.quarantined:
        by_class = counts.setdefault(bad.reason, {})
        name = class_of[bad.record_id]
        by_class[name] = by_class.get(name, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: -sum(item[1].values()))
    return {reason: dict(sorted(by_class.items(), key=lambda item: -item[1])) for reason, by_class in ordered}


def as_columns(cohorts: Sequence[Cohort], caches: Sequence[CachedCohort]) -> dict[str, list[Any]]:
    """Return the remarks on all cohorts as columns: cohort, record, file, rhythms, used, reason, message."""
    names = ("cohort", "record", "file", "rhythms", "used", "reason", "message")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for cohort, cached in zip(cohorts, caches, strict=True):
        entries = {entry.record_id: entry for entry in cohort.entries}
        for remark in remarks_on(cached):
            entry = entries[remark.record_id]
            path = next(iter(entry.files), entry.path)
            path = path.relative_to(cohort.root) if path.is_relative_to(cohort.root) else path
            row = (
                cohort.name,
                remark.record_id,
                "" if entry.simulated else path.as_posix(),
                "+".join(entry.rhythms),
                remark.used,
                remark.reason,
                remark.message,
            )
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
    return columns
