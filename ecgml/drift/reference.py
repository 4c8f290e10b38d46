"""How often each bin occurred in validation: counts alone, stored beside the model."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgml.drift.characteristics import Characteristic

FORMAT = 1


@dataclass(frozen=True, eq=False)
class Reference:
    """What records and answers of a model's validation look like.

    Parameters
    ----------
    n_records : int
    characteristics : tuple of Characteristic
        With the bins of the time it was made: what is compared is counted in these.
    counts : ndarray of int64, shape (n_bins,)
        Of all characteristics, one behind the other.
    """

    n_records: int
    characteristics: tuple[Characteristic, ...]
    counts: NDArray[np.int64]

    @classmethod
    def of(
        cls, characteristics: Sequence[Characteristic], records: Iterable[Mapping[str, float | str | None]]
    ) -> Reference:
        """Count records, each by its values' names."""
        empty = cls(0, tuple(characteristics), np.zeros(sum(one.n_bins for one in characteristics), np.int64))
        counts, n_records = empty.counts, 0
        for values in records:
            counts[empty.places(values)] += 1
            n_records += 1
        return cls(n_records, empty.characteristics, counts)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Where the bins of each characteristic are among all."""
        ends = np.cumsum([0, *(one.n_bins for one in self.characteristics)]).tolist()
        return tuple(slice(start, end) for start, end in itertools.pairwise(ends))

    def places(self, values: Mapping[str, float | str | None]) -> list[int]:
        """Return the bins of a record among all."""
        places = []
        for one, where in zip(self.characteristics, self.slices, strict=True):
            place = one.bin_of(values[one.name]) if one.name in values else None
            if place is not None:
                places.append(where.start + place)
        return places

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "format": FORMAT,
            "n_records": self.n_records,
            "characteristics": [
                {
                    "name": one.name,
                    "title": one.title,
                    "unit": one.unit,
                    **({"edges": list(one.edges)} if one.is_ordered else {"categories": list(one.categories)}),
                    "missing": one.missing,
                    "counts": self.counts[where].tolist(),
                }
                for one, where in zip(self.characteristics, self.slices, strict=True)
            ],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Reference:
        """Rebuild from :meth:`to_json`.

        Raises
        ------
        ValueError, KeyError, TypeError
            If it is damaged or of a later version.
        """
        if values["format"] > FORMAT:
            raise ValueError("written by a later version of ecgml")
        stored = values["characteristics"]
        found = tuple(
            Characteristic(
                str(one["name"]),
                str(one["title"]),
                str(one["unit"]),
                tuple(map(float, one.get("edges", ()))),
                tuple(map(str, one.get("categories", ()))),
                bool(one["missing"]),
            )
            for one in stored
        )
        for characteristic, one in zip(found, stored, strict=True):
            if len(one["counts"]) != characteristic.n_bins or min(one["counts"]) < 0:
                raise ValueError(f"counts of {characteristic.name} do not fit its bins")
        counts = np.array([count for one in stored for count in one["counts"]], dtype=np.int64)
        return cls(int(values["n_records"]), found, counts)
