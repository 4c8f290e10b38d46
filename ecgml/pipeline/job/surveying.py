"""Collect cohorts and their caches for exploration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.attributes import Attribute, read_attributes
from ecgml.cohorts.chapman import is_denoised
from ecgml.cohorts.cohort import Cohort, Entry
from ecgml.datasets.cache import CachedCohort, check_quarantine
from ecgml.datasets.duplicates import connected, patient_keys, same_ecg_keys
from ecgml.datasets.quarantine import common_faults
from ecgml.errors import CohortError
from ecgml.exploration.survey import (
    NO_FILE,
    NO_RHYTHM,
    QUARANTINED,
    SEVERAL,
    USABLE,
    CohortFacts,
    Repeats,
    Signals,
    Survey,
    Variable,
)
from ecgml.measurements.intervals import INTERVALS
from ecgml.measurements.table import INTERVAL_MEASUREMENTS, MEASUREMENTS
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import fill_caches, load_cohorts
from ecgml.pipeline.job.reporting import SIMULATED
from ecgml.pipeline.job.settings import DataSettings
from ecgml.preprocessing.preprocess import to_mv
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.clinical import CLINICAL_COLUMNS, CLINICAL_NAMES
from ecgml.records.leads import LEADS
from ecgml.records.rhythms import RHYTHM_CODES
from ecgml.records.schemes import Scheme

_EACH_RHYTHM = Scheme("each", "Every rhythm", {code: (code,) for code in RHYTHM_CODES})

PARTLY_SIMULATED = "Some of these data are simulated: figures that include them say nothing about patients."


def open_tables(
    data: DataSettings, preprocessing: PreprocessingSettings, console: Console
) -> tuple[list[Cohort], dict[str, CachedCohort]]:
    """Open cohorts, including tables without recordings, and caches by cohort name.

    Raises
    ------
    EcgmlError
        If folders or cache are unusable.
    """
    inner, outer = load_cohorts(data, console, need_files=False)
    cohorts = [*inner, *outer]
    with_files = [cohort for cohort in cohorts if cohort.entries]
    filled = fill_caches(with_files, data, preprocessing, console, check=False)
    return cohorts, {cohort.name: cached for cohort, cached in zip(with_files, filled, strict=True)}


def survey_cohorts(
    cohorts: Sequence[Cohort], caches: Mapping[str, CachedCohort], scheme: Scheme, max_quarantined: float
) -> Survey:
    """Collect every row of every cohort's table, with or without a file, in one survey.

    Parameters
    ----------
    cohorts : sequence of Cohort
    caches : mapping of str to CachedCohort
        By the cohort's name; absent for a cohort without files.
    scheme : Scheme
    max_quarantined : float
        Share of unusable files at which training would stop.
    """
    pairs = [(cohort, entry) for cohort in cohorts for entry in (*cohort.entries, *cohort.absent)]
    entries = [entry for _, entry in pairs]
    states, reasons, notes, fingerprints = _states(cohorts, caches)
    variables, values = _variables(cohorts, caches, entries)
    simulated = [cohort.simulated for cohort in cohorts]
    return Survey(
        record_ids=np.array([entry.record_id for entry in entries], dtype=np.str_),
        cohorts=np.array([cohort.name for cohort, _ in pairs], dtype=np.str_),
        rhythms=np.array([_rhythm(entry) for entry in entries], dtype=np.int64),
        classes=np.array([_label(entry, scheme) for entry in entries], dtype=np.int64),
        scheme=scheme,
        variables=variables,
        values=values,
        dates=np.array([entry.date or "NaT" for entry in entries], dtype="datetime64[D]"),
        states=states,
        reasons=reasons,
        notes=notes,
        patients=connected(
            [
                [*same_ecg_keys(entry, fingerprint), *patient_keys(entry, cohort.name), f"row {row}"]
                for row, ((cohort, entry), fingerprint) in enumerate(zip(pairs, fingerprints, strict=True))
            ]
        ),
        repeats=_repeats(pairs, fingerprints),
        facts=tuple(_facts(cohort, caches.get(cohort.name), max_quarantined) for cohort in cohorts),
        caution=SIMULATED if all(simulated) else PARTLY_SIMULATED if any(simulated) else "",
    )


def gather_signals(
    survey: Survey,
    cohorts: Sequence[Cohort],
    caches: Mapping[str, CachedCohort],
    rows: NDArray[np.int64],
    preprocessing: PreprocessingSettings,
) -> Signals:
    """Read the first window of sampled rows from the caches."""
    waveforms = np.zeros((len(rows), len(LEADS), preprocessing.n_times), dtype=np.float32)
    n_valid = np.zeros(len(rows), dtype=np.int64)
    for cohort in cohorts:
        cached = caches.get(cohort.name)
        places = np.flatnonzero(survey.cohorts[rows] == cohort.name)
        if cached is None or not len(places):
            continue
        place_of = {record_id: place for place, record_id in enumerate(cached.record_ids)}
        windows = np.array([cached.first_window[place_of[name]] for name in survey.record_ids[rows[places]].tolist()])
        waveforms[places] = to_mv(cached.windows[windows])
        n_valid[places] = cached.n_valid[windows]
    band_hz = (preprocessing.highpass_hz, preprocessing.lowpass_hz)
    return Signals(rows, waveforms, n_valid, preprocessing.fs, band_hz)


def _rhythm(entry: Entry) -> int:
    name, _ = _EACH_RHYTHM.class_of(entry.rhythms)
    return RHYTHM_CODES.index(name) if name else SEVERAL if entry.rhythms else NO_RHYTHM


def _label(entry: Entry, scheme: Scheme) -> int:
    name, _ = scheme.class_of(entry.rhythms)
    return scheme.classes.index(name) if name else -1


def _states(
    cohorts: Sequence[Cohort], caches: Mapping[str, CachedCohort]
) -> tuple[NDArray[np.str_], NDArray[np.str_], NDArray[np.str_], list[str | None]]:
    """Return state, quarantine reason, note and waveform fingerprint of every row."""
    states, reasons, notes, fingerprints = [], [], [], []
    for cohort in cohorts:
        cached = caches.get(cohort.name)
        place_of = {record_id: place for place, record_id in enumerate(cached.record_ids)} if cached else {}
        reason_of = {bad.record_id: bad.reason for bad in cached.quarantined} if cached else {}
        for entry in (*cohort.entries, *cohort.absent):
            place = place_of.get(entry.record_id)
            reason = reason_of.get(entry.record_id)
            states.append(USABLE if place is not None else QUARANTINED if reason else NO_FILE)
            reasons.append(reason or "")
            notes.append(cached.notes[place] if cached and place is not None else "")
            fingerprints.append(cached.fingerprints[place] if cached and place is not None else None)
    return (
        np.array(states, dtype=np.str_),
        np.array(reasons, dtype=np.str_),
        np.array(notes, dtype=np.str_),
        fingerprints,
    )


def _variables(
    cohorts: Sequence[Cohort], caches: Mapping[str, CachedCohort], entries: Sequence[Entry]
) -> tuple[tuple[Variable, ...], NDArray[np.float64]]:
    """Return the given and measured variables that any record has; shape (n_rows, n_variables)."""
    attributes = _attributes(cohorts)
    variables, columns = [], []

    def add(variable: Variable, values: Iterable[float]) -> None:
        column = np.array(list(values), dtype=np.float64)
        if np.isfinite(column).any():
            variables.append(variable)
            columns.append(column)

    for column in CLINICAL_COLUMNS:
        attribute = attributes.get(column.diagnostics or "", Attribute(column.description))
        unit = attribute.unit or ("" if column.name == "sex" or column.unit == "1" else column.unit)
        variable = Variable(
            column.name, attribute.label, unit, circular=column.circular, low=attribute.low, high=attribute.high
        )
        add(variable, (entry.given.get(column.name, np.nan) for entry in entries))
    for name in dict.fromkeys(name for entry in entries for name in entry.further):
        attribute = attributes.get(name, Attribute(name))
        variable = Variable(name, attribute.label, attribute.unit, low=attribute.low, high=attribute.high)
        add(variable, (entry.further.get(name, np.nan) for entry in entries))
    measured = _of_caches(cohorts, caches, "measured", CLINICAL_NAMES)
    intervals = _of_caches(cohorts, caches, "intervals", INTERVALS)
    further = [measurement for measurement in INTERVAL_MEASUREMENTS if measurement not in MEASUREMENTS]
    for measurements, values, names in ((MEASUREMENTS, measured, CLINICAL_NAMES), (further, intervals, INTERVALS)):
        for measurement in measurements:
            unit = "" if measurement.unit == "1" else measurement.unit
            variable = Variable(
                measurement.name, measurement.description, unit, measured=True, circular=measurement.circular
            )
            add(variable, values[:, names.index(measurement.name)])
    return tuple(variables), np.array(columns).reshape(len(columns), len(entries)).T


def _attributes(cohorts: Sequence[Cohort]) -> dict[str, Attribute]:
    """Return the description of columns in the data sets' dictionaries; the first cohort takes precedence."""
    attributes: dict[str, Attribute] = {}
    for cohort in reversed(cohorts):
        if path := cohort.table.get("attributes"):
            attributes |= read_attributes(path)
    return attributes


