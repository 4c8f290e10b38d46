"""Exponential moving average of the weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WARMUP_STEPS = 10


class WeightAverage:
    """Exponential moving average of weights and of batch-norm statistics (Polyak & Juditsky 1992; EMA as in Tarvainen &
    Valpola 2017, arXiv 1703.01780).

    Its decay rises as (1 + step) / (10 + step) up to the one set, so that early weights do not linger.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        current = model.state_dict()
        self.weights: dict[str, Tensor] = {name: value.detach().clone() for name, value in current.items()}
        floating = [name for name, value in current.items() if value.is_floating_point()]
        self._averaged = [self.weights[name] for name in floating], [current[name] for name in floating]
        counts = current.keys() - set(floating)
        self._copied = [self.weights[name] for name in counts], [current[name] for name in counts]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the model's weights after a step (steps count from 0)."""
        decay = min(self.decay, (1 + step) / (WARMUP_STEPS + step))
        torch._foreach_lerp_(*self._averaged, 1 - decay)
        if self._copied[0]:
            torch._foreach_copy_(*self._copied)
