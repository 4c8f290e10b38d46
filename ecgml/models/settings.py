"""Sizes of the networks."""

from __future__ import annotations

from dataclasses import dataclass

from ecgml.config import setting, validate
from ecgml.errors import ConfigError


@dataclass(frozen=True)
class ModelSettings:
    """Sizes of the networks; an architecture takes those that it has."""

    trunk_width: int = setting(32, "Channels of the trunk's first stage", low=4, high=512)
    trunk_stages: int = setting(4, "Stages of the trunk; each halves the time axis", low=1, high=7)
    stage_blocks: int = setting(1, "Residual blocks in a stage", low=1, high=8)
    kernel_size: int = setting(7, "Kernel of the trunk's convolutions, time points; odd", low=3, high=31)
    gru_width: int = setting(64, "Hidden units of the GRU in each direction", low=4, high=1024)
    clinical_width: int = setting(32, "Hidden units of the clinical MLP", low=4, high=1024)
    dropout: float = setting(
        0.2, "Dropout before the classifier, in the clinical MLP and between GRU layers", low=0, high=0.9
    )

    def __post_init__(self) -> None:
        validate(self)
        if self.kernel_size % 2 == 0:
            raise ConfigError(f"kernel_size: {self.kernel_size} is even, an odd number is needed")
