"""Amplitudes that no ECG has: single records of wrong gain, as the model sees them."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.cohorts.simulation.record import simulate_record
from ecgml.preprocessing.amplitude import RECORD_MV, amplitude_mv, implausible_amplitude
from ecgml.preprocessing.preprocess import STEP_MV, SUSPECT_AMPLITUDE, preprocess
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.record import Record


def test_amplitude_is_what_the_typical_lead_that_moves_spans() -> None:
    """A sine of height A lies between -A cos(0.01 pi) and A cos(0.01 pi) for 98 % of the time."""
    sine = np.sin(2 * np.pi * np.arange(1000) / 100)
    steps = np.rint(np.outer([0, 0, 0, 0, 200, 1000, 5000], sine)).astype(np.int16)
    assert amplitude_mv(steps, STEP_MV) == pytest.approx(2 * np.cos(0.01 * np.pi), rel=0.005)
    assert np.isnan(amplitude_mv(np.zeros((12, 1000), np.int16), STEP_MV))


def test_amplitude_of_the_whole_range_does_not_overflow() -> None:
    steps = np.tile(np.array([-32767, 32767], np.int16), (12, 500))
    assert amplitude_mv(steps, STEP_MV) == pytest.approx(65.534)


@pytest.mark.parametrize("amplitude", [*RECORD_MV, 0.92, float("nan")])
def test_low_and_high_voltage_is_plausible(amplitude: float) -> None:
    assert implausible_amplitude(amplitude) is None


@pytest.mark.parametrize(("factor", "way"), [(1, ""), (1 / 5, "too small"), (1 / 4.88, "too small"), (5, "too large")])
def test_record_of_wrong_gain_is_suspect_and_used(factor: float, way: str) -> None:
    waveform = factor * simulate_record("SR", np.random.default_rng(5)).waveform
    prepared = preprocess(Record(waveform.astype(np.float32), 500.0, "file.csv"), PreprocessingSettings())
    said = [note for note in prepared.notes if note.startswith(SUSPECT_AMPLITUDE)]
    assert [way in note for note in said] == ([True] if way else [])
    assert prepared.waveform.any()
