"""Counts of bins: where a value falls, what is kept, what is bounded."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from ecgml.drift.characteristics import Characteristic, characteristics
from ecgml.drift.reference import Reference
from ecgml.drift.rolling import ALL, MAX_SOURCES, N_BLOCKS, OTHER, RollingCounts

RATE = Characteristic("ventricular_rate", "Ventricular rate", "/min", (60, 100), (), True)
SEX = Characteristic("sex", "Sex", categories=("male", "female"))


@pytest.mark.parametrize(
    ("value", "place"), [(59.9, 0), (60, 1), (99.9, 1), (100, 2), (250, 2), (math.nan, 3), (None, 3)]
)
def test_a_value_on_a_limit_belongs_to_the_bin_above(value: float | None, place: int) -> None:
    assert RATE.bin_of(value) == place
    assert RATE.words(place) == ("below 60/min", "60 to 100/min", "100/min and above", "not measured")[place]


def test_what_is_not_given_is_not_counted() -> None:
    reference = Reference.of((SEX,), [{"sex": "female"}, {"sex": None}, {}, {"sex": "diverse"}])
    assert reference.n_records == 4
    assert reference.counts.tolist() == [0, 1]


def test_a_reference_is_the_same_after_json() -> None:
    reference = Reference.of((RATE, SEX), [{"ventricular_rate": 72.3, "sex": "male"}] * 3)
    again = Reference.from_json(json.loads(json.dumps(reference.to_json())))
    assert again.characteristics == reference.characteristics
    assert again.counts.tolist() == reference.counts.tolist() == [0, 3, 0, 0, 3, 0]


def test_no_patients_value_is_stored() -> None:
    text = json.dumps(Reference.of(characteristics(["SR"]), [{"ventricular_rate": 71.375, "age": 93.0}]).to_json())
    assert "71.375" not in text
    assert "93" not in text


def test_counts_that_do_not_fit_are_refused() -> None:
    stored = Reference.of((SEX,), []).to_json()
    stored["characteristics"][0]["counts"] = [1]
    with pytest.raises(ValueError, match="do not fit"):
        Reference.from_json(stored)


def test_old_records_leave_the_window_and_memory_stays() -> None:
    rolling = RollingCounts(4, n_records=100)
    for number in range(1000):
        rolling.add("", [0 if number < 900 else 1])
    seen, n_records, counts = rolling.window(ALL)
    assert seen == 1000
    assert 100 - 100 // N_BLOCKS <= n_records <= 100
    assert counts.tolist() == [0, n_records, 0, 0]


def test_sources_are_counted_apart_and_bounded() -> None:
    rolling = RollingCounts(1)
    for number in range(10 * MAX_SOURCES):
        rolling.add(f"ward-{number}", [0])
    assert len(rolling.sources) == MAX_SOURCES + 1
    assert rolling.window(ALL)[1] == 10 * MAX_SOURCES
    assert sum(rolling.window(one)[1] for one in rolling.sources if one != ALL) == 10 * MAX_SOURCES
    assert rolling.window(OTHER)[1] > 1
    assert np.sum(rolling.window("ward-0")[2]) == 1
