"""Training and validation data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgml.datasets.augmentation import AugmentedBatch, draw_augmentation, rate_labels
from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.datasets.sampling import class_weights, draw_epoch
from ecgml.datasets.settings import AugmentationSettings
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable
from ecgml.errors import TrainingError


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Training and validation data of a model, without the test part.

    Parameters
    ----------
    store : WindowStore
    train, val : RecordTable
        Usable records.
    simulated : RecordTable
        Simulated records to mix into training; may be empty.
    n_classes : int
    fs : float
        Of the windows, Hz.
    """

    store: WindowStore
    train: RecordTable
    val: RecordTable
    simulated: RecordTable
    n_classes: int
    fs: float

    @property
    def can_select(self) -> bool:
        """Whether validation can select: with a single class it prefers the model that always predicts it."""
        return len(np.unique(self.val.y_harmonised)) > 1

    def __post_init__(self) -> None:
        for name, table in (("training", self.train), ("validation", self.val)):
            if len(table) == 0:
                raise TrainingError(f"no usable record in the {name} part; give more data, or another --split-seed")
        if len(np.unique(self.train.y_harmonised)) < 2:
            raise TrainingError(
                f"the {len(self.train)} training records are all of one class; training needs two or more"
            )


def clinical_values(table: RecordTable, keep_given: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """Return the clinical rows: given, else measured, else NaN.

    Parameters
    ----------
    table : RecordTable
    keep_given : ndarray of bool, shape (n_records,), optional
        False takes a row as if nothing had been given, as when a client sends a waveform alone.

    Returns
    -------
    ndarray of float32, shape (n_records, n_features)
    """
    given = table.given if keep_given is None else np.where(keep_given[:, None], table.given, np.nan)
    return np.where(np.isnan(given), table.measured, given).astype(np.float32)


def fit_encoder(table: RecordTable) -> ClinicalEncoder:
    """Fit the clinical encoder to training records."""
    return ClinicalEncoder.fit(clinical_values(table))


def training_batches(
    data: TrainingData, augmentation: AugmentationSettings, batch_size: int, balance: float, rng: np.random.Generator
) -> Iterator[AugmentedBatch]:
    """Yield one epoch of augmented batches of equal size; remaining records are dropped.

    Parameters
    ----------
    data : TrainingData
    augmentation : AugmentationSettings
    batch_size : int
        Cut to the number of training records.
    balance : float
        See :func:`ecgml.datasets.sampling.class_weights`.
    rng : numpy.random.Generator
        Everything that is drawn comes from it.
    """
    drawn_tables = [(data.train, len(data.train))]
    if len(data.simulated) and augmentation.simulated_records:
        drawn_tables.append((data.simulated, augmentation.simulated_records))
    table = RecordTable.join(
        [own[draw_epoch(class_weights(own.y_harmonised, balance), n_draws, rng)] for own, n_draws in drawn_tables]
    )
    table = table[rng.permutation(len(table))]
    stretchable = rate_labels(table.rates, table.rhythms, table.sinus, table.y_by_band)
    keep_given = rng.random(len(table)) >= augmentation.clinical_dropout
    windows = table.first_window + rng.integers(table.n_windows)
    clinical = clinical_values(table, keep_given)
    n_valid = data.store.n_valid[windows].astype(np.int64)
    size = min(batch_size, len(table))
    for start in range(0, len(table) - size + 1, size):
        rows = slice(start, start + size)
        yield draw_augmentation(
            windows[rows], n_valid[rows], clinical[rows], table.y_harmonised[rows], stretchable[rows],
            data.store.n_times, data.fs, augmentation, rng,
        )  # fmt: skip


def steps_per_epoch(data: TrainingData, augmentation: AugmentationSettings, batch_size: int) -> int:
    """Return the number of whole batches in an epoch, at least one."""
    n_records = len(data.train) + (augmentation.simulated_records if len(data.simulated) else 0)
    return max(1, n_records // batch_size)
