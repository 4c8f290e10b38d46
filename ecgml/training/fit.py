"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score
from torch import Tensor, nn

from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.datasets.settings import AugmentationSettings
from ecgml.errors import CheckpointError, TrainingError
from ecgml.evaluation.metric_table import metric_rows, monitors
from ecgml.evaluation.metrics import PreparedPredictions, WeightedPredictions
from ecgml.training.averaging import WeightAverage
from ecgml.training.data import TrainingData, clinical_values, steps_per_epoch, training_batches
from ecgml.training.predict import average_windows, predict_records
from ecgml.training.schedule import learning_rate_factor
from ecgml.training.settings import FitSettings
from ecgml.training.state import read_state, write_state
from ecgml.training.step import TrainingStep, make_optimiser
from ecgml.training.stopping import EarlyStopping

EpochCallback = Callable[[int, dict[str, float]], bool | None]
"""Called with (epoch from 0, metrics); returning True ends training after that epoch (a pruned trial)."""

StepCallback = Callable[[int, int, int, float | None], None]
"""Called with (epoch, step in the epoch, steps an epoch, loss); None on an accelerator, which is not waited for."""


@dataclass
class Fitted:
    """The outcome of a training.

    Parameters
    ----------
    history : list of dict
        Metrics of each epoch.
    best_epoch : int
        From 0; the model holds that epoch's weights.
    stopped : str
        ``"finished"``, ``"early"`` or ``"callback"``.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = -1
    stopped: str = "finished"


def fit(
    model: nn.Module,
    data: TrainingData,
    encoder: ClinicalEncoder,
    settings: FitSettings,
    augmentation: AugmentationSettings,
    *,
    on_epoch: EpochCallback | None = None,
    on_step: StepCallback | None = None,
    state_path: Path | None = None,
) -> Fitted:
    """Train a model; leave it with the weights of its best epoch, or of the last where validation has a single class.

    Every epoch draws from a seed of its own, so that a resumed training sees what an uninterrupted one would have seen.

    Parameters
    ----------
    model : Module
        On the store's device.
    data : TrainingData
    encoder : ClinicalEncoder
    settings : FitSettings
    augmentation : AugmentationSettings
    on_epoch, on_step : callable, optional
    state_path : Path, optional
        Written after every epoch; where it is there already, training goes on from it.

    Raises
    ------
    TrainingError
        If the loss is not finite.
    CheckpointError
        If the state is damaged or of another model.
    """
    device = data.store.device
    optimiser = make_optimiser(model, settings)
    take_step = TrainingStep(model, optimiser, data, encoder, settings, augmentation)
    average = WeightAverage(model, settings.ema_decay)
    best = {name: value.clone() for name, value in average.weights.items()}
    larger_is_better = not monitors()[settings.monitor] or not data.can_select
    stopping = EarlyStopping(settings.patience, settings.min_epochs, larger_is_better)
    fitted = Fitted()
    if state_path and state_path.exists():
        stopping = _resume(state_path, model, optimiser, average, best, fitted)

    n_epoch_steps = steps_per_epoch(data, augmentation, settings.batch_size)
    n_steps = settings.epochs * n_epoch_steps
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        for epoch in range(len(fitted.history), settings.epochs):
            if fitted.stopped != "finished" or stopping.done:
                break
            rng = np.random.default_rng([settings.seed, epoch])
            torch.manual_seed(int(rng.integers(2**62)))
            started, n_seen = time.perf_counter(), 0
            take_step.reset()
            model.train()
            for index, batch in enumerate(
                training_batches(data, augmentation, settings.batch_size, settings.balance, rng)
            ):
                step = epoch * n_epoch_steps + index
                rate = settings.learning_rate * learning_rate_factor(step, n_steps, settings.warmup)
                loss = take_step(rate, batch)
                average.update(step)
                n_seen += len(batch.labels)
                if on_step:
                    on_step(epoch, index, n_epoch_steps, loss.item() if device.type == "cpu" else None)

            train_loss = _finite(take_step.loss_sum.item(), epoch, settings) / n_seen  # waits for the device
            seconds = time.perf_counter() - started
            metrics = {"train_loss": train_loss, "train_accuracy": take_step.n_right.item() / n_seen}
            metrics |= {"learning_rate": rate, "records_per_second": n_seen / seconds}
            metrics |= validate(model, average, data, encoder)
            # Without anything to select by, later is better: all epochs, and the last is kept.
            if stopping.update(epoch, metrics[settings.monitor] if data.can_select else float(epoch)):
                best = {name: value.clone() for name, value in average.weights.items()}
            fitted.history.append(metrics)
            if on_epoch and on_epoch(epoch, metrics):
                fitted.stopped = "callback"
            if state_path:
                _save(state_path, model, optimiser, average, best, stopping, fitted)

    if fitted.stopped == "finished" and stopping.done and len(fitted.history) < settings.epochs:
        fitted.stopped = "early"
    model.load_state_dict(best)
    model.eval()
    fitted.best_epoch = stopping.best_epoch
    return fitted


def validate(
    model: nn.Module, average: WeightAverage, data: TrainingData, encoder: ClinicalEncoder
) -> dict[str, float]:
    """Return the validation metrics of the averaged weights; the model's own are left as they were."""
    own = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(average.weights)
    model.eval()
    table = data.val
    logits, owner = predict_records(
        model, data.store, table.first_window, table.n_windows, clinical_values(table), encoder
    )
    y_prob = average_windows(logits, owner, len(table))
    model.load_state_dict(own)
    return validation_metrics(table.y_harmonised, y_prob)


