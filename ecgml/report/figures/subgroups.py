"""Subgroups as a forest: each one's figures beside those of all records."""

from __future__ import annotations

import math

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ecgml.evaluation.metric_table import is_lower_better, titles_of
from ecgml.evaluation.subgroups import SubgroupScores
from ecgml.page.sections import sentence
from ecgml.report.figures.style import FAINT, GREY, INK, bare, model_style, new_figure


def subgroups_figure(scores: SubgroupScores, *, title: str = "", note: str = "") -> Figure:
    """Draw each metric of subgroups with its 95 % interval, subgroup by subgroup.

    The vertical line and band are all records' figure and interval. Hollow: too small to be held against others.

    Parameters
    ----------
    scores : SubgroupScores
    title, note : str
        Above and below the figure.
    """
    labels, places, place = [], [], 0.0
    attributes = [group.attribute for group in scores.groups]
    for row, group in enumerate(scores.groups):
        # A gap between attributes tells their blocks apart.
        place += 1.6 if row and attributes[row - 1] != group.attribute else float(row > 0)
        places.append(place)
        labels.append(f"{group.name} ({group.n_records:,})")
    figure = new_figure(11, 0.33 * (place + 1) + 1.7, title, note)
    shown = titles_of("subgroups")
    panels = figure.subplots(1, len(shown), sharey=True)
    colour = str(model_style(0)["color"])
    for axes, (metric, label) in zip(panels, shown.items(), strict=True):
        overall = scores.overall[metric]
        axes.axvspan(overall.low, overall.high, color=FAINT, alpha=0.6, linewidth=0)
        axes.axvline(overall.value, color=GREY, linewidth=1)
        for height, group in zip(places, scores.groups, strict=True):
            estimate = group.estimates[metric]
            if math.isnan(estimate.value):
                continue
            mark = GREY if group.note else colour
            axes.plot([estimate.low, estimate.high], [height] * 2, color=mark, linewidth=1.6, solid_capstyle="butt")
            axes.plot(estimate.value, height, "o", color=mark, markersize=5.5, mfc="white" if group.note else mark)
        bare(axes, sentence(label))
        axes.set_ylim(place + 0.7, -0.7)
        axes.grid(axis="x", color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.set_xlabel("lower is better" if is_lower_better(metric) else "", fontsize=9, color=INK)
    panels[0].set_yticks(places, labels)
    return figure
