"""The representative beat on paper, 200 mm/s: all leads superimposed, onsets and offsets as fine lines.

So an electrocardiograph lets its measurements be checked: a global interval runs from the earliest onset to the latest
offset over all leads (Kligfield et al. 2007, 10.1161/CIRCULATIONAHA.106.180200).
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgml.paper.grid import INK, RED, WIDTH_MM, draw_grid, grid_svg, svg_path, xml
from ecgml.records.marked_beat import MarkedBeat

BEAT_HEIGHT_MM = 85.0
MM_PER_S = 200.0
MM_PER_MV = (20.0, 10.0, 5.0, 2.5)
"""The first at which the beat fits is taken."""

_LEFT_MM, _WORDS_MM = 10.0, 205.0
_MIDDLE_MM, _REACH_MM = 48.0, 32.0
_TOP_MM, _BOTTOM_MM = 14.0, 81.0  # of a mark's line
_LINE_MM, _LINE_CHARACTERS = 5.0, 40


@dataclass(frozen=True, eq=False)
class BeatSheet:
    """The geometry of a sheet, mm from the upper left corner, y downwards."""

    traces: tuple[NDArray[np.float64], ...]
    """Points of each lead, shape (n_points, 2)."""
    marks: tuple[tuple[float, str], ...]
    """(x, name) of each onset and offset."""
    labels: tuple[tuple[float, float, str], ...]
    """(x, y, text): the intervals beside the beat, and the note at the foot."""


def beat_layout(beat: MarkedBeat) -> BeatSheet:
    """Lay a beat out on a sheet as wide as a page; what goes beyond it is cut off there."""
    x = _LEFT_MM + MM_PER_S * (beat.times_s - beat.times_s[0])
    shown = x <= _WORDS_MM - 5
    peak_mv = float(np.abs(beat.waveform[:, shown]).max(initial=0.0))
    mm_per_mv = next((scale for scale in MM_PER_MV if scale * peak_mv <= _REACH_MM), MM_PER_MV[-1])
    y = _MIDDLE_MM - np.clip(mm_per_mv * beat.waveform[:, shown], -_REACH_MM, _REACH_MM)
    traces = tuple(np.column_stack((x[shown], row)) for row in y)
    marks = [(float(_LEFT_MM + MM_PER_S * (at_s - beat.times_s[0])), name) for name, at_s in beat.marks.items()]
    lines = [line for text in beat.words for line in textwrap.wrap(text, _LINE_CHARACTERS)]
    labels = [(_WORDS_MM, _TOP_MM + _LINE_MM * place, line) for place, line in enumerate(lines)]
    note = f"representative beat, {len(traces)} leads superimposed   {MM_PER_S:g} mm/s   {mm_per_mv:g} mm/mV"
    return BeatSheet(
        traces,
        tuple(mark for mark in marks if mark[0] <= _WORDS_MM - 5),
        (*labels, (5.0, BEAT_HEIGHT_MM - 1.5, note)),
    )


def beat_svg(beat: MarkedBeat) -> str:
    """Draw a beat as SVG elements on a sheet of ``WIDTH_MM`` by :data:`BEAT_HEIGHT_MM`: the inside of an ``<svg>``."""
    sheet = beat_layout(beat)
    ink = "".join(map(svg_path, sheet.traces))
    lines = "".join(f"M{x:.2f} {_TOP_MM:g}V{_BOTTOM_MM:g}" for x, _ in sheet.marks)
    names = "".join(
        f'<text transform="translate({x - 0.7:.2f} {_TOP_MM:g}) rotate(-90)">{xml(name)}</text>'
        for x, name in sheet.marks
    )
    texts = "".join(f'<text x="{x:.2f}" y="{y:.2f}">{xml(text)}</text>' for x, y, text in sheet.labels)
    return (
        f"{grid_svg(WIDTH_MM, BEAT_HEIGHT_MM)}"
        f'<g transform="scale(.01)" fill="none" stroke="{INK}" stroke-width="18" stroke-linejoin="round"><path '
        f'd="{ink}"/></g><path fill="none" stroke="{RED}" stroke-width="0.15" d="{lines}"/>'
        f'<g font-family="sans-serif" font-size="2.5" fill="{RED}">{names}</g>'
        f'<g font-family="sans-serif" font-size="3.2" fill="{INK}">{texts}</g>'
    )


def draw_beat(axes: Any, beat: MarkedBeat) -> None:
    """Draw a beat on a Matplotlib axes, whose limits become the sheet's millimetres.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    beat : MarkedBeat
    """
    sheet = beat_layout(beat)
    draw_grid(axes, WIDTH_MM, BEAT_HEIGHT_MM)
    for points in sheet.traces:
        axes.plot(points[:, 0], points[:, 1], color=INK, linewidth=0.5, solid_joinstyle="round")
    for x, name in sheet.marks:
        axes.vlines(x, _TOP_MM, _BOTTOM_MM, colors=RED, linewidths=0.5)
        axes.text(x - 0.7, _TOP_MM, name, rotation=90, va="bottom", ha="right", fontsize=6, color=RED)
    for x, y, text in sheet.labels:
        axes.text(x, y, text, fontsize=7.5, color=INK, parse_math=False)
