"""`ecgml measure --plot`: the page on which a person checks where the marks of each recording lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ecgml.figures import GREY, INK, PALETTE, bare, new_figure
from ecgml.measurements.intervals import INTERVALS, Intervals
from ecgml.page.html import render_page
from ecgml.page.sections import Listing, Section, picture
from ecgml.pipeline.measure.measure import HEADINGS
from ecgml.records.leads import LEADS
from ecgml.saving import write_whole

UNITS = dict(zip(INTERVALS, ("/min", *["ms"] * 5, *["°"] * 3), strict=True))
_MARKS = (
    ("p_onset", "P onset"),
    ("p_offset", "P offset"),
    ("qrs_onset", "QRS onset"),
    ("qrs_offset", "QRS offset"),
    ("t_offset", "T offset"),
)


class IntervalPage:
    """The page, grown recording by recording: of each only its figure and table are kept."""

    def __init__(self) -> None:
        self._sections: list[Section] = []

    def add(self, file: Path, intervals: Intervals) -> None:
        """Add a recording."""
        self._sections.append(_section(len(self._sections), file, intervals))

    def write(self, path: Path) -> Path:
        """Write the page: whole or not at all.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        n_records = len(self._sections)
        summary = (
            f"{n_records} recording{'s' * (n_records != 1)}. Each figure shows the median of the usual beats, leads "
            "superimposed, and where its waves begin and end over all leads."
        )
        footer = "Made by ecgml measure. Not for diagnosis."
        page = render_page("ECG intervals", summary, self._sections, footer=footer, has_files=False)
        return write_whole(path, page.encode())


def _section(index: int, file: Path, intervals: Intervals) -> Section:
    rows = [name for name in INTERVALS if name in intervals.values]
    beats, leads = intervals.beat_spread_ms, intervals.lead_spread_ms
    listing = Listing(
        f"intervals-{index}",
        "Values",
        {
            "value": [HEADINGS[name] for name in rows],
            "measured": [f"{intervals.values[name]:.0f} {UNITS[name]}" for name in rows],
            "spread over beats": [f"{beats[name]:.0f} ms" if name in beats else "" for name in rows],
            "spread over leads": [f"{leads[name]:.0f} ms" if name in leads else "" for name in rows],
        },
        (
            "Spread over beats: difference between every other beat and those between. Spread over leads: "
            "interquartile range of what single leads show.",
        ),
    )
    words = tuple(f"{HEADINGS[name]} not measured: {reason}." for name, reason in intervals.reasons.items())
    if intervals.beat is None or intervals.marks is None:
        return Section(f"record-{index}", file.name, words)
    figure = picture(
        f"beat-{index}",
        "Representative beat",
        _figure(intervals),
        alt=f"Median beat of {file.name}, {len(intervals.beat.leads)} leads superimposed, with onsets and offsets.",
        basis=f"{len(intervals.beat.positions_s)} of {len(intervals.beat.slow_beats)} beats; others are odd or cut",
        words=(),
    )
    return Section(f"record-{index}", file.name, words, (figure, listing) if rows else (figure,))


def _figure(intervals: Intervals) -> Figure:
    beat, marks = intervals.beat, intervals.marks
    figure = new_figure(9.5, 5.2, "Representative beat, leads superimposed")
    axes = bare(figure.add_subplot(), "", "Time from the middle of the QRS complex, ms", "mV")
    level = beat.waveform[:, np.abs(beat.times_s - marks.qrs_onset).argmin(), None]
    last_s = min(beat.times_s[-1], max(0.5, np.nan_to_num(marks.t_offset) + 0.12), beat.rr_s - 0.05)
    shown = beat.times_s <= last_s
    for place, (lead, row) in enumerate(zip(beat.leads, beat.waveform - level, strict=True)):
        colour, style = PALETTE[place % len(PALETTE)], "-" if place < len(PALETTE) else "--"
        axes.plot(1000 * beat.times_s[shown], row[shown], color=colour, linestyle=style, lw=0.9, label=LEADS[lead])
    top = axes.get_ylim()[1]
    for name, label in _MARKS:
        at_s = getattr(marks, name)
        is_kept = {"p": "pr_interval", "q": "qrs_duration", "t": "qt_interval"}[name[0]] in intervals.values
        if np.isfinite(at_s) and is_kept:
            axes.axvline(1000 * at_s, color=INK, lw=0.6)
            axes.text(1000 * at_s, top, f" {label}", rotation=90, va="top", ha="right", fontsize=7, color=GREY)
    axes.legend(loc="upper right", ncols=2, fontsize=7, frameon=False)
    return figure
