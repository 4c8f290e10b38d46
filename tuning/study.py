"""A whole study: opened or resumed, worked on, reported, handed over."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from ecgml.config import Configuration
from ecgml.datasets.parallel import n_cores
from ecgml.errors import TrackingError, TuningError
from ecgml.pipeline.job.configuration import resolve_settings
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import JobData, load_data
from ecgml.pipeline.job.reporting import report_job
from ecgml.pipeline.job.threads import choose_threads, using_threads
from ecgml.service.jobs import launch_command
from ecgml.service.pages import where_to_look
from ecgml.service.runs import close_abandoned, ended_by_signal, is_orphaned, noted_failure, open_run, read_run
from ecgml.service.store import connect
from ecgml.service.tracker import Tracker
from ecgml.service.trials import close_dead, without_tag
from tuning.counts import TrialCounts
from tuning.queue import FINISHED, REASON, RUN_ID, Queue, is_hopeless
from tuning.report import report_study, say_best
from tuning.settings import TUNE_SECTIONS, TuneSettings
from tuning.spaces import Probed, changed_settings, describe_space, probe, space_named
from tuning.storage import StudyStorage
from tuning.winner import finalise
from tuning.worker import STATE, STATUSES, Plan, make_queue, marks_of, work, worker_device, worker_process

FACTS, STUDY_RUN = "ecgml", "run_id"
"""User attributes of a study: what it tunes and on what; its run."""

FREE = {
    "study", "n_trials", "sampler", "pruner", "storage", "jobs", "finalise", "space", "metric",
    "data_dir", "external_dir", "cache_dir", "demo_records", "max_quarantined", "backend", "device", "bootstrap",
}  # fmt: skip
"""Settings that may differ when a study goes on: they leave what a trial's value means, or are checked apart."""

RESTARTS = 20
"""Worker processes that may die before the command gives up."""


@dataclass(frozen=True)
class StudyResult:
    """What a study came to.

    Parameters
    ----------
    run_id : str
        The study's run.
    study : Study
    """

    run_id: str
    study: optuna.Study


def tune(options: Mapping[str, Any], console: Console, *, config: str = "") -> StudyResult:
    """Run a study, or go on with one: until it has its trials, whoever does them.

    Parameters
    ----------
    options : mapping
        Settings of `tuning.settings.TUNE_SECTIONS` by name; ``None`` and ``""`` mean "not given".
    console : Console
    config : str
        A YAML file of settings; options beat it.

    Raises
    ------
    EcgmlError
        If settings, data or storage do not allow it, or every trial fails.
    """
    with ended_by_signal(), noted_failure(), contextlib.ExitStack() as stack:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        configuration = resolve_settings(TUNE_SECTIONS, options, config)
        asked: TuneSettings = configuration["tune"]
        space = space_named(asked.space)
        probed = probe(space, configuration)
        device = worker_device(configuration["fit"].device, 0)
        # First, so that MLflow's own database is known for what it is when it is given as the storage.
        experiment = connect()
        storage = StudyStorage(asked.storage or str(Path("studies") / f"{asked.study}.journal"))
        stack.callback(storage.close)
        configuration = configuration.changed({"storage": storage.public})  # what is logged holds no password
        for run_id in close_abandoned():
            console.say(f"closed run {run_id}: whatever worked on it is gone")
        job = load_data(configuration, console)
        facts = facts_of(configuration, probed, job)
        study = open_study(storage, asked, facts, partial(changed_settings, space, configuration))
        with (
            study_run(study, storage, experiment) as (run_id, is_owner),
            say_how_to_go_on(configuration, console),
            storage.guarded(),
        ):
            plan = Plan(configuration, storage.address, job.digest, experiment, run_id)
            queue = make_queue(plan, storage)
            train_command = launch_command(experiment, f"config=runs:/{run_id}/best.yaml")
            show = partial(show_study, queue, plan, facts, storage.public, job, train_command)
            if is_owner:
                begin_run(plan, probed.parameters, storage.public, job)
            progress = TrialCounts.of(queue.trials()).progress(asked.n_trials)
            console.say(f"study {asked.study}: {progress}; kept in {storage.public}, run {run_id}")
            try:
                if asked.jobs == 1:
                    with using_threads(choose_threads(device)):
                        work(plan, queue, job, device, console)
                else:
                    supervise(plan, queue, console)
            finally:
                if is_owner:
                    show()
            refuse_hopeless(queue)
            say_best(study, asked, train_command, console)
            with adopted(storage, experiment, run_id, is_owner) as is_adopted:
                if is_adopted:
                    show()
                if (is_owner or is_adopted) and asked.finalise:
                    finalise(study, configuration, job, device, experiment, run_id, console)
    console.say(f"run {run_id}; look at it: {where_to_look(experiment)}")
    return StudyResult(run_id, study)


