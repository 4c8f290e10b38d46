"""What evaluation's figures share: the project's style, and colours of models, unit squares, what was not scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from ecgml.evaluation.predictions import Predictions
from ecgml.figures import FAINT, GREY, INK, LINE_STYLES, bare, class_style, new_figure, save_figure

__all__ = [
    "FAINT", "GREY", "INK", "MODEL_COLOURS", "NO_COLOURS", "bare", "class_style", "legend_beside", "model_style",
    "new_figure", "save_figure", "unit_square", "unscored_text",
]  # fmt: skip

NO_COLOURS: Mapping[str, str] = MappingProxyType({})
"""No class has a colour of its own."""

MODEL_COLOURS = ("#004488", "#BB5566", "#997700", "#5B8C5A", "#7A6BAE")
"""Colours of whole models (Tol's high-contrast set, extended), so that none is mistaken for a class."""


def model_style(position: int) -> dict[str, Any]:
    """Return colour and line style of a model by its position among those compared."""
    return {
        "color": MODEL_COLOURS[position % len(MODEL_COLOURS)],
        "linestyle": LINE_STYLES[position % len(LINE_STYLES)],
    }


def unit_square(axes: Axes) -> None:
    """Make both axes run from 0 to 1 at equal scale, with room for lines that run along the edge."""
    axes.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015), aspect="equal")
    ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)


def legend_beside(axes: Axes, handles: Sequence[Artist], title: str) -> None:
    """Draw a legend to the right of a panel."""
    legend = axes.legend(
        handles=handles, title=title, frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.02, 0.5)
    )
    legend.set_alignment("left")


def unscored_text(predictions: Predictions) -> str:
    """Return how many records were not scored, for a title; empty where all were."""
    n_unscored = int((~predictions.scored).sum())
    return f"{n_unscored:,} of {predictions.n_records:,} records not scored: they count as errors" if n_unscored else ""
