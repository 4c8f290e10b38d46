"""One labelled table of the records of cached cohorts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.cohort import Cohort, Entry
from ecgml.datasets.cache import CachedCohort
from ecgml.datasets.duplicates import connected, patient_keys, same_ecg_keys
from ecgml.records.clinical import CLINICAL_NAMES, clinical_row
from ecgml.records.rhythms import SINUS_RHYTHMS
from ecgml.records.schemes import BRADYCARDIA_BPM, TACHYCARDIA_BPM, Scheme, applicable_rule, harmonise

_RATE = CLINICAL_NAMES.index("ventricular_rate")
_BAND_EXAMPLES_BPM = (BRADYCARDIA_BPM - 1, BRADYCARDIA_BPM, TACHYCARDIA_BPM + 1)
"""One rate of each band: below bradycardia's limit, normal, above tachycardia's."""


@dataclass(frozen=True, eq=False)
class RecordTable:
    """Labelled records of one or more cohorts, one row each, usable and quarantined ones alike.

    Parameters
    ----------
    record_ids : ndarray of str, shape (n_records,)
        ``cohort/record``.
    sources, dates, rhythms, notes : ndarray of str, shape (n_records,)
        ``""`` where unknown; rhythms as written, joined by ``+``; a quarantined record's note says why.
    folds : ndarray of int64, shape (n_records,)
        The source's own folds, -1 where there are none.
    usable : ndarray of bool, shape (n_records,)
        False where quarantined: such a record is never trained on, and counts as an error where it is scored.
    y_written, y_harmonised : ndarray of int64, shape (n_records,)
        Labels as the source wrote them, and after the harmonising rule.
    y_by_band : ndarray of int64, shape (n_records, 3)
        The harmonised label that the record would have at a rate below 60, from 60 to 100 and above 100/min.
    sinus : ndarray of bool, shape (n_records,)
        Whether its rhythms are all sinus rhythms.
    given, measured : ndarray of float32, shape (n_records, n_features)
        Clinical values; NaN where missing.
    ecgs, patients, blocks : ndarray of int64, shape (n_records,)
        Equal for records of the same ECG; of the same patient; and of what the source keeps together where it names no
        patient (PTB-XL's folds are patient-wise). Each contains the one before.
    first_window, n_windows : ndarray of int64, shape (n_records,)
        Its windows, numbered through all caches; ``n_windows`` is 0 where quarantined.
    """

    record_ids: NDArray[np.str_]
    sources: NDArray[np.str_]
    dates: NDArray[np.str_]
    rhythms: NDArray[np.str_]
    notes: NDArray[np.str_]
    folds: NDArray[np.int64]
    usable: NDArray[np.bool_]
    y_written: NDArray[np.int64]
    y_harmonised: NDArray[np.int64]
    y_by_band: NDArray[np.int64]
    sinus: NDArray[np.bool_]
    given: NDArray[np.float32]
    measured: NDArray[np.float32]
    ecgs: NDArray[np.int64]
    patients: NDArray[np.int64]
    blocks: NDArray[np.int64]
    first_window: NDArray[np.int64]
    n_windows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.record_ids)

    @property
    def rates(self) -> NDArray[np.float32]:
        """Ventricular rate, 1/min: given, else measured, else NaN."""
        given_rate = self.given[:, _RATE]
        return np.where(np.isnan(given_rate), self.measured[:, _RATE], given_rate)

    @property
    def measured_rates(self) -> NDArray[np.float32]:
        """Ventricular rate as measured from the waveform, 1/min; NaN where it could not be."""
        return self.measured[:, _RATE]

    def __getitem__(self, rows: NDArray[Any] | slice) -> RecordTable:
        """Return the rows that an index or mask selects."""
        return RecordTable(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @classmethod
    def join(cls, tables: Sequence[RecordTable]) -> RecordTable:
        """Concatenate tables that share one numbering."""
        return cls(*(np.concatenate([getattr(table, name) for table in tables]) for name in cls.__dataclass_fields__))


@dataclass(frozen=True)
class LeftOut:
    """A record left out of the job, and why."""

    record_id: str
    reason: str


def build_table(
    cohorts: Sequence[Cohort], caches: Sequence[CachedCohort], scheme: Scheme, rule: str
) -> tuple[RecordTable, list[LeftOut]]:
    """Label the records of cached cohorts.

    Parameters
    ----------
    cohorts : sequence of Cohort
    caches : sequence of CachedCohort
        One per cohort.
    scheme : Scheme
    rule : str
        Of `ecgml.records.schemes.HARMONISE_RULES`; applied where the scheme allows it.

    Returns
    -------
    table : RecordTable
        Each ECG once: of one in two forms the first usable one stays.
    left_out : list of LeftOut
        Records without a class of the scheme, and second forms of an ECG.
    """
    rule, _ = applicable_rule(scheme, rule)
    rows, keys, left_out, offset = [], [], [], 0
    for cohort, cached in zip(cohorts, caches, strict=True):
        places = {record_id: place for place, record_id in enumerate(cached.record_ids)}
        faults = {bad.record_id: bad.message for bad in cached.quarantined}
        for entry in cohort.entries:
            record_id = f"{cohort.name}/{entry.record_id}"
            name, reason = scheme.class_of(entry.rhythms)
            if name is None:
                left_out.append(LeftOut(record_id, reason))
                continue
            place = places.get(entry.record_id)
            rows.append(_row(record_id, entry, cached, place, faults.get(entry.record_id, ""), offset, scheme, rule))
            fingerprint = None if place is None else cached.fingerprints[place]
            ecg = [f"record {record_id}", *same_ecg_keys(entry, fingerprint)]
            patient = [*ecg, *patient_keys(entry, cohort.name)]
            block = [*patient] if entry.patient_id or entry.fold is None else [*patient, f"{cohort.name}/{entry.fold}"]
            keys.append((ecg, patient, block))
        offset += len(cached.windows)
    table = _assemble(rows, [connected([own[level] for own in keys]) for level in range(3)])
    kept = _once_per_ecg(table)
    left_out += [LeftOut(name, "the same ECG is present in another format") for name in table.record_ids[~kept]]
    return table[kept], left_out


def _row(
    record_id: str,
    entry: Entry,
    cached: CachedCohort,
    place: int | None,
    fault: str,
    offset: int,
    scheme: Scheme,
    rule: str,
) -> dict[str, object]:
    given = clinical_row(cached.preprocessing.seen(entry.given), {})[0]
    measured = np.full_like(given, np.nan) if place is None else cached.measured[place]
    rate = float(measured[_RATE] if np.isnan(given[_RATE]) else given[_RATE])

    def label(rhythms: tuple[str, ...]) -> int:
        return scheme.classes.index(scheme.class_of(rhythms)[0])

    return {
        "record_ids": record_id,
        "sources": entry.source,
        "dates": entry.date or "",
        "rhythms": "+".join(entry.rhythms),
        "notes": fault if place is None else cached.notes[place],
        "folds": -1 if entry.fold is None else entry.fold,
        "usable": place is not None,
        "y_written": label(entry.rhythms),
        "y_harmonised": label(harmonise(entry.rhythms, rate, rule)),
        "y_by_band": [label(harmonise(entry.rhythms, band, rule)) for band in _BAND_EXAMPLES_BPM],
        "sinus": set(entry.rhythms) <= SINUS_RHYTHMS,
        "given": given,
        "measured": measured,
        "first_window": 0 if place is None else offset + cached.first_window[place],
        "n_windows": 0 if place is None else cached.first_window[place + 1] - cached.first_window[place],
    }


def _assemble(rows: list[dict[str, object]], groups: list[NDArray[np.int64]]) -> RecordTable:
    n, n_features = len(rows), len(CLINICAL_NAMES)
    shapes = {"y_by_band": (n, 3), "given": (n, n_features), "measured": (n, n_features)}
    dtypes: dict[str, type[np.generic]] = {"usable": np.bool_, "sinus": np.bool_}
    dtypes |= dict.fromkeys(("record_ids", "sources", "dates", "rhythms", "notes"), np.str_)
    dtypes |= {"given": np.float32, "measured": np.float32}
    columns: dict[str, NDArray[Any]] = {
        name: np.array([row[name] for row in rows], dtype=dtypes.get(name, np.int64)).reshape(shapes.get(name, (n,)))
        for name in RecordTable.__dataclass_fields__
        if name not in ("ecgs", "patients", "blocks")
    }
    ecgs, patients, blocks = groups
    return RecordTable(**columns, ecgs=ecgs, patients=patients, blocks=blocks)


def _once_per_ecg(table: RecordTable) -> NDArray[np.bool_]:
    """Mark one record of each ECG: the first usable one, else the first."""
    order = np.lexsort((np.arange(len(table)), ~table.usable, table.ecgs))
    _, first = np.unique(table.ecgs[order], return_index=True)
    kept = np.zeros(len(table), dtype=bool)
    kept[order[first]] = True
    return kept
