"""Records that a scheme has no class for, by kind: what a model should not answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.cohort import Cohort, Entry
from ecgml.datasets.cache import CachedCohort
from ecgml.datasets.table import RecordTable, build_table
from ecgml.records.schemes import Scheme

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
    """Return what kind of record outside the scheme an entry is; empty for one inside."""
    for statement in entry.others:
        if statement in STATEMENTS:
            return STATEMENTS[statement]
    name, _ = scheme.class_of(entry.rhythms)
    if name:
        return ""
    inside = any(rhythm in members for rhythm in entry.rhythms for members in scheme.members.values())
    return AMBIGUOUS if inside else UNNAMED


def outside_table(
    cohorts: Sequence[Cohort], caches: Sequence[CachedCohort], scheme: Scheme
) -> tuple[RecordTable, NDArray[np.str_]]:
    """Return the usable records outside a scheme, and the kind of each.

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
