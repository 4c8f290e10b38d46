"""A model by its name."""

from __future__ import annotations

import torch
from torch import nn

from ecgml.errors import ConfigError
from ecgml.models.registry import model_class
from ecgml.models.rhythm_model import RhythmModel
from ecgml.models.settings import ModelSettings


def build_model(name: str, n_leads: int, n_features: int, n_classes: int, settings: ModelSettings) -> RhythmModel:
    """Build a model with fresh weights, in channels-last memory.

    Parameters
    ----------
    name : str
        Of `ecgml.models.registry`.
    n_leads, n_features, n_classes : int
        ``n_features`` counts encoded clinical features.
    settings : ModelSettings

    Raises
    ------
    ConfigError
        If the name is unknown, or its class lacks a part that evaluation and audits need.
    """
    model = model_class(name)(n_leads, n_features, n_classes, settings)
    for part in ("head", "pooling"):
        if not isinstance(getattr(model, part, None), nn.Module):
            raise ConfigError(f"models: {name} has no layer {part!r}; set it in __init__, as RhythmModel says")
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch declares other arguments
