"""What could not be used, and what was used with a remark: as a table, and whether one class bears it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scipy.stats import hypergeom

from ecgml.cohorts.cohort import Cohort
from ecgml.datasets.cache import CachedCohort
from ecgml.preprocessing.preprocess import SUSPECT
from ecgml.records.schemes import Scheme

LEAST_LOST = 3
"""A class is said to lose more than its share from so many records on."""

LEAST_RATIO = 2.0
"""… and where its loss is at least so many times that of the others."""

SIGNIFICANCE = 0.01
"""… and chance would take so many from some class less often than this."""


@dataclass(frozen=True)
class Remark:
    """A record that is not used as it is."""

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


def unequal_losses(cohort: Cohort, cached: CachedCohort, scheme: Scheme) -> list[str]:
    """Say which classes lose more than their share to the quarantine: what is left of them may be another kind.

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
    bad = {one.record_id for one in cached.quarantined}
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


def as_columns(cohorts: Sequence[Cohort], caches: Sequence[CachedCohort]) -> dict[str, list]:
    """Return the remarks on all cohorts as columns: cohort, record, file, rhythms, used, reason, message."""
    names = ("cohort", "record", "file", "rhythms", "used", "reason", "message")
    columns: dict[str, list] = {name: [] for name in names}
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
