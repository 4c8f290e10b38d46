"""The clinical row: coding, plausible ranges, given before measured."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ecgml.records.clinical import (
    CLINICAL_NAMES,
    Origin,
    accepted,
    clinical_row,
    parse_number,
    parse_sex,
    plausible,
)


@pytest.mark.parametrize(
    "text", ["MALE", "Male", "m", "0", 0, "0.0", "männlich", "Ma\u0308nnlich", "maennlich", "M.", "homme"]
)
def test_male_is_0(text):
    assert parse_sex(text) == 0.0


@pytest.mark.parametrize(
    "text", ["FEMALE", "Female", "f", "1", 1, "FEMAL", "w", "weiblich", "Frau", "Féminin", "femme"]
)
def test_female_is_1(text):
    assert parse_sex(text) == 1.0


@pytest.mark.parametrize("text", ["", "Unknown", "2", "-1", "NaN", None, "divers", "m/w"])
def test_any_other_sex_is_missing(text):
    assert math.isnan(parse_sex(text))


def test_what_a_column_accepts_is_said_in_words_that_are_accepted():
    assert accepted("age") == "0 to 120 years"
    male, female = accepted("sex").split("; ")
    assert {parse_sex(word) for word in male.split(", ")} == {0.0}
    assert {parse_sex(word) for word in female.split(", ")} == {1.0}


def test_text_that_is_no_number_is_missing():
    assert parse_number(" 56.0 ") == 56.0
    assert math.isnan(parse_number("NaN"))
    assert math.isnan(parse_number("fifty"))


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("atrial_rate", 0, False),  # 12 rows of Diagnostics: missing
        ("atrial_rate", 300, True),
        ("age", 98, True),
        ("age", 300, False),
        ("r_axis", -89, True),  # the published range is −89 … 270
        ("r_axis", 270, True),
        ("qrs_duration", math.nan, False),
        ("height", 180, False),
    ],
)
def test_only_plausible_values_of_known_columns_are_kept(name, value, kept):
    assert (name in plausible({name: value})) == kept


def test_a_given_value_beats_a_measured_one_and_the_row_says_which():
    values, origins = clinical_row(
        {"age": 60.0, "ventricular_rate": 70.0}, {"ventricular_rate": 72.0, "qrs_duration": 90.0}
    )
    row = dict(zip(CLINICAL_NAMES, zip(values, origins, strict=True), strict=True))
    assert row["age"] == (60, Origin.GIVEN)
    assert row["ventricular_rate"] == (70, Origin.GIVEN)
    assert row["qrs_duration"] == (90, Origin.MEASURED)
    assert np.isnan(row["t_axis"][0])
    assert row["t_axis"][1] == Origin.MISSING


def test_an_implausible_given_value_does_not_hide_a_measured_one():
    values, origins = clinical_row({"ventricular_rate": 0.0}, {"ventricular_rate": 72.0})
    place = CLINICAL_NAMES.index("ventricular_rate")
    assert (values[place], origins[place]) == (72, Origin.MEASURED)
