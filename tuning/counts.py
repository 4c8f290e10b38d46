"""Counts of a study's trials by outcome: the same on the console, in MLflow and in best.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from tuning.queue import retried

WORDS = {TrialState.COMPLETE: "finished", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
"""Outcome of a trial, as shown."""


@dataclass(frozen=True)
class TrialCounts:
    """Counts of a study's trials by outcome.

    Parameters
    ----------
    finished, pruned, failed : int
        Trials that completed, were ended by the pruner, or ended with an error.
    stopped : int
        Trials that were stopped, or whose worker died; each is run again and counts there.
    """

    finished: int
    pruned: int
    failed: int
    stopped: int

    @classmethod
    def of(cls, trials: Sequence[FrozenTrial]) -> TrialCounts:
        """Count trials."""
        stopped = retried(trials)
        kept = [trial.state for trial in trials if trial.number not in stopped]
        finished, pruned, failed = (kept.count(state) for state in WORDS)
        return cls(finished, pruned, failed, len(stopped))

    @property
    def done(self) -> int:
        """Trials of the study's total that have ended."""
        return self.finished + self.pruned + self.failed

    def metrics(self) -> dict[str, int]:
        """Return the counts as metrics of the study's run."""
        counts = {"complete": self.finished, "pruned": self.pruned, "failed": self.failed, "retried": self.stopped}
        return {f"trials_{name}": count for name, count in counts.items()}

    def progress(self, n_trials: int) -> str:
        """Return the progress of a study of ``n_trials``."""
        done = f"{self.done} of {n_trials} trials done"
        return f"{done}: {self}" if self.done or self.stopped else done

    def __str__(self) -> str:
        ended = [f"{getattr(self, word)} {word}" for word in WORDS.values() if getattr(self, word)]
        again = [f"{self.stopped} stopped and queued again"] if self.stopped else []
        return "; ".join(filter(None, [", ".join(ended), *again])) or "no trial has ended yet"
