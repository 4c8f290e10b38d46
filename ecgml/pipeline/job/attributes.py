"""Attributes that define subgroups, from a table or a past run's ``split.csv``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ecgml.datasets.table import RecordTable
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.subgroups import AGE_BORDERS, age_group
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.schemes import BRADYCARDIA_BPM, TACHYCARDIA_BPM, rate_band

SEXES = {0.0: "male", 1.0: "female"}

MONTHS_UP_TO = 24
"""Longest range of dates divided by month, months; longer ones are divided by year."""


def attributes_of(table: RecordTable, age_bands: Sequence[int] = AGE_BORDERS) -> dict[str, list[str]]:
    """Return sex, age band, source, date, signal and heart rate of a table's records; ``""`` where unknown.

    Parameters
    ----------
    table : RecordTable
    age_bands : sequence of int
        Lower borders of the bands after the first, years.
    """
    age, sex = (table.given[:, CLINICAL_NAMES.index(name)].tolist() for name in ("age", "sex"))
    return _named(age, sex, table.sources.tolist(), table.dates.tolist(), table.rates.tolist(), table.notes, age_bands)


def people_of(table: RecordTable) -> str:
    """Describe a table's patients: number, ages, sexes."""
    ages, sexes = (table.given[:, CLINICAL_NAMES.index(name)] for name in ("age", "sex"))
    ages, sexes = ages[np.isfinite(ages)], sexes[np.isfinite(sexes)]
    parts = [f"At most {len(np.unique(table.patients)):,} patients (unknown in some sources)"]
    if ages.size:
        low, middle, high = np.percentile(ages, [5, 50, 95])
        parts.append(f"median age {middle:.0f} (5th to 95th percentile {low:.0f} to {high:.0f})")
    if sexes.size:
        parts.append(f"{sexes.mean():.0%} women")
    if not ages.size and not sexes.size:
        parts.append("age and sex unknown")
    return ", ".join(parts)


def attributes_of_split(
    split: pd.DataFrame, predictions: Predictions, age_bands: Sequence[int] = AGE_BORDERS
) -> dict[str, list[str]]:
    """Return the attributes of stored predictions; unknown if an older run's ``split.csv`` lacks them.

    Parameters
    ----------
    split : DataFrame
        Of the run that made the predictions.
    predictions : Predictions
    age_bands : sequence of int
    """
    rows = split.drop_duplicates("record").set_index("record").reindex(predictions.record_ids)
    blank = [float("nan")] * len(rows)
    age, sex, rate = (rows[name].astype(float).tolist() if name in rows else blank for name in ("age", "sex", "rate"))
    dates = rows["date"].fillna("").astype(str).tolist() if "date" in rows else [""] * len(rows)
    return _named(age, sex, predictions.sources, dates, rate, predictions.notes, age_bands)


def _named(
    age: Sequence[float],
    sex: Sequence[float],
    sources: Sequence[str],
    dates: Sequence[str],
    rates: Sequence[float],
    notes: Sequence[str],
    age_bands: Sequence[int],
) -> dict[str, list[str]]:
    return {
        "sex": [SEXES.get(value, "") for value in sex],
        "age": [age_group(value, age_bands) for value in age],
        "source": [str(source) for source in sources],
        "date": _periods(dates),
        "signal": ["with remarks" if note else "clean" for note in notes],
        "heart rate": [_rate_band(value) for value in rates],
    }


def _periods(dates: Sequence[str]) -> list[str]:
    """Return the month of each date, or its year if they span many months."""
    months = [date[:7] for date in dates]
    return months if len(set(months) - {""}) <= MONTHS_UP_TO else [month[:4] for month in months]


def _rate_band(rate_bpm: float) -> str:
    if np.isnan(rate_bpm):
        return ""
    low, high = f"{BRADYCARDIA_BPM:g}", f"{TACHYCARDIA_BPM:g}"
    return (f"below {low}", f"{low} to {high}", f"above {high}")[int(rate_band(rate_bpm))]
