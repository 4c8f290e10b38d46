"""A 12-lead ECG on paper: 25 mm/s, 10 or 5 mm/mV, three rows of four leads and a rhythm strip.

The format is that of Kligfield et al. (Recommendations for the standardization and interpretation of the
electrocardiogram, 2007, 10.1161/CIRCULATIONAHA.106.180200): columns follow each other in time, so that a vertical line
is one instant throughout a column and the strip of lead II below it. Limb or chest leads that would run into the next
row at standard gain are drawn at half of it, as electrocardiographs do; the calibration pulse and the note at the foot
state the gains. Geometry and SVG need NumPy alone; :func:`draw`
draws on a Matplotlib axes that it is given.

Page coordinates are millimetres from the upper left corner, y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.paper.beat import BEAT_HEIGHT_MM, beat_svg
from ecgml.paper.grid import INK, RED, WIDTH_MM, draw_grid, grid_svg, svg_path, xml
from ecgml.records.leads import LEADS
from ecgml.records.marked_beat import MarkedBeat

MM_PER_S = 25.0
STANDARD_MM_PER_MV, HALF_MM_PER_MV = 10.0, 5.0
SHOWN_S = 10.0
"""Longest time shown; what follows is left out and the page says so."""

HEIGHT_MM = 178.0
_ROWS = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
_STRIP = "II"
_LEFT_MM = 15.0  # margin and calibration pulse
_ROW_MM = 40.0
_FIRST_ROW_MM = 32.0
_REACH_MM = _ROW_MM / 2  # a trace never runs into the next row
_SEPARATOR_MM = (5.0, 9.0)  # from the baseline, above and below


@dataclass(frozen=True, eq=False)
class Page:
    """The geometry of a page, mm."""

    traces: tuple[tuple[str, NDArray[np.float64]], ...]
    """(lead, points of shape (n_points, 2)): each an unbroken line, so a lead with gaps has several and a missing one
    has none."""
    pulses: tuple[NDArray[np.float64], ...]
    """The calibration pulse of each row, 1 mV for 0.2 s; where gains differ, half of it at that of the limb leads, then
    half at that of the chest leads."""
    separators: NDArray[np.float64]
    """Shape (n_separators, 3): (x, y, length) of the vertical marks between the leads of a row, downwards from y."""
    labels: tuple[tuple[float, float, str], ...]
    """(x, y, text): lead names and the note at the foot; y is the text's baseline."""
    clips: NDArray[np.float64]
    """Shape (n_clips, 3): (x, y, +1 or -1) where a trace leaves its reach upwards or downwards, each stretch once."""


@dataclass(frozen=True)
class Cell:
    """A lead's stretch of time on the page."""

    lead: str
    start: int
    stop: int
    """The time points shown: ``start`` to ``stop - 1``."""
    left_mm: float
    right_mm: float
    middle_mm: float
    """Where its baseline is, from the top."""

    @property
    def is_chest(self) -> bool:
        """Whether it is one of V1 to V6."""
        return self.lead.startswith("V")


def cells(n_times: int, fs: float) -> list[Cell]:
    """Return where the leads of a record stand on the page: three rows of four, then the strip.

    Parameters
    ----------
    n_times : int
        Time points of the record; what is beyond :data:`SHOWN_S` is not shown.
    fs : float
        Sampling frequency, Hz.
    """
    n_shown = min(n_times, round(SHOWN_S * fs))
    edges = np.linspace(0, n_shown, 5).round().astype(int).tolist()
    places = [
        (lead, row, edges[column], edges[column + 1])
        for row, leads in enumerate(_ROWS)
        for column, lead in enumerate(leads)
    ]
    mm_per_time = MM_PER_S / fs
    return [
        Cell(
            lead,
            start,
            stop,
            _LEFT_MM + mm_per_time * start,
            _LEFT_MM + mm_per_time * stop,
            _FIRST_ROW_MM + row * _ROW_MM,
        )
        for lead, row, start, stop in [*places, (_STRIP, len(_ROWS), 0, n_shown)]
    ]