def _of_caches(
    cohorts: Sequence[Cohort], caches: Mapping[str, CachedCohort], array: str, names: Sequence[str]
) -> NDArray[np.float64]:
    """Return the measurements of every row's waveform, shape (n_rows, n_names); NaN if missing."""
    parts = []
    for cohort in cohorts:
        part = np.full((len(cohort.entries) + len(cohort.absent), len(names)), np.nan)
        if cached := caches.get(cohort.name):
            place_of = {entry.record_id: place for place, entry in enumerate(cohort.entries)}
            part[[place_of[record_id] for record_id in cached.record_ids]] = getattr(cached, array)
        parts.append(part)
    return np.concatenate(parts)


def _repeats(pairs: Sequence[tuple[Cohort, Entry]], fingerprints: Sequence[str | None]) -> tuple[Repeats, ...]:
    def grouped(keys_of: Callable[[int, Cohort, Entry], Sequence[str]]) -> NDArray[np.int64]:
        keys = [list(keys_of(row, cohort, entry)) for row, (cohort, entry) in enumerate(pairs)]
        groups = connected(keys)
        groups[[not record_keys for record_keys in keys]] = -1
        return groups

    return (
        Repeats(
            "the same waveform",
            "equal to the microvolt after preprocessing",
            "no waveform could be read",
            grouped(lambda row, cohort, entry: [fingerprints[row]] if fingerprints[row] else []),
        ),
        Repeats(
            "the same ECG in two editions",
            "by record names in the editions of a data set",
            "no record has a name that another edition could share",
            grouped(lambda row, cohort, entry: entry.aliases),
        ),
        Repeats(
            "near-certain twins",
            "equal in rhythm and in every measurement of the table",
            "no table has all of the measurements needed",
            grouped(lambda row, cohort, entry: [entry.twin_key] if entry.twin_key else []),
        ),
        Repeats(
            "the same patient",
            "by the table's patient number",
            "no table identifies patients",
            grouped(lambda row, cohort, entry: [f"{cohort.name}/{entry.patient_id}"] if entry.patient_id else []),
        ),
    )


def _facts(cohort: Cohort, cached: CachedCohort | None, max_quarantined: float) -> CohortFacts:
    stop, faults = "", ()
    if cached:
        faults = tuple(common_faults(cohort, cached))
        try:
            check_quarantine(cohort, cached, max_quarantined)
        except CohortError as error:
            stop = str(error)
    return CohortFacts(cohort.name, cohort.kind, cohort.simulated, stop, is_denoised(cohort), faults)