def begin_run(plan: Plan, parameters: Mapping[str, object], address: str, job: JobData) -> None:
    """Log in the study's run what is asked, and on what data."""
    tracker, configuration = Tracker(plan.run_id), plan.configuration
    report_job(tracker, configuration, job)
    fixed = {name: value for name, value in configuration.values().items() if name not in parameters}
    tracker.params(fixed)
    tracker.tags({"ecgml.study": configuration["tune"].study, "ecgml.storage": address})


def show_study(
    queue: Queue, plan: Plan, facts: Mapping[str, Any], address: str, job: JobData, train_command: str
) -> None:
    """Log in the study's run what it came to so far."""
    close_trials(queue, plan.experiment_id, plan.run_id)
    report_study(Tracker(plan.run_id), queue.study, plan.configuration, facts, address, job, train_command)


def refuse_hopeless(queue: Queue) -> None:
    """Raise where every trial failed.

    Raises
    ------
    TuningError
        With the last trial's reason.
    """
    trials = queue.trials()
    if is_hopeless(trials) or all(trial.state == TrialState.FAIL for trial in trials):
        last = [trial.user_attrs[REASON] for trial in trials if REASON in trial.user_attrs][-1]
        raise TuningError(
            f"study {queue.study.study_name}: every trial failed, the last by: {last}; mend that and begin anew with "
            "another --study"
        )


def facts_of(configuration: Configuration, probed: Probed, job: JobData) -> dict[str, Any]:
    """Return what must not change while a study goes on."""
    asked, space = configuration["tune"], describe_space(probed.parameters)
    fixed = {name: value for name, value in configuration.values().items() if name not in FREE and name not in space}
    settings = {name: list(value) if isinstance(value, tuple) else value for name, value in fixed.items()}
    return {
        "metric": asked.metric,
        "direction": asked.direction,
        "space": space,
        "draws": [list(draw) for draw in probed.draws],
        "data": job.digest,
        "settings": settings,
    }


def open_study(
    storage: StudyStorage,
    asked: TuneSettings,
    facts: Mapping[str, Any],
    changed: Callable[[Sequence], Mapping[str, tuple[Any, Any]]],
) -> optuna.Study:
    """Open the study of that name, or make it; many processes may do so at once.

    Parameters
    ----------
    storage : StudyStorage
    asked : TuneSettings
    facts : mapping
        Of :func:`facts_of`.
    changed : callable
        From the study's draws to the settings that the space makes otherwise now: (then, now) by name.

    Raises
    ------
    TuningError
        If it is there and tunes something else, or on other data.
    """
    with storage.lock(asked.study):
        study = optuna.create_study(
            storage=storage.storage, study_name=asked.study, direction=asked.direction, load_if_exists=True
        )
        own = study.user_attrs.get(FACTS)
        if own is None and not study.get_trials(deepcopy=False):
            study.set_user_attr(FACTS, dict(facts))
            own = study.user_attrs[FACTS]
    way_on = f"give another --study name, or take the study's own; it is kept in {storage.public}"
    if own is None:
        raise TuningError(f"study {asked.study}: exists and is not one of ours; {way_on}")
    if own["direction"] != facts["direction"] or own["metric"] != facts["metric"]:
        raise TuningError(
            f"study {asked.study}: exists and goes to {own['direction']} {own['metric']}, not to {facts['direction']} "
            f"{facts['metric']}; {way_on}"
        )
    if own["space"] != facts["space"]:
        differing = sorted(
            name for name in own["space"] | facts["space"] if own["space"].get(name) != facts["space"].get(name)
        )
        raise TuningError(
            f"study {asked.study}: exists with another search space ({', '.join(differing)} differ); {way_on}"
        )
    # Distributions do not show the constants and formulas of a space; its values at the same parameters do.
    if differing := changed(own.get("draws", [])):
        listed = ", ".join(f"{name} {before} there, {now} here" for name, (before, now) in differing.items())
        raise TuningError(f"study {asked.study}: exists with another search space ({listed}); {way_on}")
    if own["data"] != facts["data"]:
        raise TuningError(
            f"study {asked.study}: exists on other data (files, labels or split differ: digest {own['data'][:8]}, here "
            f"{facts['data'][:8]}); {way_on}"
        )
    for name, value in facts["settings"].items():
        if own["settings"].get(name, value) != value:
            raise TuningError(f"study {asked.study}: exists with {name} {own['settings'][name]}, not {value}; {way_on}")
    return study


