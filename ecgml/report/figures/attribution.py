"""Attributions on ECG paper: stretches that support the predicted class, and those that oppose it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from ecgml.paper.page import cells
from ecgml.records.leads import LEADS

SUPPORTS, OPPOSES = "#E69F00", "#0072B2"
"""Orange and blue: told apart with any colour vision. In grey print the first is plain, the second hatched."""

STRONGEST = 0.98
"""Quantile of a record's attributions that is drawn at full strength, so that one spike does not pale the rest."""

BAND_MM = 11.0
"""Height of a band: from its baseline a lead's supporting stretches are drawn upwards, the opposing ones downwards."""

HATCHED = 0.15
"""Strength from which on an opposing stretch is hatched."""


def draw_attribution(axes: Axes, attribution: NDArray[np.floating], fs: float) -> None:
    """Lay attributions behind a 12-lead ECG that :func:`ecgml.paper.draw` drew.

    Parameters
    ----------
    axes : Axes
        In the page's millimetres; its limits stay.
    attribution : ndarray, shape (n_leads, n_times)
        Positive where it supports the class.
    fs : float
        Hz.
    """
    limits = axes.get_xlim(), axes.get_ylim()
    strongest = np.quantile(np.abs(attribution), STRONGEST) or 1.0
    for cell in cells(attribution.shape[1], fs):
        values = attribution[LEADS.index(cell.lead), cell.start : cell.stop] / strongest
        for colour, sign, far_mm in ((SUPPORTS, 1, cell.middle_mm - BAND_MM), (OPPOSES, -1, cell.middle_mm + BAND_MM)):
            strength = np.clip(sign * values, 0, 1)
            strip = np.empty((1, len(values), 4))
            strip[..., :3], strip[..., 3] = to_rgb(colour), 0.85 * strength
            top, bottom = sorted((cell.middle_mm, far_mm))
            axes.imshow(
                strip,
                extent=(cell.left_mm, cell.right_mm, bottom, top),
                aspect="equal",
                interpolation="bilinear",
                zorder=0.5,
            )
            if sign < 0:
                _hatch(
                    axes, strength > HATCHED, cell.left_mm, (cell.right_mm - cell.left_mm) / len(values), top, bottom
                )
    axes.set(xlim=limits[0], ylim=limits[1])


def _hatch(axes: Axes, marked: NDArray[np.bool_], left_mm: float, step_mm: float, top: float, bottom: float) -> None:
    flips = np.flatnonzero(np.diff(np.concatenate(([False], marked, [False])).astype(np.int8)))
    for start, stop in flips.reshape(-1, 2).tolist():
        axes.add_patch(
            Rectangle(
                (left_mm + start * step_mm, top), (stop - start) * step_mm, bottom - top, fill=False, hatch="//////",
                edgecolor=OPPOSES, linewidth=0, zorder=0.6,
            )
        )  # fmt: skip


def draw_key(axes: Axes, predicted: str) -> None:
    """Explain the colours in the upper right corner of the page."""
    handles = [
        Patch(facecolor=SUPPORTS, label=f"supports {predicted} (above the baseline)"),
        Patch(
            facecolor="#a6cbe3", edgecolor=OPPOSES, hatch="//////", label=f"opposes {predicted} (below the baseline)"
        ),
    ]
    axes.legend(handles=handles, loc="upper right", ncols=2, frameon=True, framealpha=0.9, edgecolor="none", fontsize=8)
