"""What a step trains on or a prediction is made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """What a step trains on or a prediction is made from.

    Parameters
    ----------
    waveform : Tensor, shape (B, L, T)
        In mV; zero behind the end of the recording.
    n_valid : Tensor of int64, shape (B,)
        Time points recorded.
    clinical : ndarray of float32, shape (B, n_features)
        Not yet encoded; NaN where missing.
    labels : ndarray of int64, shape (B,)
    """

    waveform: Tensor
    n_valid: Tensor
    clinical: NDArray[np.float32]
    labels: NDArray[np.int64]

    @property
    def mask(self) -> Tensor:
        """1 where the recording is, 0 where it was padded; float32, shape (B, T)."""
        times = torch.arange(self.waveform.shape[2], device=self.waveform.device)
        return (times < self.n_valid[:, None]).float()
