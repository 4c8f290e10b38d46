"""The model as MLflow serves it: a pyfunc over the Predictor, without pickle on any path.

What a served model loads is imported here and nothing more: how the model is logged stands in `logged_model`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, INVALID_PARAMETER_VALUE
from mlflow.pyfunc import PythonModel, PythonModelContext
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.inference.predictor import Predictor, PredictorInput
from ecgml.records.clinical import CLINICAL_COLUMNS, CLINICAL_NAMES, ClinicalColumn, is_plausible
from ecgml.records.leads import LEADS
from ecgml.records.readers.assembly import assemble
from ecgml.records.record import Record
from ecgml.records.units import mv_per_unit

CHECKPOINT = "checkpoint"
"""The artifact of a logged model that holds its checkpoint."""

DEFAULT_FS = 500.0
DEFAULT_UNIT = "mV"

FS_RANGE_HZ = (50.0, 20_000.0)
"""Below the model band is not in the signal; beyond either end somebody gave kHz or samples."""

_VERSION_FILE = "registered_model_meta"
"""Where MLflow notes, in a model that was fetched by its registered name, which version it is."""

_log = logging.getLogger(__name__)


class Refusal(MlflowException):
    """Why a request is not answered, in one line.

    MLflow's scoring server puts a print of the input in front of an exception's message, and shows the stack of any
    other exception: patients' values and paths in an HTTP answer. This one's message stays as it was made.
    """

    @property
    def message(self) -> str:
        """The line."""
        return self._line

    @message.setter
    def message(self, text: str) -> None:
        if not hasattr(self, "_line"):
            self._line = text


class RhythmClassifier(PythonModel):
    """Raw waveforms and clinical rows in, what the model says of each record out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the checkpoint that the model carries."""
        folder = Path(context.artifacts[CHECKPOINT])
        self._predictor = Predictor.load(folder)
        self._version = version_of(folder.parent.parent)

    # MLflow hands over a mapping of arrays; of this hint it makes nothing, of the true one, or none, a warning.
    def predict(self, context: PythonModelContext, model_input: np.ndarray, params: dict | None = None) -> list[dict]:
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
            (``given``, ``measured`` or ``missing`` by column), ``notes``, ``model_version``.

        Raises
        ------
        Refusal
            If the input cannot be used (400), or in case of a fault of ours (500), which the log then explains.
        """
        try:
            return self._answer(model_input, params or {})
        except RecordError as error:
            raise Refusal(str(error), INVALID_PARAMETER_VALUE) from None
        except Exception:
            _log.exception("a request could not be answered")
            raise Refusal("the model failed on this input; the server's log says how", INTERNAL_ERROR) from None

    def _answer(self, model_input: Mapping[str, Any], params: Mapping[str, Any]) -> list[dict]:
        fs, unit = params.get("fs"), params.get("unit")
        records = records_of(
            model_input["waveform"], DEFAULT_FS if fs is None else fs, DEFAULT_UNIT if unit is None else unit
        )
        given, notes = clinical_of(model_input.get("clinical"), len(records))
        return [
            {**told, "notes": [*said, *told["notes"]], "model_version": self._version}
            for said, told in zip(notes, self._predict(records, given), strict=True)
        ]

    def _predict(self, records: list[Record], given: list[dict[str, float]]) -> list[dict]:
        prepared: list[PredictorInput] = []
        faults: list[tuple[Record, RecordError]] = []
        for record, values in zip(records, given, strict=True):
            try:
                prepared.append(self._predictor.prepare(record, values))
            except RecordError as error:
                faults.append((record, error))
        if faults:
            others = ", ".join(record.name.removeprefix("record ") for record, _ in faults[1:])
            also = f"; nor can record{'s' * (len(faults) > 2)} {others} be used" if others else ""
            raise RecordError(f"{faults[0][1]}{also}", faults[0][1].reason)
        return [one.to_json() for one in self._predictor.describe([record.name for record in records], prepared)]


def records_of(waveform: NDArray[np.floating], fs: float, unit: str) -> list[Record]:
    """Return a batch of waveforms as records, named by their place: ``record 0``.

    Parameters
    ----------
    waveform : ndarray, shape (n_records, 12, n_times)
        NaN in all leads at a record's end is padding.
    fs : float
        Hz.
    unit : str

    Raises
    ------
    RecordError
        If shape, sampling frequency or unit are of no use, a record holds no value or is too long.
    """
    waveform = np.asarray(waveform, dtype=np.float32)
    if waveform.ndim != 3 or waveform.shape[1] != len(LEADS):
        raise RecordError(f"waveform: shape {waveform.shape}; (records, {len(LEADS)} leads, times) is needed", "shape")
    low, high = FS_RANGE_HZ
    if not low <= fs <= high:
        raise RecordError(f"fs: {fs:g}; a sampling frequency from {low:g} to {high:,.0f} Hz is needed", "no fs")
    scale = mv_per_unit(unit, "unit")
    # JSON knows NaN and Infinity by these names, and MLflow takes both.
    waveform = np.where(np.isfinite(waveform), waveform, np.float32(np.nan))
    if scale != 1:
        waveform = waveform * np.float32(scale)
    return [
        assemble(*_leads_of(_without_padding(one)), float(fs), f"record {index}", unit=unit)
        for index, one in enumerate(waveform)
    ]


def _without_padding(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    filled = np.flatnonzero(~np.isnan(waveform).all(axis=0))
    return waveform[:, : filled[-1] + 1 if filled.size else 0]


def _leads_of(waveform: NDArray[np.float32]) -> tuple[NDArray[np.float32], Sequence[str]]:
    """Return the leads that hold a value, and their names: one that is null throughout is absent, as from a file."""
    there = ~np.isnan(waveform).all(axis=1)
    if there.all() or not there.any():
        return waveform, LEADS
    return waveform[there], [lead for lead, held in zip(LEADS, there, strict=True) if held]


def clinical_of(
    rows: NDArray[np.floating] | None, n_records: int
) -> tuple[list[dict[str, float]], list[tuple[str, ...]]]:
    """Return the given clinical values of each record by name, and notes on those that are not used.

    Parameters
    ----------
    rows : ndarray, shape (n_records, n_features), or None
        NaN where a value is missing.
    n_records : int

    Raises
    ------
    RecordError
        If the shape does not fit.
    """
    if rows is None:
        return [{}] * n_records, [()] * n_records
    rows = np.asarray(rows, dtype=float)
    if rows.shape != (n_records, len(CLINICAL_NAMES)):
        columns = ", ".join(CLINICAL_NAMES)
        raise RecordError(
            f"clinical: shape {rows.shape} beside {n_records} waveform{'s' * (n_records != 1)}; "
            f"({n_records}, {len(CLINICAL_NAMES)}) is needed: {columns}",
            "shape",
        )
    rows = np.where(np.isfinite(rows), rows, np.nan)
    given = [dict(zip(CLINICAL_NAMES, row, strict=True)) for row in rows.tolist()]
    return given, [tuple(_not_used(values)) for values in given]


def _not_used(values: Mapping[str, float]) -> list[str]:
    return [
        f"{column.name} {values[column.name]:g} is not used: {_range(column)}"
        for column in CLINICAL_COLUMNS
        if not math.isnan(values[column.name]) and not is_plausible(column, values[column.name])
    ]


def _range(column: ClinicalColumn) -> str:
    if column.name == "sex":
        return f"it must be {column.unit}"
    return f"outside {column.low:g} to {column.high:g} {column.unit}".rstrip()


def version_of(model: Path) -> str | None:
    """Return the version of a model that was fetched by its registered name, else its LoggedModel's id.

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
