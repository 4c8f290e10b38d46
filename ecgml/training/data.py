"""The rows of a table as training and validation see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgml.datasets.augmentation import augment, rate_labels
from ecgml.datasets.batch import Batch
from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.datasets.sampling import class_weights, draw_epoch
from ecgml.datasets.settings import AugmentationSettings
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable
from ecgml.errors import TrainingError


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What a model is fitted to and selected by; the test part is not in it.

    Parameters
    ----------
    store : WindowStore
    train, val : RecordTable
        Usable records.
    n_classes : int
    fs : float
        Of the windows, Hz.
    """

    store: WindowStore
    train: RecordTable
    val: RecordTable
    n_classes: int
    fs: float

    def __post_init__(self) -> None:
        for name, table in (("training", self.train), ("validation", self.val)):
            if len(table) == 0:
                raise TrainingError(f"no usable record in the {name} part; give more data or another split")
        if len(np.unique(self.train.y_harmonised)) < 2:
            raise TrainingError(
                f"the {len(self.train)} training records are all of one class; training needs two or more"
            )


def clinical_values(table: RecordTable, keep_given: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """Return the clinical rows: given where there, else measured, else NaN.

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
) -> Iterator[Batch]:
    """Yield one epoch of augmented batches, all of one size; what is left over is dropped.

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
    table = data.train
    stretchable = rate_labels(table.rates, table.rhythms, table.sinus, table.y_by_band)
    drawn = draw_epoch(class_weights(table.y_harmonised, balance), rng)
    keep_given = rng.random(len(drawn)) >= augmentation.clinical_dropout
    windows = table.first_window[drawn] + rng.integers(table.n_windows[drawn])
    for index in range(steps_per_epoch(len(table), batch_size)):
        at = slice(index * batch_size, min((index + 1) * batch_size, len(drawn)))
        rows = drawn[at]
        waveform, n_valid = data.store.take(windows[at])
        clinical = clinical_values(table[rows], keep_given[at])
        batch = Batch(waveform, n_valid, clinical, table.y_harmonised[rows])
        yield augment(batch, stretchable[rows], data.fs, augmentation, rng)


def steps_per_epoch(n_records: int, batch_size: int) -> int:
    """Return the number of whole batches in an epoch, at least one."""
    return max(1, n_records // batch_size)
