"""`ecgml train`: both models, from files to compared, tracked runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

import ecgml
from ecgml.calibration.calibration import Calibration
from ecgml.config import Configuration, to_json
from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.datasets.store import WindowStore
from ecgml.errors import CheckpointError, ConfigError, TrainingError
from ecgml.evaluation.scores import score
from ecgml.models.build import build_model
from ecgml.pipeline.job.configuration import resolve_settings
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import JobData, load_data
from ecgml.pipeline.job.lineage import ANCESTORS, Ancestor, as_facts, descent, read_lineage
from ecgml.pipeline.job.model_card import model_card
from ecgml.pipeline.job.reporting import (
    Scored,
    describe_job,
    describe_model,
    git_commit,
    note_of,
    one_line,
    report_answers,
    report_comparison,
    report_history,
    report_job,
    report_scores,
)
from ecgml.pipeline.job.scoring import answers_of, calibrate, to_predictions, window_logits
from ecgml.pipeline.job.settings import TRAIN_SECTIONS
from ecgml.pipeline.train.resume import adopt, find_interrupted, finished_model, same_threads
from ecgml.records.leads import LEADS
from ecgml.records.schemes import scheme_named
from ecgml.service.jobs import COMMAND, LAST, RESUMES, claim, last_job, launch_to_resume
from ecgml.service.logged_model import log_model
from ecgml.service.models import pinned, read_checkpoint
from ecgml.service.pages import run_name, where_to_look
from ecgml.service.runs import close_abandoned, ended_by_signal, noted_failure, open_run
from ecgml.service.store import connect
from ecgml.service.tracker import Tracker
from ecgml.training.checkpoint import Checkpoint, save_checkpoint
from ecgml.training.data import TrainingData, fit_encoder
from ecgml.training.device import choose_device
from ecgml.training.fit import Fitted, fit
from ecgml.training.state import remove_state


def train(options: Mapping[str, Any], console: Console, *, config: str = "", resume: str = "") -> str:
    """Train the models, score them on the test part and the external cohort, compare them.

    Parameters
    ----------
    options : mapping
        Settings of `ecgml.pipeline.job.settings.TRAIN_SECTIONS` by name; ``None`` and ``""`` mean "not given".
    console : Console
    config : str
        A YAML file of settings; options beat it.
    resume : str
        Any run of a job that was stopped, or ``last`` for the newest unfinished one of the experiment, to go on with
        under its own settings.

    Returns
    -------
    run_id : str
        The job's run; each model's run is its child.

    Raises
    ------
    EcgmlError
        If settings, data, store or training do not allow it; no run is left open.
    """
    with ended_by_signal(), noted_failure():
        if resume and config:
            raise ConfigError("config: a resumed job keeps its settings; leave it out")
        configuration = resolve_settings(TRAIN_SECTIONS, options, config)
        experiment = connect()
        for run_id in close_abandoned():
            console.say(f"closed run {run_id}: whatever worked on it is gone")
        interrupted = None
        if resume:
            interrupted = find_interrupted(last_job(experiment) if resume == LAST else resume, options)
            claim(interrupted.run_id, interrupted.experiment_id, experiment)
            experiment, configuration = interrupted.experiment_id, interrupted.configuration
            console.say(f"goes on with run {interrupted.run_id}")
        device = choose_device(configuration["fit"].device)
        configuration, start = starting_point(configuration)
        if interrupted:
            interrupted.check_start(start.ancestors if start else ())
        job = load_data(configuration, console, read_lineage(start.ancestors) if start else None)
        if interrupted:
            interrupted.check(job.digest)
        marks = {COMMAND: "train", **({RESUMES: interrupted.run_id} if interrupted else {})}
        with (
            same_threads(interrupted, device),
            open_run(experiment, run_name(job.name), tags=marks) as run,
            say_how_to_resume(run.info.run_id, experiment, console),
        ):
            tracker = Tracker(run.info.run_id)
            tracker.tags({ANCESTORS: json.dumps(as_facts(job.lineage.ancestors))})
            report_job(tracker, configuration, job)
            links = adopt(interrupted, tracker) if interrupted else []
            store = WindowStore(job.caches, device)
            models: dict[str, Scored] = {}
            for name in configuration["job"].models:
                child = interrupted.children.get(name) if interrupted else None
                if child and child.finished:
                    models[name] = finished_model(child, configuration["job"].bootstrap)
                    console.say(f"{name}: finished before, checkpoint runs:/{child.run_id}/checkpoint")
                    continue
                with open_run(
                    experiment, name, parent_id=run.info.run_id, run_id=child.run_id if child else None
                ) as own:
                    models[name] = train_model(
                        name, configuration, job, store, start, Tracker(own.info.run_id), console
                    )
                console.say(f"{name}: checkpoint runs:/{own.info.run_id}/checkpoint")
            verdicts: list[str] = []
            if len(models) > 1:
                verdicts = report_comparison(tracker, models, configuration["job"].bootstrap, job)
            tracker.describe(describe_job(models, verdicts, job, links))
            for verdict in verdicts:
                console.say(verdict)
    console.say(f"run {run.info.run_id}; look at it: {where_to_look(experiment)}")
    return run.info.run_id


@contextmanager
def say_how_to_resume(run_id: str, experiment_id: str, console: Console) -> Iterator[None]:
    """Say, when a job is stopped, how to go on with it."""
    launch = launch_to_resume(run_id, experiment_id)  # asked first: that the store hangs may be why it is stopped
    try:
        yield
    except KeyboardInterrupt:
        console.say(f"stopped; go on with: ecgml train --resume {run_id}, or: {launch}")
        raise


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted model before it is judged.

    Parameters
    ----------
    name : str
    model : Module
        With the weights of its best epoch.
    encoder : ClinicalEncoder
    data : TrainingData
        What it was fitted to and selected by.
    fitted : Fitted
    ancestors : tuple of Ancestor
        What it was started from, nearest first.
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


def training_data(configuration: Configuration, job: JobData, store: WindowStore) -> TrainingData:
    """Return what models are fitted to and selected by: the test part is not in it."""
    return TrainingData(
        store, job.part("train"), job.part("val"), job.pool, len(job.scheme.classes), configuration["preprocessing"].fs
    )


def train_model(
    name: str,
    configuration: Configuration,
    job: JobData,
    store: WindowStore,
    start: Start | None,
    tracker: Tracker,
    console: Console,
) -> Scored:
    """Fit one model in the active run and score it; log everything about it."""
    trained, state_path = fit_model(name, configuration, job, store, start, tracker, console)
    scored = judge_model(trained, configuration, job, tracker, console)[0]
    remove_state(state_path)
    return scored


def fit_model(
    name: str,
    configuration: Configuration,
    job: JobData,
    store: WindowStore,
    start: Start | None,
    tracker: Tracker,
    console: Console,
) -> tuple[Trained, Path]:
    """Fit one model in the active run; log everything but its scores.

    An earlier model of the same architecture gives its weights and the clinical encoder that they were fitted to; of
    another one nothing is taken, and what is said of the data holds all the same.

    Returns
    -------
    trained : Trained
    state_path : Path
        The training's state, to be deleted when nothing is left to do.
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
    state_path = configuration["data"].cache_path / "training" / f"{tracker.run_id}.safetensors"
    try:
        fitted = fit_with_progress(name, model, data, encoder, configuration, state_path, tracker, console)
    except TrainingError:
        remove_state(state_path)  # going on from there would fail again
        raise
    trained = Trained(name, model, encoder, data, fitted, ancestors)
    tracker.metrics({"best_epoch": fitted.best_epoch + 1, "epochs_trained": len(fitted.history)})
    tracker.tags({"ecgml.stopped": fitted.stopped})
    console.say(
        f"{name}: kept epoch {fitted.best_epoch + 1} of {len(fitted.history)} ({fitted.stopped}), "
        f"val macro-F1 {trained.kept['val_macro_f1']:.3f}, macro AUROC {trained.kept['val_macro_auroc']:.3f}"
    )
    report_history(tracker, fitted.history, fitted.best_epoch, job)
    return trained, state_path


