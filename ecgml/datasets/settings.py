"""Settings of the split and of augmentation."""

from __future__ import annotations

from dataclasses import dataclass

from ecgml.config import setting, validate
from ecgml.errors import ConfigError


@dataclass(frozen=True)
class SplitSettings:
    """Settings of the split."""

    val_fraction: float = setting(0.1, "Share of records for model selection and scaling", above=0, high=0.5)
    calibration_fraction: float = setting(0.1, "Share of records for conformal thresholds", low=0, high=0.5)
    test_fraction: float = setting(0.1, "Share of records for the test", above=0, high=0.5)
    split_by: str = setting(
        "patient",
        "Groups that are never divided between parts: patient, acquisition date or source",
        choices=("patient", "date", "source"),
    )
    split_seed: int = setting(0, "Seed of the split; apart from `seed`, so that repeated runs share one test", low=0)

    def __post_init__(self) -> None:
        validate(self)
        if self.train_fraction < 0.2:
            raise ConfigError(f"val, calibration and test fractions leave {self.train_fraction:.0%} to train on")

    @property
    def train_fraction(self) -> float:
        """Share of records to train on."""
        return 1 - self.val_fraction - self.calibration_fraction - self.test_fraction


@dataclass(frozen=True)
class AugmentationSettings:
    """Settings of augmentation."""

    augmentation: float = setting(2.0, "Strength of gain, noise and baseline wander; 0 turns them off", low=0, high=3)
    time_stretch: float = setting(
        0.6,
        "Strength of time stretching: up to exp(this) times as fast or slow; sinus rhythms are relabelled by rate",
        low=0,
        high=1,
    )
    crop: float = setting(0.5, "Share of recordings cropped, down to 60 % of their length", low=0, high=1)
    lead_dropout: float = setting(0.5, "Share of recordings that lose leads, each up to half of them", low=0, high=1)
    lead_exchange: float = setting(
        0.0, "Share of recordings with two limb or neighbouring chest electrodes exchanged", low=0, high=1
    )
    clinical_dropout: float = setting(
        0.1,
        "Share of clinical values withheld; as many rows lose what was given, so that a waveform alone is enough",
        low=0,
        high=0.9,
    )
    clinical_absence: float = setting(
        0.3,
        "Share of records of which every clinical value is withheld: the waveform alone must tell the rhythm",
        low=0,
        high=1,
    )
    simulated_records: int = setting(
        2500,
        "Simulated records that an epoch sees beside the real ones; none where all data are simulated",
        low=0,
        high=100_000,
    )

    def __post_init__(self) -> None:
        validate(self)
