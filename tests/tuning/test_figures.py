"""A study's figures: every kind of study is drawn, and what is drawn is what was tried."""

from __future__ import annotations

import io

import matplotlib.pyplot as plt
import optuna
import pytest
from matplotlib.figure import Figure
from optuna.trial import TrialState

from ecgml.figures import DPI
from tuning.figures import STATE_COLOURS, draw_study, history, importances, intermediate, slices


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
def test_every_study_with_a_finished_trial_is_drawn(n_trials: int, direction: str) -> None:
    drawn = {name: draw(figure) for name, figure in draw_study(make_study(n_trials, direction), "value", "simulated")}
    assert {"history", "intermediate", "slice", "parallel", "timeline"} <= drawn.keys()
    assert ("importances" in drawn) == (n_trials == 9)
    assert all(figure.get_supxlabel() == "simulated" for figure in drawn.values())


def test_pyplot_keeps_its_style_and_no_figure() -> None:
    """Optuna would set pyplot's style for whoever draws next, and leave its figures open."""
    before = dict(plt.rcParams)
    history(make_study(), "value")
    assert dict(plt.rcParams) == before
    assert plt.get_fignums() == []


def test_best_so_far_is_the_running_best_of_finished_trials() -> None:
    """Drawn in steps: between two trials the best is that of the earlier."""
    study = make_study(9, "minimize")
    best, ended = history(study, "value").axes[0].lines
    assert best.get_drawstyle() == "steps-post"
    finished = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    so_far = dict(zip(best.get_xdata(), best.get_ydata(), strict=True))
    for trial in finished:
        assert so_far[trial.number] == min(earlier.value for earlier in finished if earlier.number <= trial.number)
    assert list(ended.get_xdata()) == [trial.number for trial in study.trials if trial.state != TrialState.COMPLETE]


def test_pruned_trials_are_told_from_finished_ones() -> None:
    study = make_study()
    lines = intermediate(study, "value").axes[0].lines
    for line in lines:
        trial = study.trials[int(line.get_label().removeprefix("Trial"))]
        assert line.get_color() == STATE_COLOURS[trial.state]
        assert list(line.get_xdata()) == [1, 2, 3]
    assert len(lines) == 8  # the failed one is left out


def test_ticks_of_a_logarithmic_axis_are_plain_numbers() -> None:
    figure = draw(slices(make_study(), "value"))
    panel = next(axes for axes in figure.axes if axes.get_xlabel() == "rate")
    labels = [label.get_text() for label in panel.get_xticklabels(which="both") if label.get_text()]
    assert len(labels) == 3
    assert [float(label) for label in labels] == pytest.approx(panel.get_xticks(), rel=0.01)


def test_importance_finds_the_parameter_that_matters() -> None:
    axes = draw(importances(make_study(30), "value")).axes[0]
    widths = {tick.get_text(): bar.get_width() for tick, bar in zip(axes.get_yticklabels(), axes.patches, strict=True)}
    assert max(widths, key=widths.get) == "kind"
    assert sum(widths.values()) == pytest.approx(1)
