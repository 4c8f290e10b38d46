"""Find records of the same patient or the same ECG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ecgml.cohorts.cohort import Cohort, Entry
from ecgml.datasets.cache import CachedCohort


def same_ecg_keys(entry: Entry, fingerprint: str | None) -> list[str]:
    """Return keys shared by records of the same ECG, in any format.

    Parameters
    ----------
    entry : Entry
    fingerprint : str or None
        Digest of the preprocessed waveform; None where it could not be read.
    """
    keys = [f"ecg {name}" for name in entry.aliases]
    return [*keys, f"waveform {fingerprint}"] if fingerprint else keys


def patient_keys(entry: Entry, cohort_name: str) -> list[str]:
    """Return keys shared by records of the same patient, or near-certainly of the same ECG."""
    keys = [f"patient {cohort_name}/{entry.patient_id}"] if entry.patient_id else []
    return [*keys, f"twin {entry.twin_key}"] if entry.twin_key else keys


def identities(cohorts: Sequence[Cohort], caches: Sequence[CachedCohort]) -> dict[str, list[str]]:
    """Return the keys by which each record is matched in other data sets: aliases, waveform, table row.

    Parameters
    ----------
    cohorts : sequence of Cohort
    caches : sequence of CachedCohort
        One per cohort.
    """
    found = {}
    for cohort, cached in zip(cohorts, caches, strict=True):
        fingerprint_of = dict(zip(cached.record_ids, cached.fingerprints, strict=True))
        for entry in cohort.entries:
            keys = same_ecg_keys(entry, fingerprint_of.get(entry.record_id))
            keys += [f"twin {entry.twin_key}"] if entry.twin_key else []
            found[f"{cohort.name}/{entry.record_id}"] = keys
    return found


def repeated(cached: CachedCohort) -> list[list[str]]:
    """Return the groups of record ids with equal waveforms."""
    members: dict[str, list[str]] = {}
    for record_id, fingerprint in zip(cached.record_ids, cached.fingerprints, strict=True):
        members.setdefault(fingerprint, []).append(record_id)
    return [ids for ids in members.values() if len(ids) > 1]


def connected(keys: Sequence[Iterable[str]]) -> NDArray[np.int64]:
    """Number the groups of records that are connected through shared keys.

    Parameters
    ----------
    keys : sequence of iterable of str
        The keys of each record.

    Returns
    -------
    groups : ndarray of int64, shape (n_records,)
        Equal for records that share a key, directly or through others; numbered in order of first appearance.
    """
    numbers: dict[str, int] = {}
    pairs = [(record, numbers.setdefault(key, len(numbers))) for record, own in enumerate(keys) for key in own]
    n_records, n_keys = len(keys), len(numbers)
    size = n_records + n_keys
    rows = np.array([record for record, _ in pairs], dtype=np.int64)
    columns = np.array([n_records + key for _, key in pairs], dtype=np.int64)
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (rows, columns)), shape=(size, size))
    component = connected_components(graph, directed=False)[1][:n_records]
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)
