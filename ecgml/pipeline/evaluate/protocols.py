"""`ecgml evaluate MODEL --splits …`: retrain with a model's settings on other splits, fold by fold."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ecgml.datasets.folds import Fold, date_folds, patient_folds, published_folds, source_folds
from ecgml.datasets.published import read_folds
from ecgml.datasets.store import WindowStore
from ecgml.errors import ConfigError, EvaluationError, TrainingError
from ecgml.evaluation.prediction_files import write_predictions
from ecgml.evaluation.protocols import DEFAULT, TITLES, Protocol, ProtocolScores, judge_protocols, protocol_table
from ecgml.evaluation.summary import interval_text
from ecgml.models.registry import model_entry
from ecgml.page.html import render_page
from ecgml.page.sections import sentence
from ecgml.pipeline.job.artifacts import TITLES as TITLES_OF_PARTS
from ecgml.pipeline.job.command import command
from ecgml.pipeline.job.configuration import resolve_settings
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import JobData, load_data
from ecgml.pipeline.job.fitting import fit_model, training_data
from ecgml.pipeline.job.model_run import ModelRun
from ecgml.pipeline.job.publishing import page_folder, publish_page
from ecgml.pipeline.job.reporting import note_of
from ecgml.pipeline.job.scoring import fit_probabilities, predict_table, to_predictions, window_logits
from ecgml.pipeline.job.settings import DataSettings, ProtocolConfiguration, ProtocolSettings, TrainConfiguration
from ecgml.pipeline.job.start import initial_model
from ecgml.pipeline.job.threads import choose_threads, using_threads
from ecgml.plugins import source_of
from ecgml.report.evaluated import caption, predictions_file
from ecgml.report.protocols import TITLE, protocols_section
from ecgml.saving import remove_whole
from ecgml.service.jobs import COMMAND
from ecgml.service.runs import (
    Child,
    find_tagged,
    move_children,
    open_run,
    parent_of,
    read_run,
)
from ecgml.service.tracker import Tracker
from ecgml.source import code_digest
from ecgml.training.data import fit_encoder, steps_per_epoch
from ecgml.training.device import choose_device
from ecgml.training.fit import fit

PAGE = "protocols.html"

FOLD = "ecgml.fold"
"""Tag of a fold's run: digest of its inputs, by which the run is reused."""

TIMED_STEPS = 4

FORWARD_SHARE = 1 / 3
"""Share of a training step; the backward pass takes about twice the forward pass."""


@dataclass(frozen=True, eq=False)
class FoldTask:
    """One fold of one protocol, to be trained or reused."""

    protocol: str
    fold: Fold
    job: JobData
    digest: str

    @property
    def name(self) -> str:
        """Of its run."""
        return f"{self.protocol} {self.fold.name}"


@dataclass(frozen=True, eq=False)
class JudgedProtocols:
    """Result of :func:`evaluate_protocols`.

    Parameters
    ----------
    protocols : sequence of Protocol
        The default split first.
    impossible : mapping of str to sequence of str
        Protocols without figures, and why.
    said : str
        In words, with the run.
    caution : str
        How the trainings differ from the model's own; empty where they do not.
    """

    protocols: Sequence[Protocol]
    impossible: Mapping[str, Sequence[str]]
    said: str
    caution: str = ""


