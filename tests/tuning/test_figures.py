"""A study's figures: every kind of study is drawn, and what is drawn is what was tried."""

from __future__ import annotations

import io

import optuna
import pytest
from matplotlib.figure import Figure
from optuna.trial import TrialState

from ecgml.figures import DPI
from tuning import figures
from tuning.report import importances_of


def make_study(n_trials: int = 9, direction: str = "maximize") -> optuna.Study:
    """Return a study of numbers and a category in which every third trial is pruned and one fails."""
    study = optuna.create_study(direction=direction, sampler=optuna.samplers.RandomSampler(seed=0))
    for number in range(n_trials):
        trial = study.ask()
        rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        kind = trial.suggest_categorical("kind", ["a", "b"])
        for step in range(3):
            trial.report(rate * step, step)
        if number == 4:
            study.tell(trial, state=TrialState.FAIL)
        elif number % 3 == 2:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, rate + (kind == "a"))
    return study


def draw(figure: Figure) -> Figure:
    figure.savefig(io.BytesIO(), format="png", dpi=DPI // 2)
    return figure


@pytest.mark.slow
@pytest.mark.parametrize("n_trials", [1, 2, 9])
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_every_study_with_a_complete_trial_is_drawn(n_trials: int, direction: str) -> None:
    trials = make_study(n_trials, direction).trials
    for figure in (
        figures.history(trials, "value", direction),
        figures.intermediate(trials, "value"),
        figures.slices(trials, "value"),
        figures.parallel(trials, "value", direction),
        figures.timeline(trials),
    ):
        draw(figure)


def test_best_so_far_is_the_running_best_of_complete_trials() -> None:
    study = make_study(9, "minimize")
    steps = figures.history(study.trials, "value", "minimize").axes[0].lines[0]
    complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    best = [min(one.value for one in complete[: index + 1]) for index in range(len(complete))]
    assert steps.get_xdata().tolist() == [trial.number for trial in complete]
    assert steps.get_ydata().tolist() == best


def test_pruned_trials_are_told_from_complete_ones() -> None:
    study = make_study()
    colours = [line.get_color() for line in figures.intermediate(study.trials, "value").axes[0].lines]
    n_pruned = sum(trial.state == TrialState.PRUNED for trial in study.trials)
    # A pruned trial has a line and a dot at its end.
    assert colours.count(figures.STATE_COLOURS[TrialState.PRUNED]) == 2 * n_pruned


def test_importance_finds_the_parameter_that_matters() -> None:
    study = make_study(30)
    shares = importances_of(study)
    assert max(shares, key=shares.get) == "kind"
    assert sum(shares.values()) == pytest.approx(1)
    draw(figures.importances(shares, "value"))
    assert importances_of(make_study(3)) == {}
