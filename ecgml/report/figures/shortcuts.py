"""Models with and without an ECG, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ecgml.evaluation.metric_table import titles_of
from ecgml.evaluation.scores import Scores
from ecgml.page.sections import sentence
from ecgml.report.figures.style import FAINT, bare, model_style, new_figure


@dataclass(frozen=True)
class LabelledScores:
    """Scores of one model, and its label in the figure."""

    title: str
    scores: Scores
    sees_ecg: bool = False
    """Drawn in another colour."""


def shortcuts_figure(models: Sequence[LabelledScores], *, title: str = "", note: str = "") -> Figure:
    """Draw each model's metrics of an overview with their 95 % intervals.

    Parameters
    ----------
    models : sequence of LabelledScores
        From top to bottom.
    title, note : str
        Above and below the figure.
    """
    legend = [
        Line2D([], [], marker="o", linewidth=1.8, color=model_style(int(sees_ecg))["color"], label=label)
        for sees_ecg, label in ((True, "with the ECG"), (False, "without the ECG"))
        if any(model.sees_ecg == sees_ecg for model in models)
    ]
    figure = new_figure(11, 0.42 * len(models) + 1.9, title, note, legend)
    shown = titles_of("overview")
    panels = figure.subplots(1, len(shown), sharey=True)
    for axes, (name, label) in zip(panels, shown.items(), strict=True):
        for row, model in enumerate(models):
            estimate, colour = model.scores[name], model_style(int(model.sees_ecg))["color"]
            axes.plot([estimate.low, estimate.high], [row, row], color=colour, linewidth=1.8, solid_capstyle="butt")
            axes.plot(estimate.value, row, "o", color=colour, markersize=5.5)
            axes.annotate(
                f"{estimate.value:.3f}", (estimate.value, row), (0, 6), textcoords="offset points", ha="center",
                fontsize=8.5, color=colour,
            )  # fmt: skip
        bare(axes, sentence(label))
        axes.set_xlim(0, 1.05)
        axes.set_ylim(len(models) - 0.5, -0.7)
        axes.set_yticks(range(len(models)), [model.title for model in models])
        axes.grid(axis="x", color=FAINT, linewidth=0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    return figure