def evaluate_protocols(
    model: str, options: Mapping[str, Any], console: Console, *, config: str = ""
) -> JudgedProtocols:
    """Evaluate a model's settings on other splits beside its own; log scores, drop and predictions.

    The default split's and the external cohort's figures are the model's own where its settings and data are unchanged;
    otherwise the default split's is trained anew, too, and the external cohort is left alone. Fold by fold a run is
    opened within one parent run; the same command finds finished folds again, and goes on within a stopped one.

    Parameters
    ----------
    model : str
        A checkpoint folder, ``runs:/<run id>``, ``models:/<name>@<alias>`` or ``models:/<name>/<version>``, of a run
        in this tracking store.
    options : mapping
        Settings of `ecgml.pipeline.job.settings.ProtocolConfiguration` by name; ``None`` and ``""`` mean "not given".
    console : Console
    config : str
        A YAML file of settings; options override it.

    Returns
    -------
    judged : JudgedProtocols

    Raises
    ------
    EcgmlError
        If model, settings, data or store are unsuitable; no run is left open.
    """
    with command("evaluate", console) as running:
        requested = resolve_settings(ProtocolConfiguration, options, config)
        settings = requested.protocols
        if not model:
            raise ConfigError("evaluate: no model given; name a checkpoint folder, runs:/… or models:/… first")
        past = ModelRun.open(model)
        experiment = running.connect(beside=past.run_id)
        if not past.run_id:
            raise EvaluationError(f"splits: {model} does not name its run, so its settings are unknown; name the run")
        configuration = _settings_of(past, requested)
        job = load_data(configuration, console)
        started_from = past.ancestors[0].address if past.ancestors else ""
        unchanged = (
            job.digest == past.data_digest
            and configuration.fit.epochs == past.configuration.fit.epochs
            and not started_from
        )
        if started_from:
            console.warn(_from_the_start(started_from))
        name = past.checkpoint.model_name
        tasks, notes = _tasks(name, job, configuration, settings, unchanged)
        for protocol, remarks in notes.items():
            for remark in remarks:
                console.warn(f"{TITLES[protocol]}: {remark}")
        if all(task.protocol == DEFAULT for task in tasks):
            raise EvaluationError(f"splits: none of {', '.join(settings.splits)} is possible with these data")
        store = WindowStore(job.caches, choose_device(configuration.fit.device))
        outcomes = own_outcomes(past) if unchanged else {}
        tags = {"ecgml.model": model, "ecgml.model_run": past.run_id}
        with (
            using_threads(choose_threads(store.device)),
            running.run(f"splits of {name}", requested, tags, is_simulated=job.simulated) as tracker,
        ):
            _say_time(tasks, name, configuration, store, experiment, console)
            for task in tasks:
                outcome = _outcome(task, name, configuration, store, experiment, tracker, console)
                outcomes.setdefault(task.protocol, []).append(outcome)
            if not any(reason.predictions for reason in outcomes[DEFAULT]):
                raise EvaluationError(f"splits: the default split cannot be trained: {outcomes[DEFAULT][0].note}")
            evaluation = requested.evaluation
            protocols = judge_protocols(outcomes, notes=notes, n_bootstrap=evaluation.bootstrap, seed=evaluation.seed)
            impossible = {
                reason: notes.get(reason, ()) for reason in settings.splits if reason not in {p.name for p in protocols}
            }
            own_epochs, epochs = past.configuration.fit.epochs, configuration.fit.epochs
            caution = _from_the_start(started_from) if started_from else ""
            if epochs != own_epochs:
                caution = f"{caution} " if caution else ""
                caution += (
                    f"Each model here was trained for {epochs} epoch{'s' * (epochs != 1)} instead of the model's own "
                    f"{own_epochs}, that of the default split as well: the figures are not the model's."
                )
            said = _report(tracker, name, protocols, impossible, job, caution)
    said = "\n".join([said, *running.said(tracker.run_id, PAGE, None)])
    return JudgedProtocols(protocols, impossible, said, caution)


def _from_the_start(address: str) -> str:
    """Return the caution that folds of a fine-tuned model's settings start untrained."""
    return (
        f"The model was started from {address}; each model here is trained from the start, that of the default split "
        "as well: what the earlier one learnt from may be in any fold, so the figures are not the model's."
    )


def _settings_of(past: ModelRun, requested: ProtocolConfiguration) -> TrainConfiguration:
    """Return the model's settings with the requested changes."""
    overrides = {
        name: getattr(requested.data, name)
        for name in DataSettings.__dataclass_fields__
        if requested.origins[name] != "default"
    }
    if "data_dir" in overrides and "external_dir" not in overrides:
        overrides["external_dir"] = ()
    overrides["init_from"] = ""
    overrides["device"] = requested.evaluation.device
    if requested.protocols.epochs:
        overrides["epochs"] = requested.protocols.epochs
    return past.configuration.changed(overrides)


