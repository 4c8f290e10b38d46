"""What preprocessing does, in numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from ecgml.config import setting, to_json, validate
from ecgml.errors import ConfigError
from ecgml.records.clinical import INTERVAL_COLUMNS
from ecgml.source import code_digest

CODE = ("records", "measurements", "preprocessing")
"""Rooms whose code decides what a cache holds: a change there never goes on with what older code made."""

DENOISERS = ("none", "bandpass", "notch", "wavelet", "zheng2020", "zheng2020-fast", "zheng2020-fixed")


@dataclass(frozen=True)
class PreprocessingSettings:
    """From a record as read to the waveform that a model sees."""

    fs: float = setting(100.0, "Sampling frequency of the model's waveform, Hz", low=50, high=1000)
    window_s: float = setting(10.0, "Length of the model's window, s; longer records are windowed", low=2, high=60)
    highpass_hz: float = setting(0.5, "Baseline below this is removed, Hz", low=0.05, high=5)
    lowpass_hz: float = setting(
        40.0,
        "Everything above is removed, Hz, whatever the source's sampling rate, so that it does not betray the source",
        low=10,
        high=250,
    )
    denoise: str = setting("none", "Denoiser applied at the source's sampling rate", choices=DENOISERS)
    max_amplitude_mv: float = setting(10.0, "A lead that departs further from its median is not an ECG, mV", above=0)
    min_leads: int = setting(
        6,
        "A record with fewer leads measured and usable is quarantined; derived leads (aVR from I and II) do not count",
        low=1,
        high=12,
    )
    intervals: str = setting(
        "given",
        "QRS duration, QT and QTc as the model sees them: given by tables, else missing; or measured from every "
        "waveform, whatever tables give",
        choices=("given", "measured"),
    )
    min_duration_s: float | None = setting(
        None, "Shortest record used, s; by default 5 s, or what the data set promises (Chapman: 10 s)", above=0
    )

    def __post_init__(self) -> None:
        validate(self)
        if self.lowpass_hz >= self.fs / 2:
            raise ConfigError(f"lowpass_hz: {self.lowpass_hz:g} Hz does not fit below half of fs={self.fs:g} Hz")

    @property
    def n_times(self) -> int:
        """Time points of the model's window."""
        return round(self.window_s * self.fs)

    def seen(self, given: Mapping[str, float]) -> dict[str, float]:
        """Return the given clinical values that the model sees: none that is measured whatever is given."""
        hidden = INTERVAL_COLUMNS if self.intervals == "measured" else ()
        return {name: value for name, value in given.items() if name not in hidden}

    def digest(self) -> str:
        """Return 16 hexadecimal digits that change whenever any setting, or the code of :data:`CODE`, does."""
        content = json.dumps({"code": code_digest(*CODE), **to_json(self)}, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]
