"""What the figures of all rooms share: colours, bare axes, title and footer, saving.

Figures are made with Matplotlib's object interface: no pyplot, no global state, safe in threads and without a display.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecgml.saving import write_whole

DPI = 150

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5230")
"""Colours told apart with any colour vision: Okabe & Ito (2008) with brown for yellow, which is faint on white."""

LINE_STYLES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)))
"""One more for each time round the palette."""

TITLE_IN, LETTER_IN = 0.22, 0.102
"""Height of a title's line and mean width of its letters, inches."""

INK, GREY, FAINT = "#222222", "#6b6b6b", "#d9d9d9"


def class_style(label: int, colour: str = "") -> dict[str, object]:
    """Return colour (its own, if it has one) and line style of a class by its label: alike in every figure."""
    turn, place = divmod(label, len(PALETTE))
    return {"color": colour or PALETTE[place], "linestyle": LINE_STYLES[turn % len(LINE_STYLES)]}


def new_figure(
    width_in: float,
    height_in: float,
    title: str = "",
    note: str = "",
    legend: Sequence[Artist] = (),
    legend_columns: int = 3,
) -> Figure:
    """Make an empty white figure with a title at its left and a note in its footer.

    Parameters
    ----------
    width_in, height_in : float
        Size, inches.
    title : str
        Empty for none.
    note : str
        What a reader must know of the data, such as "Simulated data"; empty for none.
    legend : sequence of Artist
        Labelled lines that are the same in all panels: a legend in rows of its own, under the title.
    legend_columns : int
        How many stand in a row at most.
    """
    figure = Figure(figsize=(width_in, height_in), layout="constrained", facecolor="white")
    rows = -(-len(legend) // legend_columns)
    lines = textwrap.wrap(title, int(width_in / LETTER_IN))
    if title:
        # A legend at the top is drawn over the title's room, so the title takes its rows along.
        text = "\n".join(lines) + rows * "\n"
        spacing = 1.8 if rows + len(lines) < 3 else 1.4
        figure.suptitle(text, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK, linespacing=spacing)
    if note:
        # The figure's x label takes its own room in the layout, which plain text would not.
        figure.supxlabel(note, x=0.01, ha="left", fontsize=8.5, color=GREY)
    if legend:
        anchor = {"bbox_to_anchor": (0, 1 - len(lines) * TITLE_IN / height_in)} if title else {}
        columns = -(-len(legend) // rows)  # rows of equal length: a legend is filled column by column
        figure.legend(handles=legend, loc="outside upper left", ncols=columns, frameon=False, fontsize=9.5, **anchor)
    return figure


def bare(axes: Axes, title: str = "", xlabel: str = "", ylabel: str = "") -> Axes:
    """Take the frame off an axes, leave two quiet spines, and name it."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=GREY, labelcolor=INK, labelsize=9)
    axes.set_title(title, loc="left", fontsize=10.5, color=INK)
    axes.set_xlabel(xlabel, fontsize=9.5, color=INK)
    axes.set_ylabel(ylabel, fontsize=9.5, color=INK)
    return axes


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG at 150 dpi, whole or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return write_whole(path, buffer.getvalue())
