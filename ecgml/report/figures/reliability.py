"""Reliability diagrams: observed frequency of a class by its predicted probability."""

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
        bare(axes, f"{name} (n = {int(true.sum()):,})", "Predicted probability", "Observed share")
        unit_square(axes)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.9, linestyle=(0, (1, 2)))
        bins = reliability(probability, true)
        largest = max(stretch.n_records for stretch in bins)
        for stretch in bins:
            # How many records are in a bin, as a bar from the lower edge.
            height = 0.18 * stretch.n_records / largest
            axes.fill_between([stretch.low, stretch.high], 0, height, color=FAINT, linewidth=0)
        middle = np.array([stretch.mean_probability for stretch in bins])
        share = np.array([stretch.share_true for stretch in bins])
        ends = np.abs(np.array([stretch.interval for stretch in bins]).T - share)
        axes.errorbar(
            middle, share, yerr=ends, color=colour, marker="o", markersize=4, linestyle="", elinewidth=0.9, capsize=2
        )
        # A line through bins of one or two records would be read as a curve.
        steady = np.array([stretch.n_records >= RARE for stretch in bins])
        axes.plot(middle[steady], share[steady], color=colour, linewidth=1.4)
    return figure