@contextlib.contextmanager
def study_run(study: optuna.Study, storage: StudyStorage, experiment: str) -> Iterator[tuple[str, bool]]:
    """Open the study's run, or join in where another command has it open.

    Yields the run and whether it is this command's to close. A study has one run however often it goes on; what
    ``mlflow run`` opened for a later command links to it.
    """
    launched = os.environ.get("MLFLOW_RUN_ID")
    with contextlib.ExitStack() as stack:
        with storage.lock(study.study_name):
            run_id = study.user_attrs.get(STUDY_RUN)
            status = ""
            if run_id:
                try:
                    status = read_run(run_id).info.status
                except TrackingError:
                    run_id = None  # the study moved to another tracking store
            is_owner = status != "RUNNING"
            if is_owner:
                run = stack.enter_context(open_run(experiment, study.study_name, run_id=run_id))
                if run.info.run_id != run_id:
                    study.set_user_attr(STUDY_RUN, run.info.run_id)
                run_id = run.info.run_id
        if launched and launched != run_id:
            Tracker(launched).tags({"ecgml.study_run": run_id})
            Tracker(launched).describe(f"Works on study {study.study_name}, whose run is {run_id}.")
        yield run_id, is_owner


@contextlib.contextmanager
def say_how_to_go_on(configuration: Configuration, console: Console) -> Iterator[None]:
    """Say, when a study is stopped, how to go on with it."""
    try:
        yield
    except KeyboardInterrupt:
        console.say(
            f"stopped; the same command goes on with study {configuration['tune'].study}: what is done stays done, "
            "trials that were stopped are done again"
        )
        raise


def supervise(plan: Plan, queue: Queue, console: Console) -> None:
    """Keep this machine's workers going until the study is settled; a worker that dies is replaced.

    Raises
    ------
    TuningError
        If workers die again and again.
    """
    n_workers = plan.configuration["tune"].jobs or n_cores()
    n_threads = max(1, n_cores() // n_workers)
    context = multiprocessing.get_context("spawn")
    workers: dict[int, BaseProcess] = {}
    deaths = 0

    def start(index: int) -> None:
        workers[index] = context.Process(target=worker_process, args=(plan, index, n_threads), name=f"worker {index}")
        workers[index].start()

    try:
        for index in range(n_workers):
            start(index)
        while workers:
            time.sleep(0.2)
            for index, worker in list(workers.items()):
                if worker.is_alive():
                    continue
                worker.join()
                del workers[index]
                if worker.exitcode == 0:
                    continue
                queue.reap()
                deaths += 1
                if deaths > RESTARTS:
                    raise TuningError(f"{deaths} worker processes died; the last with exit code {worker.exitcode}")
                if worker.exitcode == 1:
                    raise TuningError(f"worker {index} could not go on; its message is above")
                console.warn(f"worker {index} died (exit code {worker.exitcode}); another takes its place")
                start(index)
    finally:
        for worker in workers.values():
            if worker.is_alive():
                worker.terminate()
        for worker in workers.values():
            worker.join()


def close_trials(queue: Queue, experiment: str, run_id: str) -> None:
    """Close the runs of trials that ended in the study while their worker died before it could say so in MLflow."""
    trials = {str(trial.number): trial for trial in queue.trials()}
    for left, number in without_tag(experiment, run_id, STATE, "ecgml.trial").items():
        trial = trials.get(number)
        if trial is not None and trial.state in FINISHED:
            # A worker that died between making the run and telling the study of it left no name there.
            status = STATUSES[trial.state] if RUN_ID in trial.user_attrs else "KILLED"
            close_dead(left, status, marks_of(trial.state, trial.user_attrs.get(REASON, "")))


@contextlib.contextmanager
def adopted(storage: StudyStorage, experiment: str, run_id: str, is_owner: bool) -> Iterator[bool]:
    """Take over the run of a settled study where the command that had it open was stopped or died."""
    with contextlib.ExitStack() as stack:
        with storage.lock(run_id):
            is_adopted = not is_owner and is_orphaned(run_id)
            if is_adopted:
                stack.enter_context(open_run(experiment, run_id=run_id))
        yield is_adopted
