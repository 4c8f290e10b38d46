"""One scale a record: what networks see has no gain."""

from __future__ import annotations

from torch import Tensor

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
