"""Counts of trials: each trial of the total once, however often it was stopped."""

from __future__ import annotations

import optuna
from optuna.trial import FrozenTrial, TrialState

from tuning.counts import TrialCounts
from tuning.queue import RETRY_OF


def made(state: TrialState, **attributes: object) -> FrozenTrial:
    value = 0.5 if state == TrialState.COMPLETE else None
    return optuna.create_trial(state=state, value=value, user_attrs=attributes)


def of(*trials: FrozenTrial) -> TrialCounts:
    for number, trial in enumerate(trials):
        trial.number = number
    return TrialCounts.of(trials)


def test_stopped_trials_are_not_done_until_they_were_run_again() -> None:
    stopped, waiting = made(TrialState.FAIL), made(TrialState.WAITING, **{RETRY_OF: 1})
    counts = of(made(TrialState.COMPLETE), stopped, made(TrialState.PRUNED), made(TrialState.FAIL), waiting)
    assert (counts.finished, counts.pruned, counts.failed, counts.stopped, counts.done) == (1, 1, 1, 1, 3)
    assert str(counts) == "1 finished, 1 pruned, 1 failed; 1 stopped and queued again"


def test_a_trial_stopped_twice_counts_once() -> None:
    again = {RETRY_OF: 0}
    counts = of(made(TrialState.FAIL), made(TrialState.FAIL, **again), made(TrialState.COMPLETE, **again))
    assert (counts.finished, counts.failed, counts.stopped, counts.done) == (1, 0, 2, 1)


def test_a_study_without_an_ended_trial_says_so() -> None:
    counts = of(made(TrialState.RUNNING))
    assert str(counts) == "no trial has ended yet"
    assert counts.progress(6) == "0 of 6 trials done"