def validation_metrics(y_true: NDArray[np.int64], y_prob: NDArray[np.float64]) -> dict[str, float]:
    """Return val_loss and the table's metrics of the validation part, over the classes present."""
    y_pred = y_prob.argmax(axis=1)
    own = y_prob[np.arange(len(y_true)), y_true]
    present = np.unique(y_true)
    aurocs = [roc_auc_score(y_true == label, y_prob[:, label]) for label in present] if len(present) > 1 else [math.nan]
    once = WeightedPredictions(PreparedPredictions(y_true, y_pred, y_prob), np.ones((1, len(y_true))))
    figures = {f"val_{row.name}": float(row.function(once)[0]) for row in metric_rows("validation", by_class=False)}
    # These two as scikit-learn rounds them: to the last bit what studies and trainings that go on were judged by.
    figures["val_macro_f1"] = float(f1_score(y_true, y_pred, labels=present, average="macro", zero_division=0))
    figures["val_macro_auroc"] = float(np.mean(aurocs))
    return {"val_loss": float(-np.log(np.maximum(own, 1e-12)).mean()), **figures}


def _finite(loss: float, epoch: int, settings: FitSettings) -> float:
    if not math.isfinite(loss):
        raise TrainingError(
            f"the loss became {loss} in epoch {epoch + 1}; lower --learning-rate (now {settings.learning_rate:g})"
        )
    return loss


def _save(
    path: Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: WeightAverage,
    best: dict[str, Tensor],
    stopping: EarlyStopping,
    fitted: Fitted,
) -> None:
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.weights.items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    for number, own in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in own.items()}
    facts = {"stopping": stopping.state_dict(), "history": fitted.history, "stopped": fitted.stopped}
    write_state(path, tensors, facts)


def _resume(
    path: Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: WeightAverage,
    best: dict[str, Tensor],
    fitted: Fitted,
) -> EarlyStopping:
    """Restore the state written by :func:`_save`; return the early stopping."""
    tensors, facts = read_state(path)

    def part(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

    try:
        model.load_state_dict(part("model."))
        for target, prefix in ((average.weights, "average."), (best, "best.")):
            for name, value in part(prefix).items():
                target[name].copy_(value)
        parameters = [value for group in optimiser.param_groups for value in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in part("optimiser.").items():
            number, key = name.split(".", 1)
            own = parameters[int(number)]
            # Moments must lie in memory as their weights do (channels last): the fused step walks both side by side.
            moment = torch.empty_like(own).copy_(value) if value.shape == own.shape else value
            state.setdefault(int(number), {})[key] = moment
        optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    except (RuntimeError, KeyError, ValueError, IndexError) as error:
        message = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path}: is of another model or settings ({message})") from None
    fitted.history, fitted.stopped = facts["history"], facts["stopped"]
    return EarlyStopping(**facts["stopping"])
