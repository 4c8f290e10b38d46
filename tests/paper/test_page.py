"""The ECG on paper: the geometry of 25 mm/s, 10 and 5 mm/mV, and images that parse."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from ecgml.errors import RecordError
from ecgml.paper import page as paper
from ecgml.records.leads import LEADS

FS = 100.0


def waveform(duration_s: float = 10.0, fs: float = FS) -> np.ndarray:
    return np.zeros((12, round(duration_s * fs)), dtype=np.float32)


def trace(page: paper.Page, lead: str) -> np.ndarray:
    """The first line of a lead; lead II's second is the rhythm strip."""
    return next(points for name, points in page.traces if name == lead)


def strip(page: paper.Page) -> np.ndarray:
    return page.traces[-1][1]


def note(page: paper.Page) -> str:
    return page.labels[-1][2]


def test_one_millivolt_is_ten_millimetres_upwards() -> None:
    ecg = waveform()
    ecg[LEADS.index("I"), 50] = 1.0
    points = trace(paper.layout(ecg, FS), "I")
    assert points[0, 1] - points[50, 1] == pytest.approx(10.0)


@pytest.mark.parametrize("fs", [100.0, 257.0, 500.0, 1000.0])
def test_one_second_is_twenty_five_millimetres(fs: float) -> None:
    points = strip(paper.layout(waveform(10.0, fs), fs))
    np.testing.assert_allclose(np.diff(points[:, 0]) * fs, 25.0)


def test_the_calibration_pulse_is_one_millivolt_for_a_fifth_of_a_second() -> None:
    page = paper.layout(waveform(), FS)
    assert len(page.pulses) == 4
    for pulse in page.pulses:
        top = pulse[pulse[:, 1] == pulse[:, 1].min()]
        assert np.ptp(pulse[:, 1]) == pytest.approx(10.0)
        assert np.ptp(top[:, 0]) == pytest.approx(0.2 * 25.0)


def test_columns_are_two_and_a_half_seconds_and_share_their_time_with_the_strip() -> None:
    """A spike of every lead at 3 s, in the second column, stands above the strip's spike."""
    ecg = waveform()
    ecg[:, 300] = 0.5
    page = paper.layout(ecg, FS)
    at_s = strip(page)[300, 0]
    for lead in ("aVR", "aVL", "aVF"):
        points = trace(page, lead)
        assert points[:, 1].argmin() == 50
        assert points[50, 0] == pytest.approx(at_s)
    for lead in ("I", "V1", "V6"):
        assert np.ptp(trace(page, lead)[:, 1]) == 0


def test_a_short_record_is_divided_by_four() -> None:
    page = paper.layout(waveform(6.0), FS)
    for lead in ("I", "aVL", "V3", "V4"):
        assert len(trace(page, lead)) == 150
    assert len(strip(page)) == 600


def test_a_long_record_is_cut_at_ten_seconds_and_says_so() -> None:
    page = paper.layout(waveform(27.3), FS)
    assert len(strip(page)) == 1000
    assert "first 10 s of 27.3 s" in note(page)
    assert "first" not in note(paper.layout(waveform(), FS))


def test_a_missing_lead_has_a_name_and_no_trace() -> None:
    ecg = waveform()
    ecg[LEADS.index("V3")] = np.nan
    page = paper.layout(ecg, FS)
    assert "V3 missing" in [text for _, _, text in page.labels]
    assert "V3" not in [name for name, _ in page.traces]


def test_a_gap_breaks_the_line() -> None:
    ecg = waveform()
    ecg[LEADS.index("I"), 100:150] = np.nan
    pieces = [points for name, points in paper.layout(ecg, FS).traces if name == "I"]
    assert [len(points) for points in pieces] == [100, 100]


def test_huge_amplitudes_are_cut_off_and_marked_once_a_stretch() -> None:
    ecg = waveform()
    ecg[LEADS.index("V1"), 600:620] = 30.0
    ecg[LEADS.index("V1"), 700] = -30.0
    page = paper.layout(ecg, FS)
    points = trace(page, "V1")
    assert np.ptp(points[:, 1]) == pytest.approx(40.0)  # ±4 mV at half the standard gain
    assert page.clips[:, 2].tolist() == [1.0, -1.0]
    assert points[:, 1].min() >= 0
    assert "±4 mV" in note(page)


def test_tall_chest_leads_are_drawn_at_half_gain_and_the_page_says_so() -> None:
    """2.5 mV: 25 mm at standard gain, beyond half of the 40 mm between two rows; 12.5 mm at half gain."""
    ecg = waveform()
    ecg[LEADS.index("V5"), 900] = 2.5
    ecg[LEADS.index("I"), 50] = 1.0
    page = paper.layout(ecg, FS)
    assert np.ptp(trace(page, "V5")[:, 1]) == pytest.approx(12.5)
    assert np.ptp(trace(page, "I")[:, 1]) == pytest.approx(10.0)
    assert "limb leads 10 mm/mV, chest leads 5 mm/mV" in note(page)
    assert len(page.clips) == 0
    steps = [np.unique(np.round(pulse[:, 1].max() - pulse[:, 1], 6)).tolist() for pulse in page.pulses]
    assert steps == [[0, 5, 10]] * 3 + [[0, 10]]


