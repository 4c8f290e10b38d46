"""Alternative splits: k folds, held-out dates or sources, published folds.

Every assignment here is of train, val and test; what a fold neither trains on nor tests is ``""``. Validation always
comes from the training side: no test part is ever used for selection.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecgml.datasets.duplicates import connected
from ecgml.datasets.settings import SplitSettings
from ecgml.datasets.splits import groups_by, split_records
from ecgml.datasets.table import RecordTable
from ecgml.errors import TrainingError

PUBLISHED_VAL, PUBLISHED_TEST = 9, 10
"""Of ten published folds (PTB-XL: Wagner et al. 2020, 10.1038/s41597-020-0495-6; ECGBench): the rest is trained on."""


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold: the part of each record.

    Parameters
    ----------
    name : str
        What is tested: ``"2 of 5"``, ``"georgia"``.
    parts : ndarray of str, shape (n_records,)
        ``"train"``, ``"val"``, ``"test"``, or ``""`` where the fold has no use for a record.
    """

    name: str
    parts: NDArray[np.str_]


def patient_folds(table: RecordTable, n_folds: int, settings: SplitSettings) -> list[Fold]:
    """Divide patients into k folds, stratified; each is tested once.

    Parameters
    ----------
    table : RecordTable
    n_folds : int
        At least 2.
    settings : SplitSettings
        Of them the seed, and the share of validation.

    Raises
    ------
    TrainingError
        If there are fewer patients than folds, or too few for validation.
    """
    return _k_folds(table, table.blocks, n_folds, settings, "patient")


def date_folds(table: RecordTable, n_folds: int, settings: SplitSettings) -> list[Fold]:
    """Divide acquisition days into k folds, stratified as far as days allow; each is tested once.

    Days are connected where a patient was recorded on both. Records without a date are left out of every part: they
    may be of a day that is tested.

    Raises
    ------
    TrainingError
        If there are fewer independent days than folds.
    """
    dated = np.flatnonzero(table.dates != "")
    dated_table = table[dated]
    folds = _k_folds(dated_table, groups_by(dated_table, "date"), n_folds, settings, "date") if len(dated) else []
    return [Fold(fold.name, _spread(fold.parts, dated, len(table))) for fold in folds]


def source_folds(table: RecordTable, settings: SplitSettings) -> list[Fold]:
    """Hold out each source once, with all records of the patients in it.

    A record elsewhere of a patient of the source is in no part: it is not of the source, and may not be trained on.

    Raises
    ------
    TrainingError
        If there are fewer than two sources.
    """
    names = np.unique(table.sources).tolist()
    if len(names) < 2:
        raise TrainingError(f"all {len(table):,} records are of one source ({', '.join(names)}); two are needed")
    folds = []
    for name in names:
        tested = table.sources == name
        shared = ~tested & np.isin(table.blocks, table.blocks[tested])
        folds.append(Fold(name, _with_val(table, tested, shared, settings)))
    return folds


def published_folds(table: RecordTable, numbers: NDArray[np.int64]) -> list[Fold]:
    """Return published folds unchanged: 10 for test, 9 for validation, 1 to 8 for training.

    Where the publication divides what we know to be one patient or one ECG, the records before the test part are left
    out, and of those of validation's patients the ones to train on.

    Parameters
    ----------
    table : RecordTable
    numbers : ndarray of int64, shape (n_records,)
        1 to 10; anything else leaves a record out.

    Returns
    -------
    folds : list of Fold
        One, or none where no record is of fold 10, of fold 9 or of the others.
    """
    parts = np.full(len(table), "", dtype="<U5")
    parts[(numbers >= 1) & (numbers < PUBLISHED_VAL)] = "train"
    parts[numbers == PUBLISHED_VAL] = "val"
    parts[numbers == PUBLISHED_TEST] = "test"
    # By patient, not by block: blocks keep a source's own folds whole, and must not undo another publication's.
    tested = np.isin(table.patients, table.patients[parts == "test"])
    parts[tested & (parts != "test")] = ""
    parts[np.isin(table.patients, table.patients[parts == "val"]) & (parts == "train")] = ""
    is_complete = all((parts == part).any() for part in ("train", "val", "test"))
    return [Fold("fold 10", parts)] if is_complete else []


