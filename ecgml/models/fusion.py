"""The fusion model and the baseline: one trunk, with and without recurrence and clinical row."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ecgml.models.clinical import ClinicalMLP
from ecgml.models.pooling import TemporalPooling
from ecgml.models.recurrent import BidirectionalGRU
from ecgml.models.settings import ModelSettings
from ecgml.models.trunk import Trunk

SCALE_FLOOR_MV = 0.02
LIMIT = 10.0


def normalise(waveform: Tensor, mask: Tensor) -> Tensor:
    """Scale each record to unit root mean square over its leads and times, and limit what stands out.

    One scale for all leads keeps their proportions; a record's gain says nothing of its rhythm. A floor keeps noise of
    a nearly flat record small.

    Parameters
    ----------
    waveform : Tensor, shape (B, L, T)
        In mV, zero where it was padded.
    mask : Tensor, shape (B, T)
    """
    used = (waveform != 0).any(dim=2).sum(dim=1).clamp(min=1)  # a lead that was left out is zero throughout
    power = waveform.square().sum(dim=(1, 2)) / (used * mask.sum(dim=1).clamp(min=1))
    return (waveform / power.sqrt().clamp(min=SCALE_FLOOR_MV)[:, None, None]).clamp(-LIMIT, LIMIT)


class FusionModel(nn.Module):
    """Residual CNN, bidirectional GRU and temporal pooling, fused late with an MLP over the clinical row."""

    def __init__(self, n_leads: int, n_features: int, n_classes: int, settings: ModelSettings) -> None:
        super().__init__()
        self.trunk = Trunk(n_leads, settings)
        self.recurrent = BidirectionalGRU(self.trunk.n_out, settings.gru_width, settings.dropout)
        self.pooling = TemporalPooling(self.recurrent.n_out)
        self.clinical = ClinicalMLP(n_features, settings.clinical_width, settings.dropout)
        self.head = nn.Sequential(
            nn.Dropout(settings.dropout), nn.Linear(self.pooling.n_out + self.clinical.n_out, n_classes)
        )

    def forward(self, waveform: Tensor, mask: Tensor, clinical: Tensor) -> Tensor:
        """Map waveforms and clinical rows to logits.

        Parameters
        ----------
        waveform : Tensor, shape (B, L, T)
            In mV, zero where it was padded.
        mask : Tensor, shape (B, T)
            1 where the recording is, 0 where it was padded.
        clinical : Tensor, shape (B, F)
            Encoded.

        Returns
        -------
        logits : Tensor, shape (B, K)
        """
        return self.from_normalised(normalise(waveform, mask), mask, clinical)

    def from_normalised(self, waveform: Tensor, mask: Tensor, clinical: Tensor) -> Tensor:
        """As :meth:`forward`, of a waveform that :func:`normalise` returned: what explanations start from."""
        features, mask = self.trunk(waveform, mask)
        sequence = self.recurrent(features.squeeze(2).transpose(1, 2))  # (B, t, 2 H)
        pooled = self.pooling(sequence, mask[:, 0, 0])
        return self.head(torch.cat([pooled, self.clinical(clinical)], dim=1)).float()


class BaselineModel(nn.Module):
    """The pure CNN: the same trunk, pooled and classified; takes the clinical row and leaves it alone."""

    def __init__(self, n_leads: int, n_features: int, n_classes: int, settings: ModelSettings) -> None:
        super().__init__()
        self.trunk = Trunk(n_leads, settings)
        self.pooling = TemporalPooling(self.trunk.n_out)
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(self.pooling.n_out, n_classes))

    def forward(self, waveform: Tensor, mask: Tensor, clinical: Tensor) -> Tensor:
        """As :meth:`FusionModel.forward`."""
        return self.from_normalised(normalise(waveform, mask), mask, clinical)

    def from_normalised(self, waveform: Tensor, mask: Tensor, clinical: Tensor) -> Tensor:
        """As :meth:`FusionModel.from_normalised`."""
        features, mask = self.trunk(waveform, mask)
        return self.head(self.pooling(features.squeeze(2).transpose(1, 2).float(), mask[:, 0, 0])).float()
