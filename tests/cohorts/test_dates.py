"""Dates in the forms that tables have them."""

from __future__ import annotations

import pytest

from ecgml.cohorts.dates import parse_date, parse_dates
from ecgml.errors import CohortError


def where(row: int) -> str:
    return f"row {row}"


def test_dates_lose_their_time_and_must_be_iso():
    assert parse_date("1984-11-09 09:17:34", "x") == "1984-11-09"
    assert parse_date("", "x") is None
    with pytest.raises(CohortError, match=r"x: date '9\.11\.1984' is not ISO 8601"):
        parse_date("9.11.1984", "x")


@pytest.mark.parametrize(
    "cell",
    ["2021-03-02", "2021-03-02 10:33:00", "20210302", "02.03.2021", "2.3.2021", "02.03.2021 10:33", "2. 3. 2021",
     "2021/03/02", "2021.3.2"],
)  # fmt: skip
def test_a_date_is_understood_in_every_form_that_has_one_meaning(cell):
    assert parse_dates([cell, ""], where) == ["2021-03-02", None]


def test_slashes_are_read_as_the_column_as_a_whole_tells():
    assert parse_dates(["02/03/2021", "25/03/2021 10:33"], where) == ["2021-03-02", "2021-03-25"]
    assert parse_dates(["02/03/2021", "", "03/25/2021 1:05 PM"], where) == ["2021-02-03", None, "2021-03-25"]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["02/03/2021", "04/05/2021"], r"row 0: date '02/03/2021': is the day first, or the month\? write 2018-01-31"),
        (["25/03/2021", "03/25/2021"], "row 0: .*some dates of the column have the day first, others the month"),
        (["2021-03-02", "31.02.2021"], r"row 1: date '31\.02\.2021' is no day of the calendar"),
        (["02.03.21"], r"row 0: date '02\.03\.21' is not ISO 8601; write 2018-01-31 or 31\.01\.2018"),
        (["March"], "row 0: date 'March' is not ISO 8601; write"),
    ],
)
def test_a_date_of_two_meanings_or_none_is_refused_with_what_is_accepted(cells, message):
    with pytest.raises(CohortError, match=message):
        parse_dates(cells, where)
