"""The residual CNN that both models share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ecgml.models.blocks import Convolution, ResidualBlock, SpatialAttention
from ecgml.models.settings import ModelSettings

STEM_KERNEL = 15


class Trunk(nn.Module):
    """Stem, then stages of residual SE blocks, with spatial attention between the stages.

    Time is halved by the stem and by each stage. Width grows by half from stage to stage (rounded to 8): the deep end
    sees few time points, so that cost stays level.
    """

    def __init__(self, n_leads: int, settings: ModelSettings) -> None:
        super().__init__()
        widths = [8 * round(settings.trunk_width * 1.5**stage / 8) for stage in range(settings.trunk_stages)]
        self.stem = Convolution(n_leads, widths[0], STEM_KERNEL, stride=2)
        self.activation = nn.ReLU()
        self.stages = nn.ModuleList()
        self.attention = nn.ModuleList()
        n_in = widths[0]
        for width in widths:
            blocks = nn.ModuleList()
            for index in range(settings.stage_blocks):
                blocks.append(ResidualBlock(n_in, width, settings.kernel_size, stride=2 if index == 0 else 1))
                n_in = width
            self.stages.append(blocks)
        self.attention.extend(SpatialAttention() for _ in widths[1:])
        self.n_out = widths[-1]

    def forward(self, waveform: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Turn a waveform into a sequence of features.

        Parameters
        ----------
        waveform : Tensor, shape (B, L, T)
            Normalised; zero where it was padded.
        mask : Tensor, shape (B, T)
            1 where the recording is, 0 where it was padded.

        Returns
        -------
        features : Tensor, shape (B, C, 1, t)
        mask : Tensor, shape (B, 1, 1, t)
        """
        x = waveform.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        mask = _halve(mask[:, None, None, :])
        x = self.activation(self.stem(x))
        # Under autocast x is bfloat16; a float32 mask would make everything after it float32 again.
        mask = mask.to(x.dtype)
        x = x * mask
        for index, blocks in enumerate(self.stages):
            if index:
                x = self.attention[index - 1](x)
            mask = _halve(mask)
            for block in blocks.children():
                x = block(x, mask)
        return x, mask

    def halves(self) -> list[tuple[str, list[nn.Module]]]:
        """Return name and layers of the deeper half, and of all that is before it."""
        stages, middle = list(self.stages), len(self.stages) // 2
        return [
            ("deeper half of the CNN", stages[middle:]),
            ("whole CNN", [*stages[:middle], *self.attention, self.stem]),
        ]


def _halve(mask: Tensor) -> Tensor:
    """Keep every second moment: those at which a convolution of stride 2 is centred."""
    return mask[..., ::2]
