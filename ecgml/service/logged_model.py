"""Log a checkpoint as a model of MLflow: code, checkpoint, card, signature, requirements."""

from __future__ import annotations

import importlib.metadata
import logging
import warnings
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import numpy as np
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from mlflow.types.schema import Array, Map, Object, Property
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE
from packaging.requirements import Requirement
from packaging.version import Version

import ecgml
from ecgml.inference.arrays import DEFAULT_FS, DEFAULT_UNIT
from ecgml.models.registry import model_entry
from ecgml.plugins import carried
from ecgml.records.clinical import CLINICAL_COLUMNS, CLINICAL_NAMES
from ecgml.records.leads import LEADS
from ecgml.records.schemes import scheme_named
from ecgml.service.model_card import CARD, as_description
from ecgml.service.pyfunc import CHECKPOINT
from ecgml.training.checkpoint import Checkpoint, save_checkpoint

REQUIREMENTS = ("mlflow", "numba", "numpy", "pywavelets", "pyyaml", "safetensors", "scipy", "torch")
"""Packages that serving imports; pinned to the versions installed when the model is logged."""


def log_model(checkpoint: Checkpoint, card: str, step: int) -> str:
    """Log a checkpoint as the active run's model and return the LoggedModel's id.

    Parameters
    ----------
    checkpoint : Checkpoint
    card : str
        The model card, Markdown.
    step : int
        The best epoch.
    """
    # An example of two records would be 6 MB of JSON.
    logging.getLogger("mlflow.models.model").setLevel(logging.ERROR)
    with TemporaryDirectory(prefix="ecgml-") as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*input example was not provided.*")
        path, card_path = Path(folder) / CHECKPOINT, Path(folder) / CARD
        save_checkpoint(checkpoint, path)
        card_path.write_text(card, encoding="utf-8")
        entry = model_entry(checkpoint.model_name)
        code = [Path(ecgml.__file__).parent, *(carried(entry, Path(folder)) if entry.dist else ())]
        logged = mlflow.pyfunc.log_model(
            name=checkpoint.model_name,
            python_model=str(Path(__file__).with_name("served_model.py")),
            artifacts={CHECKPOINT: str(path), CARD: str(card_path)},
            code_paths=[str(path) for path in code],
            signature=signature(),
            pip_requirements=requirements(entry.dist.requires if entry.dist else ()),
            metadata=metadata(checkpoint),
            tags={MLFLOW_RUN_NOTE: as_description(card)},
            step=step,
        )
    return str(logged.model_id)


def signature() -> ModelSignature:
    """Return the served model's inputs and outputs.

    A tensor cannot be optional in MLflow: a client without clinical values sends a row of nulls for each record.
    """
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
                ColSpec(Array("string"), "snomed"),
                ColSpec(Map("double"), "probabilities"),
                ColSpec(Array("string"), "set", required=False),
                ColSpec("boolean", "abstained"),
                ColSpec("string", "reason"),
                ColSpec(Map("double"), "clinical"),
                ColSpec(Map("string"), "origins"),
                ColSpec(Map(_interval()), "intervals", required=False),
                ColSpec(Array("string"), "notes"),
                ColSpec("string", "model_version", required=False),
            ]
        ),
        params=ParamSchema([ParamSpec("fs", "double", DEFAULT_FS), ParamSpec("unit", "string", DEFAULT_UNIT)]),
    )


def _interval() -> Object:
    """Return the type of an interval in an answer; see `ecgml.inference.shown_intervals`."""
    numbers, texts = ("value", "measured", "beat_spread", "lead_spread"), ("unit", "origin", "reason")
    return Object(
        [Property(name, "double", required=False) for name in numbers] + [Property(name, "string") for name in texts]
    )


def requirements(plugin: Iterable[str] | None = ()) -> list[str]:
    """Return the packages that serving imports, pinned to the installed versions.

    Without local versions: no package index has ``2.13.0+cpu``, and ``==2.13.0`` accepts it.

    Parameters
    ----------
    plugin : iterable of str
        Requirements, as in its metadata, of the package that adds the architecture; the code of ecgml is in the model.
    """
    parsed = (Requirement(line) for line in plugin or ())
    needed = [
        requirement.name
        for requirement in parsed
        if not requirement.marker or requirement.marker.evaluate({"extra": ""})
    ]
    names = sorted({*REQUIREMENTS, *needed} - {"ecgml"})
    return [f"{name}=={Version(importlib.metadata.version(name)).public}" for name in names]


def metadata(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what a client needs to know of the model, for its MLmodel file."""
    scheme = scheme_named(checkpoint.scheme)
    return {
        "ecgml": ecgml.__version__,
        "leads": list(LEADS),
        "clinical": [
            {name: value for name, value in asdict(column).items() if name in _COLUMN_FIELDS}
            for column in CLINICAL_COLUMNS
        ],
        "scheme": scheme.name,
        "classes": {name: list(scheme.snomed(name)) for name in checkpoint.classes},
        "architecture": checkpoint.model_name,
        "data_digest": checkpoint.facts.get("data_digest"),
        "simulated": checkpoint.facts.get("simulated"),
    }


_COLUMN_FIELDS = ("name", "unit", "description", "low", "high", "measurable")
