"""Who comes to the hospital: ages, rates and conditions by rhythm, and how often each rhythm is seen.

The figures summarise the Diagnostics table of the Chapman-Shaoxing set (Zheng et al., Scientific Data 7:48, 2020,
10.1038/s41597-020-0386-x), so that the demo cohort resembles it row by row without holding any of its rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_PROBABILITIES = (0.01, 0.05, 0.25, 0.50, 0.75, 0.95, 0.99)

_DATES = {"20180113": 20, "20180114": 20, "20180112": 14, "20180118": 14, "20180116": 14, "20180115": 10} | {
    "20180119": 4,
    "20180120": 3,
    "20180111": 1,
}
"""Acquisition dates (YYYYMMDD) with weights in per cent."""


@dataclass(frozen=True)
class Population:
    """The patients of one rhythm."""

    share: float
    """Of all records."""
    female: float
    """Share of women."""
    age_years: tuple[float, ...]
    """Quantiles 1, 5, 25, 50, 75, 95 and 99 %."""
    rate_bpm: tuple[float, ...]
    """The same of the ventricular rate."""
    conditions: str
    """Key of :data:`CONDITIONS`."""
    dates: Mapping[str, float]
    """Acquisition dates with weights. Most SR of the real set was recorded on two days, most re-entry on one: whoever
    learns dates learns rhythms."""


_JULY = {"20180712": 57} | {date: 0.43 * weight for date, weight in _DATES.items()}

HOSPITAL = {
    "SB": Population(
        3889 / 10646, 0.36, (20, 32, 50, 60, 68, 80, 86), (43, 47, 53, 56, 58, 59.4, 59.9), "slow", _DATES
    ),
    "SR": Population(
        1826 / 10646,
        0.56,
        (17, 26, 44, 55, 66, 80, 87),
        (60.2, 62, 68, 74, 83, 94, 99),
        "normal",
        {"20180209": 65, "20180210": 34.4} | {date: 0.006 * weight for date, weight in _DATES.items()},
    ),
    "AFIB": Population(
        1780 / 10646,
        0.42,
        (44, 52, 67, 75, 82, 89, 93),
        (49, 59, 76, 91, 109, 148, 176),
        "fibrillation",
        {"20180712": 7.5} | _DATES,
    ),
    "ST": Population(
        1568 / 10646, 0.49, (5, 16, 40, 57, 70, 84, 90), (100.2, 101, 104, 108, 117, 136, 150), "fast", _DATES
    ),
    "SVT": Population(
        587 / 10646, 0.52, (16, 25, 42, 56, 69, 87, 92), (123, 134, 151, 168, 184, 208, 217), "reentry", _JULY
    ),
    "AF": Population(
        445 / 10646, 0.42, (35, 45, 63, 72, 81, 91, 94), (43, 63, 86, 115, 140, 168, 204), "flutter", _JULY
    ),
    "SA": Population(399 / 10646, 0.44, (5, 7, 14, 29, 52, 76, 83), (55, 60, 66, 72, 78, 91, 101), "normal", _DATES),
    "AT": Population(121 / 10646, 0.47, (9, 24, 60, 71, 77, 92, 94), (77, 88, 100, 114, 138, 169, 190), "fast", _DATES),
    "AVNRT": Population(
        16 / 10646,
        0.60,
        (20, 28, 45, 57, 66, 83, 84),
        (145, 148, 166, 174, 182, 196, 205),
        "reentry",
        {"20180712": 75, "20180116": 15, "20180112": 5, "20180114": 5},
    ),
    "AVRT": Population(
        8 / 10646,
        0.45,
        (14, 18, 34, 50, 64, 76, 80),
        (130, 136, 150, 167, 190, 218, 228),
        "pathway",
        {"20180712": 75, "20180116": 25},
    ),
    "SAAWR": Population(7 / 10646, 0.55, (15, 17, 28, 50, 72, 86, 87), (53, 55, 59, 64, 71, 78, 84), "normal", _DATES),
}
"""By rhythm, most frequent first. Of the three rarest rhythms the table has 31 rows: their figures are rounded toward
the rhythms that resemble them."""

CONDITIONS: dict[str, dict[str, float]] = {
    "slow": {"LVHV": 15, "TWC": 15, "STTC": 4, "1AVB": 4, "RBBB": 3, "STTU": 2, "AQW": 2, "STDD": 1.5, "TWO": 1.4}
    | {"LVQRSAL": 1.9, "IVB": 0.9, "LBBB": 0.5, "QTIE": 0.5, "ERV": 0.6, "APB": 6, "VPB": 3, "JEB": 1},
    "normal": {"TWC": 11, "LVHV": 5, "STTC": 5, "1AVB": 1.6, "RBBB": 1.6, "STTU": 1.2, "AQW": 1.3, "STDD": 1.6}
    | {"LVQRSAL": 1.3, "TWO": 0.8, "LBBB": 0.3, "IVB": 0.4, "QTIE": 0.4, "ERV": 0.4, "APB": 6, "VPB": 3, "JEB": 0.4},
    "fast": {"STTC": 18, "TWC": 18, "LVHV": 8, "STDD": 5, "1AVB": 2, "RBBB": 4, "STTU": 2.5, "AQW": 2.8, "TWO": 1.5}
    | {"LVQRSAL": 4, "LBBB": 1.1, "IVB": 0.7, "APB": 9, "VPB": 5},
    "fibrillation": {"TWC": 34, "STTC": 24, "LVHV": 20, "STDD": 10, "RBBB": 8, "AQW": 4, "TWO": 3, "IVB": 2.4}
    | {"LVQRSAL": 4, "LBBB": 1.7, "STTU": 1.3, "QTIE": 0.7, "VPB": 8, "IDC": 6},
    "flutter": {"TWC": 25, "STTC": 15, "LVHV": 12, "RBBB": 12, "STDD": 5, "AQW": 3, "LBBB": 3, "IVB": 2, "QTIE": 2}
    | {"TWO": 1.6, "LVQRSAL": 1.1, "VPB": 4},
    "reentry": {"STTC": 10, "TWC": 6, "RBBB": 7, "LVHV": 4, "STDD": 5, "LBBB": 1.5, "AQW": 0.7, "IVB": 0.5}
    | {"TWO": 0.5, "VPB": 1},
    "pathway": {"STDD": 35, "STTC": 12, "TWC": 10, "LVHV": 8},
}
"""Per cent of patients with a condition, by the codes of the data set's Beat column."""


def draw_quantile(rng: np.random.Generator, quantiles: tuple[float, ...], low: float, high: float) -> float:
    """Draw from a distribution given by its quantiles, linear in between and toward its ends.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    quantiles : tuple of float
        Quantiles 1, 5, 25, 50, 75, 95 and 99 %.
    low, high : float
        The distribution's ends.
    """
    return float(np.interp(rng.random(), (0.0, *_PROBABILITIES, 1.0), (low, *quantiles, high)))
