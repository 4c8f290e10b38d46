"""Models with and without an ECG, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from ecgml.evaluation.metric_table import titles_of
from ecgml.evaluation.scores import Scores
from ecgml.page.sections import sentence
from ecgml.report.figures.style import FAINT, bare, model_style, new_figure


@dataclass(frozen=True)
class Line:
    """A line of the figure."""

    title: str
    scores: Scores
    is_model: bool = False
    """Whether it sees the ECG: drawn in another colour."""


def shortcuts_figure(lines: Sequence[Line], *, title: str = "", note: str = "") -> Figure:
    """Draw each line's metrics of an overview with their 95 % intervals.

    Parameters
    ----------
    lines : sequence of Line
        From top to bottom.
    title, note : str
        Above and below the figure.
    """
    figure = new_figure(11, 0.42 * len(lines) + 1.9, title, note)
    shown = titles_of("overview")
    panels = figure.subplots(1, len(shown), sharey=True)
    for axes, (name, label) in zip(panels, shown.items(), strict=True):
        for row, line in enumerate(lines):
            estimate, colour = line.scores[name], model_style(int(line.is_model))["color"]
            axes.plot([estimate.low, estimate.high], [row, row], color=colour, linewidth=1.8, solid_capstyle="butt")
            axes.plot(estimate.value, row, "o", color=colour, markersize=5.5)
            axes.annotate(
                f"{estimate.value:.3f}", (estimate.value, row), (0, 6), textcoords="offset points", ha="center",
                fontsize=8.5, color=colour,
            )  # fmt: skip
        bare(axes, sentence(label))
        axes.set_xlim(0, 1.05)
        axes.set_ylim(len(lines) - 0.5, -0.7)
        axes.set_yticks(range(len(lines)), [line.title for line in lines])
        axes.grid(axis="x", color=FAINT, linewidth=0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    return figure
