"""The loop's small parts: schedule, early stopping, averaging, device, state."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ecgml.calibration.calibration import Calibration
from ecgml.calibration.scaling import Scaling
from ecgml.errors import CheckpointError, ConfigError
from ecgml.training.averaging import WeightAverage
from ecgml.training.device import choose_device, choose_precision
from ecgml.training.predict import average_windows
from ecgml.training.schedule import learning_rate_factor
from ecgml.training.state import read_state, write_state
from ecgml.training.stopping import EarlyStopping


def test_learning_rate_rises_linearly_then_falls_as_a_cosine_to_its_floor() -> None:
    factors = np.array([learning_rate_factor(step, 1000, 0.1) for step in range(1001)])
    np.testing.assert_allclose(np.diff(factors[:100]), 1 / 101, rtol=1e-9)
    assert factors[100] == 1.0
    assert factors[550] == pytest.approx(0.01 + 0.99 / 2)
    assert factors[1000] == pytest.approx(0.01)
    assert (np.diff(factors[100:]) < 0).all()


def test_stopping_keeps_the_best_and_waits_for_patience() -> None:
    stopping = EarlyStopping(patience=2, min_epochs=4, larger_is_better=True)
    improved, done = [], []
    for epoch, value in enumerate([0.5, 0.7, 0.6, 0.65, 0.7]):
        improved.append(stopping.update(epoch, value))
        done.append(stopping.done)
    assert improved == [True, True, False, False, False]
    assert done == [False, False, False, True, True]
    assert (stopping.best_epoch, stopping.best_value) == (1, 0.7)


def test_stopping_waits_for_the_least_number_of_epochs() -> None:
    stopping, done = EarlyStopping(patience=1, min_epochs=3, larger_is_better=True), []
    for epoch, value in enumerate([0.5, 0.4, 0.3]):
        stopping.update(epoch, value)
        done.append(stopping.done)
    assert done == [False, False, True]


def test_smaller_is_better_for_a_loss() -> None:
    stopping = EarlyStopping(patience=2, min_epochs=1, larger_is_better=False)
    assert [stopping.update(epoch, value) for epoch, value in enumerate([0.5, 0.4, 0.6])] == [True, True, False]


def test_value_that_is_not_finite_is_never_better() -> None:
    stopping = EarlyStopping(patience=5, min_epochs=1, larger_is_better=True)
    values = [float("nan"), 0.2, float("nan"), 0.3]
    assert [stopping.update(epoch, value) for epoch, value in enumerate(values)] == [True, True, False, True]


def test_stopping_survives_json() -> None:
    stopping = EarlyStopping(patience=2, min_epochs=1, larger_is_better=True)
    stopping.update(0, 0.25)
    assert EarlyStopping(**json.loads(json.dumps(stopping.state_dict()))) == stopping


def test_average_follows_its_formula() -> None:
    """After one step with decay min(0.9, 1/10) the average is 0.1 of the old and 0.9 of the new weights."""
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(1.0)
        average = WeightAverage(model, 0.9)
        model.weight.fill_(2.0)
    average.update(0)
    assert average.weights["weight"].item() == pytest.approx(1.9)
    average.update(1)
    assert average.weights["weight"].item() == pytest.approx(1.9 * 2 / 11 + 2 * 9 / 11)


def test_average_of_decay_zero_is_the_model_itself() -> None:
    model = nn.BatchNorm1d(2)
    average = WeightAverage(model, 0.0)
    model(torch.randn(8, 2))
    average.update(5)
    assert all(torch.equal(value, average.weights[key]) for key, value in model.state_dict().items())


def test_windows_are_averaged_as_probabilities() -> None:
    logits = np.log(np.array([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9]]))
    y_prob = average_windows(logits, np.array([0, 0, 2]), 3)
    np.testing.assert_allclose(y_prob[[0, 2]], [[0.6, 0.4], [0.1, 0.9]])
    assert np.isnan(y_prob[1]).all()


def test_temperature_of_two_takes_the_square_root_of_the_odds() -> None:
    y_prob = average_windows(
        np.log(np.array([[0.8, 0.2]])), np.array([0]), 1, Calibration(Scaling.of_temperature(2.0, 2))
    )
    assert y_prob[0, 0] / y_prob[0, 1] == pytest.approx(2.0)


def test_state_round_trip_keeps_every_bit(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(3, 4).t(), "b": torch.tensor(7), "c": torch.tensor([1.5], dtype=torch.float64)}
    write_state(tmp_path / "sub" / "state", tensors, {"epoch": 3, "value": 0.1})
    read, facts = read_state(tmp_path / "sub" / "state")
    assert facts == {"epoch": 3, "value": 0.1}
    assert all(torch.equal(value, read[key]) and value.dtype == read[key].dtype for key, value in tensors.items())


def test_state_that_cannot_be_written_leaves_the_older_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    write_state(path, {"a": torch.ones(2)}, {})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CheckpointError, match="cannot be written: No space left on device"):
        write_state(path, {"a": torch.zeros(2)}, {})
    assert read_state(path)[0]["a"].tolist() == [1, 1]
    assert [one.name for one in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("gpu", "'gpu' is unknown"), ("meta", "'meta' is not supported"), ("cuda:99", "is not available")],
)
def test_unknown_or_absent_device_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        choose_device(name)


def test_precision_can_be_chosen() -> None:
    assert choose_precision("float32", torch.device("cpu")) == torch.float32
    assert choose_precision("bfloat16", torch.device("cpu")) == torch.bfloat16
