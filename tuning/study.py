"""Run a study from opening or resuming it to its report and final model."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from ecgml.errors import TrackingError, TuningError
from ecgml.pipeline.job.command import command
from ecgml.pipeline.job.configuration import resolve_settings
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import load_data
from ecgml.pipeline.job.threads import choose_threads, using_threads
from ecgml.service.pages import where_to_look
from ecgml.service.runs import is_orphaned, open_run, read_run
from ecgml.service.tracker import Tracker
from tuning.counts import TrialCounts
from tuning.opening import identity_of, open_study
from tuning.queue import REASON, Queue, all_failed
from tuning.report import begin_report, print_best, report_study
from tuning.settings import StudyPlan, TuneConfiguration, TuneSettings
from tuning.spaces import probe, space_named
from tuning.storage import StudyStorage
from tuning.supervisor import supervise
from tuning.winner import finalise
from tuning.worker import Worker, make_queue, worker_device

STUDY_RUN = "run_id"
"""User attribute of a study: the id of its run."""


@dataclass(frozen=True)
class StudyResult:
    """A completed study.

    Parameters
    ----------
    run_id : str
        The study's run.
    study : Study
    """

    run_id: str
    study: optuna.Study


def tune(options: Mapping[str, Any], console: Console, *, config: str = "") -> StudyResult:
    """Run or resume a study until it has all its trials.

    Parameters
    ----------
    options : mapping
        Settings of `tuning.settings.TuneConfiguration` by name; ``None`` and ``""`` mean "not given".
    console : Console
    config : str
        A YAML file of settings, or its address in MLflow; options override it.

    Raises
    ------
    EcgmlError
        If settings, data or storage are unsuitable, or every trial fails.
    """
    with command("tune", console) as running, contextlib.ExitStack() as stack:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        configuration = resolve_settings(TuneConfiguration, options, config)
        tune: TuneSettings = configuration.tune
        space = space_named(tune.space)
        probed = probe(space, configuration)
        device = worker_device(configuration.fit.device, 0)
        # First, so that MLflow's database exists and is recognised if it is given as the storage.
        experiment = running.connect()
        storage = StudyStorage(tune.storage or str(Path("studies") / f"{tune.study}.journal"))
        stack.callback(storage.close)
        configuration = configuration.changed({"storage": storage.public})  # without password in the log
        job = load_data(configuration, console)
        study = open_study(storage, configuration, space, identity_of(configuration, probed, job))
        with (
            study_run(study, storage, experiment) as (run_id, is_owner),
            resumption_shown(tune.study, console),
            storage.guarded(),
        ):
            plan = StudyPlan(configuration, storage.address, job.digest, experiment, run_id)
            queue = make_queue(plan, storage)
            if is_owner:
                begin_report(study, plan, job)
            progress = TrialCounts.of(queue.trials()).progress(tune.n_trials)
            console.say(f"study {tune.study}: {progress}; storage {storage.public}, run {run_id}")
            try:
                if tune.jobs == 1:
                    with using_threads(choose_threads(device)):
                        Worker(plan, queue, job, device, console).work()
                else:
                    supervise(plan, queue, console)
            finally:
                if is_owner:
                    report_study(study, plan, job)
            refuse_failures_only(queue)
            print_best(study, plan, console)
            with adopted(storage, experiment, run_id, is_owner) as is_adopted:
                if is_adopted:
                    report_study(study, plan, job)
                if (is_owner or is_adopted) and tune.finalise:
                    finalise(study, plan, job, device, console)
    console.say(f"run {run_id}; to view it: {where_to_look(experiment)}")
    return StudyResult(run_id, study)


def refuse_failures_only(queue: Queue) -> None:
    """Raise if every trial failed.

    Raises
    ------
    TuningError
        With the last trial's reason.
    """
    trials = queue.trials()
    if all_failed(trials) or all(trial.state == TrialState.FAIL for trial in trials):
        last = [trial.user_attrs[REASON] for trial in trials if REASON in trial.user_attrs][-1]
        raise TuningError(
            f"study {queue.study.study_name}: every trial failed, the last with: {last}; fix this and start "
            "again with another --study"
        )


@contextlib.contextmanager
def study_run(study: optuna.Study, storage: StudyStorage, experiment: str) -> Iterator[tuple[str, bool]]:
    """Open the study's run, or use it while another command has it open.

    Yields the run and whether it is this command's to close. A study has one run however often it is resumed; what
    ``mlflow run`` opened for a later command links to it.
    """
    launched = os.environ.get("MLFLOW_RUN_ID")
    with contextlib.ExitStack() as stack:
        with storage.lock(study.study_name):
            run_id: str = study.user_attrs.get(STUDY_RUN, "")
            status = ""
            if run_id:
                try:
                    status = read_run(run_id).info.status
                except TrackingError:
                    run_id = ""  # the study moved to another tracking store
            is_owner = status != "RUNNING"
            if is_owner:
                run = stack.enter_context(open_run(experiment, study.study_name, run_id=run_id or None))
                if run.info.run_id != run_id:
                    study.set_user_attr(STUDY_RUN, run.info.run_id)
                run_id = run.info.run_id
        if launched and launched != run_id:
            Tracker(launched).tags({"ecgml.study_run": run_id})
            Tracker(launched).describe(f"Works on study {study.study_name}, whose run is {run_id}.")
        yield run_id, is_owner


@contextlib.contextmanager
def resumption_shown(study: str, console: Console) -> Iterator[None]:
    """Print how to resume a study when it is stopped."""
    try:
        yield
    except KeyboardInterrupt:
        console.say(
            f"stopped; run the same command again to resume study {study}: finished trials are kept, stopped ones "
            "run again"
        )
        raise


@contextlib.contextmanager
def adopted(storage: StudyStorage, experiment: str, run_id: str, is_owner: bool) -> Iterator[bool]:
    """Take over a completed study's run if the command that had it open has ended."""
    with contextlib.ExitStack() as stack:
        with storage.lock(run_id):
            is_adopted = not is_owner and is_orphaned(run_id)
            if is_adopted:
                stack.enter_context(open_run(experiment, run_id=run_id))
        yield is_adopted
