"""How much of the signals is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from ecgml.config import setting, validate


@dataclass(frozen=True)
class ExplorationSettings:
    """How much of the signals is looked at; tables are always looked at whole."""

    signals: int = setting(
        2000, "Recordings drawn for waveforms, beats, spectra and exemplars, in proportion to the rhythms", low=1
    )
    filtered: int = setting(8, "Recordings drawn to compare filters on; 0 for none", low=0, high=1000)
    seed: int = setting(0, "Seed of what is drawn, shuffled and cross-validated", low=0)

    def __post_init__(self) -> None:
        validate(self)
