"""Small surveys and signals made by formula."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ecgml.exploration.survey import USABLE, CohortFacts, Repeats, Signals, Survey, Variable
from ecgml.records.record import Record
from ecgml.records.rhythms import RHYTHM_CODES
from ecgml.records.schemes import SCHEMES

FS = 100.0

VARIABLES = (
    Variable("age", "Age", "years", low=0, high=99),
    Variable("sex", "Gender"),
    Variable("ventricular_rate", "Ventricular rate", "BPM"),
    Variable("r_axis", "R axis", "degrees", circular=True),
    Variable("ventricular_rate", "Ventricular rate, by the mean RR interval", "1/min", measured=True),
    Variable("rr_cv", "Standard deviation of RR intervals over their mean", measured=True),
    Variable("t_axis", "Axis of the T wave", "degrees", measured=True, circular=True),
)


def make_survey(codes: Sequence[str], **changes: Any) -> Survey:
    """Return a survey of one record for each rhythm code (``""``: none), usable and dated, with values by chance."""
    n_rows = len(codes)
    rng = np.random.default_rng(0)
    scheme = SCHEMES["groups"]
    names = [scheme.class_of((code,) if code else ())[0] for code in codes]
    values = np.column_stack(
        [
            rng.integers(20, 90, n_rows),
            np.arange(n_rows) % 2,
            rng.normal(80, 20, n_rows),
            rng.uniform(-90, 270, n_rows),
            rng.normal(80, 20, n_rows),
            rng.uniform(0, 0.3, n_rows),
            rng.uniform(-180, 180, n_rows),
        ]
    )
    survey = Survey(
        record_ids=np.array([f"r{row}" for row in range(n_rows)], dtype=np.str_),
        cohorts=np.full(n_rows, "made"),
        rhythms=np.array([RHYTHM_CODES.index(code) if code else -1 for code in codes], dtype=np.int64),
        classes=np.array([scheme.classes.index(name) if name else -1 for name in names], dtype=np.int64),
        scheme=scheme,
        variables=VARIABLES,
        values=values.astype(np.float64),
        dates=np.datetime64("2018-01-01") + np.arange(n_rows) % 7,
        states=np.full(n_rows, USABLE, dtype="<U11"),
        reasons=np.full(n_rows, "", dtype="<U40"),
        notes=np.full(n_rows, "", dtype="<U80"),
        patients=np.arange(n_rows),
        repeats=(Repeats("the same waveform", "by its digest", "no waveform could be read", np.arange(n_rows)),),
        facts=(CohortFacts("made", "manifest", False),),
    )
    return replace(survey, **changes)


def beat(fs: float = FS, *, rate_bpm: float = 75.0, duration_s: float = 10.0, height_mv: float = 1.0) -> np.ndarray:
    """Return one lead of beats at equal distances: a QRS complex and a T wave as bells, mV, shape (n_times,)."""
    times = np.arange(round(duration_s * fs)) / fs
    phase = (times % (60 / rate_bpm)) - 0.3
    return height_mv * (np.exp(-((phase / 0.015) ** 2)) + 0.2 * np.exp(-(((phase - 0.25) / 0.05) ** 2)))


def make_waveforms(n_signals: int, seed: int = 0) -> np.ndarray:
    """Return recordings of beats at rates and heights by chance, mV, shape (n_signals, 12, 1000)."""
    rng = np.random.default_rng(seed)
    signs = np.where(np.arange(12) == 3, -1, 1)[:, None] * np.linspace(0.5, 1.5, 12)[:, None]
    waveforms = np.zeros((n_signals, 12, 1000), dtype=np.float32)
    for waveform in waveforms:
        lead = beat(rate_bpm=rng.uniform(50, 120), height_mv=rng.uniform(0.5, 1.5))
        waveform[:] = signs * lead + rng.normal(0, 0.01, (12, 1000))
    return waveforms


def make_signals(survey: Survey, waveforms: np.ndarray | None = None) -> Signals:
    """Return signals of all usable rows of a survey."""
    rows = np.flatnonzero(survey.usable)
    waveforms = make_waveforms(len(rows)) if waveforms is None else waveforms
    return Signals(rows, waveforms, np.full(len(rows), 1000), FS, (0.5, 40.0))


def make_record(row: int = 0) -> Record:
    """Return a recording as a file would have it: 500 Hz, with a drift and the mains in it."""
    times = np.arange(5000) / 500
    lead = beat(500.0) + 0.3 * np.sin(2 * np.pi * 0.2 * times) + 0.05 * np.sin(2 * np.pi * 50 * times)
    gains = np.array([0.6, 1, 0.4, -0.8, 0.1, 0.7, -0.3, 0.5, 0.9, 1.3, 1.2, 1.0])
    return Record((gains[:, None] * lead).astype(np.float32), 500.0, f"r{row}")
