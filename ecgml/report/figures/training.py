"""Training curves: how a model learnt, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ecgml.errors import EvaluationError
from ecgml.evaluation.metric_table import titles_of
from ecgml.report.figures.style import FAINT, GREY, MODEL_COLOURS, bare, new_figure

TRAIN, VALIDATION, *OTHERS = MODEL_COLOURS

LOWEST = ("Validation", "Learning rate")


def training_curves(
    history: pd.DataFrame | Sequence[Mapping[str, float]],
    *,
    best_epoch: int | None = None,
    title: str = "",
    note: str = "",
) -> Figure:
    """Draw loss, accuracy, validation metrics and learning rate by epoch.

    Parameters
    ----------
    history : DataFrame or sequence of mapping
        A row an epoch: any of ``train_loss``, ``val_loss``, ``train_accuracy``, ``val_accuracy`` and the table's other
        validation metrics, ``learning_rate``; ``epoch`` where epochs are not 1, 2, 3, ….
    best_epoch : int, optional
        The epoch whose weights were kept, in the same numbering; it is marked.
    title, note : str
        Above and below the figure.

    Raises
    ------
    EvaluationError
        If there is no epoch.
    """
    history = pd.DataFrame(history)
    if history.empty:
        raise EvaluationError("training curves: no epochs in the history, at least one is needed")
    epochs = history["epoch"] if "epoch" in history else np.arange(1, len(history) + 1)
    figure = new_figure(9.5, 6.2, title, note)
    for axes, (panel, columns) in zip(figure.subplots(2, 2, sharex=True).flat, _panels(), strict=True):
        bare(axes, panel, xlabel="Epoch" if panel in LOWEST else "")
        axes.grid(axis="y", color=FAINT, linewidth=0.6)
        for column, (label, colour) in columns.items():
            if column in history:
                # A lone epoch is a dot: a line of one point would not show.
                marker = "o" if len(history) == 1 else ""
                axes.plot(
                    epochs, history[column], color=colour, linewidth=1.8, marker=marker, markersize=5, label=label
                )
        if best_epoch is not None:
            kept = f"kept: epoch {best_epoch}" if panel == "Loss" else None
            axes.axvline(best_epoch, color=GREY, linewidth=1, linestyle=(0, (4, 3)), label=kept)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(frameon=False, fontsize=9)
        if panel == "Learning rate" and "learning_rate" in history:
            _scale_learning_rate(axes, history["learning_rate"])
    axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure


def _panels() -> tuple[tuple[str, dict[str, tuple[str | None, str]]], ...]:
    """Return the title of each panel and ``{column: (label, colour)}`` of its lines."""
    validated = {f"val_{name}": title for name, title in titles_of("validation").items() if name != "accuracy"}
    return (
        ("Loss", {"train_loss": ("train", TRAIN), "val_loss": ("validation", VALIDATION)}),
        ("Accuracy", {"train_accuracy": ("train", TRAIN), "val_accuracy": ("validation", VALIDATION)}),
        ("Validation", dict(zip(validated, zip(validated.values(), cycle(OTHERS), strict=False), strict=True))),
        ("Learning rate", {"learning_rate": (None, GREY)}),
    )


def _scale_learning_rate(axes: Axes, learning_rate: pd.Series) -> None:
    if 0 < 10 * learning_rate.min() <= learning_rate.max():
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, 1.05 * learning_rate.max() or 1)
        axes.ticklabel_format(axis="y", scilimits=(-2, 3))