def layout(waveform: NDArray[np.floating], fs: float) -> Page:
    """Lay a 12-lead ECG out on a page.

    A column is 2.5 s of a record of at least 10 s, else a quarter of the record. Each lead is drawn about its median,
    as an electrocardiograph, being AC-coupled, would. Limb leads, or chest leads, that exceed ±2 mV are drawn at half
    the standard gain; what exceeds ±4 mV then is cut off and marked.

    Parameters
    ----------
    waveform : ndarray, shape (12, n_times)
        In mV, leads in the order of `ecgml.records.leads.LEADS`; NaN where there is no value.
    fs : float
        Sampling frequency, Hz.

    Returns
    -------
    Page

    Raises
    ------
    RecordError
        If the waveform is not of twelve leads, is shorter than four time points, or fs is not positive.
    """
    if waveform.ndim != 2 or waveform.shape[0] != len(LEADS) or waveform.shape[1] < 4:
        raise RecordError(
            f"paper: a waveform of shape {waveform.shape}, expected (12, n_times), at least 4 times", "shape"
        )
    if not fs > 0:
        raise RecordError(f"paper: sampling frequency {fs} Hz, expected a positive number", "sampling frequency")

    places = cells(waveform.shape[1], fs)
    x = _LEFT_MM + MM_PER_S * np.arange(places[-1].stop) / fs
    stretches = [_about_median(waveform[LEADS.index(cell.lead), : len(x)], cell) for cell in places]
    limb, chest = (
        _gain([mv for cell, mv in zip(places, stretches, strict=True) if cell.is_chest == is_chest])
        for is_chest in (False, True)
    )
    traces, clips, labels = [], [], []
    for cell, mv in zip(places, stretches, strict=True):
        height_mm = (chest if cell.is_chest else limb) * mv
        points = np.column_stack(
            (x[cell.start : cell.stop], cell.middle_mm - np.clip(height_mm, -_REACH_MM, _REACH_MM))
        )
        known = np.isfinite(mv)
        traces += [(cell.lead, points[run]) for run in _runs(known)]
        for sign in (1.0, -1.0):
            clips += [(*points[run][0], sign) for run in _runs(sign * height_mm > _REACH_MM)]
        labels.append((cell.left_mm + 1.0, cell.middle_mm - 12.0, cell.lead if known.any() else f"{cell.lead} missing"))
    rows = [_FIRST_ROW_MM + row * _ROW_MM for row in range(len(_ROWS) + 1)]
    pulses = [_pulse(middle_mm, limb, chest) for middle_mm in rows[:-1]] + [_pulse(rows[-1], limb, limb)]
    near, far = _SEPARATOR_MM
    separators = [
        (cell.left_mm, y, far - near)
        for cell in places
        if cell.start
        for y in (cell.middle_mm - far, cell.middle_mm + near)
    ]
    labels.append((5.0, HEIGHT_MM - 3.0, _note(waveform.shape[1] / fs, limb, chest, len(clips))))
    return Page(tuple(traces), tuple(pulses), np.array(separators), tuple(labels), np.array(clips).reshape(-1, 3))


def to_svg(waveform: NDArray[np.floating], fs: float, *, title: str = "", beat: MarkedBeat | None = None) -> str:
    """Draw a 12-lead ECG as an SVG image of its true size.

    Parameters
    ----------
    waveform : ndarray, shape (12, n_times)
        In mV; NaN where there is no value.
    fs : float
        Sampling frequency, Hz.
    title : str
        Written at the head of the page; any text, it is escaped.
    beat : MarkedBeat, optional
        Drawn on a sheet below, see `ecgml.paper.beat`.

    Returns
    -------
    str
        One ``<svg>`` element; coordinates are rounded to 0.01 mm.

    Raises
    ------
    RecordError
        As :func:`layout`.
    """
    page = layout(waveform, fs)
    marks = [np.array([[x, y], [x, y + length]]) for x, y, length in page.separators]
    ink = "".join(svg_path(points) for points in (*page.pulses, *marks, *(points for _, points in page.traces)))
    clips = "".join(f"M{x - 1:.2f} {y:.2f}h2l-1 {-1.5 * sign:g}z" for x, y, sign in page.clips)
    texts = "".join(
        f'<text x="{x:.2f}" y="{y:.2f}">{xml(text)}</text>'
        for x, y, text in (*page.labels, *([(5.0, 8.0, title)] if title else []))
    )
    height_mm, below = HEIGHT_MM, ""
    if beat is not None:
        height_mm, below = HEIGHT_MM + BEAT_HEIGHT_MM, f'<g transform="translate(0 {HEIGHT_MM:g})">{beat_svg(beat)}</g>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_MM:g} {height_mm:g}" '
        f'width="{WIDTH_MM:g}mm" height="{height_mm:g}mm" role="img">'
        f"<title>{xml(title or '12-lead ECG')}</title>"
        f"{grid_svg(WIDTH_MM, HEIGHT_MM)}"
        f'<g transform="scale(.01)" fill="none" stroke="{INK}" stroke-width="25" stroke-linejoin="round" '
        f'stroke-linecap="round"><path d="{ink}"/></g>'
        f'<path fill="{RED}" d="{clips}"/>'
        # White behind the letters, so that a trace does not run through a lead's name.
        f'<g font-family="sans-serif" font-size="3.5" fill="{INK}" stroke="#fff" stroke-width="1" '
        f'paint-order="stroke">{texts}</g>{below}</svg>'
    )