def _k_folds(
    table: RecordTable, groups: NDArray[np.int64], n_folds: int, settings: SplitSettings, split_by: str
) -> list[Fold]:
    groups = np.unique(groups, return_inverse=True)[1]
    n_groups = int(groups.max(initial=-1)) + 1
    if n_groups < max(n_folds, 3):
        raise TrainingError(
            f"{n_groups} independent groups of records (by {split_by}) cannot fill {n_folds} folds; lower --folds"
        )
    fold_of = stratified_folds(table.y_harmonised, groups, n_folds, settings.split_seed)
    nobody = np.zeros(len(table), dtype=bool)
    return [
        Fold(f"{number + 1} of {n_folds}", _with_val(table, fold_of == number, nobody, settings, groups))
        for number in range(n_folds)
    ]


def stratified_folds(
    labels: NDArray[np.int64], groups: NDArray[np.int64], n_folds: int, seed: int
) -> NDArray[np.int64]:
    """Number the fold of each record: groups whole, classes spread as evenly as the groups allow.

    Large groups first, each to the fold that lacks most of its classes. (scikit-learn's StratifiedGroupKFold evens out
    the classes' spread over folds alone; of a few large groups and many small ones it leaves folds of unlike size.)

    Parameters
    ----------
    labels : ndarray of int64, shape (n_records,)
    groups : ndarray of int64, shape (n_records,)
        0 to n_groups - 1.
    n_folds : int
    seed : int

    Returns
    -------
    fold_of : ndarray of int64, shape (n_records,)
    """
    counts = np.zeros((groups.max() + 1, labels.max() + 1))
    np.add.at(counts, (groups, labels), 1)
    have = np.zeros((n_folds, counts.shape[1]))
    n_of_class = np.maximum(counts.sum(axis=0), 1)
    order = np.random.default_rng(seed).permutation(len(counts))
    rarest = np.where(counts > 0, n_of_class, np.inf).min(axis=1)
    order = order[np.lexsort((rarest[order], -counts.sum(axis=1)[order]))]
    fold_of = np.empty(len(counts), dtype=np.int64)
    for group in order:
        # What is over an even share counts squared, each class by its own size; equals go to the smallest fold.
        cost = ((2 * have * counts[group] + counts[group] ** 2) / n_of_class).sum(axis=1)
        fold_of[group] = np.lexsort((have.sum(axis=1), np.round(cost, 12)))[0]
        have[fold_of[group]] += counts[group]
    return fold_of[groups]


def _with_val(
    table: RecordTable,
    tested: NDArray[np.bool_],
    left_out: NDArray[np.bool_],
    settings: SplitSettings,
    groups: NDArray[np.int64] | None = None,
) -> NDArray[np.str_]:
    """Return the parts of a fold: the test part is given, validation is taken from the rest by patient or group."""
    parts = np.full(len(table), "", dtype="<U5")
    parts[tested] = "test"
    rest = np.flatnonzero(~tested & ~left_out)
    inner = table[rest]
    if groups is not None:
        # A group may join blocks (days), never divide one.
        keys = [[f"group {group}", f"block {block}"] for group, block in zip(groups[rest], inner.blocks, strict=True)]
        inner = replace(inner, blocks=connected(keys))
    # Of a split into train, val and test, what would be its test part is trained on, too.
    two = replace(settings, calibration_fraction=0.0, split_by="patient")
    divided = split_records(inner, two)
    parts[rest] = np.where(divided == "val", "val", "train")
    return parts


def _spread(parts: NDArray[np.str_], rows: NDArray[np.int64], n_records: int) -> NDArray[np.str_]:
    all_parts = np.full(n_records, "", dtype=parts.dtype)
    all_parts[rows] = parts
    return all_parts
