"""The robustness matrix as a heat map."""

from __future__ import annotations

import math

from matplotlib import colormaps
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ecgml.evaluation.metric_table import is_lower_better
from ecgml.evaluation.robustness import Cell, Robustness
from ecgml.report.figures.style import GREY, INK, new_figure

PER_ROW = 11
"""Cells side by side; a kind with more goes on in a further row."""


def robustness_figure(robustness: Robustness, metric: str = "macro_f1", *, title: str = "", note: str = "") -> Figure:
    """Draw a cell for each condition, coloured by its figure; a dot marks a significant drop.

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
    figure = new_figure(11.5, 0.47 * len(rows) + 1.5, title, note)
    axes = figure.subplots()
    low, high = _range(robustness, metric)
    scale = Normalize(low, high)
    # Dark is bad: a low figure, or a silent model.
    colours = colormaps["Blues" if metric == "abstained" or is_lower_better(metric) else "Blues_r"]
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
    return figure


def _range(robustness: Robustness, metric: str) -> tuple[float, float]:
    if metric == "abstained":
        return 0.0, 1.0
    values = [cell.figures[metric].value for cell in (robustness.reference, *robustness.cells)]
    finite = [value for value in values if math.isfinite(value)]
    return min(finite) - 0.02, max(1.0, *finite)


def _draw(axes, row: int, column: int, cell: Cell, metric: str, scale: Normalize, colours) -> None:
    value = cell.figures[metric].value
    known = math.isfinite(value)
    colour = colours(0.9 * scale(value)) if known else (0.93, 0.93, 0.93, 1.0)
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
