"""The baseline: a pure CNN, which sees the waveform alone."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ecgml.models.pooling import TemporalPooling
from ecgml.models.rhythm_model import RhythmModel
from ecgml.models.settings import ModelSettings
from ecgml.models.trunk import Trunk


class BaselineModel(RhythmModel):
    """The fusion model's trunk, pooled and classified; takes the clinical row and leaves it alone."""

    uses_clinical = False

    def __init__(self, n_leads: int, n_features: int, n_classes: int, settings: ModelSettings) -> None:
        super().__init__(n_leads, n_features, n_classes, settings)
        self.trunk = Trunk(n_leads, settings)
        self.pooling = TemporalPooling(self.trunk.n_out)
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(self.pooling.n_out, n_classes))

    def from_normalised(self, waveform: Tensor, mask: Tensor, clinical: Tensor) -> Tensor:
        """As the base class asks."""
        features, mask = self.trunk(waveform, mask)
        return self.head(self.pooling(features.squeeze(2).transpose(1, 2).float(), mask[:, 0, 0])).float()

    def parts(self) -> Sequence[tuple[str, Sequence[nn.Module]]]:
        """As the base class asks; the CNN in two halves."""
        return [("classifier", [self.head]), ("pooling", [self.pooling]), *self.trunk.halves()]
