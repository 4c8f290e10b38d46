"""Inputs of a prediction, and their transfer to a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def upload(values: NDArray[Any] | Tensor, device: torch.device) -> Tensor:
    """Copy from the host to a device; a CUDA device is not waited for (the copy is ordered before what follows it)."""
    tensor = torch.as_tensor(values)
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def recorded(n_valid: Tensor, n_times: int) -> Tensor:
    """Return 1 where recordings of (B,) time points are, 0 behind them; float32, shape (B, n_times)."""
    return (torch.arange(n_times, device=n_valid.device) < n_valid[:, None]).float()


@dataclass(frozen=True, eq=False)
class Batch:
    """Inputs of a prediction.

    Parameters
    ----------
    waveform : Tensor, shape (B, L, T)
        In mV; zero behind the end of the recording.
    n_valid : Tensor of int64, shape (B,)
        Time points recorded; on the host or the waveform's device.
    clinical : ndarray of float32, shape (B, n_features)
        Not yet encoded; NaN where missing.
    """

    waveform: Tensor
    n_valid: Tensor
    clinical: NDArray[np.float32]

    @property
    def mask(self) -> Tensor:
        """1 where the recording is, 0 where it was padded; float32, shape (B, T)."""
        return recorded(upload(self.n_valid, self.waveform.device), self.waveform.shape[2])
