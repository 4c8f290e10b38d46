"""`ecgml measure --plot`: a page of each recording's marks, for checking."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from ecgml.measurements.intervals import INTERVALS, Intervals
from ecgml.measurements.table import INTERVAL_MEASUREMENTS
from ecgml.page.html import render_page
from ecgml.page.sections import Listing, Section, picture
from ecgml.paper.beat import BEAT_HEIGHT_MM, draw_beat
from ecgml.paper.grid import MM_PER_IN, WIDTH_MM
from ecgml.pipeline.measure.measure import HEADINGS
from ecgml.records.marked_beat import MarkedBeat
from ecgml.saving import write_whole

UNITS = {measurement.name: "°" if measurement.circular else measurement.unit for measurement in INTERVAL_MEASUREMENTS}


class IntervalPage:
    """A page, extended recording by recording; only figures and tables are kept."""

    def __init__(self) -> None:
        self._sections: list[Section] = []

    def add(self, file: Path, intervals: Intervals) -> None:
        """Add a recording."""
        self._sections.append(_section(len(self._sections), file, intervals))

    def write(self, path: Path) -> Path:
        """Write the page, completely or not at all.

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
    if intervals.beat is None or intervals.marked_beat is None:
        return Section(f"record-{index}", file.name, words)
    figure = picture(
        f"beat-{index}",
        "Representative beat",
        _figure(intervals.marked_beat),
        alt=f"Median beat of {file.name}, {len(intervals.beat.leads)} leads superimposed, with onsets and offsets.",
        basis=f"{len(intervals.beat.positions_s)} of {len(intervals.beat.slow_beats)} beats; others are odd or cut",
        words=(),
    )
    return Section(f"record-{index}", file.name, words, (figure, listing) if rows else (figure,))


def _figure(beat: MarkedBeat) -> Figure:
    figure = Figure(figsize=(WIDTH_MM / MM_PER_IN, BEAT_HEIGHT_MM / MM_PER_IN), facecolor="white")
    draw_beat(figure.add_axes((0, 0, 1, 1)), beat)
    return figure
