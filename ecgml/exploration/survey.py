"""What there is to look at: every row of the tables, and a sample of the signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgml.records.rhythms import RHYTHM_CODES
from ecgml.records.schemes import Scheme

NO_RHYTHM, SEVERAL = -1, -2
"""Labels of a record without a rhythm of the eleven, and of one with several of which none takes precedence."""

USABLE, QUARANTINED, NO_FILE = "usable", "quarantined", "no file"

LEAST_PER_RHYTHM = 30
"""So many recordings of a rare rhythm are in the sample as long as there are so many."""


@dataclass(frozen=True)
class Variable:
    """One number that rows may have."""

    name: str
    """Unique among those that tables give, and among those that were measured."""
    label: str
    unit: str = ""
    """Empty where it has none."""
    measured: bool = False
    """Whether it was measured from the waveform here; else a table gives it."""
    circular: bool = False
    """An angle in degrees."""
    low: float | None = None
    high: float | None = None
    """The range that the data set's own dictionary states; None where it states none."""

    @property
    def title(self) -> str:
        """Label and unit; of a measured one also its short name."""
        named = f"{self.label} ({self.name})" if self.measured else self.label
        return f"{named}, {self.unit}" if self.unit else named

    @property
    def short(self) -> str:
        """What it is called where there is little room: a label of the data set, or a name of `ecgml.measurements`."""
        return f"{self.name} (waveform)" if self.measured else self.label


@dataclass(frozen=True)
class CohortFacts:
    """What is said of a cohort as a whole."""

    name: str
    kind: str
    simulated: bool
    stop: str = ""
    """With what message training would stop at it; empty where it would not."""
    denoised: bool = False
    """Whether its recordings were denoised by those who published them."""
    faults: tuple[str, ...] = ()
    """What is wrong with its recordings as a whole, such as their amplitudes."""


@dataclass(frozen=True, eq=False)
class Repeats:
    """One way in which records belong together."""

    title: str
    meaning: str
    """By what it is told."""
    lacking: str
    """What is said where that is known of no record."""
    groups: NDArray[np.int64]
    """Shape (n_rows,): equal for records that belong together; -1 where nothing is known to tell it by."""


@dataclass(frozen=True, eq=False)
class Survey:
    """Every row of the tables, with a file or without, one row a record.

    Parameters
    ----------
    record_ids, cohorts : ndarray of str, shape (n_rows,)
        Ids are unique within a cohort.
    rhythms : ndarray of int64, shape (n_rows,)
        Index into `ecgml.records.rhythms.RHYTHM_CODES`, :data:`NO_RHYTHM` or :data:`SEVERAL`; as the source wrote them.
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
        Why a record is quarantined; what was found wanting in a usable one and mended.
    patients : ndarray of int64, shape (n_rows,)
        Equal for records of one patient, or of the same ECG: what must not be in both halves of a comparison.
    repeats : tuple of Repeats
    facts : tuple of CohortFacts
    caution : str
        What a reader of any figure must know of the data, such as that it is simulated; empty for nothing.
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
        """Rows with a signal that can be used."""
        return self.states == USABLE

    @property
    def cohort_names(self) -> list[str]:
        """Names of the cohorts, in the order given."""
        return [one.name for one in self.facts]

    def present(self, rows: NDArray | slice = slice(None)) -> list[int]:
        """Return the rhythms that are there, by their index, in the order of the table of rhythms."""
        return np.unique(self.rhythms[rows][self.rhythms[rows] >= 0]).tolist()

    def column(self, name: str, *, measured: bool = False) -> NDArray[np.float64] | None:
        """Return what tables give of a variable, or what was measured of it; None where there is nothing."""
        names = [(variable.name, variable.measured) for variable in self.variables]
        return self.values[:, names.index((name, measured))] if (name, measured) in names else None


@dataclass(frozen=True, eq=False)
class Signals:
    """A sample of the usable signals, as a model sees them.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_signals,)
        Their rows in the survey.
    waveforms : ndarray of float32, shape (n_signals, 12, n_times)
        In mV; the first window of each, an unusable lead 0 throughout.
    n_valid : ndarray of int64, shape (n_signals,)
        Time points that were recorded; the rest is zero.
    fs : float
        Hz.
    band_hz : tuple of float
        What the model's filters leave.
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
        """Signals with all twelve leads, for the whole window."""
        return (np.ptp(self.waveforms, axis=2) > 0).all(axis=1) & (self.n_valid == self.waveforms.shape[2])


def draw_rows(survey: Survey, n_rows: int, seed: int) -> NDArray[np.int64]:
    """Draw rows with a usable signal, in proportion to the rhythms, of rare ones more.

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
    """Return the code of a rhythm by its index, or what its absence is called."""
    return {NO_RHYTHM: "no rhythm", SEVERAL: "several"}.get(index) or RHYTHM_CODES[index]


def listed(words: Sequence[str], most: int = 8) -> str:
    """Return words as a list in prose: ``a, b and c``; of many, the first ones and how many more."""
    words = list(words)
    if len(words) > most:
        return f"{', '.join(words[: most - 1])} and {len(words) - most + 1:,} more"
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def out_of(n: int, total: int, noun: str) -> str:
    """Say on how many of all something stands: ``all 9 signals``, ``3 of 9 signals``."""
    if n == total:
        return f"the only {noun}" if n == 1 else f"all {total:,} {noun}s"
    return f"{n:,} of {counted(total, noun)}"


def counted(n: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 record``, ``2,000 records``."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
