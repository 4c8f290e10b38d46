"""Records without a class in the scheme, by kind, which a model should not answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.cohort import Cohort, Entry
from ecgml.datasets.cache import CachedCohort
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable, build_table
from ecgml.pipeline.job.scoring import answer_checkpoint
from ecgml.records.schemes import Scheme, scheme_named
from ecgml.training.checkpoint import Checkpoint

PACED, VENTRICULAR = "paced", "bigeminy, trigeminy, ventricular"
UNNAMED, AMBIGUOUS = "no rhythm of the scheme stated", "several classes stated"

STATEMENTS = {
    **dict.fromkeys(("PACE", "10370003", "251266004", "251268003"), PACED),
    **dict.fromkeys(
        (
            "BIGU",
            "TRIGU",
            "11157007",
            "251180001",
            "164895002",
            "164896001",
            "111288001",
            "49260003",
            "61277005",
            "81898007",
        ),
        VENTRICULAR,
    ),
}
"""Statements of PTB-XL and SNOMED CT codes (PhysioNet's challenges) of rhythms that no scheme here has a class for."""


def kind_of(entry: Entry, scheme: Scheme) -> str:
    """Return the kind of a record outside the scheme; empty for one inside."""
    for statement in entry.others:
        if statement in STATEMENTS:
            return STATEMENTS[statement]
    name, _ = scheme.class_of(entry.rhythms)
    if name:
        return ""
    is_inside = any(rhythm in members for rhythm in entry.rhythms for members in scheme.members.values())
    return AMBIGUOUS if is_inside else UNNAMED


MOST = 100
"""Most records of a kind that are predicted for a report."""


def abstained_outside(
    checkpoint: Checkpoint, cohorts: Sequence[Cohort], caches: Sequence[CachedCohort], store: WindowStore
) -> dict[str, tuple[int, int]]:
    """Predict records outside the model's scheme, at most :data:`MOST` of a kind.

    Parameters
    ----------
    checkpoint : Checkpoint
    cohorts : sequence of Cohort
    caches : sequence of CachedCohort
        One per cohort.
    store : WindowStore
        Of these caches.

    Returns
    -------
    counts : dict of str to (int, int)
        By kind: how many records, and how many of them the model abstained on; empty of a model that never abstains.
    """
    if not checkpoint.calibration.abstention:
        return {}
    table, kinds = outside_table(cohorts, caches, scheme_named(checkpoint.scheme))
    names, counts = np.unique(kinds, return_counts=True)
    rows = [
        np.flatnonzero(kinds == name)[np.linspace(0, n - 1, min(n, MOST)).astype(int)]
        for name, n in zip(names, counts.tolist(), strict=True)
    ]
    if not rows:
        return {}
    chosen = np.concatenate(rows)
    abstained = answer_checkpoint(checkpoint, table[chosen], store)[1].abstained
    parts = np.split(abstained, np.cumsum([len(kind_rows) for kind_rows in rows])[:-1])
    return {str(name): (len(part), int(part.sum())) for name, part in zip(names, parts, strict=True)}


def outside_table(
    cohorts: Sequence[Cohort], caches: Sequence[CachedCohort], scheme: Scheme
) -> tuple[RecordTable, NDArray[np.str_]]:
    """Return the usable records outside a scheme and their kinds.

    Parameters
    ----------
    cohorts : sequence of Cohort
    caches : sequence of CachedCohort
        One per cohort.
    scheme : Scheme

    Returns
    -------
    table : RecordTable
        Its labels mean nothing.
    kinds : ndarray of str, shape (n_records,)
    """
    kinds: dict[str, str] = {}
    any_rhythm = next(iter(scheme.members.values()))[:1]
    given_one = []
    for cohort in cohorts:
        entries = []
        for entry in cohort.entries:
            if kind := kind_of(entry, scheme):
                kinds[f"{cohort.name}/{entry.record_id}"] = kind
                entry = replace(entry, rhythms=any_rhythm)
            else:
                entry = replace(entry, rhythms=())
            entries.append(entry)
        given_one.append(replace(cohort, entries=tuple(entries)))
    table, _ = build_table(given_one, caches, scheme, "none")
    table = table[table.usable]
    return table, np.array([kinds[name] for name in table.record_ids.tolist()], dtype=np.str_)
