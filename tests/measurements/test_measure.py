"""One recording, measured as a whole."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.measurements.measure import measure
from ecgml.measurements.table import MEASUREMENTS
from ecgml.records.clinical import CLINICAL_COLUMNS
from tests.measurements.synthetic import atrial_waves, beat_times, ecg, irregular_times, muscle_noise

NAMES = [measurement.name for measurement in MEASUREMENTS]


def test_sinus_rhythm_shows_every_value_in_the_tables_order() -> None:
    assert list(measure(ecg(beat_times(70, 10)), 100)) == NAMES


@pytest.mark.parametrize("rate_bpm", [25, 60, 110, 180, 250])
@pytest.mark.parametrize("seed", [0, 1])
def test_values_stay_within_their_plausible_range(rate_bpm: float, seed: int) -> None:
    times_s = irregular_times(rate_bpm, 20, cv=0.2, seed=seed)
    waveform = ecg(times_s, 20) + atrial_waves(5.5, 20, 100, 0.2) + muscle_noise(12, 2000, 100, 0.1, seed)
    values = measure(waveform, 100)
    ranges = {measurement.name: (measurement.low, measurement.high) for measurement in MEASUREMENTS}
    assert "ventricular_rate" in values
    for name, value in values.items():
        assert ranges[name][0] <= value <= ranges[name][1], name


def test_values_are_plain_floats_that_json_can_write() -> None:
    assert {type(value) for value in measure(ecg(beat_times(70, 10)), 100).values()} == {float}


@pytest.mark.parametrize(
    "waveform",
    [
        np.zeros((12, 1000)),
        np.zeros((12, 0)),
        ecg([1.0, 2.0], 3),
        muscle_noise(12, 1000, 100, 1.0),
        np.random.default_rng(0).standard_normal((12, 3000)),
    ],
    ids=["all zero", "empty", "two beats", "muscle noise", "white noise"],
)
def test_what_does_not_beat_is_not_measured(waveform: np.ndarray) -> None:
    assert measure(waveform.astype(np.float32), 100) == {}


def test_time_power_tells_how_values_change_with_speed() -> None:
    """The same samples said to be 5 % faster; windows and bands that stay put move the rest by a few hundredths."""
    waveform = ecg(irregular_times(65, 20, cv=0.1, seed=5), 20) + muscle_noise(12, 2000, 100, 0.02)
    slow, fast = measure(waveform, 100), measure(waveform, 105)
    for measurement in MEASUREMENTS:
        expected = slow[measurement.name] * 1.05**measurement.time_power
        tolerance = 3.0 if measurement.circular else 0.05
        assert fast[measurement.name] == pytest.approx(expected, rel=0.002, abs=tolerance), measurement.name
    assert fast["ventricular_rate"] == pytest.approx(1.05 * slow["ventricular_rate"], rel=1e-3)


def test_quantities_that_a_table_may_give_bear_its_names_and_units() -> None:
    given = {column.name: column for column in CLINICAL_COLUMNS if column.diagnostics}
    for measurement in MEASUREMENTS:
        if measurement.name in given:
            column = given[measurement.name]
            assert (measurement.unit, measurement.time_power, measurement.circular) == (
                column.unit,
                column.time_power,
                column.circular,
            )
    assert {"ventricular_rate", "r_axis", "t_axis"} <= given.keys() & set(NAMES)


def test_fibrillation_and_sinus_rhythm_of_one_rate_differ_where_they_should() -> None:
    noise = muscle_noise(12, 2000, 100, 0.02)
    sinus = measure(ecg(beat_times(80, 20), 20) + noise, 100)
    waves = atrial_waves(6.3, 20, 100, 0.08, wander_hz=0.7)
    fibrillation = measure(ecg(irregular_times(80, 20, cv=0.22, seed=1), 20, p_height=0) + waves + noise, 100)
    assert fibrillation["rr_jump"] > 0.1 > sinus["rr_jump"]
    assert fibrillation["rr_concordance"] < 0.3 < sinus["rr_concordance"]
    assert fibrillation["p_consistency"] < 0.5 < sinus["p_consistency"]
