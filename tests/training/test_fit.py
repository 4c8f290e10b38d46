"""Training: learns what can be learnt, repeats and resumes bit for bit, stops when it should, says what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from ecgml.datasets.settings import AugmentationSettings
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable
from ecgml.errors import CheckpointError, TrainingError
from ecgml.models.build import build_model
from ecgml.models.settings import ModelSettings
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.training.data import TrainingData, fit_encoder
from ecgml.training.fit import Fitted, fit, validation_metrics
from ecgml.training.schedule import learning_rate_factor
from ecgml.training.settings import FitSettings
from ecgml.training.step import make_optimiser
from tests.datasets.tables import make_table

FS, N_TIMES = 50.0, 200
SIZES = ModelSettings(trunk_width=8, trunk_stages=2, gru_width=4, clinical_width=4)
SETTINGS = FitSettings(
    epochs=4,
    min_epochs=1,
    patience=10,
    batch_size=8,
    learning_rate=5e-3,
    ema_decay=0.9,
    monitor="val_loss",
    device="cpu",
    precision="float32",
)
AUGMENTATION = AugmentationSettings(simulated_records=0)


def make_data(n_train: int = 48, n_val: int = 16) -> TrainingData:
    """Two classes: sines of 2 and of 5 Hz in noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(n_train + n_val) % 2
    times = np.arange(N_TIMES) / FS
    waves = np.sin(2 * np.pi * np.where(labels, 5, 2)[:, None] * times + rng.uniform(0, 6, len(labels))[:, None])
    windows = (1000 * (waves[:, None] + 0.3 * rng.standard_normal((len(labels), 12, N_TIMES)))).astype(np.int16)
    cache = SimpleNamespace(windows=windows, n_valid=np.full(len(labels), N_TIMES, dtype=np.int32))
    table = make_table(labels)
    store = WindowStore([cache], torch.device("cpu"))
    is_train = np.arange(len(labels)) < n_train
    return TrainingData(store, table[is_train], table[~is_train], table[:0], 2, FS)


def train(
    data: TrainingData, settings: FitSettings = SETTINGS, *, name: str = "fusion", **options: object
) -> tuple[torch.nn.Module, Fitted]:
    encoder = fit_encoder(data.train)
    torch.manual_seed(settings.seed)
    model = build_model(name, 12, encoder.n_out, data.n_classes, SIZES)
    return model, fit(model, data, encoder, settings, AUGMENTATION, **options)