def test_a_limb_lead_as_tall_takes_the_strip_along() -> None:
    ecg = waveform()
    ecg[LEADS.index("II"), 50] = 2.5
    page = paper.layout(ecg, FS)
    assert np.ptp(strip(page)[:, 1]) == pytest.approx(12.5)
    assert "limb leads 5 mm/mV, chest leads 10 mm/mV" in note(page)


def test_no_lead_reaches_the_middle_between_two_rows() -> None:
    ecg = np.random.default_rng(0).normal(0, 20, (12, 1000)).astype(np.float32)
    middles = {cell.lead: cell.middle_mm for cell in paper.cells(1000, FS)[:12]}
    page = paper.layout(ecg, FS)
    for lead, middle in middles.items():
        assert np.abs(trace(page, lead)[:, 1] - middle).max() <= 20


def test_the_leads_of_a_row_are_separated() -> None:
    """Three boundaries in each of three rows, a mark above the baseline and one below; none in the strip."""
    marks = paper.layout(waveform(), FS).separators
    assert sorted(set(marks[:, 0].tolist())) == pytest.approx([15 + 62.5 * column for column in (1, 2, 3)])
    assert len(marks) == 3 * 3 * 2


def test_everything_lies_on_the_page() -> None:
    ecg = np.random.default_rng(0).normal(0, 20, (12, 1000)).astype(np.float32)
    for _, points in paper.layout(ecg, FS).traces:
        assert points.min() >= 0
        assert points[:, 0].max() <= paper.WIDTH_MM
        assert points[:, 1].max() <= paper.HEIGHT_MM


def test_a_lead_is_drawn_about_its_median() -> None:
    ecg = waveform()
    assert trace(paper.layout(ecg + 3.0, FS), "I")[0, 1] == trace(paper.layout(ecg, FS), "I")[0, 1]


def test_the_svg_is_valid_xml_with_its_true_size() -> None:
    root = ElementTree.fromstring(paper.to_svg(waveform(), FS))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root.get("width"), root.get("height")) == ("275mm", "178mm")
    assert root.get("viewBox") == "0 0 275 178"


def test_svg_points_are_the_layouts_to_a_hundredth_of_a_millimetre() -> None:
    """Steps are rounded as differences of rounded points: errors must not add up over 5000 of them."""
    ecg = np.random.default_rng(1).normal(0, 0.3, (12, 5000)).astype(np.float32)
    root = ElementTree.fromstring(paper.to_svg(ecg, 500.0))
    path = root.find(".//{*}g/{*}path").get("d")
    start, steps = path.split("M")[-1].split("l")
    numbers = np.array(steps.split(), dtype=int).reshape(-1, 2)
    points = (np.array(start.split(), dtype=int) + numbers.cumsum(axis=0)) / 100
    np.testing.assert_allclose(points, strip(paper.layout(ecg, 500.0)), atol=0.005 + 1e-9)


@pytest.mark.parametrize("title", ['<script>alert("&")</script>', "10 % & more", "a\x00b\x1b[31m", "Übelkeit ♥", "$x$"])
def test_titles_are_escaped(title: str) -> None:
    svg = paper.to_svg(waveform(), FS, title=title)
    assert "<script" not in svg
    texts = [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert any(text == "".join(c if c.isprintable() else " " for c in title) for text in texts)


def test_the_svg_of_a_ten_second_record_is_compact() -> None:
    """20,000 points of a random ECG at 500 Hz: two short integers each."""
    ecg = np.random.default_rng(2).normal(0, 0.1, (12, 5000)).astype(np.float32)
    assert len(paper.to_svg(ecg, 500.0)) < 200_000


def test_matplotlib_shows_the_same_millimetres() -> None:
    figure_module = pytest.importorskip("matplotlib.figure")
    figure = figure_module.Figure()
    axes = figure.add_axes((0, 0, 1, 1))
    ecg = waveform()
    ecg[LEADS.index("I"), 50] = 1.0
    ecg[LEADS.index("V5"), 900] = 9.0
    paper.draw(axes, ecg, FS, title="$5 and $6")
    assert axes.get_xlim() == (0, paper.WIDTH_MM)
    assert axes.get_ylim() == (paper.HEIGHT_MM, 0)
    page = paper.layout(ecg, FS)
    drawn = [line.get_xydata() for line in axes.get_lines()]
    np.testing.assert_array_equal(drawn[4], trace(page, "I"))
    assert len(axes.patches) == 1
    figure.canvas.draw()


@pytest.mark.parametrize(("shape", "fs"), [((8, 1000), FS), ((12,), FS), ((12, 3), FS), ((1000, 12), FS)])
def test_what_is_no_12_lead_ecg_is_refused(shape: tuple[int, ...], fs: float) -> None:
    with pytest.raises(RecordError, match=r"paper: a waveform of shape .* expected \(12, n_times\)"):
        paper.layout(np.zeros(shape, dtype=np.float32), fs)


@pytest.mark.parametrize("fs", [0.0, -500.0, float("nan")])
def test_a_sampling_frequency_must_be_positive(fs: float) -> None:
    with pytest.raises(RecordError, match=r"sampling frequency .* expected a positive number"):
        paper.layout(waveform(), fs)
