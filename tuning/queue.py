"""Whose turn it is: the total over all workers and restarts, and the trials of dead workers done again.

Optuna's own heartbeat and retry do not keep the total (docs/architecture.md). Here every running trial carries its
worker (host, process, that process's start) and a beat that grows while the worker lives; all that is decided is
decided under the storage's lock. A worker of the same host is looked up among the processes; another's is dead when its
beat has stood still for :data:`GRACE_S` by the observer's own clock, so that hosts need not agree on the time.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial, TrialState

from ecgml.service.owner import is_here, own_identity, owner_lives
from tuning.storage import StudyStorage

BEAT_S = 10.0

GRACE_S = 60.0

MAX_DEATHS = 2
"""A trial whose worker died is tried once more; one that outlives no worker is not the worker's fault."""

HOPELESS = 5
"""So many trials, all failed, stop a study."""

OWNER, BEAT, RUN_ID, REASON, RETRY_OF, DEATHS = "owner", "beat", "run_id", "reason", "retry_of", "deaths"
SETTINGS = "settings"  # those that the space made of the trial's parameters when it ran
"""What a trial's user attributes are called."""

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


class Queue:
    """Hands out a study's trials.

    Parameters
    ----------
    study : Study
    storage : StudyStorage
    n_trials : int
        In all; a trial done again counts once.
    sampler : callable
        From the number of trials so far to the sampler of the next.
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
        """Return all trials as they are now."""
        return self.study.get_trials(deepcopy=False)

    def claim(self) -> Trial | None:
        """Return the next trial, or None where there is none to begin now."""
        with self._lock():
            trials = self._reap()
            waiting = any(trial.state == TrialState.WAITING for trial in trials)
            if is_hopeless(trials) or (not waiting and n_begun(trials) >= self._n_trials):
                return None
            self.study.sampler = self._sampler(len(trials))
            trial = self.study.ask()
            trial.set_user_attr(OWNER, own_identity())
            return trial

    def is_settled(self) -> bool:
        """Whether nothing runs, waits or is left to begin, on any host."""
        trials = self.trials()
        states = {trial.state for trial in trials}
        if TrialState.RUNNING in states:
            with self._lock():
                self._reap()
            return False
        return is_hopeless(trials) or (TrialState.WAITING not in states and n_begun(trials) >= self._n_trials)

    def stop(self, trial: Trial) -> None:
        """Give a trial back that its worker was told to stop: it is done again when the study goes on."""
        with self._lock(), contextlib.suppress(UpdateFinishedTrialError, ValueError):
            trial.set_user_attr(REASON, "stopped")
            self.study.tell(trial, state=TrialState.FAIL)
            self._again(self.study.get_trials(deepcopy=False)[trial.number], died=False)

    def reap(self) -> None:
        """Fail the trials of dead workers, once each, and queue them again."""
        with self._lock():
            self._reap()

    def _lock(self) -> contextlib.AbstractContextManager:
        return self._storage.lock(self.study.study_name)

    def _reap(self) -> list[FrozenTrial]:
        trials = self.trials()
        dead = [trial for trial in trials if trial.state == TrialState.RUNNING and self._is_dead(trial)]
        for trial in dead:
            owner = trial.user_attrs.get(OWNER, "an unknown worker")
            host, _, process = str(owner).partition(" ")
            reason = f"its worker died ({host}, process {process.split()[0]})" if process else "its worker died"
            self._set(trial, REASON, reason)
            self.study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
            self._again(trial, died=True)
            if run_id := trial.user_attrs.get(RUN_ID):
                self._on_death(run_id, reason)
        return self.trials() if dead else trials

    def _is_dead(self, trial: FrozenTrial) -> bool:
        owner = trial.user_attrs.get(OWNER, "")
        if is_here(owner):
            return not owner_lives(owner)
        beat, now = trial.user_attrs.get(BEAT, 0), time.monotonic()
        seen, since = self._seen.get(trial.number, (None, now))
        if seen != beat:
            since = now
        self._seen[trial.number] = (beat, since)
        return now - since > GRACE_S

    def _again(self, trial: FrozenTrial, *, died: bool) -> None:
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


def n_begun(trials: list[FrozenTrial]) -> int:
    """Return how many trials there are; one done again counts once."""
    return sum(RETRY_OF not in trial.user_attrs for trial in trials)


def is_hopeless(trials: list[FrozenTrial]) -> bool:
    """Whether every trial that ended failed, and enough did."""
    ended = [trial for trial in trials if trial.state in FINISHED and trial.user_attrs.get(REASON) != "stopped"]
    return len(ended) >= HOPELESS and all(trial.state == TrialState.FAIL for trial in ended)


def superseded(trials: list[FrozenTrial]) -> set[int]:
    """Return the numbers of failed trials that were done again, or wait to be."""
    latest: dict[int, int] = {}
    for trial in trials:
        latest[trial.user_attrs.get(RETRY_OF, trial.number)] = trial.number
    return {trial.number for trial in trials if latest[trial.user_attrs.get(RETRY_OF, trial.number)] != trial.number}


@contextlib.contextmanager
def beating(trial: Trial, on_beat: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Show, while a trial runs, that its worker lives.

    Parameters
    ----------
    trial : Trial
    on_beat : callable, optional
        Called at every beat.
    """
    done = threading.Event()

    def beat() -> None:
        count = 0
        while not done.wait(BEAT_S):
            count += 1
            on_beat()
            # A storage that does not answer now may at the next beat; a trial taken for dead has no pulse to show.
            with contextlib.suppress(Exception):
                trial.set_user_attr(BEAT, count)

    thread = threading.Thread(target=beat, name=f"beat of trial {trial.number}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
