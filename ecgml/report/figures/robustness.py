"""The robustness matrix as a heat map."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from ecgml.evaluation.metric_table import is_lower_better, titles_of
from ecgml.evaluation.robustness import Cell, Robustness
from ecgml.report.figures.style import GREY, INK, new_figure

UNKNOWN = "#ededed"
ABSTAINED = "share abstained on"

PER_ROW = 11
"""Cells side by side; a kind with more goes on in a further row."""


def robustness_figure(robustness: Robustness, metric: str = "macro_f1", *, title: str = "", note: str = "") -> Figure:
    """Draw a cell for each condition, coloured by its value; a dot marks a significant drop.

    Parameters
    ----------
    robustness : Robustness
    metric : str
        Of the table's, or ``abstained``.
    title, note : str
        Above and below the figure.
    """
    rows: list[tuple[str, list[Cell]]] = [("as recorded", [robustness.reference])]
    for kind, cells in robustness.kinds.items():
        for start in range(0, len(cells), PER_ROW):
            rows.append((kind if not start else "", cells[start : start + PER_ROW]))
    figure = new_figure(12.5, 0.47 * len(rows) + 1.9, title, note, _legend(robustness, metric))
    axes = figure.subplots()
    low, high = _range(robustness, metric)
    scale = Normalize(low, high)
    colours = _colours(metric)
    for row, (_, cells) in enumerate(rows):
        for column, cell in enumerate(cells):
            _draw(axes, row, column, cell, metric, scale, colours)
    axes.set_xlim(-0.02, PER_ROW)
    axes.set_ylim(len(rows), -0.1)
    axes.set_yticks([row + 0.5 for row in range(len(rows))], [name for name, _ in rows])
    axes.set_xticks([])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(
        ScalarMappable(scale, colours), ax=axes, fraction=0.025, pad=0.01, shrink=min(1, 6 / len(rows))
    )
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8.5, color=GREY)
    bar.set_label(ABSTAINED if metric == "abstained" else titles_of()[metric], fontsize=9, color=INK)
    return figure


def _colours(metric: str) -> ListedColormap:
    """Return a scale on which dark is bad: a poor value, or many abstentions."""
    whole = colormaps["Blues" if metric == "abstained" or is_lower_better(metric) else "Blues_r"]
    return ListedColormap(whole(np.linspace(0, 0.9, 256)))


def _legend(robustness: Robustness, metric: str) -> list[Artist]:
    handles: list[Artist] = []
    if metric != "abstained":
        dot: dict[str, Any] = {"linestyle": "", "marker": "o", "color": INK, "markersize": 3}
        handles.append(Line2D([], [], label="significant drop from the unperturbed records (95 %)", **dot))
    if any(not math.isfinite(cell.figures[metric].value) for cell in robustness.cells):
        handles.append(Patch(color=UNKNOWN, label="undefined: no record scored"))
    return handles


def _range(robustness: Robustness, metric: str) -> tuple[float, float]:
    if metric == "abstained":
        return 0.0, 1.0
    values = [cell.figures[metric].value for cell in (robustness.reference, *robustness.cells)]
    finite = [value for value in values if math.isfinite(value)]
    return max(0.0, min(finite) - 0.02), max(1.0, *finite)


def _draw(
    axes: Axes, row: int, column: int, cell: Cell, metric: str, scale: Normalize, colours: ListedColormap
) -> None:
    value = cell.figures[metric].value
    known = math.isfinite(value)
    colour = colours(scale(value)) if known else (*to_rgb(UNKNOWN), 1.0)
    axes.add_patch(Rectangle((column, row), 0.96, 0.92, facecolor=colour, edgecolor="white"))
    ink = "white" if known and sum(colour[:3]) < 1.5 else INK
    figure = f"{value:.2f}" if known else "–"
    if metric != "abstained" and cell.drops[metric].low > 0:
        figure += " •"
    strength = cell.strength.replace("_", " ")
    axes.text(column + 0.48, row + 0.30, strength, ha="center", va="center", fontsize=_size(strength), color=ink)
    axes.text(column + 0.48, row + 0.66, figure, ha="center", va="center", fontsize=9, color=ink if known else GREY)


def _size(text: str) -> float:
    """Return the type size, points, at which a text fits its cell."""
    return 7.5 if len(text) <= 11 else 6.5 if len(text) <= 14 else 5.6
