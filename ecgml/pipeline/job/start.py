"""The earlier model from which a job starts (``init_from``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from ecgml.config import to_json
from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.errors import CheckpointError
from ecgml.models.build import build_model
from ecgml.pipeline.job.lineage import Ancestor, descent
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.records.leads import LEADS
from ecgml.records.schemes import scheme_named
from ecgml.service.address import pin
from ecgml.service.models import read_checkpoint
from ecgml.training.checkpoint import Checkpoint
from ecgml.training.data import TrainingData


@dataclass(frozen=True, eq=False)
class Start:
    """The earlier model that a job starts from.

    Parameters
    ----------
    address : str
    checkpoint : Checkpoint
    ancestors : tuple of Ancestor
        That model, then its own ancestors.
    """

    address: str
    checkpoint: Checkpoint
    ancestors: tuple[Ancestor, ...]

    def keeps_head(self, classes: Sequence[str]) -> bool:
        """Return whether its classifier has the same classes in the same order."""
        return tuple(classes) == self.checkpoint.classes

    def gives(self, name: str, classes: Sequence[str]) -> str:
        """Describe what a new model takes over from it."""
        checkpoint = self.checkpoint
        if checkpoint.model_name != name:
            return (
                f"starts from random weights, with a new clinical encoder: {self.address} is a {checkpoint.model_name}"
            )
        message = f"starts from {self.address}: its weights and clinical encoder"
        if self.keeps_head(classes):
            return f"{message}, its classifier of {', '.join(classes)} included"
        return f"{message}; a new classifier: the earlier classes are {', '.join(checkpoint.classes)}"


def starting_point(configuration: TrainConfiguration) -> tuple[TrainConfiguration, Start | None]:
    """Return the earlier model to start from, or None, and the settings with its alias resolved.

    Raises
    ------
    CheckpointError
        If it is unreadable, was trained on other waveforms, or is of another architecture.
    """
    if not configuration.job.init_from:
        return configuration, None
    address = pin(configuration.job.init_from)[0]
    start = read_checkpoint(address)
    models = configuration.job.models
    if start.model_name not in models:
        raise CheckpointError(
            f"init_from: {address} is a {start.model_name}, of which {' and '.join(models)} would take nothing; give "
            f"an earlier {' or '.join(models)}, or models={start.model_name}"
        )
    if start.preprocessing != configuration.preprocessing:
        raise CheckpointError(
            f"init_from: {address} was trained on other waveforms; give its preprocessing settings: "
            f"{to_json(start.preprocessing)}"
        )
    if address != configuration.job.init_from:
        configuration = configuration.changed({"init_from": address})
    return configuration, Start(address, start, descent(start, address))


def initial_model(
    name: str, configuration: TrainConfiguration, encoder: ClinicalEncoder, data: TrainingData, start: Checkpoint | None
) -> nn.Module:
    """Build the model, with the weights of an earlier one of the same architecture.

    A classifier of other classes, or of the same in another order, starts afresh; where anything else differs, that is
    an error.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(configuration.fit.seed)
        model = build_model(name, len(LEADS), encoder.n_out, data.n_classes, configuration.model)
    if start is None or start.model_name != name:
        return model
    if start.model != configuration.model:
        raise CheckpointError(f"init_from: the earlier {name} has other sizes; give its own: {to_json(start.model)}")
    weights = dict(start.weights)
    if start.classes != scheme_named(configuration.data.scheme).classes:
        fresh = {key: value for key, value in model.state_dict().items() if key.startswith("head.")}
        weights = {key: value for key, value in weights.items() if not key.startswith("head.")} | fresh
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"init_from: the earlier {name}'s weights do not fit: {' '.join(str(error).split())[:200]}"
        ) from None
    return model
