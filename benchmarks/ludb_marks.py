"""LUDB's marks as intervals: cardiologists' onsets and offsets of each wave in each lead, by two rules.

Kalyakulina et al. 2020 (10.1109/ACCESS.2020.3029211). A mark belongs to one lead, a global interval to all, so a rule
is needed, and it decides the bias: the median lead, or from the second-earliest onset to the second-latest offset,
which passes over one lead's slip. First and last beats of a recording bear no marks.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

with warnings.catch_warnings():
    # It uses what pandas deprecates.
    warnings.simplefilter("ignore")
    import wfdb

LEAD_SUFFIXES = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
NAMES = ("pr_interval", "p_duration", "qrs_duration", "qt_interval")

SAME_BEAT_S = 0.15
LEAST_LEADS = 6

_P_ONSET, _P_OFFSET, _QRS_ONSET, _QRS, _QRS_OFFSET, _T_OFFSET = range(6)


@dataclass(frozen=True)
class Marked:
    """Intervals of a record, ms, by :data:`NAMES`; NaN where readers marked no such wave."""

    median_lead: dict[str, float]
    global_ends: dict[str, float]


def read_marks(record: Path, fs: float) -> Marked:
    """Read the marks of a record.

    Parameters
    ----------
    record : Path
        Without suffix.
    fs : float
        Hz.
    """
    leads = [_beats(record, suffix) for suffix in LEAD_SUFFIXES]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a lead without P waves has no median
        by_lead = [np.nanmedian(_spans(beats), axis=0) for beats in leads if len(beats)]
        median_lead = np.nanmedian(by_lead, axis=0)
        global_ends = np.nanmedian(_spans(_global_beats(leads, fs)), axis=0)
    return Marked(*(dict(zip(NAMES, 1000 / fs * spans, strict=True)) for spans in (median_lead, global_ends)))


def _beats(record: Path, suffix: str) -> NDArray[np.float64]:
    """Return P onset and offset, QRS onset, middle and offset, T offset of each beat of a lead, (beats, 6), samples."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        marks = wfdb.rdann(str(record), suffix)
    waves = []
    for place, symbol in enumerate(marks.symbol):
        if symbol in "pNt":
            before, after = marks.symbol[place - 1 : place], marks.symbol[place + 1 : place + 2]
            onset = marks.sample[place - 1] if before == ["("] else np.nan
            offset = marks.sample[place + 1] if after == [")"] else np.nan
            waves.append((symbol, onset, marks.sample[place], offset))
    beats = []
    for place, (symbol, onset, middle, offset) in enumerate(waves):
        if symbol != "N":
            continue
        p_wave = waves[place - 1] if place and waves[place - 1][0] == "p" else ("p", np.nan, np.nan, np.nan)
        t_wave = waves[place + 1] if place + 1 < len(waves) and waves[place + 1][0] == "t" else ("t", *[np.nan] * 3)
        beats.append((p_wave[1], p_wave[3], onset, middle, offset, t_wave[3]))
    return np.array(beats, dtype=np.float64).reshape(-1, 6)


def _spans(beats: NDArray[np.float64]) -> NDArray[np.float64]:
    onset = beats[:, _QRS_ONSET]
    return np.stack(
        [
            onset - beats[:, _P_ONSET],
            beats[:, _P_OFFSET] - beats[:, _P_ONSET],
            beats[:, _QRS_OFFSET] - onset,
            beats[:, _T_OFFSET] - onset,
        ],
        axis=1,
    )


def _global_beats(leads: list[NDArray[np.float64]], fs: float) -> NDArray[np.float64]:
    """Return each beat from the second-earliest onset to the second-latest offset over the leads."""
    middles = np.sort(np.concatenate([beats[:, _QRS] for beats in leads]))
    groups = np.split(middles, np.flatnonzero(np.diff(middles) > SAME_BEAT_S * fs) + 1)
    rows = []
    for group in groups:
        if len(group) < LEAST_LEADS:
            continue
        middle = np.median(group)
        near = [beats[np.abs(beats[:, _QRS] - middle).argmin()] for beats in leads if len(beats)]
        near = np.array([beat for beat in near if abs(beat[_QRS] - middle) <= SAME_BEAT_S * fs])
        places = {_P_ONSET: 1, _P_OFFSET: -2, _QRS_ONSET: 1, _QRS_OFFSET: -2, _T_OFFSET: -2}
        row = np.full(6, np.nan)
        for column, place in places.items():
            known = np.sort(near[:, column][np.isfinite(near[:, column])])
            if len(known) > 2:
                row[column] = known[place]
        rows.append(row)
    return np.array(rows).reshape(-1, 6)
