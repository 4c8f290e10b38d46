"""Two models metric by metric, and how much the first is ahead."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ecgml.evaluation.comparison import Comparison
from ecgml.evaluation.estimates import Estimate
from ecgml.evaluation.metric_table import is_lower_better, names_of
from ecgml.evaluation.summary import metric_title
from ecgml.report.figures.style import FAINT, GREY, INK, bare, model_style, new_figure


def comparison_figure(comparison: Comparison, name_a: str, name_b: str, *, title: str = "", note: str = "") -> Figure:
    """Draw both models' figures with their 95 % intervals and, beside them, the paired differences.

    Differences are turned so that to the right the first model is ahead in every row, also where lower is better. A
    filled dot has an interval that excludes zero.

    Parameters
    ----------
    comparison : Comparison
    name_a, name_b : str
        What to call the models.
    title, note : str
        Above and below the figure.
    """
    shown = names_of("comparison", comparison.classes)
    names = [name for name in shown if not np.isnan(comparison.differences[name].value)]
    models = [
        Line2D([], [], marker="o", linewidth=1.6, color=model_style(model)["color"], label=name)
        for model, name in enumerate((name_a, name_b))
    ]
    figure = new_figure(10, 0.34 * len(names) + 2.2, title, note, models)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.1, 1))
    for row, name in enumerate(names):
        for model, (estimates, shift) in enumerate(((comparison.a, -0.14), (comparison.b, 0.14))):
            _draw_estimate(left, estimates[name], row + shift, str(model_style(model)["color"]), filled=True)
        difference = comparison.differences[name]
        if is_lower_better(name):
            difference = Estimate(-difference.value, -difference.high, -difference.low)
        _draw_estimate(right, difference, row, INK, filled=difference.excludes_zero)

    bare(left, "Each model, 95 % interval")
    bare(right, "Paired difference, 95 % interval")
    right.axvline(0, color=GREY, linewidth=1)
    reach = 1.08 * max(abs(x) for x in right.get_xlim())
    right.set_xlim(-reach, reach)
    right.set_xlabel(f"← {name_b} better\n{name_a} better →", fontsize=9.5, color=INK)
    left.set_yticks(range(len(names)), [metric_title(name, comparison.classes).replace(", ", "\n") for name in names])
    left.set_ylim(len(names) - 0.5, -0.5)
    for axes in (left, right):
        axes.grid(axis="x", color=FAINT, linewidth=0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    return figure


def _draw_estimate(axes: Axes, estimate: Estimate, row: float, colour: str, *, filled: bool) -> None:
    axes.plot([estimate.low, estimate.high], [row, row], color=colour, linewidth=1.6, solid_capstyle="butt")
    axes.plot(estimate.value, row, "o", color=colour, markersize=5.5, markerfacecolor=colour if filled else "white")
