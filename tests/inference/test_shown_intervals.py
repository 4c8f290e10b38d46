"""What answers say of intervals, and what the model is fed of them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ecgml.cohorts.simulation.record import simulate_record
from ecgml.inference.predictor import Predictor
from ecgml.inference.shown_intervals import shown_intervals
from ecgml.measurements.intervals import INTERVALS, measure_beats, measure_intervals
from ecgml.preprocessing.preprocess import preprocess
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.clinical import CLINICAL_NAMES, INTERVAL_COLUMNS, Origin
from ecgml.records.record import Record
from ecgml.training.checkpoint import load_checkpoint, save_checkpoint
from tests.untrained import untrained_checkpoint

PLACES = [CLINICAL_NAMES.index(name) for name in INTERVAL_COLUMNS]
MEASURED = PreprocessingSettings(intervals="measured")


def record(rhythm: str = "SR", **given: float) -> Record:
    made = simulate_record(rhythm, np.random.default_rng(1))
    return Record(made.waveform, made.fs, "r", given=given)


def test_every_interval_has_value_unit_origin_certainty_or_a_reason() -> None:
    shown = shown_intervals(preprocess(record("AFIB"), PreprocessingSettings()).intervals, {})
    assert list(shown) == list(INTERVALS)
    for name, interval in shown.items():
        assert interval["unit"] == ("1/min" if "rate" in name else "degrees" if "axis" in name else "ms")
        assert (interval["value"] is None) == (interval["origin"] == "missing") == bool(interval["reason"]), name
    assert shown["pr_interval"]["reason"]
    assert shown["qt_interval"]["origin"] == "measured"
    assert shown["qt_interval"]["beat_spread"] >= 0
    assert shown["qt_interval"]["lead_spread"] >= 0
    json.dumps(shown, allow_nan=False)


def test_without_the_spread_all_else_is_the_same() -> None:
    measured = preprocess(record(), PreprocessingSettings()).intervals
    whole, short = shown_intervals(measured, {}), shown_intervals(measured, {}, with_spread=False)
    spreads = dict.fromkeys(("beat_spread", "lead_spread"))
    assert short == {name: interval | spreads for name, interval in whole.items()} != whole


def test_a_given_interval_is_shown_beside_the_measured_one_and_an_implausible_one_is_not() -> None:
    measured = preprocess(record(), PreprocessingSettings()).intervals
    shown = shown_intervals(measured, {"qt_interval": 377.0, "qrs_duration": 3.0})
    assert (shown["qt_interval"]["value"], shown["qt_interval"]["origin"]) == (377, "given")
    assert shown["qt_interval"]["measured"] == pytest.approx(measured.values["qt_interval"], abs=0.06)
    assert shown["qrs_duration"]["origin"] == "measured"
    assert shown["qrs_duration"]["value"] == pytest.approx(measured.values["qrs_duration"], abs=0.06)


def test_by_default_the_model_sees_intervals_of_tables_alone() -> None:
    """The row that earlier models were fed: what is measured now is shown and does not get into it."""
    prepared = Predictor(untrained_checkpoint()).prepare(record(qt_interval=377.0))
    assert prepared.clinical[PLACES].tolist() == pytest.approx([np.nan, 377, np.nan], nan_ok=True)
    assert prepared.origins[PLACES].tolist() == [Origin.MISSING, Origin.GIVEN, Origin.MISSING]
    assert prepared.intervals["qrs_duration"]["value"] > 0


def test_with_the_setting_the_model_sees_measured_intervals_whatever_is_given() -> None:
    predictor = Predictor(replace(untrained_checkpoint(), preprocessing=MEASURED))
    prepared = predictor.prepare(record(qt_interval=377.0, age=50.0), {"qt_corrected": 388.0})
    assert prepared.origins[PLACES].tolist() == [Origin.MEASURED] * 3
    expected = [prepared.measured.values[name] for name in INTERVAL_COLUMNS]
    assert prepared.clinical[PLACES].tolist() == pytest.approx(expected, abs=1e-3)
    assert prepared.origins[0] == Origin.GIVEN
    assert prepared.intervals["qt_interval"]["value"] == 377


def test_intervals_are_measured_before_the_denoiser() -> None:
    raw, denoised = (preprocess(record(), PreprocessingSettings(denoise=name)) for name in ("none", "bandpass"))
    assert raw.intervals.values == denoised.intervals.values
    assert not np.array_equal(raw.waveform, denoised.waveform)


def test_of_a_long_recording_the_middle_is_measured() -> None:
    made = record()
    slow = np.tile(made.waveform, (1, 12))
    long = np.concatenate([np.zeros_like(made.waveform), slow, np.zeros_like(made.waveform)], axis=1)
    found = preprocess(Record(long, made.fs, "r"), PreprocessingSettings()).intervals
    alone = measure_intervals(slow, made.fs)
    assert dict(found.values) == dict(alone.values)
    # 10 s of silence before: beats are where they are in the whole recording.
    at_s = [beat["at_s"] for beat in measure_beats(found)]
    assert at_s == pytest.approx([10 + beat["at_s"] for beat in measure_beats(alone)])


def test_below_100_hz_nothing_is_measured_and_the_reason_says_so() -> None:
    found = measure_intervals(record().waveform[:, ::10], 50.0)
    assert not found.values
    assert set(found.reasons.values()) == {"50 Hz: intervals need 100 Hz or more"}


def test_a_checkpoint_of_before_the_setting_is_fed_as_it_was(tmp_path) -> None:
    save_checkpoint(untrained_checkpoint(), tmp_path / "model")
    description = tmp_path / "model" / "checkpoint.json"
    content = json.loads(description.read_text())
    del content["preprocessing"]["intervals"]
    description.write_text(json.dumps(content))
    assert load_checkpoint(tmp_path / "model").preprocessing == PreprocessingSettings(intervals="given")
