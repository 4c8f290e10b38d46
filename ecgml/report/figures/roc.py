"""ROC curves: of one model by class, and of several models overlaid."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from sklearn.metrics import auc

from ecgml.errors import EvaluationError
from ecgml.evaluation.curves import Curve, macro_roc, roc_curves
from ecgml.evaluation.predictions import Predictions
from ecgml.report.figures.style import (
    FAINT,
    GREY,
    INK,
    NO_COLOURS,
    bare,
    class_style,
    legend_beside,
    model_style,
    new_figure,
    unit_square,
    unscored_text,
)

XLABEL, YLABEL = "False positive rate (1 − specificity)", "True positive rate (sensitivity)"

CROWDED_AUROC = 0.95
"""Above such a macro average the curves crowd into the corner, which is then drawn larger inside the figure."""


def roc_figure(
    predictions: Predictions, *, title: str = "", note: str = "", colours: Mapping[str, str] = NO_COLOURS
) -> Figure:
    """Draw each class's ROC curve against the rest and their macro average, with the areas under them.

    Unscored records count as errors. A class without records, or alone, has no curve; the legend says so.

    Parameters
    ----------
    predictions : Predictions
    title, note : str
        Above and below the figure.
    colours : mapping of str to str, optional
        Of classes that have one of their own.
    """
    figure = new_figure(7.6, 5.4, title, note)
    axes = bare(figure.subplots(), unscored_text(predictions), XLABEL, YLABEL)
    unit_square(axes)
    _draw_chance(axes)
    curves = roc_curves(predictions)
    handles = []
    for label, name in enumerate(predictions.classes):
        n_records = f"{predictions.support[label]:,}"
        if name in curves:
            text = f"{name}  {auc(*curves[name]):.3f}  (n = {n_records})"
            handles += axes.plot(*curves[name], linewidth=1.6, label=text, **class_style(label, colours.get(name, "")))
        else:
            handles.append(Line2D([], [], linestyle="", label=f"{name}  no curve  (n = {n_records})"))
    if curves:
        macro = macro_roc(curves)
        handles[:0] = axes.plot(*macro, color=INK, linewidth=2.6, label=f"macro average  {auc(*macro):.3f}")
        if auc(*macro) > CROWDED_AUROC:
            _draw_corner(axes)
    legend_beside(axes, handles, "Area under the curve")
    return figure


def overlaid_roc(models: Mapping[str, Predictions], *, title: str = "", note: str = "") -> Figure:
    """Overlay the ROC curves of several models: the macro average first, then a panel for each class.

    Parameters
    ----------
    models : mapping of str to Predictions
        By the name to call each model; of the same classes.
    title, note : str
        Above and below the figure.

    Raises
    ------
    EvaluationError
        If there is no model, or classes differ.
    """
    if not models:
        raise EvaluationError("overlaid ROC: no models, at least one is needed")
    classes = next(iter(models.values())).classes
    for name, predictions in models.items():
        if predictions.classes != classes:
            raise EvaluationError(
                f"overlaid ROC: {name} has classes {', '.join(predictions.classes)}, expected {', '.join(classes)}"
            )
    curves = {name: roc_curves(predictions) for name, predictions in models.items()}
    panels: dict[str, dict[str, Curve]] = {
        "macro average": {name: macro_roc(by_class) for name, by_class in curves.items() if by_class}
    }
    for class_name in classes:
        panels[class_name] = {name: by_class[class_name] for name, by_class in curves.items() if class_name in by_class}
    n_columns = 3 if len(panels) <= 6 else 4
    n_rows = -(-len(panels) // n_columns)
    figure = new_figure(2.9 * n_columns + 0.4, 3.05 * n_rows + 1.2, title, note, _model_handles(models))
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for axes, (panel, drawn) in zip(grid.flat, panels.items(), strict=False):
        _draw_panel(axes, panel, drawn, list(models))
    for axes in grid[:, 0]:
        axes.set_ylabel("True positive rate", fontsize=9.5, color=INK)
    return figure


def _model_handles(models: Mapping[str, Predictions]) -> list[Line2D]:
    handles = []
    for position, (name, predictions) in enumerate(models.items()):
        n_unscored = int((~predictions.scored).sum())
        text = f"{name} ({n_unscored:,} not scored)" if n_unscored else name
        handles.append(Line2D([], [], linewidth=2, label=text, **model_style(position)))
    return handles


def _draw_panel(axes: Axes, title: str, drawn: Mapping[str, Curve], names: list[str]) -> None:
    bare(axes, title, xlabel="False positive rate")
    unit_square(axes)
    axes.set_xticks([0, 0.5, 1])
    axes.set_yticks([0, 0.5, 1])
    if not drawn:
        axes.text(0.5, 0.5, "no curve", ha="center", va="center", fontsize=10, color=GREY)
        return
    _draw_chance(axes)
    for name, curve in drawn.items():
        style = model_style(names.index(name))
        axes.plot(*curve, linewidth=1.6, **style)
        height = 0.06 + 0.1 * (len(names) - 1 - names.index(name))
        axes.text(0.97, height, f"AUC {auc(*curve):.3f}", ha="right", fontsize=9.5, color=style["color"])


def _draw_corner(axes: Axes) -> None:
    """Repeat the corner where good curves crowd, larger, where there are none."""
    corner = axes.inset_axes((0.4, 0.09, 0.54, 0.54))
    for line in axes.get_lines():
        corner.plot(
            *line.get_data(), color=line.get_color(), linestyle=line.get_linestyle(), linewidth=line.get_linewidth()
        )
    corner.set(xlim=(-0.004, 0.2), ylim=(0.8, 1.004), xticks=(0, 0.1, 0.2), yticks=(0.8, 0.9, 1))
    corner.tick_params(colors=GREY, labelcolor=INK, labelsize=8)
    for label in corner.get_yticklabels():
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})  # the diagonal passes behind them
    corner.grid(color=FAINT, linewidth=0.6)
    corner.spines[:].set_color(GREY)
    axes.indicate_inset_zoom(corner, edgecolor=GREY, linewidth=0.8)


def _draw_chance(axes: Axes) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (2, 3)))