def _tasks(
    name: str, job: JobData, configuration: TrainConfiguration, settings: ProtocolSettings, unchanged: bool
) -> tuple[list[FoldTask], dict[str, list[str]]]:
    """Return the folds to train, and notes on records left out by protocol."""
    table, split = job.table, configuration.split
    notes: dict[str, list[str]] = {}
    folds: dict[str, list[Fold]] = {} if unchanged else {DEFAULT: [Fold("test part", job.parts)]}
    for protocol in settings.splits:
        try:
            if protocol == "kfold":
                folds[protocol] = patient_folds(table, settings.folds, split)
            elif protocol == "date":
                folds[protocol] = date_folds(table, settings.folds, split)
                if not folds[protocol]:
                    notes[protocol] = ["no record has an acquisition date"]
                elif undated := int((table.dates == "").sum()):
                    notes[protocol] = [f"{undated:,} of {len(table):,} records have no date and are left out"]
            elif protocol == "source":
                folds[protocol] = source_folds(table, split)
            else:
                numbers = table.folds
                if settings.folds_file:
                    numbers = read_folds(Path(settings.folds_file).expanduser(), table.record_ids.tolist())
                folds[protocol] = published_folds(table, numbers)
                if not folds[protocol]:
                    notes[protocol] = ["no record is of fold 10, of fold 9 or of folds 1 to 8; give --folds-file"]
                elif unused := int((folds[protocol][0].parts == "").sum()):
                    notes[protocol] = [f"{unused:,} of {len(table):,} records have no place in these folds"]
        except TrainingError as error:
            if protocol == "published":
                raise
            notes[protocol] = [str(error)]
    tasks = []
    for protocol, protocol_folds in folds.items():
        for fold in protocol_folds:
            divided = job.divided(fold.parts)
            tasks.append(FoldTask(protocol, fold, divided, _digest_of(name, divided, configuration)))
    return tasks, notes


