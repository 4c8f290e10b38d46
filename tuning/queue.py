"""Assigns the trials of a study: keeps the total over workers and restarts, repeats trials of dead workers.

Optuna's own heartbeat and retry do not keep the total (docs/architecture.md). Here every running trial carries its
worker and a beat that grows while the worker lives; all that is decided is decided under the storage's lock. A worker
is looked up among the processes; one of another host or container is dead when its beat has stood still for
:data:`GRACE_S` by the observer's own clock, so that hosts need not agree on the time.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial, TrialState

from ecgml import owner
from tuning.storage import StudyStorage

BEAT_S = 10.0

GRACE_S = 60.0

MAX_DEATHS = 2
"""Deaths of its worker after which a trial is not repeated: it is then the likely cause."""

MAX_FAILURES = 5
"""Number of trials after which a study stops if all of them failed."""

OWNER, BEAT, RUN_ID, REASON, RETRY_OF, DEATHS = "owner", "beat", "run_id", "reason", "retry_of", "deaths"
SETTINGS = "settings"  # the settings that the space made of the trial's parameters when it ran
"""Names of a trial's user attributes."""

STOPPED = "stopped"
"""Reason of a trial that was returned to the queue."""

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


class Queue:
    """Assigns a study's trials.

    Parameters
    ----------
    study : Study
    storage : StudyStorage
    n_trials : int
        Total; a repeated trial counts once.
    sampler : callable
        Maps the number of trials so far to the sampler of the next.
    on_death : callable, optional
        Called with (the run of a trial whose worker died, the reason).
    """

    def __init__(
        self,
        study: optuna.Study,
        storage: StudyStorage,
        n_trials: int,
        sampler: Callable[[int], BaseSampler],
        on_death: Callable[[str, str], None] = lambda run_id, reason: None,
    ) -> None:
        self.study = study
        self._storage = storage
        self._n_trials = n_trials
        self._sampler = sampler
        self._on_death = on_death
        self._seen: dict[int, tuple[object, float]] = {}

    def trials(self) -> list[FrozenTrial]:
        """Return the current state of all trials."""
        return self.study.get_trials(deepcopy=False)

    def claim(self) -> Trial | None:
        """Return the next trial, or None if none can begin now."""
        with self._lock():
            trials = self._requeue_dead()
            if self._all_begun(trials):
                return None
            self.study.sampler = self._sampler(len(trials))
            trial = self.study.ask()
            trial.set_user_attr(OWNER, owner.process_identity())
            return trial

    def is_finished(self) -> bool:
        """Return whether no trial runs, waits or is yet to begin on any host."""
        trials = self.trials()
        if any(trial.state == TrialState.RUNNING for trial in trials):
            self.requeue_dead()
            return False
        return self._all_begun(trials)

    def end(self, trial: Trial, value: float | None, state: TrialState, reason: str = "") -> None:
        """Record a trial's outcome, unless another worker declared it dead."""
        with contextlib.suppress(UpdateFinishedTrialError, ValueError):
            if reason:
                trial.set_user_attr(REASON, reason)
            self.study.tell(trial, value, state)

    def release(self, trial: Trial) -> None:
        """Return a stopped trial to the queue: it runs again when the study is resumed."""
        with self._lock(), contextlib.suppress(UpdateFinishedTrialError, ValueError):
            trial.set_user_attr(REASON, STOPPED)
            self.study.tell(trial, state=TrialState.FAIL)
            self._requeue(self.trials()[trial.number], died=False)

    def requeue_dead(self) -> None:
        """Fail the trials of dead workers and return them to the queue."""
        with self._lock():
            self._requeue_dead()

    def _all_begun(self, trials: list[FrozenTrial]) -> bool:
        waiting = any(trial.state == TrialState.WAITING for trial in trials)
        return all_failed(trials) or (not waiting and n_begun(trials) >= self._n_trials)

    def _lock(self) -> contextlib.AbstractContextManager[None]:
        return self._storage.lock(self.study.study_name)

    def _requeue_dead(self) -> list[FrozenTrial]:
        trials = self.trials()
        dead = [trial for trial in trials if trial.state == TrialState.RUNNING and self._is_dead(trial)]
        for trial in dead:
            reason = f"its worker died ({owner.describe(trial.user_attrs.get(OWNER, ''))})"
            self._set(trial, REASON, reason)
            self.study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
            self._requeue(trial, died=True)
            if run_id := trial.user_attrs.get(RUN_ID):
                self._on_death(run_id, reason)
        return self.trials() if dead else trials

    def _is_dead(self, trial: FrozenTrial) -> bool:
        if (alive := owner.is_alive(trial.user_attrs.get(OWNER, ""))) is not None:
            return not alive
        beat, now_s = trial.user_attrs.get(BEAT, 0), time.monotonic()
        seen, since = self._seen.get(trial.number, (None, now_s))
        if seen != beat:
            since = now_s
        self._seen[trial.number] = (beat, since)
        return now_s - since > GRACE_S

    def _requeue(self, trial: FrozenTrial, *, died: bool) -> None:
        deaths = trial.user_attrs.get(DEATHS, 0) + died
        if deaths < MAX_DEATHS:
            origin = trial.user_attrs.get(RETRY_OF, trial.number)
            self.study.enqueue_trial(trial.params, user_attrs={RETRY_OF: origin, DEATHS: deaths})

    def _set(self, trial: FrozenTrial, key: str, value: str) -> None:
        storage = self._storage.storage
        study_id = storage.get_study_id_from_name(self.study.study_name)
        trial_id = storage.get_trial_id_from_study_id_trial_number(study_id, trial.number)
        with contextlib.suppress(UpdateFinishedTrialError):
            storage.set_trial_user_attr(trial_id, key, value)


def n_begun(trials: Sequence[FrozenTrial]) -> int:
    """Return the number of trials; a repeated trial counts once."""
    return sum(RETRY_OF not in trial.user_attrs for trial in trials)


def all_failed(trials: Sequence[FrozenTrial]) -> bool:
    """Return whether at least :data:`MAX_FAILURES` trials ended and all of them failed."""
    ended = [trial for trial in trials if trial.state in FINISHED and trial.user_attrs.get(REASON) != STOPPED]
    return len(ended) >= MAX_FAILURES and all(trial.state == TrialState.FAIL for trial in ended)


def retried(trials: Sequence[FrozenTrial]) -> set[int]:
    """Return the numbers of failed trials that are repeated or queued again."""
    latest = {trial.user_attrs.get(RETRY_OF, trial.number): trial.number for trial in trials}
    return {trial.number for trial in trials} - set(latest.values())


@contextlib.contextmanager
def beating(trial: Trial, on_beat: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Write a trial's beat while it runs, which shows that its worker is alive.

    Parameters
    ----------
    trial : Trial
    on_beat : callable, optional
        Called at every beat.
    """
    beats = itertools.count(1)

    def show() -> None:
        on_beat()
        # A trial that was taken for dead takes no more beats.
        trial.set_user_attr(BEAT, next(beats))

    with owner.beating(show, BEAT_S):
        yield
