"""Early stopping as a value."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass


@dataclass
class EarlyStopping:
    """Track the best epoch and decide when to stop.

    ``update`` returns whether the epoch is the best so far; ``done`` whether patience is used up. A value that is not
    finite is never the best, but the first epoch always is, so that there is a best one.
    """

    patience: int
    min_epochs: int
    larger_is_better: bool
    best_epoch: int = -1
    best_value: float = math.nan
    last_epoch: int = -1

    def update(self, epoch: int, value: float) -> bool:
        """Take an epoch's value (epochs count from 0)."""
        self.last_epoch = epoch
        gain = value - self.best_value if self.larger_is_better else self.best_value - value
        if self.best_epoch < 0 or gain > 0 or (math.isfinite(value) and not math.isfinite(self.best_value)):
            self.best_epoch, self.best_value = epoch, value
            return True
        return False

    @property
    def done(self) -> bool:
        """Whether training should stop."""
        return self.last_epoch + 1 >= self.min_epochs and self.last_epoch - self.best_epoch >= self.patience

    def state_dict(self) -> dict[str, float | int | bool]:
        """Return everything that resuming needs."""
        return asdict(self)