def _digest_of(name: str, job: JobData, configuration: TrainConfiguration) -> str:
    """Return a digest of everything that determines a fold's predictions: data, parts, model, settings, code."""
    sections = configuration.to_json()["settings"]
    model_settings = {key: sections[key] for key in ("preprocessing", "model", "augmentation", "fit")}
    model_settings["fit"] = {key: value for key, value in model_settings["fit"].items() if key != "device"}
    entry = model_entry(name)
    code = [code_digest(), *([code_digest(package=source_of(entry))] if entry.dist else [])]
    content = json.dumps([name, job.digest, model_settings, *code, torch.__version__], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def own_outcomes(past: ModelRun) -> dict[str, list[ProtocolScores]]:
    """Return the model's stored predictions of its test part and the external cohort."""
    keys = {"test": DEFAULT, "external": "external"}
    n_train = int((past.split.part == "train").sum())
    return {
        keys[what]: [ProtocolScores(TITLES_OF_PARTS[what], n_train, stored, run_id=past.run_id)]
        for what, stored in past.predictions.items()
    }


def _say_time(
    tasks: Sequence[FoldTask],
    name: str,
    configuration: TrainConfiguration,
    store: WindowStore,
    experiment: str,
    console: Console,
) -> None:
    """Time a few training steps and print an estimate for all folds."""
    left = [task for task in tasks if not ((child := find_tagged(experiment, FOLD, task.digest)) and child.finished)]
    console.say(f"{len(tasks)} models to train, {len(tasks) - len(left)} of them reused")
    for task in left:
        try:
            step_s = seconds_per_step(name, task.job, configuration, store)
        except TrainingError:
            continue  # said where its turn comes
        n_steps = sum(_steps(task, configuration) for task in left)
        console.say(
            f"{step_s:.2f} s a step: about {max(1, math.ceil(n_steps * step_s / 60))} min for {len(left)} models at "
            f"{configuration.fit.epochs} epochs, less where training stops early; "
            "to continue after a stop, run the same command"
        )
        return


def _steps(task: FoldTask, configuration: TrainConfiguration) -> float:
    """Return the number of steps of a fold's training, predictions included by their cost."""
    fit_settings, job = configuration.fit, task.job
    n_seen = len(job.part("train")) + (configuration.augmentation.simulated_records if len(job.pool) else 0)
    val, test = (math.ceil(len(job.part(part)) / fit_settings.batch_size) for part in ("val", "test"))
    a_epoch = max(1, n_seen // fit_settings.batch_size) + FORWARD_SHARE * val
    return fit_settings.epochs * a_epoch + FORWARD_SHARE * (val + test)


class _Timed(Exception):
    """Raised when enough steps are timed."""


def seconds_per_step(name: str, job: JobData, configuration: TrainConfiguration, store: WindowStore) -> float:
    """Train a model for a few steps and return the median time of a step after the first, s.

    Raises
    ------
    TrainingError
        If the fold cannot be trained on.
    """
    data = training_data(configuration, job, store)
    encoder = fit_encoder(data.train)
    model = initial_model(name, configuration, encoder, data, None).to(store.device)
    ends: list[float] = []
    n_steps = min(TIMED_STEPS, steps_per_epoch(data, configuration.augmentation, configuration.fit.batch_size))

    def on_step(epoch: int, index: int, n: int, loss: float | None) -> None:
        ends.append(time.perf_counter())
        if len(ends) > n_steps:
            raise _Timed

    settings = replace(configuration.fit, epochs=2)
    with contextlib.suppress(_Timed):
        fit(model, data, encoder, settings, configuration.augmentation, on_step=on_step)
    return float(np.median(np.diff(ends)))


def _outcome(
    task: FoldTask,
    name: str,
    configuration: TrainConfiguration,
    store: WindowStore,
    experiment: str,
    parent: Tracker,
    console: Console,
) -> ProtocolScores:
    """Train a fold's model and predict its held-out records, or reuse its finished run."""
    n_train = len(task.job.part("train"))
    earlier = find_tagged(experiment, FOLD, task.digest)
    if earlier and earlier.finished:
        console.say(f"{task.name}: finished before, run {earlier.run_id}")
        _take_over(task.name, earlier, parent)
        predictions = ModelRun.of(earlier.run_id).predictions["test"]
        return ProtocolScores(task.fold.name, n_train, predictions, run_id=earlier.run_id)
    try:
        training_data(configuration, task.job, store)
    except TrainingError as error:
        console.warn(f"{task.name}: {error}")
        return ProtocolScores(task.fold.name, n_train, None, str(error))
    if earlier:
        _take_over(task.name, earlier, parent)
    with open_run(
        experiment,
        task.name,
        parent_id=parent.run_id,
        run_id=earlier.run_id if earlier else None,
        tags={FOLD: task.digest, COMMAND: "evaluate"},
    ) as run:
        tracker = Tracker(run.info.run_id)
        trained, state_path = fit_model(name, configuration, task.job, store, None, tracker, console)
        val, table = trained.data.val, task.job.part("test", usable=False)
        n_classes = len(task.job.scheme.classes)
        logits = window_logits(trained.model, store, val, trained.encoder, n_classes)
        calibration = fit_probabilities(logits, trained.data.train, val, n_classes, configuration.calibration)
        y_prob = predict_table(trained.model, store, table, trained.encoder, calibration)
        predictions = to_predictions(table, y_prob, task.job.scheme.classes)
        with tracker.folder(predictions_file("test")) as path:
            write_predictions(predictions, path)
        remove_whole(state_path)
    return ProtocolScores(task.fold.name, n_train, predictions, run_id=run.info.run_id)


def _take_over(name: str, child: Child, parent: Tracker) -> None:
    """Make a fold's run a child of this one, unless it belongs to an evaluation that was finished."""
    former_parent = parent_of(read_run(child.run_id))
    if not former_parent or read_run(former_parent).info.status != "FINISHED":
        move_children({name: child}, parent.run_id)


def _report(
    tracker: Tracker,
    name: str,
    protocols: Sequence[Protocol],
    impossible: Mapping[str, Sequence[str]],
    job: JobData,
    caution: str,
) -> str:
    """Log figures, tables and predictions of all protocols; return the scores as text."""
    note = note_of(job)
    title = caption(TITLE, name, "", job.table.sources.tolist())
    section = protocols_section(protocols, impossible=impossible, title=title, caution=caution, note=note)
    tracker.text(protocol_table(protocols).to_csv(index=False), "protocols.csv")
    summary = "One model's settings on several splits of the same records."
    html = render_page(title, summary, [section], caution=note)
    with page_folder("", PAGE) as folder:
        publish_page(tracker, folder, PAGE, html, [section])
    lines = "\n".join([*([note] if note else []), *(word for word in section.words if not word.startswith("Every "))])
    default = protocols[0].scores
    figure = interval_text(default["macro_f1"])
    lines = f"{sentence(TITLES[DEFAULT])}: macro-F1 {figure} on {default.n_records:,} records.\n{lines}"
    tracker.describe(lines.replace("\n", "\n\n"))
    return lines
