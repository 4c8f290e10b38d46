"""What a model must show before it may take another's place."""

from __future__ import annotations

from dataclasses import dataclass

from ecgml.config import setting, validate
from ecgml.errors import ConfigError


@dataclass(frozen=True)
class GateSettings:
    """The rule of promotion. Intervals are 95 %, over draws of whole patients."""

    margin: float = setting(
        0.02,
        "Non-inferiority margin: the interval of challenger minus champion must lie above minus this, in macro-F1 and "
        "in macro AUROC",
        low=0,
        high=0.5,
    )
    max_ece_increase: float = setting(
        0.02, "How much larger the challenger's calibration error (ECE) may be than the champion's", low=0, high=1
    )
    subgroup_margin: float = setting(
        0.05,
        "How far the challenger's macro-F1 may fall behind in a subgroup, unless noise could make the difference",
        low=0,
        high=1,
    )
    min_subgroup: int = setting(50, "Records that a subgroup (sex, age, source) needs to be judged", low=10)
    age_bands: tuple[int, ...] = setting((40, 65, 80), "Lower borders of the age bands after the first, years", low=1)
    min_records: int = setting(50, "Records that the comparison needs", low=10)
    min_per_class: int = setting(5, "Records that it needs of every class", low=1)
    floor_f1: float = setting(0.6, "First champion: the interval of its macro-F1 must lie above this", low=0, high=1)
    floor_auroc: float = setting(
        0.85, "First champion: the interval of its macro AUROC must lie above this", low=0, high=1
    )
    max_ece: float = setting(0.1, "First champion: the largest calibration error (ECE) allowed", low=0, high=1)
    bootstrap: int = setting(2000, "Draws of the 95 % intervals", low=100, high=100_000)

    def __post_init__(self) -> None:
        validate(self)
        if list(self.age_bands) != sorted(set(self.age_bands)):
            raise ConfigError(f"age_bands: {','.join(map(str, self.age_bands))} do not rise; e.g. 40,65,80")
