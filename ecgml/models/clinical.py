"""The MLP over the clinical row."""

from __future__ import annotations

from torch import nn

from ecgml.models.settings import ModelSettings


class ClinicalMLP(nn.Sequential):
    """Two hidden layers over the encoded clinical row: (B, F) to (B, n_out)."""

    def __init__(self, n_features: int, settings: ModelSettings) -> None:
        width = settings.clinical_width
        super().__init__(
            nn.Linear(n_features, width),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(width, width),
            nn.ReLU(),
        )
        self.n_out = width
