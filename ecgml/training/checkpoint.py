"""A checkpoint: a folder that rebuilds its model from itself. No pickle anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ecgml import config
from ecgml.calibration.calibration import Calibration
from ecgml.calibration.scaling import Scaling
from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.drift.reference import Reference
from ecgml.errors import CheckpointError, ConfigError
from ecgml.models.build import build_model
from ecgml.models.registry import model_class, model_names, model_package
from ecgml.models.rhythm_model import RhythmModel
from ecgml.models.settings import ModelSettings
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.leads import LEADS
from ecgml.records.schemes import scheme_named
from ecgml.saving import whole_folder
from ecgml.training.state import read_state, write_state

FORMAT = 2
"""1 had a temperature in place of the calibration."""

WEIGHTS, DESCRIPTION, REFERENCE = "model.safetensors", "checkpoint.json", "drift_reference.json"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Everything needed to predict.

    Parameters
    ----------
    model_name : str
        Of `ecgml.models.registry`.
    model : ModelSettings
    preprocessing : PreprocessingSettings
    scheme : str
        Of `ecgml.records.schemes`.
    classes : tuple of str
        In the order of the logits.
    encoder : ClinicalEncoder
    weights : mapping of str to Tensor
    calibration : Calibration
        From logits to what is said.
    facts : mapping
        JSON-ready: where it comes from (data digest, whether simulated, versions).
    reference : Reference or None
        What validation looked like, to notice drift by; None in models of earlier versions.
    """

    model_name: str
    model: ModelSettings
    preprocessing: PreprocessingSettings
    scheme: str
    classes: tuple[str, ...]
    encoder: ClinicalEncoder
    weights: Mapping[str, Tensor]
    calibration: Calibration
    facts: Mapping[str, Any] = field(default_factory=dict)
    reference: Reference | None = None

    def build(self, device: torch.device | str = "cpu") -> RhythmModel:
        """Rebuild the model with its weights, in evaluation mode.

        Raises
        ------
        CheckpointError
            If the weights do not fit the model described.
        """
        model = build_model(self.model_name, len(LEADS), self.encoder.n_out, len(self.classes), self.model)
        try:
            model.load_state_dict(dict(self.weights))
        except RuntimeError as error:
            raise CheckpointError(
                f"weights do not fit the model described: {' '.join(str(error).split())[:200]}"
            ) from None
        return model.to(device).eval()


def save_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a checkpoint folder, completely or not at all; an older one is replaced.

    Raises
    ------
    CheckpointError
        If it cannot be written.
    """
    description = {
        "format": FORMAT,
        "model_name": checkpoint.model_name,
        "model": config.to_json(checkpoint.model),
        "preprocessing": config.to_json(checkpoint.preprocessing),
        "leads": list(LEADS),
        "scheme": checkpoint.scheme,
        "classes": list(checkpoint.classes),
        "encoder": checkpoint.encoder.to_json(),
        "calibration": checkpoint.calibration.to_json(),
        "facts": dict(checkpoint.facts),
    }
    if package := model_package(checkpoint.model_name):
        description["package"] = package
    try:
        with whole_folder(folder) as partial:
            write_state(partial / WEIGHTS, checkpoint.weights, {})
            if checkpoint.reference:
                _write_json(partial / REFERENCE, checkpoint.reference.to_json())
            _write_json(partial / DESCRIPTION, description)
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be written: {error.strerror or error}") from None


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint folder.

    Raises
    ------
    CheckpointError
        If the folder is missing, incomplete, damaged or of a later version, its architecture is not installed, or its
        scheme has other classes now.
    """
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        if description["format"] > FORMAT:
            raise CheckpointError(f"{folder}: written by a later version of ecgml; update ecgml")
        _check_architecture(description["model_name"], description.get("package", ""), folder)
        _check_classes(description["scheme"], tuple(description["classes"]), folder)
        return Checkpoint(
            description["model_name"],
            config.from_json(ModelSettings, description["model"], str(path)),
            config.from_json(PreprocessingSettings, description["preprocessing"], str(path)),
            description["scheme"],
            tuple(description["classes"]),
            ClinicalEncoder.from_json(description["encoder"], str(path)),
            read_state(folder / WEIGHTS)[0],
            _calibration(description),
            description["facts"],
            _reference(folder / REFERENCE),
        )
    except FileNotFoundError:
        raise CheckpointError(f"{folder}: no checkpoint ({DESCRIPTION} is missing)") from None
    except ConfigError as error:
        raise CheckpointError(str(error)) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: damaged ({error})") from None


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _reference(path: Path) -> Reference | None:
    if not path.is_file():
        return None
    try:
        return Reference.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: damaged ({error})") from None


def _check_architecture(name: str, package: str, folder: Path) -> None:
    if name not in model_names():
        source = f"{package}, which adds it," if package else "the package that adds it"
        raise CheckpointError(
            f"{folder}: no architecture {name!r} is installed, only {', '.join(model_names())}; install {source} here"
        )
    model_class(name)  # found is not yet importable


def _check_classes(text: str, classes: tuple[str, ...], folder: Path) -> None:
    scheme = scheme_named(text)
    if scheme.classes != classes:
        raise CheckpointError(
            f"{folder}: its classes are {', '.join(classes)}, those of the scheme {scheme.name!r} here "
            f"{', '.join(scheme.classes)}; use the ecgml it was trained with"
        )


def _calibration(description: Mapping[str, Any]) -> Calibration:
    if description["format"] == 1:
        n_classes = len(description["classes"])
        return Calibration(Scaling.of_temperature(float(description["temperature"]), n_classes))
    return Calibration.from_json(description["calibration"])