def weights_equal(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    return all(torch.equal(value, second.state_dict()[key]) for key, value in first.state_dict().items())


@pytest.mark.parametrize("name", ["fusion", "baseline"])
def test_two_frequencies_are_told_apart(name: str) -> None:
    _, fitted = train(make_data(), replace(SETTINGS, epochs=15), name=name)
    assert fitted.history[fitted.best_epoch]["val_accuracy"] == 1.0


def test_history_has_every_metric_of_every_epoch() -> None:
    _, fitted = train(make_data(16, 4))
    assert len(fitted.history) == 4
    assert set(fitted.history[0]) == {
        "train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_macro_f1", "val_macro_auroc", "learning_rate",
        "records_per_second",
    }  # fmt: skip


def test_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    data = make_data(16, 4)
    first, again, other = (train(data, replace(SETTINGS, seed=seed))[0] for seed in (0, 0, 1))
    assert weights_equal(first, again)
    assert not weights_equal(first, other)


def test_the_seed_decides_what_is_drawn() -> None:
    """From the same first weights."""
    data, encoder = make_data(16, 4), fit_encoder(make_data(16, 4).train)
    losses = []
    for seed in (0, 1):
        torch.manual_seed(0)
        model = build_model("baseline", 12, encoder.n_out, 2, SIZES)
        fitted = fit(model, data, encoder, replace(SETTINGS, epochs=1, seed=seed), AUGMENTATION)
        losses.append(fitted.history[0]["train_loss"])
    assert abs(losses[0] - losses[1]) > 1e-5


class Killed(Exception):
    """Stands for a kill between two epochs' states."""


@pytest.mark.parametrize("name", ["fusion", "baseline"])
@pytest.mark.parametrize("killed_in", [1, 3])
def test_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(
    tmp_path: Path, name: str, killed_in: int
) -> None:
    data, path = make_data(24, 8), tmp_path / "state.safetensors"
    whole, fitted = train(data, name=name)

    def kill(epoch: int, index: int, n_steps: int, loss: float) -> None:
        if epoch == killed_in and index == 2:
            raise Killed

    with pytest.raises(Killed):
        train(data, name=name, state_path=path, on_step=kill)
    resumed, resumed_fitted = train(data, name=name, state_path=path)
    assert weights_equal(whole, resumed)
    for own, other in zip(fitted.history, resumed_fitted.history, strict=True):
        assert {**own, "records_per_second": 0} == {**other, "records_per_second": 0}
    assert fitted.best_epoch == resumed_fitted.best_epoch


def test_finished_training_is_not_trained_again(tmp_path: Path) -> None:
    data, path = make_data(16, 4), tmp_path / "state.safetensors"
    first, _ = train(data, state_path=path)
    epochs: list[int] = []
    again, fitted = train(data, state_path=path, on_epoch=lambda epoch, metrics: epochs.append(epoch))
    assert epochs == []
    assert weights_equal(first, again)
    assert fitted.stopped == "finished"


def test_model_is_left_with_the_weights_of_its_best_epoch() -> None:
    data = make_data()
    model, fitted = train(data, replace(SETTINGS, epochs=6))
    losses = [metrics["val_loss"] for metrics in fitted.history]
    assert fitted.best_epoch == int(np.argmin(losses))
    shorter, _ = train(data, replace(SETTINGS, epochs=6), on_epoch=lambda e, m: e == fitted.best_epoch)
    assert weights_equal(model, shorter)


SCRIPT = {
    "val_loss": [0.5, 0.4, 0.6, 0.7],
    "val_accuracy": [0.5, 0.4, 0.6, 0.1],
    "val_macro_f1": [0.5, 0.4, 0.3, 0.2],
    "val_macro_auroc": [0.5, 0.6, 0.7, 0.8],
}
"""What validation says of four epochs: each metric is best in another."""


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function after which the next epochs' validation says what is scripted, from the first on."""

    def begin() -> None:
        said = iter([dict(zip(SCRIPT, values, strict=True)) for values in zip(*SCRIPT.values(), strict=True)])
        monkeypatch.setattr("ecgml.training.fit.validate", lambda *_: next(said))

    return begin


@pytest.mark.parametrize(
    ("monitor", "best"), [("val_loss", 1), ("val_accuracy", 2), ("val_macro_f1", 0), ("val_macro_auroc", 3)]
)
def test_best_epoch_is_that_of_the_metric_asked_for_and_its_weights_are_kept(
    scripted: Callable[[], None], monitor: str, best: int
) -> None:
    data, settings = make_data(16, 4), replace(SETTINGS, monitor=monitor)
    scripted()
    model, fitted = train(data, settings)
    assert fitted.best_epoch == best
    scripted()
    shorter, _ = train(data, settings, on_epoch=lambda epoch, _: epoch == best)
    assert weights_equal(model, shorter)
    if best < 3:
        scripted()
        later, _ = train(data, settings, on_epoch=lambda epoch, _: epoch == best + 1)
        scripted()
        last, _ = train(data, replace(settings, monitor="val_macro_auroc"))
        assert weights_equal(model, later)
        assert not weights_equal(model, last)


def test_best_epoch_before_a_kill_is_kept_by_the_resumed_training(tmp_path: Path, scripted: Callable[[], None]) -> None:
    data, path = make_data(16, 4), tmp_path / "state.safetensors"
    scripted()
    whole, _ = train(data)

    def kill(epoch: int, index: int, n_steps: int, loss: float) -> None:
        if epoch == 3:
            raise Killed

    scripted()
    with pytest.raises(Killed):
        train(data, state_path=path, on_step=kill)
    resumed, fitted = train(data, state_path=path)
    assert fitted.best_epoch == 1
    assert weights_equal(whole, resumed)


def with_ages(data: TrainingData) -> TrainingData:
    """Give every record an age, of the two classes a different one."""
    rng = np.random.default_rng(1)

    def aged(table: RecordTable) -> RecordTable:
        given = table.given.copy()
        given[:, CLINICAL_NAMES.index("age")] = 40 + 20 * table.y_harmonised + rng.normal(0, 5, len(table))
        return replace(table, given=given)

    return replace(data, train=aged(data.train), val=aged(data.val))


@pytest.mark.parametrize("name", ["fusion", "baseline"])
def test_validation_is_of_the_weights_that_are_kept_at_rest_and_with_all_that_is_given(name: str) -> None:
    """Worked out again: the kept model in evaluation mode, every record of val with its clinical values."""
    data = with_ages(make_data())
    model, fitted = train(data, name=name)
    waveform, _ = data.store.take(data.val.first_window)
    clinical = torch.from_numpy(fit_encoder(data.train).encode(data.val.given))
    labels = torch.from_numpy(data.val.y_harmonised)
    assert not model.training
    with torch.inference_mode():
        logits = model(waveform, torch.ones(len(waveform), N_TIMES), clinical)
    kept = fitted.history[fitted.best_epoch]
    assert kept["val_loss"] == pytest.approx(float(cross_entropy(logits, labels)), rel=1e-5)
    assert kept["val_accuracy"] == float((logits.argmax(dim=1) == labels).float().mean())


def test_validation_metrics_by_hand() -> None:
    """True A A A B, predicted A A C B: F1 of A is 2·2/(3+2) = 0.8, of B 1; C is absent and in no average."""
    y_prob = np.array([[0.8, 0.1, 0.1], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.3, 0.6, 0.1]])
    metrics = validation_metrics(np.array([0, 0, 0, 1]), y_prob)
    assert metrics["val_macro_f1"] == pytest.approx(0.9)
    assert metrics["val_accuracy"] == pytest.approx(0.75)
    assert metrics["val_loss"] == pytest.approx(-np.log([0.8, 0.5, 0.2, 0.6]).mean())
    # A: its third record ranks below B's, 2 of 3 pairs; B ranks first by its own probability.
    assert metrics["val_macro_auroc"] == pytest.approx((2 / 3 + 1) / 2)


