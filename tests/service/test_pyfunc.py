"""The served model: what it answers is what the Predictor says, and what it refuses it refuses in one line."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path

import numpy as np
import pytest
from mlflow.pyfunc import PythonModelContext
from numpy.typing import NDArray

from ecgml.cohorts.simulation.record import simulate_record
from ecgml.inference.predictor import Predictor
from ecgml.measurements.intervals import INTERVALS
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.leads import LEADS
from ecgml.records.readers.assembly import assemble
from ecgml.records.record import Record
from ecgml.service.logged_model import _interval
from ecgml.service.pyfunc import Refusal, RhythmClassifier, version_of
from ecgml.training.checkpoint import save_checkpoint
from tests.untrained import untrained_checkpoint

FS = 500.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model's folder as MLflow lays it out."""
    folder = tmp_path_factory.mktemp("model")
    save_checkpoint(untrained_checkpoint(), folder / "artifacts" / "checkpoint")
    (folder / "MLmodel").write_text("model_id: m-0123\n")
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> RhythmClassifier:
    model = RhythmClassifier()
    model.load_context(PythonModelContext({"checkpoint": str(folder / "artifacts" / "checkpoint")}, {}))
    return model


@pytest.fixture(scope="module")
def predictor(folder: Path) -> Predictor:
    return Predictor.load(folder / "artifacts" / "checkpoint")


@pytest.fixture(scope="module")
def waveforms() -> NDArray[np.float32]:
    """Return four records of 10 s at 500 Hz, shape (4, 12, 5000), mV."""
    return np.stack(
        [simulate_record(rhythm, np.random.default_rng(1)).waveform for rhythm in ("SR", "AFIB", "SB", "ST")]
    )


def ask(served: RhythmClassifier, waveform: NDArray, clinical: NDArray | None = None, **params: object) -> list[dict]:
    given = {"waveform": waveform} | ({} if clinical is None else {"clinical": clinical})
    return served.predict(None, given, {"fs": FS, "unit": "mV", **params})


def probabilities(answers: list[dict]) -> NDArray[np.float64]:
    return np.array([list(answer["probabilities"].values()) for answer in answers])


@pytest.mark.parametrize("fs", [100.0, 250.0, 257.0, 360.0, 500.0, 1000.0])
def test_answer_is_what_the_predictor_says_at_any_rate_and_length(
    served: RhythmClassifier, predictor: Predictor, waveforms: NDArray, fs: float
) -> None:
    # What was recorded at 500 Hz, played at another rate: an ECG of another heart, and of another length.
    answers = ask(served, waveforms[:, :, : int(5.5 * fs)], fs=fs)
    expected = predictor.predict([Record(one[:, : int(5.5 * fs)], fs, "") for one in waveforms])
    assert [answer["rhythm"] for answer in answers] == [one.rhythm for one in expected]
    for answer, one in zip(answers, expected, strict=True):
        assert answer["probabilities"] == pytest.approx(one.probabilities, abs=1e-5)
        assert answer["clinical"] == pytest.approx(one.clinical)
        assert answer["origins"] == one.origins


def test_answer_can_be_sent_as_it_is(served: RhythmClassifier, waveforms: NDArray) -> None:
    answer = json.loads(json.dumps(ask(served, waveforms), allow_nan=False))[0]
    assert set(answer) == {
        "rhythm", "snomed", "probabilities", "set", "abstained", "reason", "clinical", "origins",
        "intervals", "notes", "model_version",
    }  # fmt: skip
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert set(answer["origins"]) == set(CLINICAL_NAMES)
    assert answer["model_version"] == "m-0123"
    fields = {one.name for one in _interval().properties}
    assert list(answer["intervals"]) == list(INTERVALS)
    assert all(set(interval) == fields for interval in answer["intervals"].values())
    assert all(code.isdigit() for code in answer["snomed"])


def test_batch_is_answered_as_its_records_alone(served: RhythmClassifier, waveforms: NDArray) -> None:
    alone = np.concatenate([probabilities(ask(served, one[None])) for one in waveforms])
    np.testing.assert_allclose(probabilities(ask(served, waveforms)), alone, atol=1e-6)
    assert ask(served, waveforms[:0]) == []


@pytest.mark.parametrize(("unit", "factor"), [("V", 1e-3), ("uV", 1e3), ("µV", 1e3), ("nV", 1e6)])
def test_units_are_the_same_ecg(served: RhythmClassifier, waveforms: NDArray, unit: str, factor: float) -> None:
    other = ask(served, waveforms * np.float32(factor), unit=unit)
    # Rounded to whole µV on the way in; float32 is good to a tenth of that.
    np.testing.assert_allclose(probabilities(other), probabilities(ask(served, waveforms)), atol=1e-3)


def test_nan_at_the_end_is_padding(served: RhythmClassifier, waveforms: NDArray) -> None:
    padded = waveforms.copy()
    padded[1, :, 3000:] = np.nan
    alone = ask(served, waveforms[1:2, :, :3000])
    np.testing.assert_allclose(probabilities(ask(served, padded))[1], probabilities(alone)[0], atol=1e-6)


@pytest.mark.parametrize("absent", [np.nan, np.inf])
def test_lead_without_values_is_left_out_and_said(served: RhythmClassifier, waveforms: NDArray, absent: float) -> None:
    waveform = waveforms[:1].copy()
    waveform[0, 7] = absent
    assert ask(served, waveform)[0]["notes"] == ["V2 left out: missing"]


