"""Data to explore: every row of the tables, and a sample of the signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgml.records.rhythms import RHYTHM_CODES
from ecgml.records.schemes import Scheme

NO_RHYTHM, SEVERAL = -1, -2
"""Labels of a record without a known rhythm, and of one with several of which none takes precedence."""

MOST_COHORTS = 3
"""Names of cohorts in a figure's title."""

USABLE, QUARANTINED, NO_FILE = "usable", "quarantined", "no file"

LEAST_PER_RHYTHM = 30
"""The sample has at least so many recordings of each rhythm, where available."""


@dataclass(frozen=True)
class Variable:
    """A numeric column of the survey."""

    name: str
    """Unique among the columns from tables, and among those measured from the waveform."""
    label: str
    unit: str = ""
    """Empty for none."""
    measured: bool = False
    """Measured from the waveform; otherwise from a table."""
    circular: bool = False
    """An angle in degrees."""
    low: float | None = None
    high: float | None = None
    """Range stated in the data set's dictionary; None where unstated."""

    @property
    def title(self) -> str:
        """Label and unit, and the short name if measured."""
        named = f"{self.label} ({self.name})" if self.measured else self.label
        return f"{named}, {self.unit}" if self.unit else named

    @property
    def short(self) -> str:
        """Short name for figures: a label of the data set, or a name of `ecgml.measurements`."""
        return f"{self.name} (waveform)" if self.measured else self.label


@dataclass(frozen=True)
class CohortFacts:
    """Facts about a cohort as a whole."""

    name: str
    kind: str
    simulated: bool
    stop: str = ""
    """The message with which training would stop; empty where it would not."""
    denoised: bool = False
    """Whether its recordings were denoised before publication."""
    faults: tuple[str, ...] = ()
    """Faults of its recordings as a whole, such as their amplitudes."""


@dataclass(frozen=True, eq=False)
class Repeats:
    """One kind of duplicate or repeat."""

    title: str
    meaning: str
    """How it is recognised."""
    lacking: str
    """Text for data in which it cannot be recognised."""
    groups: NDArray[np.int64]
    """Shape (n_rows,): equal for records of one group; -1 where it cannot be recognised."""


