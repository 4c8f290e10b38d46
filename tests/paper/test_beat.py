"""The representative beat on paper: leads, marks and intervals where they belong, as SVG and on axes."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from ecgml.cohorts.simulation.record import simulate_record
from ecgml.measurements.intervals import measure_intervals
from ecgml.paper import beat as paper
from ecgml.paper.page import HEIGHT_MM, to_svg
from ecgml.records.marked_beat import MarkedBeat

TIMES_S = np.linspace(-0.4, 0.5, 451)


def beat(height_mv: float = 1.0, **marks: float) -> MarkedBeat:
    waveform = np.zeros((12, len(TIMES_S)))
    waveform[:, 200] = height_mv
    return MarkedBeat(waveform, TIMES_S, marks, ("PR 160 ms", "<QT & more>"))


@pytest.mark.parametrize(("height_mv", "mm_per_mv"), [(1.0, 20.0), (-2.0, 10.0), (5.0, 5.0), (10.0, 2.5)])
def test_the_scale_is_the_largest_at_which_the_beat_fits(height_mv: float, mm_per_mv: float) -> None:
    sheet = paper.beat_layout(beat(height_mv))
    assert len(sheet.traces) == 12
    for points in sheet.traces:
        assert points[0, 1] - points[200, 1] == pytest.approx(height_mv * mm_per_mv)
    assert f"{mm_per_mv:g} mm/mV" in sheet.labels[-1][2]


def test_a_mark_stands_where_its_time_is_on_the_trace() -> None:
    """200 mm/s: the QRS onset 40 ms before the spike is 8 mm to its left."""
    sheet = paper.beat_layout(beat(onset=-0.04, middle=0.0))
    marks = {name: x for x, name in sheet.marks}
    assert marks["middle"] == pytest.approx(sheet.traces[0][200, 0])
    assert marks["middle"] - marks["onset"] == pytest.approx(8.0)


def test_a_long_reason_goes_on_in_the_next_line() -> None:
    reason = "PR, P, P axis: no stretch before the beats is clear of the T wave: P waves not told apart"
    sheet = paper.beat_layout(MarkedBeat(np.zeros((12, len(TIMES_S))), TIMES_S, {}, (reason, "QT 400 ms")))
    assert max(len(text) for _, _, text in sheet.labels[:-1]) <= 40
    assert " ".join(text for _, _, text in sheet.labels[:-1]) == f"{reason} QT 400 ms"


def test_svg_of_page_and_beat_parses_and_is_as_tall_as_both() -> None:
    """Words may be anything: they are escaped."""
    svg = to_svg(np.zeros((12, 1000)), 100.0, beat=beat(onset=-0.04))
    root = ElementTree.fromstring(svg)
    assert root.get("viewBox") == f"0 0 275 {HEIGHT_MM + paper.BEAT_HEIGHT_MM:g}"
    assert {"PR 160 ms", "<QT & more>", "onset"} <= {text.text for text in root.iter() if text.text}
    alone = ElementTree.fromstring(to_svg(np.zeros((12, 1000)), 100.0))
    assert alone.get("viewBox") == f"0 0 275 {HEIGHT_MM:g}"


def test_axes_show_what_the_layout_says() -> None:
    axes = Figure().add_axes((0, 0, 1, 1))
    paper.draw_beat(axes, beat(onset=-0.04))
    assert len(axes.lines) == 12
    assert axes.get_ylim() == (paper.BEAT_HEIGHT_MM, 0)
    assert {text.get_text() for text in axes.texts} >= {"PR 160 ms", "onset"}


@pytest.mark.parametrize(("rhythm", "has_p"), [("SR", True), ("AFIB", False)])
def test_marks_of_what_was_not_measured_are_not_drawn(rhythm: str, has_p: bool) -> None:
    made = simulate_record(rhythm, np.random.default_rng(1))
    intervals = measure_intervals(made.waveform, made.fs)
    marked = intervals.marked_beat
    assert len(marked.waveform) == 12
    assert ("P onset" in marked.marks) == ("P offset" in marked.marks) == has_p
    assert marked.marks["QRS onset"] == intervals.marks.qrs_onset
    words = [line.split()[0] for line in marked.words]
    assert words[:3] == (["rate", "PR", "P"] if has_p else ["rate", "QRS", "QT"])
    assert any(line.startswith("PR, P, P axis: ") for line in marked.words) != has_p
