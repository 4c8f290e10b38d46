"""Age and sex as people, sets and devices write them."""

from __future__ import annotations

import math

import pytest

from ecgml.records.subject import read_age, read_subject


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("63", 63),
        (63.0, 63),
        ("63.5", 63.5),
        ("63,5", 63.5),
        ("6,5", 6.5),
        ("63 years", 63),
        ("63 J.", 63),
        ("63 ans", 63),
        ("63 y.o.", 63),
        ("63-year-old", 63),
        ("063Y", 63),  # DICOM's age string (PS3.5, AS)
        ("045Y", 45),
        ("018M", 18 / 12),
        ("003W", 3 / 52.18),
        ("010D", 10 / 365.25),
        ("8 months", 8 / 12),
        ("1 year 6 months", 1.5),
        ("0", 0),
    ],
)
def test_an_age_is_read_in_its_unit_and_needs_no_note(text, years):
    assert read_age(text) == (pytest.approx(years), "")


@pytest.mark.parametrize(
    ("text", "years"),
    [(">89", 90), ("> 89 years", 90), ("over 89", 90), ("90+", 90), ("90 + y", 90), ("\u226590", 90), ("18M", 1.5)],
)
def test_a_bound_and_a_letter_of_two_meanings_are_read_with_a_note(text, years):
    assert read_age(text) == (years, f"age {text!r} counts as {years:g} years")


@pytest.mark.parametrize("text", ["", None, "NaN", "n/a", "Unknown", " ? "])
def test_an_age_that_is_said_to_be_unknown_needs_no_note(text):
    age = read_age(text)
    assert math.isnan(age.years)
    assert age.note == ""


@pytest.mark.parametrize(
    "text",
    [
        "old",
        "60-70",
        "<18",
        "1e2",
        "-5",
        "300",
        "150",
        ">120",
        "1,234",
        "1.5.2",
        "63 M",
        "63/w",
        "6m1y",
        "9" * 5000,
        "5\n6",
    ],
)
def test_any_other_age_is_missing_with_a_note_on_one_line(text):
    age = read_age(text)
    assert math.isnan(age.years)
    assert "is not understood or implausible, so missing" in age.note
    assert age.note.isprintable()
    assert len(age.note) < 130


def test_what_is_known_of_a_person_is_given_and_the_rest_is_noted():
    assert read_subject("63 years", "F") == ({"age": 63.0, "sex": 1.0}, ())
    assert read_subject("NaN", "Unknown") == ({}, ())
    given, notes = read_subject("a lot", "7")
    assert given == {}
    assert notes[0].startswith("age 'a lot' is not understood")
    assert notes[1] == "sex '7' is neither male nor female, so missing"
