"""Figures of a study: Optuna's, without changes of pyplot's state, with readable ticks and a colour an outcome."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import optuna
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator
from optuna.study import StudyDirection
from optuna.trial import TrialState
from optuna.visualization import matplotlib as drawings

from ecgml.figures import FAINT, GREY, bare
from tuning.counts import WORDS

STATE_COLOURS = {TrialState.COMPLETE: "tab:blue", TrialState.PRUNED: "tab:orange", TrialState.FAIL: "tab:red"}
"""As in Optuna's timeline."""

LEAST_FOR_IMPORTANCES = 4
"""Finished trials."""


def draw_study(study: optuna.Study, metric: str, note: str = "") -> Iterator[tuple[str, Figure]]:
    """Yield the figures of a study with at least one finished trial.

    Parameters
    ----------
    study : Study
    metric : str
    note : str
        Shown below each figure.

    Yields
    ------
    name : str
    figure : Figure
    """
    yield "history", history(study, metric, note)
    yield "intermediate", intermediate(study, metric, note)
    yield "slice", slices(study, metric, note)
    yield "parallel", parallel(study, metric, note)
    yield "timeline", timeline(study, note)
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(finished) >= LEAST_FOR_IMPORTANCES and len({trial.value for trial in finished}) > 1:
        yield "importances", importances(study, metric, note)


def history(study: optuna.Study, metric: str, note: str = "") -> Figure:
    """Draw the value of every finished trial, the best so far, and at the bottom the trials without a value."""
    title = "Optimization history"
    figure, (axes,) = _panels(drawings.plot_optimization_history, study, title, note, target_name=metric)
    axes.lines[0].set_drawstyle("steps-post")
    ended = study.get_trials(deepcopy=False, states=(TrialState.PRUNED, TrialState.FAIL))
    foot = [0.02] * len(ended)
    axes.plot(
        [trial.number for trial in ended], foot, "|", color=GREY, transform=axes.get_xaxis_transform(),
        label="pruned or failed",
    )  # fmt: skip
    axes.legend(frameon=False, fontsize=9)
    return figure


def intermediate(study: optuna.Study, metric: str, note: str = "") -> Figure:
    """Draw the intermediate values of every trial, coloured by outcome."""
    figure, (axes,) = _panels(drawings.plot_intermediate_values, study, "Intermediate values", note)
    states = {f"Trial{trial.number}": trial.state for trial in study.get_trials(deepcopy=False)}
    for line in axes.lines:
        line.set(color=STATE_COLOURS.get(states[str(line.get_label())], GREY), xdata=np.add(line.get_xdata(), 1))
    axes.relim()
    axes.autoscale_view()
    axes.set(xlabel="Epoch, or training of a trial", ylabel=metric)
    handles = [Line2D([], [], color=colour, label=WORDS[state]) for state, colour in STATE_COLOURS.items()]
    axes.legend(handles=handles[:2], frameon=False, fontsize=9)  # failed trials are not drawn
    return figure


def slices(study: optuna.Study, metric: str, note: str = "") -> Figure:
    """Draw the value over each parameter, coloured by trial number, which shows where the sampler converged."""
    figure, panels = _panels(drawings.plot_slice, study, "Slices", note, target_name=metric)
    for axes in panels:
        _readable(axes.xaxis)
    return figure


def parallel(study: optuna.Study, metric: str, note: str = "") -> Figure:
    """Draw every finished trial as a line through its parameters to its value."""
    title = "Parallel coordinates"
    figure, (axes, *_) = _panels(drawings.plot_parallel_coordinate, study, title, note, target_name=metric)
    scales = [twin for twin in figure.axes if twin.get_shared_x_axes().joined(twin, axes) and twin is not axes]
    figure.set_size_inches(2.2 * (len(scales) + 1) + 1, 4.8)
    for scale in scales:
        _readable(scale.yaxis)
        for label in scale.get_yticklabels():
            label.set(fontsize=8.5, bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.5})
    axes.tick_params(axis="x", rotation=0)
    # Optuna's blue colour map begins in white.
    axes.collections[0].set_cmap("viridis_r" if study.direction == StudyDirection.MAXIMIZE else "viridis")
    return figure


def importances(study: optuna.Study, metric: str, note: str = "") -> Figure:
    """Draw each parameter's share of the metric's variance (fANOVA, Hutter et al. 2014)."""
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    title = f"Importance for {metric}"
    figure, (axes,) = _panels(drawings.plot_param_importances, study, title, note, evaluator=evaluator)
    axes.set(xlabel="Share of the variance among finished trials (fANOVA)", ylabel="")
    if (legend := axes.get_legend()) is not None:
        legend.remove()
    return figure


def timeline(study: optuna.Study, note: str = "") -> Figure:
    """Draw when each trial ran, coloured by outcome."""
    figure, (axes,) = _panels(drawings.plot_timeline, study, "Timeline", note)
    locator = AutoDateLocator()
    axes.xaxis.set(major_locator=locator, major_formatter=ConciseDateFormatter(locator))
    legend = axes.get_legend()
    for text in legend.get_texts() if legend else ():
        text.set_text(WORDS.get(TrialState[text.get_text()], text.get_text().lower()))
    return figure


def _panels(
    plot: Callable[..., Any], study: optuna.Study, title: str, note: str, **options: Any
) -> tuple[Figure, list[Axes]]:
    """Return one of Optuna's figures and its panels, detached from pyplot and without Optuna's change of its style."""
    with plt.rc_context({"figure.constrained_layout.use": True}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # experimental functions; layouts that are replaced below
        panels: list[Axes] = list(np.ravel(plot(study, **options)))
        figure = plt.gcf()
    plt.close(figure)
    figure.set(facecolor="white", layout_engine="constrained", size_inches=(max(8, 2.7 * len(panels) + 1), 4.4))
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    if note:
        figure.supxlabel(note, x=0.01, ha="left", fontsize=8.5, color=GREY)
    for axes in panels:
        axes.set_title("")
        bare(axes, xlabel=axes.get_xlabel(), ylabel=axes.get_ylabel())
        axes.set(facecolor="white", axisbelow=True)
        axes.grid(color=FAINT, linewidth=0.6)
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_label_text() in ("Trial", "Step"):
                axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure, panels


def _readable(axis: Axis) -> None:
    """Label a logarithmic axis with three plain numbers instead of powers of ten."""
    if axis.get_scale() == "log":
        ticks = np.geomspace(*axis.get_view_interval(), 7)[1::2]
        axis.set_ticks(ticks, [f"{tick:.3g}" for tick in ticks])
        axis.set_minor_locator(NullLocator())
