"""Colours and marks of rhythms, classes and cohorts: the same in every figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ecgml.exploration.survey import NO_RHYTHM, SEVERAL, rhythm_name
from ecgml.figures import FAINT, GREY, INK
from ecgml.records.rhythms import RHYTHM_CODES, RHYTHMS
from ecgml.records.schemes import Scheme

RHYTHM_STYLES = {rhythm.code: (rhythm.colour, rhythm.mark) for rhythm in RHYTHMS}
"""Colour and mark of each rhythm."""

NO_RHYTHM_STYLE, SEVERAL_STYLE = ("#cfcfcf", "."), ("#949494", "d")
"""Colour and mark of a record without a rhythm, and with several."""

COHORT_COLOURS = ("#004488", "#BB5566", "#997700", "#5B8C5A", "#7A6BAE", "#222222", "#33BBEE", "#EE7733")
"""So that no cohort is mistaken for a rhythm."""


LEAST_IN_BOX = 8
"""Fewer values are drawn as dots: quartiles of so few mean little."""


def rhythm_style(index: int) -> tuple[str, str]:
    """Return colour and mark of a rhythm by its index."""
    return {NO_RHYTHM: NO_RHYTHM_STYLE, SEVERAL: SEVERAL_STYLE}.get(index) or RHYTHM_STYLES[RHYTHM_CODES[index]]


def ink_on(colour: str) -> str:
    """Return the colour of text on a coloured bar: white where the bar is dark."""
    linear = [(level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4) for level in to_rgb(colour)]
    luminance = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))  # of sRGB
    return "white" if luminance < 0.275 else INK


def class_colour(scheme: Scheme, label: int) -> str:
    """Return the colour of a class: its own, else that of its first member; grey for no class."""
    if label < 0:
        return NO_RHYTHM_STYLE[0]
    name = scheme.classes[label]
    return scheme.colours.get(name) or RHYTHM_STYLES[scheme.members[name][0]][0]


def cohort_colour(position: int) -> str:
    """Return the colour of a cohort by its place among those given."""
    return COHORT_COLOURS[position % len(COHORT_COLOURS)]


def rhythm_handles(rhythms: NDArray[np.int64], *, patches: bool = False) -> list[Line2D | Patch]:
    """Return legend entries for the rhythms that occur, with their counts."""
    handles = []
    for index in (*range(len(RHYTHM_CODES)), SEVERAL, NO_RHYTHM):
        n_rows = int((rhythms == index).sum())
        if n_rows:
            colour, marker = rhythm_style(index)
            label = f"{rhythm_name(index)} ({n_rows:,})"
            mark: dict[str, Any] = {"linestyle": "", "marker": marker, "markersize": 6, "color": colour}
            handles.append(Patch(color=colour, label=label) if patches else Line2D([], [], label=label, **mark))
    return handles


def cohort_handles(colours: Mapping[str, str]) -> list[Line2D]:
    """Return legend entries for cohorts, by name."""
    return [
        Line2D([], [], linestyle="", marker="o", markersize=6, color=colour, label=name)
        for name, colour in colours.items()
    ]


def scatter_rhythms(axes: Axes, points: NDArray[np.floating], rhythms: NDArray[np.int64], size: float = 14) -> None:
    """Draw points by rhythm, the most frequent one at the bottom.

    Parameters
    ----------
    axes : Axes
    points : ndarray, shape (n_points, 2)
    rhythms : ndarray of int64, shape (n_points,)
        By index.
    size : float
        Area of a mark, square points; of a frequent rhythm less.
    """
    kinds, counts = np.unique(rhythms, return_counts=True)
    for kind in kinds[np.lexsort((-counts, kinds >= 0))]:
        here = rhythms == kind
        colour, marker = rhythm_style(int(kind))
        area = size * np.clip(40 / here.sum(), 0.45, 1.6)
        axes.scatter(points[here, 0], points[here, 1], s=area, c=colour, marker=marker, alpha=0.75, linewidths=0)


def scatter_cohorts(
    axes: Axes, points: NDArray[np.floating], cohorts: NDArray[np.str_], colours: Mapping[str, str]
) -> None:
    """Draw points by cohort, shape (n_points, 2), the largest one at the bottom."""
    for name in sorted(colours, key=lambda name: -(cohorts == name).sum()):
        here = cohorts == name
        area = 14 * np.clip(40 / max(1, here.sum()), 0.45, 1.6)
        axes.scatter(points[here, 0], points[here, 1], s=area, c=colours[name], alpha=0.75, linewidths=0)


def boxes(axes: Axes, groups: Sequence[NDArray[np.floating]], colours: Sequence[str]) -> None:
    """Draw a horizontal box for each group, the first on top; few values are drawn as dots instead.

    A box spans the quartiles, the line in it is the median, whiskers reach from the 5th to the 95th percentile.
    """
    boxed = [place for place, values in enumerate(groups) if len(values) >= LEAST_IN_BOX]
    for place, (values, colour) in enumerate(zip(groups, colours, strict=True)):
        if place not in boxed:
            axes.plot(values, np.full(len(values), place), "o", color=colour, markersize=4, alpha=0.8)
    if boxed:
        quantiles = np.array([np.percentile(groups[place], [5, 25, 50, 75, 95]) for place in boxed])
        low, first, median, third, high = quantiles.T
        box_colours, at = [colours[place] for place in boxed], np.array(boxed)
        axes.hlines(at, low, high, colors=box_colours, linewidth=1.2)
        axes.barh(at, third - first, left=first, height=0.62, color=box_colours, edgecolor="white", linewidth=0.5)
        axes.vlines(median, at - 0.31, at + 0.31, colors="white", linewidth=2.4)
        axes.vlines(median, at - 0.31, at + 0.31, colors=INK, linewidth=1.1)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)


def write_reason(axes: Axes, text: str) -> None:
    """Write in the middle of an empty axes why it is empty."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=9.5, color=GREY, wrap=True)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
