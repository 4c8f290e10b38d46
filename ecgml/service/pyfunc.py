"""The model as MLflow serves it: a pyfunc over the Predictor, without pickle on any path.

Imports only what a served model loads; `logged_model` logs it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import yaml
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from ecgml.errors import RecordError
from ecgml.inference.arrays import DEFAULT_FS, DEFAULT_UNIT, clinical_of, records_of
from ecgml.inference.predictor import Predictor, PredictorInput
from ecgml.records.record import Record

CHECKPOINT = "checkpoint"
"""The artifact of a logged model that holds its checkpoint."""

_VERSION_FILE = "registered_model_meta"
"""File in which MLflow notes the version of a model fetched by its registered name."""

_log = logging.getLogger(__name__)


class Refusal(MlflowException):
    """Raised when a request cannot be answered, with the reason in one line.

    MLflow's scoring server puts a print of the input in front of an exception's message, and shows the stack of any
    other exception: patients' values and paths in an HTTP answer. This one's message is sent unchanged.
    """

    @property
    def message(self) -> str:
        """The reason."""
        return self._line

    @message.setter
    def message(self, text: str) -> None:
        if not hasattr(self, "_line"):
            self._line = text


class RhythmClassifier(PythonModel):
    """Predict rhythms from raw waveforms and clinical rows."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the checkpoint packed with the model."""
        folder = Path(context.artifacts[CHECKPOINT])
        self._predictor = Predictor.load(folder)
        self._version = version_of(folder.parent.parent)

    # MLflow passes a mapping of arrays, but warns of that type hint, and of a missing one.
    def predict(
        self, context: PythonModelContext, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Predict records.

        Parameters
        ----------
        context : PythonModelContext
        model_input : mapping
            ``waveform``, ndarray of shape (n_records, 12, n_times), leads I II III aVR aVL aVF V1 to V6; a record that
            is shorter than the others ends in NaN. ``clinical``, ndarray of shape (n_records, n_features) in the order
            of `ecgml.records.clinical`, NaN where a value is missing; may be left out where no signature asks for it.
        params : mapping, optional
            ``fs``, Hz, and ``unit`` (V, mV, uV or nV) of the waveforms; 500 Hz and mV unless given.

        Returns
        -------
        answers : list of dict, length n_records
            ``rhythm``, ``snomed`` (codes), ``probabilities`` (by class), ``set``
            (of classes), ``abstained`` and ``reason``, ``clinical`` (the values used), ``origins``
            (``given``, ``measured`` or ``missing`` by column), ``intervals`` (of each value, unit, origin, certainty,
            reason), ``notes``, ``model_version``.

        Raises
        ------
        Refusal
            If the input cannot be used (400), or the model fails (500; the log has the reason).
        """
        try:
            return self._answer(cast(Mapping[str, Any], model_input), params or {})
        except RecordError as error:
            raise Refusal(str(error), INVALID_PARAMETER_VALUE) from None
        except Exception:
            _log.exception("a request could not be answered")
            raise Refusal("the model failed on this input; see the server's log", INTERNAL_ERROR) from None

    def _answer(self, model_input: Mapping[str, Any], params: Mapping[str, Any]) -> list[dict[str, Any]]:
        fs, unit = params.get("fs"), params.get("unit")
        records = records_of(
            model_input["waveform"], DEFAULT_FS if fs is None else fs, DEFAULT_UNIT if unit is None else unit
        )
        given, notes = clinical_of(model_input.get("clinical"), len(records))
        return [
            {**prediction, "notes": [*input_notes, *prediction["notes"]], "model_version": self._version}
            for input_notes, prediction in zip(notes, self._predict(records, given), strict=True)
        ]

    def _predict(self, records: list[Record], given: list[dict[str, float]]) -> list[dict[str, Any]]:
        prepared: list[PredictorInput] = []
        faults: list[tuple[Record, RecordError]] = []
        for record, values in zip(records, given, strict=True):
            try:
                prepared.append(self._predictor.prepare(record, values))
            except RecordError as error:
                faults.append((record, error))
        if faults:
            others = ", ".join(record.name.removeprefix("record ") for record, _ in faults[1:])
            suffix = f"; record{'s' * (len(faults) > 2)} {others} cannot be used either" if others else ""
            raise RecordError(f"{faults[0][1]}{suffix}", faults[0][1].reason)
        return [
            prediction.to_json()
            for prediction in self._predictor.describe([record.name for record in records], prepared)
        ]


def version_of(model: Path) -> str | None:
    """Return the version of a model fetched by its registered name, otherwise its LoggedModel's id.

    Parameters
    ----------
    model : Path
        The model's folder.
    """
    for name, key in ((_VERSION_FILE, "model_version"), ("MLmodel", "model_id")):
        path = model / name
        content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if content.get(key):
            return str(content[key])
    return None
