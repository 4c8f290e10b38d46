"""The fusion model: waveform and clinical row, each by its own network, fused late."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ecgml.models.clinical import ClinicalMLP
from ecgml.models.pooling import TemporalPooling
from ecgml.models.recurrent import BidirectionalGRU
from ecgml.models.rhythm_model import RhythmModel
from ecgml.models.settings import ModelSettings
from ecgml.models.trunk import Trunk


class FusionModel(RhythmModel):
    """Residual CNN, bidirectional GRU and temporal pooling, fused late with an MLP over the clinical row."""

    uses_clinical = True
    clinical_branch = ClinicalMLP

    def __init__(self, n_leads: int, n_features: int, n_classes: int, settings: ModelSettings) -> None:
        super().__init__(n_leads, n_features, n_classes, settings)
        self.trunk = Trunk(n_leads, settings)
        self.recurrent = BidirectionalGRU(self.trunk.n_out, settings.gru_width, settings.dropout)
        self.pooling = TemporalPooling(self.recurrent.n_out)
        self.clinical = ClinicalMLP(n_features, settings)
        self.head = nn.Sequential(
            nn.Dropout(settings.dropout), nn.Linear(self.pooling.n_out + self.clinical.n_out, n_classes)
        )

    def from_normalised(self, waveform: Tensor, mask: Tensor, clinical: Tensor) -> Tensor:
        """As the base class asks."""
        features, mask = self.trunk(waveform, mask)
        sequence = self.recurrent(features.squeeze(2).transpose(1, 2))  # (B, t, 2 H)
        pooled = self.pooling(sequence, mask[:, 0, 0])
        return self.head(torch.cat([pooled, self.clinical(clinical)], dim=1)).float()

    def parts(self) -> Sequence[tuple[str, Sequence[nn.Module]]]:
        """As the base class asks; the CNN in two halves."""
        return [
            ("classifier", [self.head]),
            ("clinical MLP", [self.clinical]),
            ("pooling", [self.pooling]),
            ("GRU", [self.recurrent]),
            *self.trunk.halves(),
        ]
