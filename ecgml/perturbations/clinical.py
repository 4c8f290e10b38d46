"""Clinical values that are missing or wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgml.records.clinical import CLINICAL_COLUMNS, CLINICAL_NAMES


@dataclass(frozen=True, eq=False)
class ClinicalValues:
    """What there is to make a clinical row of; shape (n_features,) each, NaN where unknown."""

    given: NDArray[np.float32]
    measured: NDArray[np.float32]
    """From the waveform as it was sent in."""
    others: NDArray[np.float32]
    """Given values of another patient."""

    @property
    def row(self) -> NDArray[np.float32]:
        """What is given, else measured."""
        return np.where(np.isnan(self.given), self.measured, self.given)


def nothing(values: ClinicalValues) -> NDArray[np.float32]:
    """No value at all."""
    return np.full_like(values.given, np.nan)


def measured_only(values: ClinicalValues) -> NDArray[np.float32]:
    """What a waveform sent alone has."""
    return values.measured


def without(name: str) -> Callable[[ClinicalValues], NDArray[np.float32]]:
    """Return what takes one value away, given or measured."""
    return changed(name, lambda value: np.nan)


def of_another_patient(values: ClinicalValues) -> NDArray[np.float32]:
    """What was given of another patient, mistaken for this one."""
    return np.where(np.isnan(values.others), values.measured, values.others)


def changed(name: str, change: Callable[[float], float]) -> Callable[[ClinicalValues], NDArray[np.float32]]:
    """Return what replaces one value, given or measured; one outside the plausible range then counts as missing."""
    place = CLINICAL_NAMES.index(name)
    column = CLINICAL_COLUMNS[place]

    def apply(values: ClinicalValues) -> NDArray[np.float32]:
        row = values.row.copy()
        value = change(float(row[place]))
        row[place] = value if column.low <= value <= column.high else np.nan
        return row

    return apply
