"""Train, validation, calibration and test: patients and duplicates never cross."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecgml.datasets.duplicates import connected
from ecgml.datasets.settings import SplitSettings
from ecgml.datasets.table import RecordTable
from ecgml.errors import TrainingError

PARTS = ("train", "val", "calibration", "test")

DAY_LENGTH = len("2018-02-09")
"""Of an acquisition date, which may have a time behind it."""


def split_records(table: RecordTable, settings: SplitSettings) -> NDArray[np.str_]:
    """Divide records into the four parts.

    Whole groups of connected records are given out, rarest class first and large groups before small ones, each to the
    part that lacks most of the group's classes: stratified as far as the groups allow.

    Parameters
    ----------
    table : RecordTable
    settings : SplitSettings

    Returns
    -------
    parts : ndarray of str, shape (n_records,)
        One of :data:`PARTS` each.

    Raises
    ------
    TrainingError
        If there are fewer than two classes, or too few groups to fill train, val and test.
    """
    labels, groups = table.y_harmonised, groups_by(table, settings.split_by)
    _check(table, groups, settings)
    n_classes = int(labels.max()) + 1
    counts = np.zeros((groups.max() + 1, n_classes))
    np.add.at(counts, (groups, labels), 1)

    fractions = np.array([settings.train_fraction, *_held_out(settings)])
    target_counts = fractions[:, None] * counts.sum(axis=0)  # (parts, classes)
    have = np.zeros_like(target_counts)
    rng = np.random.default_rng(settings.split_seed)
    shuffled = rng.permutation(len(counts))
    rarity = counts.sum(axis=0)
    rarest = np.where(counts > 0, rarity, np.inf).min(axis=1)
    order = shuffled[np.lexsort((rarest[shuffled], -counts.sum(axis=1)[shuffled]))]
    part_of = np.empty(len(counts), dtype=int)
    for group in order:
        part_of[group] = _neediest(counts[group], target_counts, have, rarity)
        have[part_of[group]] += counts[group]
    _fill_empty_parts(part_of, counts, fractions)
    return np.array(PARTS)[part_of[groups]]


def _held_out(settings: SplitSettings) -> tuple[float, float, float]:
    return settings.val_fraction, settings.calibration_fraction, settings.test_fraction


def groups_by(table: RecordTable, split_by: str) -> NDArray[np.int64]:
    """Number the groups that must not be divided: blocks, merged if they share a day or source."""
    if split_by == "patient":
        return np.unique(table.blocks, return_inverse=True)[1]
    names = [date[:DAY_LENGTH] for date in table.dates] if split_by == "date" else table.sources.tolist()
    keys = [
        [f"block {block}", *([f"{split_by} {name}"] if name else [])]
        for block, name in zip(table.blocks, names, strict=True)
    ]
    return connected(keys)


def _neediest(
    group: NDArray[np.float64], wanted: NDArray[np.float64], have: NDArray[np.float64], rarity: NDArray[np.float64]
) -> int:
    """Return the part whose class counts the group brings closest to their targets.

    Squared distances, each class by its own size and each part by its own: an error of ten records is much to a rare
    class and to a small part.
    """
    scale = np.maximum(wanted, 0.5) * np.maximum(rarity, 1)
    gain = ((wanted - have) ** 2 - (wanted - have - group) ** 2) / scale
    gain = gain.sum(axis=1)
    gain[wanted.sum(axis=1) == 0] = -np.inf
    return int(gain.argmax())


def _fill_empty_parts(part_of: NDArray[np.int64], counts: NDArray[np.float64], fractions: NDArray[np.float64]) -> None:
    """Give each part that wants records at least one group, the smallest that the largest part can spare."""
    sizes = counts.sum(axis=1)
    for part in np.flatnonzero(fractions > 0):
        if not (part_of == part).any():
            per_part = np.bincount(part_of, weights=sizes, minlength=len(fractions))
            spare = np.flatnonzero(part_of == per_part.argmax())
            part_of[spare[sizes[spare].argmin()]] = part


def _check(table: RecordTable, groups: NDArray[np.int64], settings: SplitSettings) -> None:
    n_classes = len(np.unique(table.y_harmonised)) if len(table) else 0
    if n_classes < 2:
        raise TrainingError(
            f"{len(table)} labelled records, classes among them: {n_classes}; training needs two or more"
        )
    n_parts = 1 + sum(fraction > 0 for fraction in _held_out(settings))
    n_groups = len(np.unique(groups))
    if n_groups < n_parts:
        raise TrainingError(
            f"{n_groups} independent groups of records (split_by={settings.split_by}) cannot fill {n_parts} parts; "
            "split by patient, or set --calibration-fraction 0"
        )


def describe(table: RecordTable, parts: NDArray[np.str_], classes: Sequence[str]) -> list[str]:
    """Return a line per part with its size and class counts."""
    lines = []
    for part in PARTS:
        counts = np.bincount(table.y_harmonised[parts == part], minlength=len(classes))
        listed = ", ".join(f"{name} {count}" for name, count in zip(classes, counts, strict=True))
        lines.append(f"{part} {counts.sum()}: {listed}")
    return lines