def judge_model(
    trained: Trained, configuration: Configuration, job: JobData, tracker: Tracker, console: Console
) -> tuple[Scored, str]:
    """Score a fitted model, once, on the test part and the external cohort; log it in the active run.

    Returns
    -------
    scored : Scored
    model_id : str
        The LoggedModel.
    """
    name, model, encoder, store = trained.name, trained.model, trained.encoder, trained.data.store
    n_bootstrap = configuration["job"].bootstrap
    n_classes, fs = len(job.scheme.classes), configuration["preprocessing"].fs
    calibration = calibrate(
        model,
        store,
        encoder,
        (trained.data.train, trained.data.val, job.part("calibration")),
        n_classes,
        fs,
        configuration["calibration"],
    )
    tracker.metrics({"temperature": calibration.scaling.temperature})
    scored, harmonised, answers = Scored(), {}, {}
    tables = {"test": job.part("test", usable=False)} | ({"external": job.external} if len(job.external) else {})
    for what, table in tables.items():
        said = window_logits(model, store, table, encoder, n_classes)
        y_prob = said.y_prob(calibration.scaling)
        answers[what] = answers_of(said, calibration, store, table, fs)
        scored.predictions[what] = to_predictions(table, y_prob, job.scheme.classes)
        scored.scores[what] = score(scored.predictions[what], n_bootstrap=n_bootstrap)
        if configuration["data"].harmonise != "none":
            labelled = to_predictions(table, y_prob, job.scheme.classes, harmonised=True)
            harmonised[what] = score(labelled, n_bootstrap=n_bootstrap)
    # The model carries its figures, so they come first; then they are logged as that model's.
    card = model_card(
        name, configuration, job, scored.scores, tracker.run_id, git_commit(), ancestors=trained.ancestors
    )
    model_id = log_checkpoint(trained, configuration, job, calibration, tracker, card)
    for what, scores in scored.scores.items():
        report_scores(tracker, what, scored.predictions[what], scores, note_of(job), model_id)
        report_answers(tracker, what, scored.predictions[what], answers[what], n_bootstrap, model_id)
        if what in harmonised:
            tracker.metrics(harmonised[what].flat(f"{what}_harmonised_"), model_id=model_id)
        console.say(f"{name}, {what}: {one_line(scores)}")
    tracker.describe(describe_model(name, scored, job))
    return scored, model_id


