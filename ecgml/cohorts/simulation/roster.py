"""Which record of the demo cohort is what: label, rhythm, date, file name, defect.

Everything about a record follows from the seed and its number, so that the first hundred records of a demo of a
thousand are the demo of a hundred, in whatever order or process they are simulated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ecgml.cohorts.simulation.hospital import HOSPITAL

_LEAST_SHARE = 0.006
"""The rarest rhythms of the real set come 7, 8 and 16 times in 10,646; here often enough for every split."""

_MISLABELLED = 0.025
_CONFUSIONS = {
    "SB": ("SR", "AFIB", "SA"),
    "SR": ("SB", "ST", "AFIB", "SA"),
    "SA": ("SR", "AFIB"),
    "AFIB": ("AF", "SR", "ST", "SA"),
    "AF": ("AFIB", "ST", "AT"),
    "ST": ("SVT", "AF", "SR", "AT"),
    "SVT": ("ST", "AFIB", "AF"),
    "AT": ("ST", "AF", "SVT"),
}
"""What a record with a wrong label may really be. The rarest rhythms are never mislabelled: they have few to lose."""

_ZEROS_DATE = "20181222"
"""All files of this date are zero throughout in the published denoised set, and all are labelled SVT."""


@dataclass(frozen=True)
class Admission:
    """One row of the demo cohort, before it is simulated."""

    number: int
    """Counted from zero."""
    name: str
    """File name without suffix, as the original machine's export has it."""
    label: str
    """The rhythm that the table will state."""
    rhythm: str
    """The rhythm that is simulated."""
    patient_number: int
    """Whose heart: its own number, or an earlier record's of which this one is a duplicate."""
    defect: str | None
    """``"zeros"``, ``"nan"``, ``"truncated"``, ``"saturated"``, ``"atrial rate"`` or None."""


def admissions(n_records: int, seed: int) -> Iterator[Admission]:
    """Yield the records of a demo cohort.

    Parameters
    ----------
    n_records : int
        How many.
    seed : int
        Of the cohort.

    Yields
    ------
    Admission
    """
    counts = dict.fromkeys(HOSPITAL, 0)
    latest: dict[str, Admission] = {}
    names: set[str] = set()
    for number in range(n_records):
        label = _next_label(counts)
        counts[label] += 1
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number, 0)))
        wrong = rng.random() < _MISLABELLED and label in _CONFUSIONS
        rhythm = str(rng.choice(_CONFUSIONS[label])) if wrong else label
        defect = _defect(number, label, counts[label])
        name = _name(_ZEROS_DATE if defect == "zeros" else _draw_date(label, rng), names, rng)
        admission = Admission(number, name, label, rhythm, number, defect)
        if number % 500 == 333 and label in latest and defect is None:
            twin = latest[label]
            admission = Admission(number, name, label, twin.rhythm, twin.patient_number, None)
        elif defect is None:
            latest[label] = admission
        yield admission


def _next_label(counts: dict[str, int]) -> str:
    """Return the rhythm that is furthest behind its share (Adams's divisor method): each comes once, then by share."""
    return max(
        counts,
        key=lambda rhythm: (
            max(HOSPITAL[rhythm].share, _LEAST_SHARE) / counts[rhythm] if counts[rhythm] else float("inf")
        ),
    )


def _defect(number: int, label: str, count: int) -> str | None:
    """Return what is wrong with a file: about as often as in the real set, but in every thousand at least once."""
    if label == "SVT" and count % 14 == 7:
        return "zeros"
    return {211: "nan", 461: "saturated", 611: "truncated", 711: "nan", 137: "atrial rate"}.get(number % 1000)


def _draw_date(label: str, rng: np.random.Generator) -> str:
    dates = HOSPITAL[label].dates
    weights = np.array(list(dates.values()), dtype=np.float64)
    return str(rng.choice(list(dates), p=weights / weights.sum()))


def _name(date: str, taken: set[str], rng: np.random.Generator) -> str:
    """Return a name that no earlier record has, ``MUSE_YYYYMMDD_HHMMSS_NN000``."""
    second = int(rng.integers(7 * 3600, 19 * 3600))
    hundredth = int(rng.integers(100))
    while True:
        clock = f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"
        name = f"MUSE_{date}_{clock}_{hundredth:02d}000"
        if name not in taken:
            taken.add(name)
            return name
        second += 1
