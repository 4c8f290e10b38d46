"""Units of voltage."""

from __future__ import annotations

import pytest

from ecgml.errors import RecordError
from ecgml.records.units import fitting_unit, mv_per_unit


@pytest.mark.parametrize(
    ("unit", "in_mv"),
    [("mV", 1), ("mv", 1), ("uV", 1e-3), ("µV", 1e-3), ("μV", 1e-3), ("V", 1e3), ("nV", 1e-6), ("microvolts", 1e-3)],
)
def test_a_unit_is_known_in_every_spelling(unit, in_mv):
    assert mv_per_unit(unit, "x") == in_mv


@pytest.mark.parametrize("unit", ["", "mmHg", "adu", "Mv/s"])
def test_what_is_no_voltage_is_refused(unit):
    with pytest.raises(RecordError, match="is not a voltage; one of V, mV, uV, nV") as caught:
        mv_per_unit(unit, "x")
    assert caught.value.reason == "unit"


@pytest.mark.parametrize(
    ("amplitude_mv", "unit", "fitting"),
    [
        (1.3, "mV", "mV"),
        (1300, "mV", "uV"),
        (0.0013, "µV", "mV"),
        (0.0013, "mV", "V"),
        (1.3e-6, "microvolts", "V"),
        (1300, "V", "mV"),
        (0.04, "mV", None),
        (30, "mV", None),
    ],
)
def test_the_unit_that_fits_makes_the_amplitude_plausible(amplitude_mv, unit, fitting):
    assert fitting_unit(amplitude_mv, unit, (0.05, 20)) == fitting
