"""Paper of one and five millimetres, and lines on it, as SVG or on Matplotlib axes."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

WIDTH_MM = 275.0
"""Of every sheet."""

MM_PER_IN = 25.4

PINK, ROSE, INK, RED = "#f9dcdc", "#f0a8a8", "#1a1a1a", "#c00000"


def grid_svg(width_mm: float, height_mm: float) -> str:
    """Return a white sheet with its grid as SVG elements."""
    lines = "".join(
        f'<path stroke="{colour}" stroke-width="{width}" d="{_grid_path(width_mm, height_mm, step)}"/>'
        for step, colour, width in ((1, PINK, 0.1), (5, ROSE, 0.2))
    )
    return f'<rect width="{width_mm:g}" height="{height_mm:g}" fill="#fff"/>{lines}'


def draw_grid(axes: Any, width_mm: float, height_mm: float) -> None:
    """Draw a grid on a Matplotlib axes and make its limits the sheet's millimetres, y downwards."""
    for step, colour, width in ((1, PINK, 0.3), (5, ROSE, 0.5)):
        axes.vlines(np.arange(0, width_mm + 0.5, step), 0, height_mm, colors=colour, linewidths=width, zorder=0)
        axes.hlines(np.arange(0, height_mm + 0.5, step), 0, width_mm, colors=colour, linewidths=width, zorder=0)
    axes.set_xlim(0, width_mm)
    axes.set_ylim(height_mm, 0)
    axes.set_aspect("equal")
    axes.set_axis_off()


def svg_path(points: NDArray[np.float64]) -> str:
    """Return a line through points, mm, as the path of an SVG element in units of 0.01 mm."""
    # In units of 0.01 mm a step between time points is two short integers.
    hundredths = np.rint(100 * points).astype(np.int64)
    # The first step goes nowhere, so that a lone point is still a valid path and shows as a dot.
    steps = np.diff(hundredths, axis=0, prepend=hundredths[:1])
    return f"M{hundredths[0, 0]} {hundredths[0, 1]}l" + " ".join(map(str, steps.ravel().tolist()))


def xml(text: str) -> str:
    """Escape text for XML 1.0, which knows no control characters."""
    return escape("".join(character if character.isprintable() else " " for character in text))


def _grid_path(width_mm: float, height_mm: float, step_mm: int) -> str:
    columns = "".join(f"M{x} 0v{height_mm:g}" for x in range(0, int(width_mm) + 1, step_mm))
    return columns + "".join(f"M0 {y}h{width_mm:g}" for y in range(0, int(height_mm) + 1, step_mm))
