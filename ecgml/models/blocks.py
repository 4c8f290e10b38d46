"""Building blocks of the trunk; legend of shapes in the room's docstring."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Convolution(nn.Sequential):
    """Convolution over time without bias, then batch normalisation (Ioffe & Szegedy 2015, arXiv 1502.03167)."""

    def __init__(self, n_in: int, n_out: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(n_in, n_out, (1, kernel_size), (1, stride), (0, kernel_size // 2), bias=False),
            nn.BatchNorm2d(n_out),
        )


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Average over time where the recording is.

    A matrix product, which needs no masked copy of the signal.

    Parameters
    ----------
    x : Tensor, shape (B, C, 1, T)
    mask : Tensor, shape (B, 1, 1, T)
        1 where the recording is, 0 where it was padded.

    Returns
    -------
    Tensor, shape (B, C, 1, 1)
    """
    weights = mask / mask.sum(dim=-1, keepdim=True).clamp(min=1)
    return torch.matmul(weights.squeeze(1), x.squeeze(2).transpose(1, 2)).transpose(1, 2).unsqueeze(3)


class SqueezeExcitation(nn.Module):
    """Squeeze-and-excitation (Hu et al. 2018, arXiv 1709.01507), over time instead of space, padding left out."""

    def __init__(self, n_channels: int, reduction: int = 8) -> None:
        super().__init__()
        n_squeezed = max(n_channels // reduction, 4)
        self.gate = nn.Sequential(
            nn.Conv2d(n_channels, n_squeezed, 1), nn.ReLU(), nn.Conv2d(n_squeezed, n_channels, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return x * self.gate(masked_mean(x, mask))


class ResidualBlock(nn.Module):
    """Residual block (He et al. 2016, arXiv 1512.03385) with squeeze-and-excitation before the sum.

    The shortcut of a block that changes the shape averages over the stride before its 1×1 convolution (the "D" of He et
    al. 2019, arXiv 1812.01187), so that no sample is skipped.
    """

    def __init__(self, n_in: int, n_out: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.first = Convolution(n_in, n_out, kernel_size, stride)
        self.second = Convolution(n_out, n_out, kernel_size)
        self.excitation = SqueezeExcitation(n_out)
        self.activation = nn.ReLU()
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or n_in != n_out:
            pool = nn.AvgPool2d((1, stride), ceil_mode=True, count_include_pad=False)
            self.shortcut = nn.Sequential(pool, Convolution(n_in, n_out, 1))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map (B, n_in, 1, T) to (B, n_out, 1, ceil(T / stride)); ``mask`` is that of the output."""
        inner = self.excitation(self.second(self.activation(self.first(x))), mask)
        return self.activation(inner + self.shortcut(x)) * mask


class SpatialAttention(nn.Module):
    """Spatial attention (CBAM, Woo et al. 2018, arXiv 1807.06521), over time instead of an image.

    Mean and maximum over the channels at each moment, a convolution over time, a sigmoid: when to look.
    """

    def __init__(self, kernel_size: int = 7) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, (1, kernel_size), padding=(0, kernel_size // 2), bias=False)
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x: Tensor) -> Tensor:
        moments = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)  # (B, 2, 1, T)
        return x * torch.sigmoid(self.norm(self.convolution(moments)))
