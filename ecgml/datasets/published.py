"""Read published folds from a benchmark's file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecgml.errors import TrainingError

FOLD_COLUMNS = ("fold", "strat_fold")


def read_folds(path: Path, record_ids: Sequence[str]) -> NDArray[np.int64]:
    """Read the fold of each record from a CSV file such as ECGBench's ``folds.csv`` or PTB-XL's own table.

    Records are named by different columns (ECGBench keeps each data set's own: ``FileName``, ``ecg_id``): the column
    that names most of our records is taken. Names are compared without folder, suffix and leading zeros.

    Parameters
    ----------
    path : Path
        The file, or a folder with ``folds.csv``.
    record_ids : sequence of str
        ``cohort/record``.

    Returns
    -------
    folds : ndarray of int64, shape (n_records,)
        -1 where the file does not name a record.

    Raises
    ------
    TrainingError
        If the file cannot be read, has no column of folds, a fold that is no whole number, a record in two folds, or
        names none of the records.
    """
    path = path / "folds.csv" if path.is_dir() else path
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise TrainingError(f"folds_file: {path} cannot be read as CSV: {' '.join(str(error).split())}") from None
    column = next((name for name in FOLD_COLUMNS if name in table), None)
    if column is None:
        raise TrainingError(f"folds_file: {path} has no column fold among {', '.join(map(str, table.columns))}")
    numbers = pd.to_numeric(table[column], errors="coerce")
    if (wrong := np.flatnonzero(~(numbers % 1 == 0))).size:
        cell = table[column].iloc[wrong[0]]
        raise TrainingError(f"folds_file: {path}, line {wrong[0] + 2}: fold {cell!r}, expected a whole number")
    names = [_bare(name) for name in record_ids]
    columns_of_names = {name: table[name].map(_bare) for name in table.columns if name != column}
    matched = {name: int(cells.isin(set(names)).sum()) for name, cells in columns_of_names.items()}
    best = max(matched, key=matched.__getitem__, default=None)
    if best is None or not matched[best]:
        raise TrainingError(
            f"folds_file: {path} names none of the {len(names):,} records; give the folds of these data"
        )
    fold_of: dict[str, int] = {}
    for name, number in zip(columns_of_names[best], numbers.astype(int), strict=True):
        if fold_of.setdefault(name, number) != number:
            raise TrainingError(f"folds_file: {path}: record {name} is in folds {fold_of[name]} and {number}")
    return np.array([fold_of.get(name, -1) for name in names], dtype=np.int64)


def _bare(name: str) -> str:
    stem = Path(str(name)).name
    stem = stem.rpartition(".")[0] or stem
    return str(int(stem)) if stem.isdecimal() else stem
