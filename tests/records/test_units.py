"""Units of voltage."""

from __future__ import annotations

import pytest

from ecgml.errors import RecordError
from ecgml.records.units import mv_per_unit


@pytest.mark.parametrize(
    ("unit", "in_mv"),
    [("mV", 1), ("mv", 1), ("uV", 1e-3), ("µV", 1e-3), ("μV", 1e-3), ("V", 1e3), ("nV", 1e-6), ("microvolts", 1e-3)],
)
def test_a_unit_is_known_in_every_spelling(unit, in_mv):
    assert mv_per_unit(unit, "x") == in_mv


@pytest.mark.parametrize("unit", ["", "mmHg", "adu", "Mv/s"])
def test_what_is_no_voltage_is_refused(unit):
    with pytest.raises(RecordError, match="is no voltage; one of V, mV, uV, nV") as caught:
        mv_per_unit(unit, "x")
    assert caught.value.reason == "unit"
