"""Dates: the right unit, and the confounding in words and numbers that were computed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ecgml.exploration.tables.dates import dates_section, to_periods
from tests.exploration.surveys import make_survey


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def test_the_unit_is_the_shortest_of_which_there_are_few() -> None:
    start = np.datetime64("2017-12-30")
    few = to_periods(np.concatenate([start + np.arange(3), days("NaT")]))
    assert (few.unit, few.names) == ("day", ("2017-12-30", "2017-12-31", "2018-01-01"))
    assert few.index.tolist() == [0, 1, 2, -1]
    months = to_periods(start + np.arange(100))
    assert (months.unit, months.names[:2]) == ("month", ("2017-12", "2018-01"))
    quarters = to_periods(start + np.arange(0, 1500, 10))
    assert (quarters.unit, quarters.names[:2]) == ("quarter", ("2017 Q4", "2018 Q1"))
    years = to_periods(start + np.arange(0, 7000, 10))
    assert (years.unit, years.names[:2]) == ("year", ("2017", "2018"))
    decades = to_periods(days("1905-05-05", *[f"{year}-01-01" for year in range(1910, 2010, 2)]))
    assert decades.unit == "5 years"
    assert decades.names[0] == "1905–1909"


def test_dates_before_1970_are_dates() -> None:
    assert to_periods(days("1965-02-03", "1969-12-31")).names == ("1965-02-03", "1969-12-31")


def test_a_rhythm_with_days_of_its_own_is_named_with_its_numbers() -> None:
    survey = make_survey(["SR"] * 50 + ["SB"] * 60 + ["AFIB"] * 40)
    dates = np.where(survey.rhythms == 1, np.datetime64("2018-02-09"), survey.dates)
    section = dates_section(replace(survey, dates=dates), seed=0)
    words = " ".join(section.parts[0].words)
    assert "SR: 50 of 50 records (100.0%)" in words
    assert "2018-02-09, against 0 of the 100 others (0.0%)" in words
    assert "`split_by=date`" in words
    assert "The date alone predicts the class" in words
    assert section.metrics["date_macro_f1"] > section.metrics["date_shuffled_macro_f1"] + 0.2
    assert len(section.findings) == 1
    assert "150 dated rows, 8 days" in section.parts[0].basis


def test_uninformative_dates_do_not_predict_the_class() -> None:
    rng = np.random.default_rng(0)
    survey = make_survey(["SR", "SB", "AFIB"] * 60)
    survey = replace(survey, dates=np.datetime64("2018-01-01") + rng.integers(0, 300, 180))
    section = dates_section(survey, seed=0)
    words = " ".join(section.parts[0].words)
    assert "does not clearly predict the class" in words
    assert "Hold dates out" not in words
    assert section.findings == ()


@pytest.mark.parametrize(
    ("dates", "sentence"),
    [
        (np.full(4, np.datetime64("NaT"), dtype="datetime64[D]"), "No acquisition dates are known."),
        (np.full(4, np.datetime64("2020-02-02")), "All dated records are of one day, 2020-02-02 (4 records)."),
    ],
)
def test_without_dates_to_compare_there_is_a_sentence(dates: np.ndarray, sentence: str) -> None:
    section = dates_section(make_survey(["SR", "SB"] * 2, dates=dates), seed=0)
    assert (section.words, section.parts) == ((sentence,), ())