def test_weight_decay_shrinks_matrices_and_leaves_biases_and_norms() -> None:
    """Without a gradient AdamW multiplies what it decays by 1 − rate · decay."""
    model = build_model("fusion", 12, 3, 2, SIZES)
    with torch.no_grad():
        for value in model.parameters():
            value.fill_(1.0)
            value.grad = torch.zeros_like(value)
    settings = replace(SETTINGS, learning_rate=0.1, weight_decay=0.5)
    make_optimiser(model, settings).step()
    for name, value in model.named_parameters():
        expected = 1 - 0.1 * 0.5 if value.ndim >= 2 else 1.0
        torch.testing.assert_close(value, torch.full_like(value, expected), msg=name)


def test_every_epoch_draws_anew() -> None:
    """Weights that stand still: what differs from epoch to epoch is what was drawn."""
    _, fitted = train(make_data(16, 4), replace(SETTINGS, learning_rate=1e-12))
    losses = [metrics["train_loss"] for metrics in fitted.history]
    assert np.abs(np.diff(losses)).min() > 1e-5


def test_learning_rate_falls_over_the_whole_training() -> None:
    _, fitted = train(make_data(), name="baseline")
    n_steps = 4 * 6  # 48 records in batches of 8
    expected = [5e-3 * learning_rate_factor(6 * epoch + 5, n_steps, 0.1) for epoch in range(4)]
    assert [metrics["learning_rate"] for metrics in fitted.history] == pytest.approx(expected)


def test_smoothed_labels_cannot_be_learnt_below_their_entropy() -> None:
    """Of two classes half smoothed the target is (0.75, 0.25): 0.562 nats."""
    settings = replace(SETTINGS, epochs=8, label_smoothing=0.5)
    _, smoothed = train(make_data(), settings, name="baseline")
    _, plain = train(make_data(), replace(settings, label_smoothing=0.0), name="baseline")
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert min(metrics["train_loss"] for metrics in smoothed.history) > entropy
    assert min(metrics["train_loss"] for metrics in plain.history) < entropy


def test_callback_ends_training() -> None:
    _, fitted = train(make_data(16, 4), on_epoch=lambda epoch, metrics: epoch == 1)
    assert (len(fitted.history), fitted.stopped) == (2, "callback")


def test_early_stopping_waits_for_the_least_number_of_epochs() -> None:
    settings = replace(SETTINGS, epochs=30, patience=1, min_epochs=5, learning_rate=1e-9)
    _, fitted = train(make_data(16, 4), settings)
    assert fitted.stopped == "early"
    assert 5 <= len(fitted.history) < 30


def test_loss_that_is_not_finite_is_one_line_with_a_remedy() -> None:
    data = make_data()
    encoder = fit_encoder(data.train)
    model = build_model("baseline", 12, encoder.n_out, 2, SIZES)
    with torch.no_grad():
        model.head[1].bias.fill_(torch.nan)
    with pytest.raises(TrainingError, match=r"the loss became nan in epoch 1; lower --learning-rate \(now 0.005\)"):
        fit(model, data, encoder, SETTINGS, AUGMENTATION)


def test_damaged_state_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    train(make_data(16, 4), state_path=path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"state\.safetensors: damaged"):
        train(make_data(16, 4), state_path=path)


def test_state_of_another_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    train(make_data(16, 4), state_path=path, name="baseline")
    with pytest.raises(CheckpointError, match=r"state\.safetensors: is of another model"):
        train(make_data(16, 4), state_path=path, name="fusion")


def test_empty_part_or_single_class_is_refused() -> None:
    data = make_data()
    with pytest.raises(TrainingError, match="no usable record in the validation part"):
        replace(data, val=data.val[:0])
    with pytest.raises(TrainingError, match="the 24 training records are all of one class"):
        replace(data, train=data.train[data.train.y_harmonised == 0])


@pytest.mark.parametrize("monitor", ["val_loss", "val_macro_auroc", "val_macro_f1"])
@pytest.mark.parametrize("n_val", [1, 4])
def test_validation_of_a_single_class_stops_and_selects_nothing(monitor: str, n_val: int) -> None:
    data = make_data(12)
    data = replace(data, val=data.val[data.val.y_harmonised == 0][:n_val])
    _, fitted = train(data, replace(SETTINGS, monitor=monitor, patience=1))
    assert (len(fitted.history), fitted.best_epoch, fitted.stopped) == (4, 3, "finished")


def test_fewer_records_than_a_batch_still_train() -> None:
    _, fitted = train(make_data(6, 4), replace(SETTINGS, batch_size=64))
    assert len(fitted.history) == 4


def test_bfloat16_learns_too() -> None:
    _, fitted = train(make_data(), replace(SETTINGS, precision="bfloat16", epochs=15), name="baseline")
    assert fitted.history[fitted.best_epoch]["val_accuracy"] == 1.0
