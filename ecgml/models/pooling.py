"""From a sequence to a vector, whatever its length."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TemporalPooling(nn.Module):
    """Attentive statistics over time (Okabe et al. 2018, arXiv 1803.10963) beside the maximum.

    A learned weight per moment, the weighted mean and standard deviation, and the maximum over moments: rhythm is as
    much in how features vary over time as in what they are. Moments that were padded take no part.
    """

    def __init__(self, n_in: int, n_hidden: int = 32) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(n_in, n_hidden), nn.Tanh(), nn.Linear(n_hidden, 1))
        self.n_out = 3 * n_in

    def forward(self, sequence: Tensor, mask: Tensor) -> Tensor:
        """Map (B, t, C) and mask (B, t) to (B, 3 C)."""
        absent = mask.unsqueeze(-1) == 0  # (B, t, 1)
        weight = self.score(sequence).masked_fill(absent, -torch.inf).softmax(dim=1)  # (B, t, 1)
        mean = (weight * sequence).sum(dim=1)  # (B, C)
        variance = (weight * (sequence - mean.unsqueeze(1)) ** 2).sum(dim=1)
        largest = sequence.masked_fill(absent, torch.finfo(sequence.dtype).min).amax(dim=1)
        return torch.cat([mean, (variance + 1e-5).sqrt(), largest], dim=1)
