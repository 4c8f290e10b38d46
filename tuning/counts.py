"""How many trials of a study came to what: the same numbers on the console, in MLflow and in best.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from tuning.queue import retried

WORDS = {TrialState.COMPLETE: "finished", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
"""What a trial came to, in words."""


@dataclass(frozen=True)
class TrialCounts:
    """How many trials of a study came to what.

    Parameters
    ----------
    finished, pruned, failed : int
        Trials that ran to their end, were ended by the pruner, or ended with an error.
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
        """Return how far a study is that is asked for so many trials."""
        done = f"{self.done} of {n_trials} trials done"
        return f"{done}: {self}" if self.done or self.stopped else done

    def __str__(self) -> str:
        ended = [f"{getattr(self, word)} {word}" for word in WORDS.values() if getattr(self, word)]
        again = [f"{self.stopped} stopped and queued again"] if self.stopped else []
        return "; ".join(filter(None, [", ".join(ended), *again])) or "no trial ended yet"
