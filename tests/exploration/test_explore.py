"""Whatever the cohort, every section is there: with figures, or with a sentence that says why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from ecgml.exploration.explore import explore
from ecgml.exploration.settings import ExplorationSettings
from ecgml.exploration.survey import NO_FILE, QUARANTINED, SEVERAL, CohortFacts, Survey
from ecgml.page.html import render_page
from ecgml.page.sections import Section, pictures_of
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.rhythms import RHYTHM_CODES
from tests.exploration.surveys import make_record, make_signals, make_survey, make_waveforms

KEYS = [
    "classes", "dates", "patients", "measurements", "missing", "correlations", "duplicates", "quality", "exemplars",
    "filters", "pca",
]  # fmt: skip

MIXED = ["SB", "SR", "AFIB", "ST"] * 6
N_MIXED = len(MIXED)


def without_signals(state: str) -> Survey:
    survey = make_survey(MIXED)
    survey.values[:, 4:] = np.nan
    return replace(survey, states=np.full(N_MIXED, state), reasons=np.full(N_MIXED, "flat"))


def several_cohorts() -> Survey:
    """Return one of three cohorts, the last of which is empty, with a quarantined record and a remark."""
    facts = tuple(CohortFacts(name, "ptbxl", name == "b") for name in ("a", "b", "c"))
    survey = make_survey(MIXED, cohorts=np.array(["a", "b"] * (N_MIXED // 2)), facts=facts)
    survey.states[5], survey.reasons[5], survey.notes[3] = QUARANTINED, "flat", "V1 left out: flat"
    return replace(survey, caution="Some of these are simulated.")


def odd_values() -> Survey:
    """Return columns of NaN, dates over a century and a name in several scripts."""
    name = r"<b>$\frac{1}$ 心电图"
    survey = make_survey(MIXED, dates=np.datetime64("1920-01-01") + 1500 * np.arange(N_MIXED))
    survey.values[:, :4] = np.nan
    return replace(survey, cohorts=np.full(N_MIXED, name), facts=(CohortFacts(name, "manifest", False),))


def constant() -> Survey:
    survey = make_survey(MIXED)
    survey.values[:] = 1
    return survey


COHORTS: dict[str, Callable[[], Survey]] = {
    "one class": lambda: make_survey(["SR"] * 25),
    "one record": lambda: make_survey(["SB"]),
    "two records": lambda: make_survey(["SB", "SR"]),
    "no rows": lambda: make_survey([]),
    "nothing labelled": lambda: make_survey([""] * 12),
    "several rhythms each": lambda: make_survey(MIXED, rhythms=np.full(N_MIXED, SEVERAL), classes=np.full(N_MIXED, -1)),
    "eleven rhythms of one record": lambda: make_survey(RHYTHM_CODES),
    "neither dates nor values": lambda: make_survey(
        MIXED,
        dates=np.full(N_MIXED, np.datetime64("NaT"), dtype="datetime64[D]"),
        variables=(),
        values=np.zeros((N_MIXED, 0)),
    ),
    "odd values": odd_values,
    "values that never vary": constant,
    "tables without files": lambda: without_signals(NO_FILE),
    "no readable signal": lambda: without_signals(QUARANTINED),
    "several cohorts, one of them empty": several_cohorts,
}


def run(survey: Survey, **settings: Any) -> list[Section]:
    waveforms = make_waveforms(int(survey.usable.sum()))
    return explore(
        survey,
        make_signals(survey, waveforms),
        make_record,
        ExplorationSettings(**{"filtered": 0, **settings}),
        PreprocessingSettings(),
    )


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Collect figures instead of laying them out and rendering them, which takes most of the time."""
    figures: list[Figure] = []

    def save(figure: Figure, buffer: Any, **_: object) -> None:
        figures.append(figure)
        buffer.write(b"PNG")

    monkeypatch.setattr(Figure, "savefig", save)
    return figures


@pytest.mark.parametrize("cohort", list(COHORTS))
def test_any_cohort_can_be_explored(cohort: str, drawn: list[Figure]) -> None:
    survey = COHORTS[cohort]()
    sections = run(survey)
    assert [section.key for section in sections] == KEYS
    for section in sections:
        assert section.words or section.parts, section.key
        assert all(np.isfinite(value) for value in section.metrics.values())
    pictures = list(pictures_of(sections))
    assert len(pictures) == len(drawn)
    assert len({one.name for one in pictures}) == len(pictures)
    for one in pictures:
        assert one.alt, one.name
        assert one.basis, one.name
        assert one.words, one.name
        assert all(word == word.strip() and "nan" not in word.split() for word in one.words), one.words
    if survey.caution:
        for figure in drawn:
            footer = figure.get_supxlabel() or " ".join(text.get_text() for text in figure.axes[0].texts)
            assert survey.caution in footer


def test_names_of_data_sets_and_records_are_shown_as_they_are(drawn: list[Figure]) -> None:
    name, record = """"Heart's" <data> & more""", '<script>alert("x")</script>'
    survey = make_survey(MIXED)
    survey = replace(survey, cohorts=np.full(N_MIXED, name), facts=(CohortFacts(name, "manifest", True),))
    survey = replace(survey, record_ids=np.full(N_MIXED, record), reasons=np.full(N_MIXED, "flat"))
    survey.states[:2] = QUARANTINED
    html = render_page(f"Exploration of {name}", "", run(survey))
    assert "<script" not in html
    assert "<data" not in html
    assert f"{name}/{record}" in unescape(html)
    assert f"<h1>Exploration of {name}</h1>" in unescape(html)


@pytest.mark.slow
def test_the_same_data_give_the_same_page(drawn: list[Figure]) -> None:
    survey = make_survey(MIXED)
    assert run(survey) == run(survey)


@pytest.mark.slow
def test_everything_can_be_drawn() -> None:
    pictures = list(pictures_of(run(several_cohorts(), filtered=1)))
    assert {"class_counts", "classes_by_cohort", "dates_1", "quality", "filters_ordinary", "pca_explained"} <= {
        one.name for one in pictures
    }
    assert all(one.png.startswith(b"\x89PNG") for one in pictures)


def test_progress_comes_to_its_end() -> None:
    steps: list[tuple[int, int]] = []
    survey = without_signals(NO_FILE)
    explore(
        survey,
        make_signals(survey, make_waveforms(0)),
        make_record,
        ExplorationSettings(),
        PreprocessingSettings(),
        lambda done, total: steps.append((done, total)),
    )
    assert [done for done, _ in steps] == list(range(1, len(steps) + 1))
    assert steps[-1][0] == steps[-1][1]
