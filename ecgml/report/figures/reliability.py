"""Reliability diagrams: observed frequency of a class by its predicted probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ecgml.evaluation.cautions import RARE
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.reliability import Bin, reliability
from ecgml.report.figures.style import FAINT, GREY, INK, NO_COLOURS, bare, class_style, new_figure, unit_square

COLUMNS = 3
DOTTED = (0, (1, 2))
MOST_PROBABLE = "most probable class"


def reliability_figure(
    predictions: Predictions, *, title: str = "", note: str = "", colours: Mapping[str, str] = NO_COLOURS
) -> Figure:
    """Draw a diagram of the most probable class, and one of each class.

    Parameters
    ----------
    predictions : Predictions
        Records without a prediction are left out: they have no confidence.
    title, note : str
        Above and below the figure.
    colours : mapping of str to str, optional
        Of classes that have one of their own.
    """
    scored = predictions.subset(predictions.scored)
    panels = [(MOST_PROBABLE, INK, scored.y_prob.max(axis=1), scored.y_pred == scored.y_true)]
    panels += [
        (name, str(class_style(label, colours.get(name, ""))["color"]), scored.y_prob[:, label], scored.y_true == label)
        for label, name in enumerate(scored.classes)
    ]
    n_rows = -(-len(panels) // COLUMNS)
    figure = new_figure(3.4 * COLUMNS, 3.5 * n_rows + 0.9, title, note, _key(), legend_columns=4)
    grid = figure.subplots(n_rows, COLUMNS, squeeze=False).ravel()
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    for axes, (name, colour, probability, true) in zip(grid, panels, strict=False):
        n_records = scored.n_records if name == MOST_PROBABLE else int(true.sum())
        bare(axes, f"{name} (n = {n_records:,})", "Predicted probability", "Observed share")
        unit_square(axes)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.9, linestyle=DOTTED)
        _draw_bins(axes, reliability(probability, true), colour)
    return figure


def _draw_bins(axes: Axes, bins: Sequence[Bin], colour: str) -> None:
    largest = max(stretch.n_records for stretch in bins)
    for stretch in bins:
        # How many records are in a bin, as a bar from the lower edge.
        axes.fill_between([stretch.low, stretch.high], 0, 0.18 * stretch.n_records / largest, color=FAINT, linewidth=0)
    for stretch in bins:
        steady = stretch.n_records >= RARE
        axes.plot(
            [stretch.mean_probability] * 2, stretch.interval, color=colour, linewidth=0.9, alpha=1 if steady else 0.4
        )
        axes.plot(
            stretch.mean_probability, stretch.share_true, "o", color=colour, markersize=4.5,
            markerfacecolor=colour if steady else "white",
        )  # fmt: skip
    for left, right in pairwise(bins):
        # A line over an empty bin, or through one or two records, would be read as a curve.
        if min(left.n_records, right.n_records) >= RARE and np.isclose(left.high, right.low):
            axes.plot(
                [left.mean_probability, right.mean_probability], [left.share_true, right.share_true], color=colour,
                linewidth=1.4,
            )  # fmt: skip


def _key() -> list[Artist]:
    dot: dict[str, Any] = {"marker": "o", "color": INK, "markersize": 4.5, "linewidth": 0.9}
    return [
        Line2D([], [], color=GREY, linewidth=0.9, linestyle=DOTTED, label="perfect calibration"),
        Line2D([], [], label="bin with 95 % interval", **dot),
        Line2D([], [], label=f"fewer than {RARE} records", markerfacecolor="white", **dot),
        Patch(color=FAINT, label="records per bin"),
    ]