@dataclass(frozen=True, eq=False)
class Survey:
    """Every row of the tables, with a file or without, one row a record.

    Parameters
    ----------
    record_ids, cohorts : ndarray of str, shape (n_rows,)
        Ids are unique within a cohort.
    rhythms : ndarray of int64, shape (n_rows,)
        Index into `ecgml.records.rhythms.RHYTHM_CODES`, :data:`NO_RHYTHM` or :data:`SEVERAL`; original labels.
    classes : ndarray of int64, shape (n_rows,)
        Index into the scheme's classes; -1 for none.
    scheme : Scheme
    variables : tuple of Variable
    values : ndarray of float64, shape (n_rows, n_variables)
        NaN where missing: not given, or outside the plausible range of `ecgml.records.clinical`.
    dates : ndarray of datetime64[D], shape (n_rows,)
        Acquisition dates; NaT where unknown.
    states : ndarray of str, shape (n_rows,)
        :data:`USABLE`, :data:`QUARANTINED` or :data:`NO_FILE`.
    reasons, notes : ndarray of str, shape (n_rows,)
        Why a record is quarantined; remarks of preprocessing on a usable record.
    patients : ndarray of int64, shape (n_rows,)
        Equal for records of one patient, or of the same ECG: they must not be on both sides of a split.
    repeats : tuple of Repeats
    facts : tuple of CohortFacts
    caution : str
        Caution below every figure, such as "Simulated data"; empty for none.
    """

    record_ids: NDArray[np.str_]
    cohorts: NDArray[np.str_]
    rhythms: NDArray[np.int64]
    classes: NDArray[np.int64]
    scheme: Scheme
    variables: tuple[Variable, ...]
    values: NDArray[np.float64]
    dates: NDArray[np.datetime64]
    states: NDArray[np.str_]
    reasons: NDArray[np.str_]
    notes: NDArray[np.str_]
    patients: NDArray[np.int64]
    repeats: tuple[Repeats, ...]
    facts: tuple[CohortFacts, ...]
    caution: str = ""

    def __len__(self) -> int:
        return len(self.record_ids)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Rows with a usable signal."""
        return self.states == USABLE

    @property
    def cohort_names(self) -> list[str]:
        """Names of the cohorts, in the order given."""
        return [cohort.name for cohort in self.facts]

    def titled(self, figure: str) -> str:
        """Return the title of a figure: its name and the cohorts."""
        names = self.cohort_names
        return f"{figure} ({', '.join(names[:MOST_COHORTS])}{', …' * (len(names) > MOST_COHORTS)})"

    def present(self, rows: NDArray[Any] | slice = slice(None)) -> list[int]:
        """Return the indices of the rhythms that occur, in the order of the table of rhythms."""
        return np.unique(self.rhythms[rows][self.rhythms[rows] >= 0]).tolist()

    def column(self, name: str, *, measured: bool = False) -> NDArray[np.float64] | None:
        """Return a variable from the tables, or as measured from the waveforms; None where absent."""
        names = [(variable.name, variable.measured) for variable in self.variables]
        return self.values[:, names.index((name, measured))] if (name, measured) in names else None


@dataclass(frozen=True, eq=False)
class Signals:
    """A sample of the usable signals, preprocessed.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_signals,)
        Their rows in the survey.
    waveforms : ndarray of float32, shape (n_signals, 12, n_times)
        In mV; the first window of each, an unusable lead 0 throughout.
    n_valid : ndarray of int64, shape (n_signals,)
        Recorded time points; the rest is zero.
    fs : float
        Hz.
    band_hz : tuple of float
        Pass band of the preprocessing.
    """

    rows: NDArray[np.int64]
    waveforms: NDArray[np.float32]
    n_valid: NDArray[np.int64]
    fs: float
    band_hz: tuple[float, float]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Signals with all twelve leads over the whole window."""
        return (np.ptp(self.waveforms, axis=2) > 0).all(axis=1) & (self.n_valid == self.waveforms.shape[2])


def draw_rows(survey: Survey, n_rows: int, seed: int) -> NDArray[np.int64]:
    """Draw rows with a usable signal, in proportion to the rhythms, with more of rare rhythms.

    Parameters
    ----------
    survey : Survey
    n_rows : int
        How many; all of them where there are no more.
    seed : int

    Returns
    -------
    rows : ndarray of int64, shape (n_drawn,)
        Ascending. Rare rhythms are filled up to :data:`LEAST_PER_RHYTHM` first, as far as ``n_rows`` allows.
    """
    candidates = np.flatnonzero(survey.usable)
    if len(candidates) <= n_rows:
        return candidates
    shuffled = np.random.default_rng(seed).permutation(candidates)
    rhythms = survey.rhythms[shuffled]
    kinds = np.unique(rhythms)
    quota = max(1, min(LEAST_PER_RHYTHM, n_rows // len(kinds)))
    is_first = np.zeros(len(shuffled), dtype=bool)
    for kind in kinds:
        is_first[np.flatnonzero(rhythms == kind)[:quota]] = True
    return np.sort(np.concatenate([shuffled[is_first], shuffled[~is_first]])[:n_rows])


def rhythm_name(index: int) -> str:
    """Return the code of a rhythm by its index, or the name for none or several."""
    return {NO_RHYTHM: "no rhythm", SEVERAL: "several"}.get(index) or RHYTHM_CODES[index]


def listed(words: Sequence[str], most: int = 8) -> str:
    """Return words as a list in prose: ``a, b and c``; of many, the first ones and how many more."""
    words = list(words)
    if len(words) > most:
        return f"{', '.join(words[: most - 1])} and {len(words) - most + 1:,} more"
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def out_of(n: int, total: int, noun: str) -> str:
    """Return a part of a total: ``all 9 signals``, ``3 of 9 signals``."""
    if n == total:
        return f"the only {noun}" if n == 1 else f"all {total:,} {noun}s"
    return f"{n:,} of {counted(total, noun)}"


def counted(n: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 record``, ``2,000 records``."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
