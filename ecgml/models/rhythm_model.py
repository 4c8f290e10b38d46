"""What every architecture is: the base class of all models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from ecgml.models.normalisation import normalise
from ecgml.models.settings import ModelSettings


class RhythmModel(nn.Module, ABC):
    """What training, evaluation, explanations, audits and serving ask of an architecture.

    A subclass builds its layers in ``__init__``, among them :attr:`head` and :attr:`pooling`, and maps waveforms and
    clinical rows to logits in :meth:`from_normalised`. Everything else has a default.

    Parameters
    ----------
    n_leads, n_features, n_classes : int
        ``n_features`` counts encoded clinical features.
    settings : ModelSettings
        Sizes; an architecture takes what it needs of them.
    """

    uses_clinical: ClassVar[bool] = True
    """Whether the clinical row matters. A job's model to which it does not is the audit's waveform-only reference."""

    clinical_branch: ClassVar[type[nn.Module] | None] = None
    """The part that sees the clinical row alone, trained anew by the audit: made by (n_features, settings), maps (B, F)
    to (B, n_out). None where there is no such part."""

    head: nn.Module
    """The classifier. It starts afresh where a model is fine-tuned on other classes."""

    pooling: nn.Module
    """Gives the waveform's features, (B, n): what the audit reads of the network before any training."""

    def __init__(self, n_leads: int, n_features: int, n_classes: int, settings: ModelSettings) -> None:
        super().__init__()

    @abstractmethod
    def from_normalised(self, waveform: Tensor, mask: Tensor, clinical: Tensor) -> Tensor:
        """As :meth:`forward`, of a waveform that :meth:`normalise` returned: what explanations start from."""

    def normalise(self, waveform: Tensor, mask: Tensor) -> Tensor:
        """Return the waveform (B, L, T) as the network sees it; by default without the recorder's gain."""
        return normalise(waveform, mask)

    def forward(self, waveform: Tensor, mask: Tensor, clinical: Tensor) -> Tensor:
        """Map waveforms and clinical rows to logits.

        Parameters
        ----------
        waveform : Tensor, shape (B, L, T)
            In mV, zero where it was padded.
        mask : Tensor, shape (B, T)
            1 where the recording is, 0 where it was padded.
        clinical : Tensor, shape (B, F)
            Encoded; left alone by a model of the waveform.

        Returns
        -------
        logits : Tensor, shape (B, K)
            float32, also under autocast.
        """
        return self.from_normalised(self.normalise(waveform, mask), mask, clinical)

    def parts(self) -> Sequence[tuple[str, Sequence[nn.Module]]]:
        """Return name and layers of what explanations make random in turn, from the output backwards.

        By default the classifier, then the other children, the last first.
        """
        others = [(name, [child]) for name, child in self.named_children() if child is not self.head]
        return [("classifier", [self.head]), *reversed(others)]
