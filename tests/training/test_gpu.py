"""Training on a CUDA device: what a CPU computes, resumed alike, without waiting for the device inside an epoch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ecgml.datasets.settings import AugmentationSettings
from ecgml.datasets.store import WindowStore
from ecgml.models.build import build_model
from ecgml.training import step
from ecgml.training.data import TrainingData, fit_encoder, training_batches
from ecgml.training.fit import Fitted, fit
from ecgml.training.predict import predict_records
from tests.training.test_fit import SETTINGS, SIZES, Killed, make_data

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
PLAIN = AugmentationSettings(
    augmentation=0, time_stretch=0, crop=0, lead_dropout=0, lead_exchange=0, clinical_dropout=0, clinical_absence=0,
    simulated_records=0,
)  # fmt: skip


def on(device: str, n_train: int = 48) -> TrainingData:
    data = make_data(n_train, 16)
    windows, n_valid = data.store.steps(np.arange(n_train + 16)), data.store.n_valid
    store = WindowStore([SimpleNamespace(windows=windows, n_valid=n_valid)], torch.device(device))
    return replace(data, store=store)


def train(
    data: TrainingData, augmentation: AugmentationSettings = PLAIN, dropout: float = 0.0, **options: object
) -> tuple[torch.nn.Module, Fitted]:
    encoder = fit_encoder(data.train)
    torch.manual_seed(0)
    model = build_model("fusion", 12, encoder.n_out, 2, replace(SIZES, dropout=dropout)).to(data.store.device)
    settings = replace(SETTINGS, **options.pop("settings", {}))
    return model, fit(model, data, encoder, settings, augmentation, **options)


def test_a_gpu_learns_what_a_cpu_learns() -> None:
    """In float32 without anything random; a convolution's products are rounded to TF32, 10 bits, on a GPU."""
    losses = [[epoch["train_loss"] for epoch in train(on(device))[1].history] for device in ("cpu", "cuda")]
    np.testing.assert_allclose(*losses, rtol=0.02)


def test_a_replayed_step_is_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    replayed = train(on("cuda"))[1].history
    monkeypatch.setattr(step, "EAGER_STEPS", 10**9)
    eager = train(on("cuda"))[1].history
    for name in ("train_loss", "val_loss"):
        np.testing.assert_allclose([row[name] for row in replayed], [row[name] for row in eager], rtol=0.01)


def test_replayed_steps_follow_the_learning_rate_and_draw_dropout_anew() -> None:
    """Weights must move by about the rate of each step, and two steps of the same batch must differ under dropout."""
    data = on("cuda", 8)
    encoder, moved = fit_encoder(data.train), []
    torch.manual_seed(0)
    model = build_model("fusion", 12, encoder.n_out, 2, replace(SIZES, dropout=0.5)).to("cuda").train()
    settings = replace(SETTINGS, weight_decay=0.0)
    take = step.TrainingStep(model, step.make_optimiser(model, settings), data, encoder, settings, PLAIN)
    batch = next(training_batches(data, PLAIN, 8, 1.0, np.random.default_rng(0)))
    losses = []
    for rate in [0.0] * 8 + [1e-3, 0.0]:
        before = model.head[1].weight.detach().clone()
        losses.append(take(rate, batch).item())
        moved.append((model.head[1].weight - before).abs().max().item())
    assert moved[:8] == [0.0] * 8
    assert 1e-4 < moved[8] < 1e-2
    assert moved[9] == 0.0
    assert len(set(losses[4:8])) == 4


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")  # it calls itself a prototype
@pytest.mark.parametrize("augmentation", [PLAIN, AugmentationSettings(simulated_records=0, lead_exchange=0.5)])
def test_an_epoch_does_not_wait_for_the_device(augmentation: AugmentationSettings) -> None:
    """torch raises where an operation waits; allowed again at the last step, after which losses are read."""

    def start(epoch: int, index: int, n_steps: int, loss: float | None) -> None:
        assert loss is None
        torch.cuda.set_sync_debug_mode("error" if index + 1 < n_steps and index > step.EAGER_STEPS else "default")

    try:
        train(on("cuda", 120), augmentation, on_step=start, settings={"epochs": 2})
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_resumed_training_goes_on_where_it_was(tmp_path: Path) -> None:
    """Not bit for bit: a GPU adds up gradients in any order."""
    path = tmp_path / "state.safetensors"
    _, whole = train(on("cuda"))

    def kill(epoch: int, index: int, n_steps: int, loss: float | None) -> None:
        if epoch == 2 and index == 1:
            raise Killed

    with pytest.raises(Killed):
        train(on("cuda"), state_path=path, on_step=kill)
    _, resumed = train(on("cuda"), state_path=path)
    assert len(resumed.history) == len(whole.history)
    np.testing.assert_allclose(
        [row["train_loss"] for row in resumed.history], [row["train_loss"] for row in whole.history], rtol=0.02
    )


@pytest.mark.filterwarnings("ignore")  # torch.compile's own
def test_bfloat16_and_compiled_training_learn() -> None:
    for options in ({"precision": "bfloat16"}, {"precision": "bfloat16", "compile": True}):
        _, fitted = train(on("cuda"), settings={"epochs": 15, **options})
        assert fitted.history[fitted.best_epoch]["val_accuracy"] == 1.0


def test_a_gpu_predicts_what_a_cpu_predicts() -> None:
    model, _ = train(on("cpu"), settings={"epochs": 1})
    logits = []
    for device in ("cpu", "cuda"):
        data = on(device)
        encoder, table = fit_encoder(data.train), data.train
        logits.append(
            predict_records(
                model.to(device).eval(), data.store, table.first_window, table.n_windows, table.given, encoder
            )[0]
        )
    np.testing.assert_allclose(*logits, atol=1e-4)
