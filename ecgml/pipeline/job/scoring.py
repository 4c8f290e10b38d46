"""Calibrate a fitted model, predict any table, and decide which records are answered."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ecgml.calibration.abstention import fit_abstention, oddities
from ecgml.calibration.calibration import Calibration
from ecgml.calibration.conformal import fit_conformal
from ecgml.calibration.rate_bands import fit_rate_bands
from ecgml.calibration.scaling import fit_scaling
from ecgml.calibration.settings import CalibrationSettings
from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable
from ecgml.evaluation.answers import Answers
from ecgml.evaluation.predictions import Predictions
from ecgml.training.checkpoint import Checkpoint
from ecgml.training.data import clinical_values
from ecgml.training.predict import average_windows, predict_records, windows_of

SHAPES = 2000
"""Most training records whose beat shapes are used for abstention."""


@dataclass(frozen=True, eq=False)
class WindowLogits:
    """A model's logits for the windows of a table's records.

    Parameters
    ----------
    logits : ndarray, shape (n_windows, n_classes)
    owner : ndarray of int64, shape (n_windows,)
        The record of each window.
    rates : ndarray, shape (n_records,)
        Measured ventricular rates, 1/min; NaN where unknown.
    """

    logits: NDArray[np.float64]
    owner: NDArray[np.int64]
    rates: NDArray[np.float32]

    def y_prob(self, calibration: Calibration) -> NDArray[np.float64]:
        """Return calibrated probabilities, shape (n_records, n_classes); NaN where a record has no window."""
        return average_windows(self.logits, self.owner, len(self.rates), calibration, self.rates)


def window_logits(
    model: nn.Module,
    store: WindowStore,
    table: RecordTable,
    encoder: ClinicalEncoder,
    n_classes: int,
    clinical: NDArray[np.float32] | None = None,
) -> WindowLogits:
    """Run a model, in evaluation mode, over a table's records.

    Parameters
    ----------
    model : Module
    store : WindowStore
    table : RecordTable
    encoder : ClinicalEncoder
    n_classes : int
    clinical : ndarray of float32, shape (n_records, n_features), optional
        By default what is given, else measured.
    """
    values = clinical_values(table) if clinical is None else clinical
    logits, owner = predict_records(model, store, table.first_window, table.n_windows, values, encoder)
    return WindowLogits(logits if len(logits) else np.zeros((0, n_classes)), owner, table.measured_rates)


def calibrate(
    model: nn.Module,
    store: WindowStore,
    encoder: ClinicalEncoder,
    parts: tuple[RecordTable, RecordTable, RecordTable],
    n_classes: int,
    settings: CalibrationSettings,
) -> Calibration:
    """Fit scaling, abstention and conformal thresholds, without the test part.

    Parameters
    ----------
    model : Module
        Fitted, in evaluation mode.
    store : WindowStore
    encoder : ClinicalEncoder
    parts : tuple of RecordTable
        Train, val and calibration. Scaling and abstention are fitted to val (of the training records only the beats'
        shape is looked at), conformal thresholds to the calibration part alone.
    n_classes : int
    settings : CalibrationSettings
    """
    train, val, held_out = parts
    val_logits = window_logits(model, store, val, encoder, n_classes)
    calibration = fit_probabilities(val_logits, train, val, n_classes, settings)
    y_prob = val_logits.y_prob(calibration)
    values, n_leads = _oddities(val_logits, y_prob, store, val)
    rows = np.linspace(0, len(train) - 1, min(len(train), SHAPES)).astype(int)
    abstention = fit_abstention(values, n_leads, store.shapes[train.first_window[rows]], settings.answered)
    conformal = None
    if len(held_out):
        y_prob = window_logits(model, store, held_out, encoder, n_classes).y_prob(calibration)
        conformal = fit_conformal(y_prob, held_out.y_harmonised, settings.set_coverage)
    return replace(calibration, conformal=conformal, abstention=abstention)


def fit_probabilities(
    val_logits: WindowLogits, train: RecordTable, val: RecordTable, n_classes: int, settings: CalibrationSettings
) -> Calibration:
    """Fit what makes probabilities of logits: scaling to validation, rate bands to the training records' rates.

    Parameters
    ----------
    val_logits : WindowLogits
        Of the validation part.
    train, val : RecordTable
    n_classes : int
    settings : CalibrationSettings
    """
    scaling = fit_scaling(val_logits.logits, val.y_harmonised[val_logits.owner], val_logits.owner)
    if not settings.rate_bands:
        return Calibration(scaling)
    bands = fit_rate_bands(train.y_harmonised, train.measured_rates, train.sinus, n_classes)
    return Calibration(scaling, rate_bands=bands)


def answers_of(table_logits: WindowLogits, calibration: Calibration, store: WindowStore, table: RecordTable) -> Answers:
    """Decide which records are answered, and their conformal sets.

    Parameters
    ----------
    table_logits : WindowLogits
        Of the table.
    calibration : Calibration
    store : WindowStore
    table : RecordTable
    """
    y_prob = table_logits.y_prob(calibration)
    unread = np.any(np.isnan(y_prob), axis=1)
    sets = None
    if calibration.conformal:
        sets = calibration.conformal.sets(np.nan_to_num(y_prob)) | unread[:, None]
    if not calibration.abstention:
        certainty = np.where(unread, 0.0, np.nan_to_num(y_prob).max(axis=1))
        return Answers(tuple("could not be used" if is_unread else "" for is_unread in unread), certainty, sets)
    values, n_leads = _oddities(table_logits, y_prob, store, table)
    reasons = [judgement.reason for judgement in calibration.abstention.judge(values, n_leads)]
    shares = calibration.abstention.shares(values).min(axis=1)
    return Answers(
        tuple("could not be used" if bad else reason for bad, reason in zip(unread, reasons, strict=True)),
        np.where(unread, 0.0, shares),
        sets,
    )


def predict_table(
    model: nn.Module, store: WindowStore, table: RecordTable, encoder: ClinicalEncoder, calibration: Calibration
) -> NDArray[np.float64]:
    """Return the probabilities of a table's records, shape (n_records, n_classes); NaN where quarantined."""
    return window_logits(model, store, table, encoder, len(calibration.scaling.scale)).y_prob(calibration)


