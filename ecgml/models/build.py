"""A model by its name."""

from __future__ import annotations

import torch
from torch import nn

from ecgml.config import nearest
from ecgml.errors import ConfigError
from ecgml.models.fusion import BaselineModel, FusionModel
from ecgml.models.settings import MODELS, ModelSettings

_MODELS = dict(zip(MODELS, (FusionModel, BaselineModel), strict=True))


def build_model(name: str, n_leads: int, n_features: int, n_classes: int, settings: ModelSettings) -> nn.Module:
    """Build a model with fresh weights, in channels-last memory.

    Parameters
    ----------
    name : str
        One of `ecgml.models.settings.MODELS`.
    n_leads, n_features, n_classes : int
        ``n_features`` counts encoded clinical features.
    settings : ModelSettings

    Raises
    ------
    ConfigError
        If the name is unknown.
    """
    if name not in _MODELS:
        raise ConfigError(f"models: {name!r} is unknown{nearest(name, MODELS)}; one of {', '.join(MODELS)}")
    return _MODELS[name](n_leads, n_features, n_classes, settings).to(memory_format=torch.channels_last)
