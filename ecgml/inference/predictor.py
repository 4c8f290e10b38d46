"""Records as read in, probabilities by class name out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ecgml.calibration.abstention import Verdict, oddities
from ecgml.datasets.batch import Batch
from ecgml.datasets.windows import cut_windows
from ecgml.inference.shown_intervals import shown_intervals
from ecgml.measurements.beats import Beats
from ecgml.measurements.intervals import Intervals
from ecgml.preprocessing.preprocess import preprocess, to_mv
from ecgml.preprocessing.shapes import window_shapes
from ecgml.records.clinical import CLINICAL_NAMES, Origin, clinical_row
from ecgml.records.record import Record
from ecgml.records.schemes import scheme_named
from ecgml.training.checkpoint import Checkpoint, load_checkpoint
from ecgml.training.predict import WINDOWS_PER_BATCH, average_windows, predict_logits


@dataclass(frozen=True, eq=False)
class PredictorInput:
    """A record ready for the model.

    Parameters
    ----------
    windows : ndarray of int16, shape (n_windows, n_leads, n_times)
    n_valid : ndarray of int32, shape (n_windows,)
    clinical : ndarray of float32, shape (n_features,)
    origins : ndarray of uint8, shape (n_features,)
        `ecgml.records.clinical.Origin` of each value.
    rate : float
        Ventricular rate as measured from the waveform, 1/min; NaN where it could not be.
    notes : tuple of str
        What preprocessing found wanting and mended.
    faults : tuple of str or None, length 12
        Why each lead is not usable, None where it is.
    suspicions : tuple of str
        What is probably wrong with the electrodes' places or the gain.
    intervals : mapping
        What is answered of PR, QRS, QT and axes; see `ecgml.inference.shown_intervals`.
    measured : Intervals or None
        With the beat they were measured on, to draw.
    beats : Beats or None
        Of the waveform that was cut into windows, where they are known.
    found : mapping of str to float
        What the model's waveform shows, by the names of `ecgml.measurements.measure`, beside given values too.
    """

    windows: NDArray[np.int16]
    n_valid: NDArray[np.int32]
    clinical: NDArray[np.float32]
    origins: NDArray[np.uint8]
    rate: float
    notes: tuple[str, ...]
    faults: tuple[str | None, ...] = ()
    suspicions: tuple[str, ...] = ()
    intervals: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    measured: Intervals | None = None
    beats: Beats | None = None
    found: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Prediction:
    """What the model says of one record."""

    name: str
    rhythm: str
    """The most probable class."""
    snomed: tuple[str, ...]
    """SNOMED CT codes of the rhythms that the class holds."""
    probabilities: dict[str, float]
    """By class name."""
    rhythm_set: tuple[str, ...] | None
    """Classes that hold the true one with the probability the model was calibrated for; None where it was not."""
    abstained: bool
    """Whether the model does not stand by its rhythm."""
    reason: str
    """Why; empty where it does."""
    clinical: dict[str, float]
    """The clinical values used."""
    origins: dict[str, str]
    """By clinical column: ``given``, ``measured`` or ``missing``."""
    notes: tuple[str, ...]
    """What preprocessing found wanting and mended."""
    intervals: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """PR, QRS, QT and axes: value, unit, origin, certainty, and why a value is missing."""

    def to_json(self) -> dict[str, Any]:
        """Return what a client is told, JSON-ready; the record's name is the caller's to add."""
        return {
            "rhythm": self.rhythm,
            "snomed": list(self.snomed),
            "probabilities": dict(self.probabilities),
            "set": None if self.rhythm_set is None else list(self.rhythm_set),
            "abstained": self.abstained,
            "reason": self.reason,
            "clinical": dict(self.clinical),
            "origins": dict(self.origins),
            "intervals": {name: dict(interval) for name, interval in self.intervals.items()},
            "notes": list(self.notes),
        }


class Predictor:
    """A trained model with everything that stands before and behind it.

    The same `preprocess` and the same arithmetic as evaluation: a record's probabilities are those of the evaluation
    report.
    """

    def __init__(self, checkpoint: Checkpoint, device: torch.device | str = "cpu") -> None:
        self.checkpoint = checkpoint
        self.device = torch.device(device)
        self._model = checkpoint.build(self.device)

    @classmethod
    def load(cls, folder: str | Path, device: torch.device | str = "cpu") -> Predictor:
        """Load a checkpoint folder.

        Raises
        ------
        CheckpointError
            If it is missing, incomplete or damaged.
        """
        return cls(load_checkpoint(Path(folder)), device)

    def prepare(
        self, record: Record, given: Mapping[str, float] | None = None, with_spread: bool = True
    ) -> PredictorInput:
        """Preprocess a record and put its clinical row together.

        Parameters
        ----------
        record : Record
            As read; clinical values it brings count as given.
        given : mapping of str to float, optional
            Further clinical values by name; they beat the record's own.
        with_spread : bool
            Whether to say how sure each interval is.

        Raises
        ------
        RecordError
            If the record cannot be used.
        """
        settings = self.checkpoint.preprocessing
        ready = preprocess(record, settings)
        windows, n_valid = cut_windows(ready.waveform, settings.n_times)
        known = {**record.given, **(given or {})}
        values, origins = clinical_row(settings.seen(known), ready.measured)
        return PredictorInput(
            windows,
            n_valid,
            values,
            origins,
            ready.measured.get("ventricular_rate", math.nan),
            ready.notes,
            ready.faults,
            ready.suspicions,
            shown_intervals(ready.intervals, known, with_spread),
            ready.intervals,
            ready.beats,
            ready.measured,
        )

    def probabilities(self, prepared: Sequence[PredictorInput]) -> NDArray[np.float64]:
        """Return calibrated probabilities, shape (n_records, n_classes), of prepared records."""
        logits, owner = self._logits(prepared)
        return self._averaged(logits, owner, prepared)

    def _averaged(
        self, logits: NDArray[np.float64], owner: NDArray[np.int64], prepared: Sequence[PredictorInput]
    ) -> NDArray[np.float64]:
        rates = np.array([one.rate for one in prepared])
        return average_windows(logits, owner, len(prepared), self.checkpoint.calibration, rates)

    def _logits(self, prepared: Sequence[PredictorInput]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the logits of all windows and the record of each."""
        owner = np.repeat(np.arange(len(prepared)), [len(one.windows) for one in prepared])
        windows = np.concatenate([one.windows for one in prepared])
        n_valid = np.concatenate([one.n_valid for one in prepared]).astype(np.int64)
        clinical = np.stack([one.clinical for one in prepared])
        logits = []
        for start in range(0, len(windows), WINDOWS_PER_BATCH):
            rows = slice(start, start + WINDOWS_PER_BATCH)
            batch = Batch(
                torch.from_numpy(to_mv(windows[rows])).to(self.device),
                torch.from_numpy(n_valid[rows]).to(self.device),
                clinical[owner[rows]],
            )
            logits.append(predict_logits(self._model, batch, self.checkpoint.encoder))
        return np.concatenate(logits), owner

    def predict(
        self, records: Sequence[Record], given: Sequence[Mapping[str, float]] | None = None
    ) -> list[Prediction]:
        """Predict records.

        Parameters
        ----------
        records : sequence of Record
        given : sequence of mapping, optional
            Clinical values beside each.

        Raises
        ------
        RecordError
            If a record cannot be used.
        """
        prepared = [
            self.prepare(record, values) for record, values in zip(records, given or [{}] * len(records), strict=True)
        ]
        return self.describe([record.name for record in records], prepared)

    def describe(self, names: Sequence[str], prepared: Sequence[PredictorInput]) -> list[Prediction]:
        """Predict prepared records, each under a name of its own."""
        if not prepared:
            return []
        calibration = self.checkpoint.calibration
        logits, owner = self._logits(prepared)
        y_prob = self._averaged(logits, owner, prepared)
        verdicts = [Verdict(False, "")] * len(prepared)
        if calibration.abstention:
            fs = self.checkpoint.preprocessing.fs
            each = [window_shapes(one.windows, one.n_valid, fs, one.beats) for one in prepared]
            shapes, n_leads = map(np.concatenate, zip(*each, strict=True))
            verdicts = calibration.abstention.judge(*oddities(shapes, n_leads, owner, logits, y_prob))
        sets = calibration.conformal.sets(y_prob) if calibration.conformal else [None] * len(prepared)
        return [self._describe(*own) for own in zip(names, prepared, y_prob, sets, verdicts, strict=True)]

    def _describe(
        self,
        name: str,
        prepared: PredictorInput,
        row: NDArray[np.float64],
        members: NDArray[np.bool_] | None,
        verdict: Verdict,
    ) -> Prediction:
        classes = self.checkpoint.classes
        rhythm = classes[int(row.argmax())]
        return Prediction(
            name,
            rhythm,
            scheme_named(self.checkpoint.scheme).snomed(rhythm),
            dict(zip(classes, row.tolist(), strict=True)),
            None if members is None else tuple(one for one, held in zip(classes, members, strict=True) if held),
            verdict.abstained,
            verdict.reason,
            {
                column: float(value)
                for column, value in zip(CLINICAL_NAMES, prepared.clinical, strict=True)
                if np.isfinite(value)
            },
            {
                column: Origin(origin).name.lower()
                for column, origin in zip(CLINICAL_NAMES, prepared.origins, strict=True)
            },
            prepared.notes,
            prepared.intervals,
        )
