"""The MLP over the clinical row."""

from __future__ import annotations

from torch import nn


class ClinicalMLP(nn.Sequential):
    """Two hidden layers over the encoded clinical row: (B, F) to (B, width)."""

    def __init__(self, n_features: int, width: int, dropout: float) -> None:
        super().__init__(
            nn.Linear(n_features, width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.ReLU(),
        )
        self.n_out = width
