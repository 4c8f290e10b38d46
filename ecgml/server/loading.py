"""Load a model by its address for serving."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ecgml.inference.predictor import Predictor
from ecgml.records.record import Record
from ecgml.service.address import checkpoint_at, pin
from ecgml.training.device import choose_device

_TRIAL_FS = 500.0


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A loaded model.

    Parameters
    ----------
    address : str
        The address as given, possibly an alias.
    pinned : str
        Address of the exact version.
    version : str or None
        Version of the registered model, otherwise the run that trained it; None if unknown.
    predictor : Predictor
    """

    address: str
    pinned: str
    version: str | None
    predictor: Predictor


def load_model(address: str, device: str = "auto") -> ServedModel:
    """Load a model from a checkpoint folder, ``runs:/…`` or ``models:/…``.

    Raises
    ------
    EcgmlError
        If it does not exist or is damaged.
    """
    pinned, version = pin(address)
    with checkpoint_at(pinned) as folder:
        return open_model(address, pinned, version, folder, device)


def open_model(address: str, pinned: str, version: str | None, folder: Path, device: str = "auto") -> ServedModel:
    """Load a model from a checkpoint folder and warm it up with one record."""
    # One record is a few milliseconds of work: a second thread costs more than it does, and a busy machine's scheduler
    # makes it 30 times slower. Processes (--workers) use the other cores.
    torch.set_num_threads(1)
    predictor = Predictor.load(folder, choose_device(device))
    predictor.predict([trial_record()])
    return ServedModel(address, pinned, version or predictor.checkpoint.facts.get("run_id") or None, predictor)


def trial_record() -> Record:
    """Return a synthetic ECG that any model can answer: 10 s at 75 beats per minute, 12 leads, mV."""
    times = np.arange(int(10 * _TRIAL_FS)) / _TRIAL_FS
    phase = (times % 0.8) - 0.4

    def wave(centre_s: float, width_s: float) -> NDArray[np.float64]:
        return np.exp(-0.5 * ((phase - centre_s) / width_s) ** 2)

    beat = 0.12 * wave(-0.16, 0.025) + 1.1 * wave(0, 0.012) - 0.25 * wave(0.03, 0.012) + 0.3 * wave(0.25, 0.05)
    angles = np.deg2rad([0, 60, 120, -150, -30, 90])
    limb = np.cos(angles - np.deg2rad(50))
    chest = np.array([-0.5, -0.1, 0.5, 1.0, 1.1, 0.9])
    slow = 0.02 * np.sin(2 * np.pi * 0.3 * times)
    waveform = np.concatenate([limb, chest])[:, None] * beat + slow
    waveform[2:6] = np.stack(
        [
            waveform[1] - waveform[0],
            -(waveform[0] + waveform[1]) / 2,
            waveform[0] - waveform[1] / 2,
            waveform[1] - waveform[0] / 2,
        ]
    )
    return Record(waveform.astype(np.float32), _TRIAL_FS, "trial record", unit="mV")