@dataclass(frozen=True, eq=False)
class Start:
    """The earlier model that a job starts from.

    Parameters
    ----------
    address : str
    checkpoint : Checkpoint
    ancestors : tuple of Ancestor
        That model, then what it was started from itself.
    """

    address: str
    checkpoint: Checkpoint
    ancestors: tuple[Ancestor, ...]

    def keeps_head(self, classes: Sequence[str]) -> bool:
        """Whether its classifier tells apart the same classes, in the same order."""
        return tuple(classes) == self.checkpoint.classes

    def gives(self, name: str, classes: Sequence[str]) -> str:
        """Say what a model takes over of it."""
        own = self.checkpoint
        if own.model_name != name:
            return f"starts afresh, with a clinical encoder of its own: {self.address} is a {own.model_name}"
        taken = f"starts from {self.address}: its weights and clinical encoder"
        if self.keeps_head(classes):
            return f"{taken}, its classifier of {', '.join(classes)} included"
        return f"{taken}; the classifier starts afresh, that one tells apart {', '.join(own.classes)}"


def starting_point(configuration: Configuration) -> tuple[Configuration, Start | None]:
    """Return the earlier model to start from, or None, and the settings with its address pinned: an alias may move.

    Raises
    ------
    CheckpointError
        If it cannot be read, was made for other waveforms, or is none of the models to be trained.
    """
    if not configuration["job"].init_from:
        return configuration, None
    address = pinned(configuration["job"].init_from)[0]
    start = read_checkpoint(address)
    models = configuration["job"].models
    if start.model_name not in models:
        raise CheckpointError(
            f"init_from: {address} is a {start.model_name}, of which {' and '.join(models)} would take nothing; give "
            f"an earlier {' or '.join(models)}, or models={start.model_name}"
        )
    if start.preprocessing != configuration["preprocessing"]:
        raise CheckpointError(
            f"init_from: {address} was trained on other waveforms; give its preprocessing settings: "
            f"{to_json(start.preprocessing)}"
        )
    if address != configuration["job"].init_from:
        configuration = configuration.changed({"init_from": address})
    return configuration, Start(address, start, descent(start, address))


