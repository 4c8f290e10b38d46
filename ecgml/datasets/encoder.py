"""Encode clinical rows for the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import CheckpointError
from ecgml.records.clinical import CLINICAL_COLUMNS, CLINICAL_NAMES

LIMIT = 5.0
"""Encoded values are limited to this many standard deviations: a mistyped age must not drown the rest."""


@dataclass(frozen=True)
class ClinicalEncoder:
    """Impute with the median, scale, flag what was missing; angles as cosine and sine.

    Fitted on training rows only. A column that no training row has is always encoded as missing.
    """

    names: tuple[str, ...]
    center: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def fit(cls, rows: NDArray[np.float32]) -> ClinicalEncoder:
        """Fit to training rows, shape (n_records, n_features), NaN where missing."""
        center, scale = [], []
        for column, values in zip(CLINICAL_COLUMNS, rows.T, strict=True):
            finite = values[np.isfinite(values)].astype(np.float64)
            spread = float(finite.std()) if finite.size else 0.0
            center.append(float(np.median(finite)) if finite.size and not column.circular else 0.0)
            scale.append(spread if spread > 1e-6 and not column.circular else 1.0 if finite.size else 0.0)
        return cls(CLINICAL_NAMES, tuple(center), tuple(scale))

    @property
    def n_out(self) -> int:
        """Length of an encoded row."""
        return 2 * len(CLINICAL_COLUMNS) + sum(column.circular for column in CLINICAL_COLUMNS)

    @property
    def owners(self) -> NDArray[np.int64]:
        """The clinical column that each number of an encoded row comes from, shape (n_out,)."""
        values = [np.full(2 if column.circular else 1, index) for index, column in enumerate(CLINICAL_COLUMNS)]
        return np.concatenate([*values, np.arange(len(CLINICAL_COLUMNS))])

    def encode(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Encode rows.

        Parameters
        ----------
        rows : ndarray, shape (n_records, n_features)
            In the order and units of `ecgml.records.clinical`; NaN where missing.

        Returns
        -------
        encoded : ndarray of float32, shape (n_records, n_out)
            Scaled values (an angle's cosine and sine), then a flag per column: 1 where missing.
        """
        scale = np.array(self.scale)
        missing = ~np.isfinite(rows) | (scale == 0)
        values = np.where(missing, 0.0, rows)
        columns = []
        for index, column in enumerate(CLINICAL_COLUMNS):
            here, absent = values[:, index], missing[:, index]
            if column.circular:
                radians = np.deg2rad(here)
                columns += [np.where(absent, 0.0, np.cos(radians)), np.where(absent, 0.0, np.sin(radians))]
            else:
                scaled = (here - self.center[index]) / (self.scale[index] or 1.0)
                columns.append(np.where(absent, 0.0, np.clip(scaled, -LIMIT, LIMIT)))
        return np.column_stack([*columns, missing]).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {"names": list(self.names), "center": list(self.center), "scale": list(self.scale)}

    @classmethod
    def from_json(cls, values: Mapping[str, Sequence[Any]], where: str) -> ClinicalEncoder:
        """Rebuild from :meth:`to_json`.

        Raises
        ------
        CheckpointError
            If it was fitted to other clinical columns than this version of ecgml has.
        """
        if tuple(values["names"]) != CLINICAL_NAMES:
            raise CheckpointError(f"{where}: made for other clinical columns ({', '.join(values['names'])})")
        return cls(CLINICAL_NAMES, tuple(map(float, values["center"])), tuple(map(float, values["scale"])))
