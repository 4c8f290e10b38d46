"""Predict records: the average over their windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ecgml.calibration.calibration import Calibration
from ecgml.calibration.scaling import softmax
from ecgml.datasets.batch import Batch
from ecgml.datasets.encoder import ClinicalEncoder

if TYPE_CHECKING:
    from ecgml.datasets.store import WindowStore

WINDOWS_PER_BATCH = 128


@torch.inference_mode()
def predict_logits(model: nn.Module, batch: Batch, encoder: ClinicalEncoder) -> NDArray[np.float64]:
    """Return the logits of a batch of windows, shape (B, n_classes), in float32 arithmetic.

    The model must be in evaluation mode: then a window's logits do not depend on the others in its batch.
    """
    clinical = torch.from_numpy(encoder.encode(batch.clinical)).to(batch.waveform.device)
    return model(batch.waveform, batch.mask, clinical).cpu().double().numpy()


def predict_records(
    model: nn.Module,
    store: WindowStore,
    first_window: NDArray[np.int64],
    n_windows: NDArray[np.int64],
    clinical: NDArray[np.float32],
    encoder: ClinicalEncoder,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Predict all windows of records.

    Parameters
    ----------
    model : Module
        In evaluation mode.
    store : WindowStore
    first_window, n_windows : ndarray of int64, shape (n_records,)
    clinical : ndarray, shape (n_records, n_features)
    encoder : ClinicalEncoder

    Returns
    -------
    logits : ndarray, shape (total windows, n_classes)
    owner : ndarray of int64, shape (total windows,)
        The record of each window, as an index into the arguments.
    """
    windows, owner = windows_of(first_window, n_windows)
    logits = []
    for start in range(0, len(windows), WINDOWS_PER_BATCH):
        rows = slice(start, start + WINDOWS_PER_BATCH)
        waveform, n_valid = store.take(windows[rows])
        logits.append(predict_logits(model, Batch(waveform, n_valid, clinical[owner[rows]]), encoder))
    return np.concatenate(logits) if logits else np.zeros((0, 0)), owner


def windows_of(
    first_window: NDArray[np.int64], n_windows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of all windows of records, and the record of each, as an index into the arguments.

    Parameters
    ----------
    first_window, n_windows : ndarray of int64, shape (n_records,)
    """
    owner = np.repeat(np.arange(len(n_windows)), n_windows)
    offset = np.arange(len(owner)) - np.repeat(np.cumsum(n_windows) - n_windows, n_windows)
    return np.repeat(first_window, n_windows) + offset, owner


def average_windows(
    logits: NDArray[np.float64],
    owner: NDArray[np.int64],
    n_records: int,
    calibration: Calibration | None = None,
    rates: NDArray[np.floating] | None = None,
) -> NDArray[np.float64]:
    """Return a record's probabilities: the average over its windows of the softmax of its scaled logits.

    Where the calibration has rate bands, the average then agrees with the measured rate.

    Parameters
    ----------
    logits : ndarray, shape (n_windows, n_classes)
    owner : ndarray of int64, shape (n_windows,)
    n_records : int
    calibration : Calibration, optional
        By default logits stay as they are.
    rates : ndarray, shape (n_records,), optional
        Measured ventricular rates, 1/min, for rate bands; NaN where unknown.

    Returns
    -------
    y_prob : ndarray, shape (n_records, n_classes)
        Rows of NaN for records without a window.
    """
    scaled = softmax(calibration.scaling(logits) if calibration else logits)
    total = np.zeros((n_records, logits.shape[1]))
    np.add.at(total, owner, scaled)
    with np.errstate(invalid="ignore"):
        y_prob = total / np.bincount(owner, minlength=n_records)[:, None]
    if calibration and calibration.rate_bands and rates is not None:
        return calibration.rate_bands(y_prob, rates)
    return y_prob
