"""`ecgml train`: train, test and compare models in tracked runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ecgml.datasets.store import WindowStore
from ecgml.errors import ConfigError
from ecgml.pipeline.job.command import command
from ecgml.pipeline.job.configuration import resolve_settings
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import JobData, load_data
from ecgml.pipeline.job.fitting import fit_model
from ecgml.pipeline.job.judging import judge_model
from ecgml.pipeline.job.lineage import ANCESTORS, as_facts, read_lineage
from ecgml.pipeline.job.reporting import (
    Scored,
    describe_job,
    report_comparison,
    report_job,
)
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.pipeline.job.start import Start, starting_point
from ecgml.pipeline.train.resume import adopt, find_interrupted, finished_model, same_threads
from ecgml.saving import remove_whole
from ecgml.service.jobs import COMMAND, LAST, RESUMES, claim, last_job, launch_to_resume
from ecgml.service.pages import run_name, where_to_look
from ecgml.service.runs import open_run
from ecgml.service.tracker import Tracker
from ecgml.training.device import choose_device


def train(options: Mapping[str, Any], console: Console, *, config: str = "", resume: str = "") -> str:
    """Train the models, score them on the test part and the external cohort, compare them.

    Parameters
    ----------
    options : mapping
        Settings of `ecgml.pipeline.job.settings.TrainConfiguration` by name; ``None`` and ``""`` mean "not given".
    console : Console
    config : str
        A YAML file of settings; options override it.
    resume : str
        Any run of a stopped job, or ``last`` for the newest unfinished one of the experiment, to resume
        under its own settings.

    Returns
    -------
    run_id : str
        The job's run; each model's run is its child.

    Raises
    ------
    EcgmlError
        If settings, data or store are unsuitable, or training fails; no run is left open.
    """
    with command("train", console) as running:
        if resume and config:
            raise ConfigError("config: a resumed job keeps its settings; leave it out")
        configuration = resolve_settings(TrainConfiguration, options, config)
        experiment = running.connect()
        interrupted = None
        if resume:
            interrupted = find_interrupted(last_job(experiment) if resume == LAST else resume, options)
            claim(interrupted.run_id, interrupted.experiment_id, experiment)
            experiment, configuration = interrupted.experiment_id, interrupted.configuration
            console.say(f"resumes run {interrupted.run_id}")
        device = choose_device(configuration.fit.device)
        configuration, start = starting_point(configuration)
        if interrupted:
            interrupted.check_start(start.ancestors if start else ())
        job = load_data(configuration, console, read_lineage(start.ancestors) if start else None)
        if interrupted:
            interrupted.check(job.digest)
        marks = {COMMAND: running.name, **({RESUMES: interrupted.run_id} if interrupted else {})}
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
            for name in configuration.job.models:
                child = interrupted.children.get(name) if interrupted else None
                if child and child.finished:
                    models[name] = finished_model(child, configuration.job.bootstrap)
                    console.say(f"{name}: finished before, checkpoint runs:/{child.run_id}/checkpoint")
                    continue
                with open_run(
                    experiment, name, parent_id=run.info.run_id, run_id=child.run_id if child else None
                ) as model_run:
                    models[name] = train_model(
                        name, configuration, job, store, start, Tracker(model_run.info.run_id), console
                    )
                console.say(f"{name}: checkpoint runs:/{model_run.info.run_id}/checkpoint")
            verdicts: list[str] = []
            if len(models) > 1:
                verdicts = report_comparison(tracker, models, configuration.job.bootstrap, job)
            tracker.describe(describe_job(models, verdicts, job, links))
            for verdict in verdicts:
                console.say(verdict)
    console.say(f"run {run.info.run_id}; to view it: {where_to_look(experiment)}")
    return run.info.run_id


@contextmanager
def say_how_to_resume(run_id: str, experiment_id: str, console: Console) -> Iterator[None]:
    """Print how to resume a job when it is stopped."""
    launch = launch_to_resume(
        run_id, experiment_id
    )  # looked up first: the job may have been stopped because the store hangs
    try:
        yield
    except KeyboardInterrupt:
        console.say(f"stopped; resume with: ecgml train --resume {run_id}, or: {launch}")
        raise


def train_model(
    name: str,
    configuration: TrainConfiguration,
    job: JobData,
    store: WindowStore,
    start: Start | None,
    tracker: Tracker,
    console: Console,
) -> Scored:
    """Fit one model in the active run and score it; log everything about it."""
    trained, state_path = fit_model(name, configuration, job, store, start, tracker, console)
    scored = judge_model(trained, configuration, job, tracker, console)[0]
    remove_whole(state_path)
    return scored
