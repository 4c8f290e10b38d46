"""The clinical row: one table of columns with order, units, coding and plausible range.

Each value of a row is *given* (a table or client states it), *measured* from the waveform, or *missing*, and
:class:`Origin` says which. FileName, acquisition date, Beat and whatever is derived from the diagnosis are never
columns. QOnset, QOffset and TOffset of the Chapman-Shaoxing set are none either: sample numbers within one vendor's
median beat, they say nothing that QRSDuration and QTInterval do not.
"""

from __future__ import annotations

import enum
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class Origin(enum.IntEnum):
    """Where a clinical value comes from."""

    MISSING = 0
    GIVEN = 1
    MEASURED = 2


@dataclass(frozen=True)
class ClinicalColumn:
    """One clinical column."""

    name: str
    unit: str
    description: str
    low: float
    high: float
    """Plausible range, inclusive; a value outside it counts as missing."""
    diagnostics: str | None = None
    """The column of Chapman-Shaoxing's Diagnostics table that gives it."""
    measurable: bool = False
    """Whether `ecgml.measurements` finds it in the waveform."""
    time_power: float | None = 0.0
    """How it scales when the recording is played f times as fast: value * f**time_power; None: not in any such way."""
    circular: bool = False
    """An angle in degrees, coded as sine and cosine."""


CLINICAL_COLUMNS = (
    ClinicalColumn("age", "years", "Age", 0, 120, "PatientAge"),
    ClinicalColumn("sex", "0 male, 1 female", "Sex", 0, 1, "Gender"),
    ClinicalColumn(
        "ventricular_rate", "1/min", "Ventricular rate", 10, 400, "VentricularRate", measurable=True, time_power=1
    ),
    # Diagnostics writes 0 in 12 rows, which means missing: 0 is below the range.
    ClinicalColumn("atrial_rate", "1/min", "Atrial rate", 10, 700, "AtrialRate", time_power=1),
    ClinicalColumn("qrs_duration", "ms", "QRS duration", 20, 400, "QRSDuration", measurable=True, time_power=-1),
    ClinicalColumn("qt_interval", "ms", "QT interval", 100, 900, "QTInterval", measurable=True, time_power=-1),
    ClinicalColumn(
        "qt_corrected",
        "ms",
        "QT interval corrected by Bazett",
        100,
        900,
        "QTCorrected",
        measurable=True,
        time_power=-0.5,
    ),
    ClinicalColumn("r_axis", "degrees", "Axis of the QRS complex", -180, 360, "RAxis", measurable=True, circular=True),
    ClinicalColumn("t_axis", "degrees", "Axis of the T wave", -180, 360, "TAxis", measurable=True, circular=True),
    # What no table gives; `ecgml.measurements.table` says more of each.
    ClinicalColumn("rr_cv", "1", "Standard deviation of RR intervals over their mean", 0, 2, measurable=True),
    ClinicalColumn("rr_jump", "1", "Median change from one RR interval to the next", 0, 2, measurable=True),
    ClinicalColumn("rr_concordance", "1", "Share of pairs of RR intervals that are the same", 0, 1, measurable=True),
    ClinicalColumn("rr_shortest", "1", "Shortest RR interval over the median one", 0, 1, measurable=True),
    ClinicalColumn("p_consistency", "1", "Likeness of what precedes the beats", -1, 1, measurable=True),
    ClinicalColumn("p_amplitude", "mV", "Height of the P wave towards I + II - aVR", -1, 1, measurable=True),
    ClinicalColumn(
        "flutter_share", "1", "Share of power between beats at 4 to 6.5 Hz", 0, 1, measurable=True, time_power=None
    ),
)

CLINICAL_NAMES = tuple(column.name for column in CLINICAL_COLUMNS)

INTERVAL_COLUMNS = ("qrs_duration", "qt_interval", "qt_corrected")
"""Given by tables, or measured by `ecgml.measurements.intervals`: the preprocessing setting `intervals` says which of
the two a model sees."""

_MALE = ("male", "man", "m", "männlich", "mann", "masculin", "homme", "0")
_FEMALE = ("female", "woman", "f", "weiblich", "frau", "w", "féminin", "femme", "1")
_SEXES = {
    **dict.fromkeys((*_MALE, "maennlich", "mannlich"), 0.0),
    # The Chapman-Shaoxing set's AttributesDictionary writes FEMAL.
    **dict.fromkeys((*_FEMALE, "femal", "feminin"), 1.0),
}


def parse_sex(text: object) -> float:
    """Return 0 for male, 1 for female in English, German or French, NaN for anything else."""
    # Spreadsheets turn 1 into 1.0; a Mac may write ä as two characters.
    word = unicodedata.normalize("NFC", str(text).strip().lower()).removesuffix(".0").removesuffix(".")
    return _SEXES.get(word, math.nan)


def parse_number(text: object) -> float:
    """Return a number, or NaN where there is none."""
    try:
        return float(str(text).strip())
    except ValueError:
        return math.nan


def accepted(name: str) -> str:
    """Return what a value of a column may be, in words."""
    if name == "sex":
        return f"{', '.join(_MALE)}; {', '.join(_FEMALE)}"
    column = next(column for column in CLINICAL_COLUMNS if column.name == name)
    return f"{column.low:g} to {column.high:g} {column.unit}"


def plausible(values: Mapping[str, float]) -> dict[str, float]:
    """Keep the values of known columns that lie within their plausible range."""
    return {
        column.name: float(values[column.name])
        for column in CLINICAL_COLUMNS
        if column.name in values and is_plausible(column, values[column.name])
    }


def is_plausible(column: ClinicalColumn, value: float) -> bool:
    """Whether a value lies in its column's range, and is one of the codes where those are all there is."""
    return column.low <= value <= column.high and (column.name != "sex" or value in (0, 1))


def clinical_row(
    given: Mapping[str, float], measured: Mapping[str, float]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Combine given and measured values into a row; given beats measured.

    Parameters
    ----------
    given, measured : mapping of str to float
        By column name; absent or NaN where unknown.

    Returns
    -------
    values : ndarray of float32, shape (n_features,)
        In the order of :data:`CLINICAL_COLUMNS`; NaN where missing.
    origins : ndarray of uint8, shape (n_features,)
        :class:`Origin` of each.
    """
    values = np.full(len(CLINICAL_COLUMNS), np.nan, dtype=np.float32)
    origins = np.full(len(CLINICAL_COLUMNS), Origin.MISSING, dtype=np.uint8)
    for origin, source in ((Origin.MEASURED, plausible(measured)), (Origin.GIVEN, plausible(given))):
        for index, name in enumerate(CLINICAL_NAMES):
            if name in source:
                values[index], origins[index] = source[name], origin
    return values, origins
