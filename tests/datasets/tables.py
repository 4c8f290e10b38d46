"""Record tables for tests, made without files."""

from __future__ import annotations

import numpy as np

from ecgml.datasets.table import RecordTable
from ecgml.records.clinical import CLINICAL_NAMES


def make_table(labels: list[int] | np.ndarray, **columns: np.ndarray) -> RecordTable:
    """Return a table of usable records, each of its own patient, one window each; columns replace the defaults."""
    labels = np.asarray(labels, dtype=np.int64)
    n = len(labels)
    numbers = np.arange(n, dtype=np.int64)
    blank = np.full((n, len(CLINICAL_NAMES)), np.nan, dtype=np.float32)
    defaults = {
        "record_ids": np.array([f"cohort/{number}" for number in numbers], dtype=np.str_),
        "sources": np.full(n, "source"),
        "dates": np.full(n, ""),
        "rhythms": np.full(n, "SR"),
        "notes": np.full(n, ""),
        "folds": np.full(n, -1, dtype=np.int64),
        "usable": np.ones(n, dtype=bool),
        "y_written": labels,
        "y_harmonised": labels,
        "y_by_band": np.tile(labels[:, None], (1, 3)),
        "sinus": np.ones(n, dtype=bool),
        "given": blank,
        "measured": blank.copy(),
        "ecgs": numbers,
        "patients": numbers,
        "blocks": numbers,
        "first_window": numbers,
        "n_windows": np.ones(n, dtype=np.int64),
    }
    return RecordTable(**(defaults | columns))