def draw(axes: Any, waveform: NDArray[np.floating], fs: float, *, title: str = "") -> None:
    """Draw a 12-lead ECG on a Matplotlib axes.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Its limits become the page's millimetres; a figure of 275 mm × 178 mm whose axes fill it is true to size.
    waveform : ndarray, shape (12, n_times)
        In mV; NaN where there is no value.
    fs : float
        Sampling frequency, Hz.
    title : str
        Written at the head of the page.

    Raises
    ------
    RecordError
        As :func:`layout`.
    """
    page = layout(waveform, fs)
    draw_grid(axes, WIDTH_MM, HEIGHT_MM)
    for points in (*page.pulses, *(points for _, points in page.traces)):
        axes.plot(points[:, 0], points[:, 1], color=INK, linewidth=0.7, solid_joinstyle="round")
    x, y, length = page.separators.T
    axes.vlines(x, y, y + length, colors=INK, linewidths=0.7)
    for x, y, sign in page.clips:
        axes.fill([x - 1, x + 1, x], [y, y, y - 1.5 * sign], color=RED, linewidth=0)
    for x, y, text in (*page.labels, (5.0, 8.0, title)):
        # Matplotlib would read a pair of dollars as mathematics. White behind the letters, so that a trace does not run
        # through a lead's name.
        behind = {"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.6}
        axes.text(x, y, text, fontsize=8, color=INK, parse_math=False, bbox=behind if text else None)


def _runs(where: NDArray[np.bool_]) -> list[slice]:
    """Return the stretches in which a mask is true."""
    flips = np.flatnonzero(np.diff(np.concatenate(([False], where, [False])).astype(np.int8)))
    return [slice(start, stop) for start, stop in flips.reshape(-1, 2).tolist()]


def _about_median(lead_mv: NDArray[np.floating], cell: Cell) -> NDArray[np.float64]:
    """Return a cell's stretch of a lead, mV, about the median of the time that the page covers."""
    mv = np.asarray(lead_mv, dtype=np.float64)
    known = np.isfinite(mv)
    return mv[cell.start : cell.stop] - (np.median(mv[known]) if known.any() else 0.0)


def _gain(stretches: list[NDArray[np.float64]]) -> float:
    """Return the standard gain if all of it fits between two rows, else half of it, mm/mV."""
    known = np.concatenate([mv[np.isfinite(mv)] for mv in stretches])
    fits = not len(known) or np.abs(known).max() * STANDARD_MM_PER_MV <= _REACH_MM
    return STANDARD_MM_PER_MV if fits else HALF_MM_PER_MV


def _pulse(middle_mm: float, limb: float, chest: float) -> NDArray[np.float64]:
    x = 5.0 + np.array([0.0, 1.5, 1.5, 4.0, 4.0, 6.5, 6.5, 8.0])
    return np.column_stack((x, middle_mm - np.array([0, 0, limb, limb, chest, chest, 0, 0])))


def _note(duration_s: float, limb: float, chest: float, n_clips: int) -> str:
    gains = f"{limb:g} mm/mV"
    if limb != chest:
        gains = f"limb leads {limb:g} mm/mV, chest leads {chest:g} mm/mV"
    note = f"{MM_PER_S:g} mm/s   {gains}"
    if duration_s > SHOWN_S + 0.05:
        note += f"   first {SHOWN_S:g} s of {duration_s:.1f} s"
    if n_clips:
        note += f"   cut off at ±{_REACH_MM / HALF_MM_PER_MV:g} mV where marked"
    return note
