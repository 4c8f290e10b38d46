"""The model as MLflow serves it: a pyfunc over the Predictor, without pickle on any path."""

from __future__ import annotations

import importlib.metadata
import logging
import warnings
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.pyfunc import PythonModel, PythonModelContext
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

import ecgml
from ecgml.errors import RecordError
from ecgml.inference.predictor import Predictor
from ecgml.records.clinical import CLINICAL_COLUMNS, CLINICAL_NAMES
from ecgml.records.leads import LEADS
from ecgml.records.record import Record
from ecgml.records.schemes import scheme_named

REQUIREMENTS = ("mlflow", "numba", "numpy", "pandas", "pywavelets", "pyyaml", "safetensors", "scipy", "torch")
"""What serving imports; pinned to the versions that the model was made with."""


class RhythmClassifier(PythonModel):
    """Raw waveforms and clinical rows in, a row of probabilities a record out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the checkpoint that the model carries."""
        self._predictor = Predictor.load(context.artifacts["checkpoint"])

    # MLflow hands over a mapping of arrays; of this hint it makes nothing, of the true one, or none, a warning.
    def predict(self, context: PythonModelContext, model_input: np.ndarray, params: dict | None = None) -> pd.DataFrame:
        """Predict records.

        Parameters
        ----------
        context : PythonModelContext
        model_input : mapping
            ``waveform`` (n_records, 12, n_times) and, if there is any, ``clinical`` (n_records, n_features) with NaN
            where a value is missing.
        params : mapping, optional
            ``fs``, Hz, and ``unit``, ``"mV"`` or ``"uV"``, of the waveforms.

        Returns
        -------
        DataFrame
            ``rhythm``, ``snomed`` (codes joined by a blank), ``probability_<class>``, ``notes``.
        """
        params = {"fs": 500.0, "unit": "mV", **(params or {})}
        waveforms = np.asarray(model_input["waveform"], dtype=np.float32)
        if params["unit"] not in ("mV", "uV"):
            raise RecordError(f"unit: {params['unit']!r} is unknown; one of mV, uV", "unit")
        if waveforms.ndim != 3 or waveforms.shape[1] != len(LEADS):
            raise RecordError(f"waveform: shape {waveforms.shape}, expected (records, {len(LEADS)}, times)", "shape")
        if params["unit"] == "uV":
            waveforms = waveforms / 1000
        rows = np.asarray(
            model_input.get("clinical", np.full((len(waveforms), len(CLINICAL_NAMES)), np.nan)), dtype=float
        )
        if rows.shape != (len(waveforms), len(CLINICAL_NAMES)):
            raise RecordError(
                f"clinical: shape {rows.shape}, expected ({len(waveforms)}, {len(CLINICAL_NAMES)}): "
                f"{', '.join(CLINICAL_NAMES)}",
                "shape",
            )
        fs, unit = float(params["fs"]), params["unit"]
        records = [Record(one, fs, f"record {index}", unit=unit) for index, one in enumerate(waveforms)]
        given = [dict(zip(CLINICAL_NAMES, row.tolist(), strict=True)) for row in rows]
        scheme = scheme_named(self._predictor.checkpoint.scheme)
        return pd.DataFrame(
            {
                "rhythm": one.rhythm,
                "snomed": " ".join(scheme.snomed(one.rhythm)),
                **{f"probability_{name}": value for name, value in one.probabilities.items()},
                "notes": "; ".join(one.notes),
            }
            for one in self._predictor.predict(records, given)
        )


def signature(classes: tuple[str, ...]) -> ModelSignature:
    """Return the signature of a model of these classes."""
    return ModelSignature(
        inputs=Schema(
            [
                TensorSpec(np.dtype(np.float32), (-1, len(LEADS), -1), "waveform"),
                TensorSpec(np.dtype(np.float32), (-1, len(CLINICAL_NAMES)), "clinical"),
            ]
        ),
        outputs=Schema(
            [
                ColSpec("string", "rhythm"),
                ColSpec("string", "snomed"),
                *(ColSpec("double", f"probability_{name}") for name in classes),
                ColSpec("string", "notes"),
            ]
        ),
        params=ParamSchema([ParamSpec("fs", "double", 500.0), ParamSpec("unit", "string", "mV")]),
    )


def log_model(checkpoint: Path, classes: tuple[str, ...], step: int) -> str:
    """Log a checkpoint as the active run's model and return the LoggedModel's id.

    Parameters
    ----------
    checkpoint : Path
        Folder.
    classes : tuple of str
    step : int
        The best epoch.
    """
    pinned = [f"{name}=={importlib.metadata.version(name)}" for name in REQUIREMENTS]
    # An example of two records would be 6 MB of JSON; the signature says what it would show.
    logging.getLogger("mlflow.models.model").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*input example was not provided.*")
        info = _log(checkpoint, classes, step, pinned)
    return info.model_id


def _log(checkpoint: Path, classes: tuple[str, ...], step: int, pinned: list[str]) -> ModelInfo:
    return mlflow.pyfunc.log_model(
        name="model",
        python_model=str(Path(__file__).with_name("served_model.py")),
        artifacts={"checkpoint": str(checkpoint)},
        code_paths=[str(Path(ecgml.__file__).parent)],
        signature=signature(classes),
        pip_requirements=pinned,
        metadata={
            "leads": ",".join(LEADS),
            "clinical": [f"{column.name} [{column.unit}]" for column in CLINICAL_COLUMNS],
            "ecgml": ecgml.__version__,
        },
        step=step,
    )
