"""The confusion matrix as a picture: counts, and percent of each true class."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecgml.evaluation.confusion import confusion_cells
from ecgml.evaluation.predictions import Predictions
from ecgml.report.figures.style import FAINT, GREY, INK, bare, new_figure


def confusion_figure(predictions: Predictions, *, title: str = "", note: str = "") -> Figure:
    """Draw the confusion matrix in counts and, beside it, in percent of each true class.

    Both are coloured by the percentage. Records that could not be scored have a column of their own; a class without
    records has an empty row.

    Parameters
    ----------
    predictions : Predictions
    title, note : str
        Above and below the figure.
    """
    n_classes = predictions.n_classes
    cells = confusion_cells(predictions.y_true, predictions.y_pred, n_classes).sum(axis=0)
    counts = cells.reshape(n_classes, n_classes + 1).astype(int)
    columns = list(predictions.classes)
    if counts[:, -1].any():
        columns.append("not scored")
    counts = counts[:, : len(columns)]
    support = counts.sum(axis=1, keepdims=True)
    percent = np.where(support > 0, 100 * counts / np.maximum(support, 1), np.nan)

    cell_in = 0.78 if n_classes <= 6 else 0.56
    crowded = len(columns) > 6  # column names are then slanted and take more height
    width_in, height_in = 2 * (cell_in * len(columns) + 1.1), cell_in * n_classes + (2.1 if crowded else 1.5)
    figure = new_figure(width_in, height_in, title, note)
    left, right = figure.subplots(1, 2)
    rows = [f"{name} ({n:,})" for name, n in zip(predictions.classes, support[:, 0], strict=True)]
    written_counts = np.vectorize("{:,}".format, otypes=[object])(counts)
    # A percentage that is not quite 0 or 100 is not written as if it were.
    _draw(left, percent, np.where(support > 0, written_counts, ""), rows, columns, "Records")
    _draw(right, percent, np.vectorize(_percent_text, otypes=[object])(percent), rows, columns, "Percent of true class")
    left.set_ylabel("True class (records)", fontsize=9.5, color=INK)
    return figure


def _percent_text(percent: float) -> str:
    if np.isnan(percent):
        return ""
    if 0 < percent < 0.5:
        return "<1"
    if 99.5 <= percent < 100:
        return ">99"
    return f"{percent:.0f}"


def _draw(
    axes: Axes,
    percent: NDArray[np.float64],
    texts: NDArray[np.object_],
    rows: list[str],
    columns: list[str],
    title: str,
) -> None:
    bare(axes, title, xlabel="Predicted class")
    axes.imshow(percent, cmap="Blues", vmin=0, vmax=100, aspect="equal")
    size = 10 if len(rows) <= 6 else 7.5
    for (row, column), text in np.ndenumerate(texts):
        value = percent[row, column]
        quiet = text in ("0", "")
        colour = "white" if value > 55 else (GREY if quiet else INK)
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)
    slant: dict[str, Any] = {"rotation": 45, "ha": "right"} if len(columns) > 6 else {}
    axes.set_xticks(range(len(columns)), columns, fontsize=9, **slant)
    axes.set_yticks(range(len(rows)), rows, fontsize=9)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    # White lines between the cells.
    axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    axes.set_facecolor(FAINT)