def test_limb_leads_that_are_null_are_derived_as_from_a_file(served: RhythmClassifier, waveforms: NDArray) -> None:
    waveform = waveforms[:1].copy()
    waveform[0, 2:6] = np.nan
    kept = [0, 1, *range(6, 12)]
    expected = served._predictor.predict([assemble(waveforms[0, kept], [LEADS[one] for one in kept], FS, "r")])[0]
    (answer,) = ask(served, waveform)
    assert answer["probabilities"] == expected.probabilities
    assert answer["notes"][:2] == ["measured leads: I, II, V1, V2, V3, V4, V5, V6", "derived: III, aVR, aVL, aVF"]


def test_clinical_values_are_given_measured_or_missing(served: RhythmClassifier, waveforms: NDArray) -> None:
    row = np.full((1, len(CLINICAL_NAMES)), np.nan, dtype=np.float32)
    nothing = ask(served, waveforms[:1], row)
    assert nothing == ask(served, waveforms[:1])
    assert nothing[0]["origins"]["ventricular_rate"] == "measured"
    assert nothing[0]["origins"]["age"] == "missing"
    row[0, :3] = 63, 1, 71
    given = ask(served, waveforms[:1], row)[0]
    assert [given["origins"][name] for name in CLINICAL_NAMES[:3]] == ["given"] * 3
    assert [given["clinical"][name] for name in CLINICAL_NAMES[:3]] == [63, 1, 71]


def test_implausible_clinical_value_counts_as_missing_and_is_said(served: RhythmClassifier, waveforms: NDArray) -> None:
    row = np.full((1, len(CLINICAL_NAMES)), np.nan)
    row[0, 0] = 200
    answer = ask(served, waveforms[:1], row)[0]
    assert answer["origins"]["age"] == "missing"
    assert answer["notes"] == ["age 200 is not used: outside 0 to 120 years"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"waveform": np.zeros((1, 11, 5000))}, r"waveform: shape \(1, 11, 5000\); \(records, 12 leads, times\)"),
        ({"waveform": np.zeros((12, 5000))}, r"waveform: shape \(12, 5000\)"),
        ({"waveform": np.zeros((1, 12, 0))}, "record 0: holds no value at all"),
        ({"waveform": np.full((1, 12, 5000), np.nan)}, "record 0: holds no value at all"),
        ({"waveform": np.zeros((1, 12, 5000))}, r"record 0: 0 usable leads, 6 needed \(12 flat\)"),
        ({"scale": 1000}, r"record 0: the typical lead spans .* mV, about 1,000 times too large .* uV would fit"),
        ({"scale": 1e30}, "record 0: the typical lead spans .* mV, about"),
        ({"times": 1000}, "record 0: 1,000 samples at 500 Hz are 2 s; at least 5 s are needed"),
        (
            {"clinical": np.zeros((2, 16))},
            r"clinical: shape \(2, 16\) beside 1 waveform; \(1, 16\) is needed: age, sex",
        ),
        ({"clinical": np.zeros((1, 3))}, r"clinical: shape \(1, 3\)"),
        ({"unit": "furlong"}, "unit: unit 'furlong' is not a voltage; one of V, mV, uV, nV"),
        ({"fs": 0.0}, "fs: 0; a sampling frequency from 50 to 20,000 Hz is needed"),
        ({"fs": -500.0}, "fs: -500; a sampling"),
        ({"fs": math.nan}, "fs: nan; a sampling"),
        ({"fs": math.inf}, "fs: inf; a sampling"),
        ({"fs": 0.5}, "fs: 0.5; a sampling"),
    ],
)
def test_bad_input_is_refused_in_one_line_as_the_clients_fault(
    served: RhythmClassifier, waveforms: NDArray, change: dict, message: str
) -> None:
    waveform = change.get("waveform", waveforms[:1, :, : change.get("times")] * np.float32(change.get("scale", 1)))
    params = {name: change[name] for name in ("fs", "unit") if name in change}
    with pytest.raises(Refusal, match=message) as caught:
        ask(served, waveform, change.get("clinical"), **params)
    told = caught.value
    assert told.get_http_status_code() == 400
    assert "\n" not in told.message
    assert len(told.message) < 400
    assert "/" not in told.message


def test_every_unusable_record_of_a_batch_is_named(served: RhythmClassifier, waveforms: NDArray) -> None:
    bad = waveforms.copy()
    bad[[0, 2, 3]] = 0
    with pytest.raises(Refusal, match=r"^record 0: 0 usable leads.*; records 2, 3 cannot be used"):
        ask(served, bad)


def test_server_cannot_put_the_input_in_front_of_a_refusal() -> None:
    """MLflow's scoring server rewrites the message of what it catches."""
    refusal = Refusal("fs: 0", 1)
    refusal.message = f"Failed to predict data '{np.ones(3)}'. \nError: {refusal.message}"
    assert json.loads(refusal.serialize_as_json())["message"] == "fs: 0"


def test_fault_of_ours_is_a_500_that_tells_nothing_and_a_log_that_does(
    served: RhythmClassifier, waveforms: NDArray, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(served, "_predictor", None)
    with caplog.at_level(logging.ERROR), pytest.raises(Refusal, match="the model failed on this input") as caught:
        ask(served, waveforms)
    assert caught.value.get_http_status_code() == 500
    assert "NoneType" not in caught.value.message
    assert "NoneType" in caplog.text


def test_version_is_the_registered_one_where_the_model_was_fetched_by_it(folder: Path, tmp_path: Path) -> None:
    assert version_of(folder) == "m-0123"
    assert version_of(tmp_path) is None
    (tmp_path / "MLmodel").write_text("model_id: m-0123\n")
    (tmp_path / "registered_model_meta").write_text("model_name: ecg-rhythm\nmodel_version: '7'\n")
    assert version_of(tmp_path) == "7"
