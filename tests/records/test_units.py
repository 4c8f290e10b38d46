"""Units of voltage."""

from __future__ import annotations

import pytest

from ecgml.errors import RecordError
from ecgml.records.units import likely_unit, mv_per_unit


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


@pytest.mark.parametrize(
    ("span_mv", "unit", "likely"),
    [
        (1.3, "mV", None),
        (9.8, "mV", None),  # the widest of the real recordings
        (0.48, "uV", None),  # the narrowest
        (1300, "mV", "uV"),  # µV taken for mV
        (0.0013, "µV", "mV"),  # mV taken for µV
        (0.0013, "mV", "V"),
        (1.3e-6, "microvolts", "V"),
        (0.0, "mV", None),
        (60, "mV", None),  # an artefact, in no unit an ECG
        (0.06, "mV", None),
    ],
)
def test_an_amplitude_points_to_a_unit_only_where_another_one_makes_it_an_ecg(span_mv, unit, likely):
    assert likely_unit(span_mv, unit) == likely