def answer_checkpoint(
    checkpoint: Checkpoint, table: RecordTable, store: WindowStore, *, harmonised: bool = False
) -> tuple[Predictions, Answers]:
    """Predict a table's records by a trained model and decide which are answered, as its `Predictor` does.

    Parameters
    ----------
    checkpoint : Checkpoint
    table : RecordTable
        Of the checkpoint's scheme.
    store : WindowStore
        Of windows by the checkpoint's preprocessing.
    harmonised : bool
        Whether the labels beside them are the harmonised ones.
    """
    table_logits = _logits_of(checkpoint, table, store)
    y_prob = table_logits.y_prob(checkpoint.calibration)
    answers = answers_of(table_logits, checkpoint.calibration, store, table)
    return to_predictions(table, y_prob, checkpoint.classes, harmonised=harmonised), answers


def predict_checkpoint(
    checkpoint: Checkpoint, table: RecordTable, store: WindowStore, clinical: NDArray[np.float32] | None = None
) -> Predictions:
    """Predict a table's records by a trained model; clinical values, where given, take the place of the table's."""
    y_prob = _logits_of(checkpoint, table, store, clinical).y_prob(checkpoint.calibration)
    return to_predictions(table, y_prob, checkpoint.classes)


def _logits_of(
    checkpoint: Checkpoint, table: RecordTable, store: WindowStore, clinical: NDArray[np.float32] | None = None
) -> WindowLogits:
    model = checkpoint.build(store.device)
    return window_logits(model, store, table, checkpoint.encoder, len(checkpoint.classes), clinical)


def to_predictions(
    table: RecordTable, y_prob: NDArray[np.float64], classes: tuple[str, ...], *, harmonised: bool = False
) -> Predictions:
    """Combine probabilities with original labels, or harmonised ones on request."""
    return Predictions(
        record_ids=tuple(table.record_ids.tolist()),
        classes=classes,
        y_true=table.y_harmonised if harmonised else table.y_written,
        y_prob=y_prob,
        groups=tuple(f"patient {number}" for number in table.patients),
        sources=tuple(table.sources.tolist()),
        notes=tuple(table.notes.tolist()),
    )


def _oddities(
    table_logits: WindowLogits, y_prob: NDArray[np.float64], store: WindowStore, table: RecordTable
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    numbers = windows_of(table.first_window, table.n_windows)[0]
    return oddities(store.shapes[numbers], store.n_leads[numbers], table_logits.owner, table_logits.logits, y_prob)