def initial_model(
    name: str, configuration: Configuration, encoder: ClinicalEncoder, data: TrainingData, start: Checkpoint | None
) -> nn.Module:
    """Build the model; take over the weights of an earlier one of the same architecture.

    A classifier of other classes, or of the same in another order, starts afresh; where anything else differs, that is
    an error.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(configuration["fit"].seed)
        model = build_model(name, len(LEADS), encoder.n_out, data.n_classes, configuration["model"])
    if start is None or start.model_name != name:
        return model
    if start.model != configuration["model"]:
        raise CheckpointError(f"init_from: the earlier {name} has other sizes; give its own: {to_json(start.model)}")
    weights = dict(start.weights)
    if start.classes != scheme_named(configuration["data"].scheme).classes:
        fresh = {key: value for key, value in model.state_dict().items() if key.startswith("head.")}
        weights = {key: value for key, value in weights.items() if not key.startswith("head.")} | fresh
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"init_from: the earlier {name}'s weights do not fit: {' '.join(str(error).split())[:200]}"
        ) from None
    return model


def fit_with_progress(
    name: str,
    model: nn.Module,
    data: TrainingData,
    encoder: ClinicalEncoder,
    configuration: Configuration,
    state_path: Path,
    tracker: Tracker,
    console: Console,
) -> Fitted:
    """Fit; show a bar on a terminal, a line an epoch otherwise; log each epoch in one request."""
    settings = configuration["fit"]
    last_note = ""
    with console.progress(name, "steps") as show:

        def on_step(epoch: int, index: int, n_steps: int, loss: float) -> None:
            show(epoch * n_steps + index + 1, settings.epochs * n_steps, f"loss {loss:.3f} {last_note}")

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
            configuration["augmentation"],
            on_epoch=on_epoch,
            on_step=on_step,
            state_path=state_path,
        )


def log_checkpoint(
    trained: Trained,
    configuration: Configuration,
    job: JobData,
    calibration: Calibration,
    tracker: Tracker,
    card: str,
) -> str:
    """Log the checkpoint as an artifact and, with the card, as a LoggedModel; return the latter's id."""
    checkpoint = Checkpoint(
        trained.name,
        configuration["model"],
        configuration["preprocessing"],
        job.scheme.name,
        job.scheme.classes,
        trained.encoder,
        {key: value.cpu() for key, value in trained.model.state_dict().items()},
        calibration,
        {
            "run_id": tracker.run_id,
            "data_digest": job.digest,
            "simulated": job.simulated,
            "ecgml": ecgml.__version__,
            "best_epoch": trained.fitted.best_epoch + 1,
            "ancestors": as_facts(trained.ancestors),
        },
    )
    with tracker.folder("checkpoint") as path:
        save_checkpoint(checkpoint, path)
    return log_model(checkpoint, card, trained.fitted.best_epoch + 1)
