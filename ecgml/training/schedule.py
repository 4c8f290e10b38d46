"""The learning rate at a step."""

from __future__ import annotations

import math


def learning_rate_factor(step: int, n_steps: int, warmup: float, floor: float = 0.01) -> float:
    """Return the share of the peak learning rate at a step: linear warm-up, then a cosine down to a floor.

    Loshchilov & Hutter 2017 (arXiv 1608.03983) without restarts. A function of the step alone, so that a resumed run
    needs no state of it.

    Parameters
    ----------
    step : int
        From 0.
    n_steps : int
        Steps of the whole training, as if it never stopped early.
    warmup : float
        Share of the steps in which the rate rises.
    floor : float
        Share of the peak that is left at the end.
    """
    n_warm = round(warmup * n_steps)
    if step < n_warm:
        return (step + 1) / (n_warm + 1)
    progress = (step - n_warm) / max(1, n_steps - n_warm)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
