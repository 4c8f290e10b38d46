"""Counts of the records that came in last, by source: bounded in memory, without any single record."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ALL = "all"
"""The source that every record belongs to."""

OTHER = "other"
"""Where records of further sources are counted when there are :data:`MAX_SOURCES`."""

WINDOW_RECORDS = 1000
N_BLOCKS = 20
MAX_SOURCES = 32


class RollingCounts:
    """Counts records in blocks; the oldest block is dropped as a whole.

    Parameters
    ----------
    n_bins : int
    n_records : int
        Of a window, at most; between this and one block less once it is full.
    """

    def __init__(self, n_bins: int, n_records: int = WINDOW_RECORDS) -> None:
        self._n_bins = n_bins
        self._block_records = max(1, n_records // N_BLOCKS)
        self._blocks: dict[str, deque[NDArray[np.int64]]] = {}  # behind the bins the number of records
        self._seen: dict[str, int] = {}

    def add(self, source: str, places: Sequence[int]) -> None:
        """Count a record in its bins, of its source (empty where none is named) and of all."""
        self._add(ALL, places)
        if source and source != ALL:
            self._add(source if source in self._blocks or len(self._blocks) < MAX_SOURCES else OTHER, places)

    @property
    def sources(self) -> tuple[str, ...]:
        """Those counted, the first :data:`ALL`."""
        return tuple(self._blocks)

    def window(self, source: str) -> tuple[int, int, NDArray[np.int64]]:
        """Return how many records were ever counted of a source, how many are in its window, and their counts."""
        total = np.sum(self._blocks[source], axis=0)
        return self._seen[source], int(total[-1]), total[:-1]

    def _add(self, source: str, places: Sequence[int]) -> None:
        blocks = self._blocks.setdefault(source, deque(maxlen=N_BLOCKS))
        if not blocks or blocks[-1][-1] >= self._block_records:
            blocks.append(np.zeros(self._n_bins + 1, np.int64))
        blocks[-1][[*places, -1]] += 1
        self._seen[source] = self._seen.get(source, 0) + 1
