"""Reliability diagrams: how often a class is true when it is said to be so probable."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ecgml.evaluation.cautions import RARE
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.reliability import reliability
from ecgml.report.figures.style import FAINT, GREY, INK, bare, class_style, new_figure, unit_square

COLUMNS = 3


def reliability_figure(predictions: Predictions, *, title: str = "", note: str = "") -> Figure:
    """Draw a diagram of the most probable class, and one of each class.

    Parameters
    ----------
    predictions : Predictions
        Records without a prediction are left out: they have no confidence.
    title, note : str
        Above and below the figure.
    """
    scored = predictions.subset(predictions.scored)
    panels = [("most probable class", INK, scored.y_prob.max(axis=1), scored.y_pred == scored.y_true)]
    panels += [
        (name, str(class_style(label)["color"]), scored.y_prob[:, label], scored.y_true == label)
        for label, name in enumerate(scored.classes)
    ]
    n_rows = -(-len(panels) // COLUMNS)
    figure = new_figure(3.4 * COLUMNS, 3.5 * n_rows + 0.5, title, note)
    grid = figure.subplots(n_rows, COLUMNS, squeeze=False).ravel()
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    for axes, (name, colour, probability, true) in zip(grid, panels, strict=False):
        bare(axes, f"{name} (n {int(true.sum()):,} true)", "Predicted probability", "Share true")
        unit_square(axes)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.9, linestyle=(0, (1, 2)))
        bins = reliability(probability, true)
        largest = max(one.n_records for one in bins)
        for one in bins:
            # How many records a point stands on, as a bar from the lower edge.
            height = 0.18 * one.n_records / largest
            axes.fill_between([one.low, one.high], 0, height, color=FAINT, linewidth=0)
        middle = np.array([one.mean_probability for one in bins])
        share = np.array([one.share_true for one in bins])
        ends = np.array([[one.share_true - one.interval[0], one.interval[1] - one.share_true] for one in bins]).T
        axes.errorbar(
            middle, share, yerr=ends, color=colour, marker="o", markersize=4, linestyle="", elinewidth=0.9, capsize=2
        )
        # A line through what one or two records say would be read as a curve.
        steady = np.array([one.n_records >= RARE for one in bins])
        axes.plot(middle[steady], share[steady], color=colour, linewidth=1.4)
    return figure
