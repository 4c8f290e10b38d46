"""A fitted model -> predictions of its test part and of the external cohort."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ecgml.calibration.temperature import fit_temperature
from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable
from ecgml.evaluation.predictions import Predictions
from ecgml.training.checkpoint import Checkpoint
from ecgml.training.data import clinical_values
from ecgml.training.predict import average_windows, predict_records


def temperature_of(model: nn.Module, store: WindowStore, val: RecordTable, encoder: ClinicalEncoder) -> float:
    """Fit the temperature to the windows of the validation part."""
    logits, owner = predict_records(model, store, val.first_window, val.n_windows, clinical_values(val), encoder)
    return fit_temperature(logits, val.y_harmonised[owner])


def predict_table(
    model: nn.Module, store: WindowStore, table: RecordTable, encoder: ClinicalEncoder, temperature: float
) -> NDArray[np.float64]:
    """Return the probabilities of a table's records, shape (n_records, n_classes); NaN where quarantined."""
    logits, owner = predict_records(model, store, table.first_window, table.n_windows, clinical_values(table), encoder)
    return average_windows(logits, owner, len(table), temperature)


def predict_checkpoint(
    checkpoint: Checkpoint,
    table: RecordTable,
    store: WindowStore,
    clinical: NDArray[np.float32] | None = None,
    *,
    harmonised: bool = False,
) -> Predictions:
    """Predict a table's records by a trained model, as its evaluation did.

    Parameters
    ----------
    checkpoint : Checkpoint
    table : RecordTable
        Of the checkpoint's scheme.
    store : WindowStore
        Of windows by the checkpoint's preprocessing.
    clinical : ndarray of float32, shape (n_records, n_features), optional
        By default what is given, else measured.
    harmonised : bool
        Whether the labels beside them are the harmonised ones.
    """
    logits, owner = predict_records(
        checkpoint.build(store.device),
        store,
        table.first_window,
        table.n_windows,
        clinical_values(table) if clinical is None else clinical,
        checkpoint.encoder,
    )
    if not len(logits):
        logits = np.zeros((0, len(checkpoint.classes)))
    y_prob = average_windows(logits, owner, len(table), checkpoint.temperature)
    return to_predictions(table, y_prob, checkpoint.classes, harmonised=harmonised)


def to_predictions(
    table: RecordTable, y_prob: NDArray[np.float64], classes: tuple[str, ...], *, harmonised: bool = False
) -> Predictions:
    """Put probabilities beside the labels as their source wrote them, or harmonised on request."""
    return Predictions(
        record_ids=tuple(table.record_ids.tolist()),
        classes=classes,
        y_true=table.y_harmonised if harmonised else table.y_written,
        y_prob=y_prob,
        groups=tuple(f"patient {number}" for number in table.patients),
        sources=tuple(table.sources.tolist()),
        notes=tuple(table.notes.tolist()),
    )
