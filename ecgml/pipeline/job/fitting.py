"""Fit one model in its run and log everything except its scores."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.datasets.store import WindowStore
from ecgml.errors import TrainingError
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import JobData
from ecgml.pipeline.job.lineage import ANCESTORS, Ancestor, as_facts
from ecgml.pipeline.job.reporting import report_history, report_job
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.pipeline.job.start import Start, initial_model
from ecgml.saving import remove_whole
from ecgml.service.tracker import Tracker
from ecgml.training.data import TrainingData, fit_encoder
from ecgml.training.fit import Fitted, fit


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted model before it is scored.

    Parameters
    ----------
    name : str
    model : Module
        With the weights of its best epoch.
    encoder : ClinicalEncoder
    data : TrainingData
        Data to which it was fitted and by which it was selected.
    fitted : Fitted
    ancestors : tuple of Ancestor
        Models that it was started from, nearest first.
    """

    name: str
    model: nn.Module
    encoder: ClinicalEncoder
    data: TrainingData
    fitted: Fitted
    ancestors: tuple[Ancestor, ...] = ()

    @property
    def kept(self) -> dict[str, float]:
        """Metrics of the epoch whose weights were kept."""
        return self.fitted.history[self.fitted.best_epoch]


def training_data(configuration: TrainConfiguration, job: JobData, store: WindowStore) -> TrainingData:
    """Return the training and validation data, without the test part."""
    return TrainingData(
        store, job.part("train"), job.part("val"), job.pool, len(job.scheme.classes), configuration.preprocessing.fs
    )


def fit_model(
    name: str,
    configuration: TrainConfiguration,
    job: JobData,
    store: WindowStore,
    start: Start | None,
    tracker: Tracker,
    console: Console,
) -> tuple[Trained, Path]:
    """Fit one model in the active run; log everything except its scores.

    An earlier model of the same architecture gives its weights and the clinical encoder that they were fitted to; of
    another one nothing is taken, and what is said of the data holds all the same.

    Returns
    -------
    trained : Trained
    state_path : Path
        The training state, to be deleted at the end.
    """
    if start:
        console.say(f"{name}: {start.gives(name, job.scheme.classes)}")
    start = start if start and start.checkpoint.model_name == name else None
    ancestors = start.ancestors if start else ()
    tracker.tags({ANCESTORS: json.dumps(as_facts(ancestors))})
    report_job(tracker, configuration, job)
    tracker.params({"model": name, **configuration.values()})
    data = training_data(configuration, job, store)
    encoder = start.checkpoint.encoder if start else fit_encoder(data.train)
    model = initial_model(name, configuration, encoder, data, start.checkpoint if start else None).to(store.device)
    n_parameters = sum(value.numel() for value in model.parameters())
    console.say(f"{name}: {n_parameters:,} parameters on {store.device}, {len(data.train):,} records to train on")
    state_path = configuration.data.cache_path / "training" / f"{tracker.run_id}.safetensors"
    try:
        fitted = fit_with_progress(name, model, data, encoder, configuration, state_path, tracker, console)
    except TrainingError:
        remove_whole(state_path)  # resuming from it would fail again
        raise
    trained = Trained(name, model, encoder, data, fitted, ancestors)
    tracker.metrics({"best_epoch": fitted.best_epoch + 1, "epochs_trained": len(fitted.history)})
    tracker.tags({"ecgml.stopped": fitted.stopped})
    console.say(
        f"{name}: kept epoch {fitted.best_epoch + 1} of {len(fitted.history)} ({fitted.stopped}), "
        f"val macro-F1 {trained.kept['val_macro_f1']:.3f}, macro AUROC {trained.kept['val_macro_auroc']:.3f}"
    )
    report_history(tracker, name, fitted.history, fitted.best_epoch, job)
    return trained, state_path


def fit_with_progress(
    name: str,
    model: nn.Module,
    data: TrainingData,
    encoder: ClinicalEncoder,
    configuration: TrainConfiguration,
    state_path: Path,
    tracker: Tracker,
    console: Console,
) -> Fitted:
    """Fit a model; show a bar on a terminal or else a line per epoch; log each epoch in one request."""
    settings = configuration.fit
    last_note = ""
    with console.progress(name, "steps") as show:

        def on_step(epoch: int, index: int, n_steps: int, loss: float | None) -> None:
            shown = "" if loss is None else f"loss {loss:.3f} "
            show(epoch * n_steps + index + 1, settings.epochs * n_steps, shown + last_note)

        def on_epoch(epoch: int, metrics: dict[str, float]) -> None:
            nonlocal last_note
            tracker.metrics(metrics, step=epoch + 1)
            last_note = f"val macro-F1 {metrics['val_macro_f1']:.3f} AUROC {metrics['val_macro_auroc']:.3f}"
            line = (
                f"{name} epoch {epoch + 1}/{settings.epochs}: train loss {metrics['train_loss']:.3f}, "
                f"val loss {metrics['val_loss']:.3f}, {last_note}, {metrics['records_per_second']:.0f} records/s"
            )
            if not console.is_terminal:
                console.say(line)

        return fit(
            model,
            data,
            encoder,
            settings,
            configuration.augmentation,
            on_epoch=on_epoch,
            on_step=on_step,
            state_path=state_path,
        )
