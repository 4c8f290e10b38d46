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
        self.weights: dict[str, Tensor] = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the model's weights after a step (steps count from 0)."""
        decay = min(self.decay, (1 + step) / (WARMUP_STEPS + step))
        current = model.state_dict()
        floating = [name for name, value in current.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.weights[name] for name in floating], [current[name] for name in floating], 1 - decay)
        for name in current.keys() - set(floating):
            self.weights[name].copy_(current[name])
