"""Precision-recall curves by class."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ecgml.evaluation.curves import precision_recall_curves
from ecgml.evaluation.metric_table import class_metric
from ecgml.evaluation.metrics import Metrics
from ecgml.evaluation.predictions import Predictions
from ecgml.report.figures.style import (
    GREY,
    NO_COLOURS,
    bare,
    class_style,
    legend_beside,
    new_figure,
    unit_square,
    unscored_text,
)


def pr_figure(
    predictions: Predictions, *, title: str = "", note: str = "", colours: Mapping[str, str] = NO_COLOURS
) -> Figure:
    """Draw each class's precision-recall curve with its average precision; a dotted line marks its prevalence.

    A model that cannot tell a class apart has its prevalence as precision at every recall. Unscored records count as
    errors. A class without records has no curve; the legend says so.

    Parameters
    ----------
    predictions : Predictions
    title, note : str
        Above and below the figure.
    colours : mapping of str to str, optional
        Of classes that have one of their own.
    """
    figure = new_figure(7.6, 5.4, title, note)
    axes = bare(
        figure.subplots(), unscored_text(predictions), "Recall (sensitivity)", "Precision (positive predictive value)"
    )
    unit_square(axes)
    curves = precision_recall_curves(predictions)
    metrics = Metrics(predictions)
    point = dict(zip(metrics.names, metrics.point(), strict=True))
    handles = []
    for label, name in enumerate(predictions.classes):
        n_records = predictions.support[label]
        if name not in curves:
            handles.append(Line2D([], [], linestyle="", label=f"{name}  no curve  (n = 0)"))
            continue
        style = class_style(label, colours.get(name, ""))
        prevalence = n_records / predictions.n_records
        axes.axhline(prevalence, color=style["color"], linewidth=0.9, linestyle=(0, (1, 2)))
        text = f"{name}  {point[class_metric('auprc', name)]:.3f}  (n = {n_records:,})"
        handles += axes.plot(*curves[name], drawstyle="steps-post", linewidth=1.6, label=text, **style)
    handles.insert(0, Line2D([], [], linestyle="", label=f"macro average  {point['macro_auprc']:.3f}"))
    handles.append(Line2D([], [], color=GREY, linewidth=0.9, linestyle=(0, (1, 2)), label="prevalence"))
    legend_beside(axes, handles, "Average precision")
    return figure
