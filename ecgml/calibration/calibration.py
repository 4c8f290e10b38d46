"""Everything between a model's logits and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecgml.calibration.abstention import Abstention
from ecgml.calibration.conformal import ConformalSets
from ecgml.calibration.rate_bands import RateBands
from ecgml.calibration.scaling import Scaling


@dataclass(frozen=True)
class Calibration:
    """What is fitted after training and travels with the model.

    Parameters
    ----------
    scaling : Scaling
    conformal : ConformalSets or None
        None without calibration records, and in models of earlier versions.
    abstention : Abstention or None
        None in models of earlier versions.
    rate_bands : RateBands or None
        None where probabilities are not to follow the measured rate, and in models of earlier versions.
    """

    scaling: Scaling
    conformal: ConformalSets | None = None
    abstention: Abstention | None = None
    rate_bands: RateBands | None = None

    @classmethod
    def none(cls, n_classes: int) -> Calibration:
        """Return what leaves probabilities as they are."""
        return cls(Scaling.of_temperature(1.0, n_classes))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "scaling": self.scaling.to_json(),
            "conformal": self.conformal and self.conformal.to_json(),
            "abstention": self.abstention and self.abstention.to_json(),
            "rate_bands": self.rate_bands and self.rate_bands.to_json(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibration:
        """Rebuild from :meth:`to_json`."""
        conformal, abstention = values["conformal"], values["abstention"]
        rate_bands = values.get("rate_bands")
        return cls(
            Scaling.from_json(values["scaling"]),
            conformal and ConformalSets.from_json(conformal),
            abstention and Abstention.from_json(abstention),
            rate_bands and RateBands.from_json(rate_bands),
        )
