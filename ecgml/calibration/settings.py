"""Nominal coverage of conformal sets, and the share of records to answer."""

from __future__ import annotations

from dataclasses import dataclass

from ecgml.config import setting, validate


@dataclass(frozen=True)
class CalibrationSettings:
    """How much is promised after training."""

    set_coverage: float = setting(
        0.9, "Share of the records of each class whose conformal set is to hold it", low=0.5, high=0.999
    )
    answered: float = setting(
        0.95, "Share of validation records that are answered; on the oddest of the rest the model abstains", low=0.5,
        high=1,
    )  # fmt: skip

    rate_bands: bool = setting(True, "Classes that are defined by the rate agree with the measured one")

    def __post_init__(self) -> None:
        validate(self)
