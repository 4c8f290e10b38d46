"""Risk-coverage curve: accuracy of the answered records against the share that is answered."""

from __future__ import annotations

from matplotlib.figure import Figure

from ecgml.evaluation.answers import Answers, area_under_risk, coverage_curve, score_answers
from ecgml.evaluation.predictions import Predictions
from ecgml.report.figures.style import FAINT, GREY, bare, model_style, new_figure


def coverage_figure(predictions: Predictions, answers: Answers, *, title: str = "", note: str = "") -> Figure:
    """Draw accuracy and macro-F1 of the answered records, abstaining on the least certain first.

    Abstaining at random would stay on the dotted line on average.

    Parameters
    ----------
    predictions : Predictions
    answers : Answers
        Of the same records.
    title, note : str
        Above and below the figure.
    """
    figure = new_figure(9.4, 4.4, title, note)
    panels = figure.subplots(1, 2)
    counted = predictions.counted_prob().max(axis=1)
    orders = {"by the abstention score": answers.certainty, "by confidence": counted}
    point = score_answers(predictions, answers, n_bootstrap=0)
    lowest = 1.0
    for position, (name, certainty) in enumerate(orders.items()):
        coverage, *curves = coverage_curve(predictions, certainty)
        area = area_under_risk(predictions, certainty)
        for axes, values in zip(panels, curves, strict=True):
            axes.plot(coverage, values, linewidth=1.6, label=f"{name} (AURC {area:.4f})", **model_style(position))
            axes.axhline(values[-1], color=GREY, linewidth=0.9, linestyle=(0, (1, 2)))
            lowest = min(lowest, float(values.min()))
    for axes, what, value in zip(panels, ("Accuracy", "Macro-F1"), (point.accuracy, point.macro_f1), strict=True):
        bare(axes, "", "Coverage (share of records answered)", f"{what} of the answered")
        axes.plot(point.answered.value, value.value, "o", color="#222222", markersize=6, label="the model's threshold")
        axes.set(xlim=(0, 1.02), ylim=(max(0.0, lowest - 0.05), 1.005))
        axes.grid(color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
    panels[0].legend(frameon=False, fontsize=8.5, loc="lower left")
    return figure
