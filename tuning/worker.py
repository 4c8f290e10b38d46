"""The loop of one process: claim a trial, train it, say what became of it; until the study is settled."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import optuna
import torch
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import Trial, TrialState

from ecgml.config import Configuration
from ecgml.datasets.store import WindowStore
from ecgml.errors import EcgmlError, TuningError
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import JobData, load_data
from ecgml.service.runs import Interrupted
from ecgml.service.store import connect
from ecgml.service.trials import TrialRun, close_dead
from ecgml.training.device import choose_device
from tuning.counts import WORDS
from tuning.objective import Objective, make_repeats
from tuning.queue import REASON, RETRY_OF, RUN_ID, SETTINGS, Queue, beating
from tuning.spaces import plain_settings, space_named
from tuning.storage import StudyStorage
from tuning.strategies import make_pruner, make_sampler

STATE = "ecgml.trial_state"
"""Tag of a trial's run: COMPLETE, PRUNED or FAIL, as Optuna says it; MLflow's own status has no word for pruned."""

ERROR = "ecgml.error"

STATUSES = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "KILLED", TrialState.FAIL: "FAILED"}
"""MLflow's status of a trial's run."""

POLL_S = 1.0
"""A worker without a trial looks again so often, s."""


@dataclass(frozen=True)
class Plan:
    """What every worker needs to know; crosses process borders.

    Parameters
    ----------
    configuration : Configuration
        Of `tuning.settings.TUNE_SECTIONS`.
    address : str
        The storage's.
    digest : str
        Of the data.
    experiment_id, run_id : str
        Of the study's run.
    """

    configuration: Configuration
    address: str
    digest: str
    experiment_id: str
    run_id: str


def make_queue(plan: Plan, storage: StudyStorage) -> Queue:
    """Return a study's queue."""
    tune, fit = plan.configuration["tune"], plan.configuration["fit"]
    n_steps = fit.epochs if tune.n_repeats == 1 else tune.n_repeats
    study = optuna.load_study(
        study_name=tune.study, storage=storage.storage, pruner=make_pruner(tune.pruner_name, n_steps)
    )
    return Queue(
        study,
        storage,
        tune.n_trials,
        lambda number: make_sampler(tune.sampler, (fit.seed, number)),
        lambda run_id, reason: close_dead(run_id, "KILLED", {STATE: "FAIL", ERROR: reason}),
    )


def work(
    plan: Plan,
    queue: Queue,
    job: JobData,
    device: torch.device,
    console: Console,
    is_orphan: Callable[[], bool] = lambda: False,
) -> None:
    """Run trials until the study is settled; the data and their windows serve them all.

    Raises
    ------
    KeyboardInterrupt
        When asked to stop; the trial at hand is given back.
    """
    tune = plan.configuration["tune"]
    store = WindowStore(job.caches, device)
    objective = Objective(
        tune, plan.configuration, space_named(tune.space), make_repeats(tune, plan.configuration, job, store)
    )
    while True:
        trial = queue.claim()
        if trial is not None:
            run_trial(plan, queue, objective, trial, console, is_orphan)
        elif queue.is_settled():
            return
        else:
            time.sleep(POLL_S)
        if is_orphan():
            raise Interrupted


def run_trial(
    plan: Plan,
    queue: Queue,
    objective: Objective,
    trial: Trial,
    console: Console,
    is_orphan: Callable[[], bool] = lambda: False,
) -> None:
    """Run one trial; whatever happens, it ends in the study and in MLflow.

    Raises
    ------
    KeyboardInterrupt
        When asked to stop.
    """
    run: TrialRun | None = None
    state, value, reason = TrialState.FAIL, None, ""

    def on_beat() -> None:
        if is_orphan():
            signal.raise_signal(signal.SIGTERM)

    try:
        with beating(trial, on_beat):
            parameters = objective.parameters(trial)
            trial.set_user_attr(SETTINGS, plain_settings(plan.configuration, parameters))
            model = plan.configuration["job"].models[0]
            tags = {"ecgml.study": plan.configuration["tune"].study, "ecgml.trial": str(trial.number)}
            if RETRY_OF in trial.user_attrs:
                tags["ecgml.retry_of"] = str(trial.user_attrs[RETRY_OF])
            run = TrialRun(
                plan.experiment_id, plan.run_id, f"trial {trial.number}", {"model": model, **parameters}, tags
            )
            trial.set_user_attr(RUN_ID, run.run_id)
            value = objective(trial, parameters, run.metrics)
        state = TrialState.COMPLETE
        run.metrics({"objective": value})
    except optuna.TrialPruned as pruned:
        state, reason = TrialState.PRUNED, f"pruned {pruned}"
    except UpdateFinishedTrialError:
        reason = "taken for dead by another worker"
    except (KeyboardInterrupt, SystemExit):
        queue.stop(trial)
        if run:
            run.close("KILLED", {STATE: "FAIL", ERROR: "stopped"})
        raise
    except Exception as error:  # a study outlives its trials, whatever they die of
        reason = reason_of(error, plan.configuration)
    finally:
        if torch.cuda.is_available() and state == TrialState.FAIL:
            torch.cuda.empty_cache()
    _end(queue, trial, run, state, value, reason)
    shown = f"{value:.4f}" if value is not None else reason.removeprefix("pruned ")
    console.say(f"trial {trial.number} {WORDS[state]}: {shown}; {_in_words(trial.params)}")


def reason_of(error: Exception, configuration: Configuration) -> str:
    """Return why a trial failed, in a line."""
    text = " ".join(str(error).split())
    is_memory = isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "allocate memory" in text
    if is_memory:
        return f"out of memory; a smaller batch_size or gru_width may fit ({text[:200] or type(error).__name__})"
    return text if isinstance(error, EcgmlError) else f"{type(error).__name__}: {text[:500]}"


def _end(queue: Queue, trial: Trial, run: TrialRun | None, state: TrialState, value: float | None, reason: str) -> None:
    """Tell Optuna first: a kill between the two leaves a run to close, not a trial that would be run twice."""
    try:
        with contextlib.suppress(UpdateFinishedTrialError, ValueError):
            if reason:
                trial.set_user_attr(REASON, reason)
            queue.study.tell(trial, value, state)
    finally:
        if run:
            run.close(STATUSES[state], marks_of(state, reason))


def marks_of(state: TrialState, reason: str) -> dict[str, str]:
    """Return the tags that say what became of a trial."""
    if not reason:
        return {STATE: state.name}
    return {STATE: state.name, "ecgml.stopped" if state == TrialState.PRUNED else ERROR: reason}


def _in_words(params: dict) -> str:
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in params.items()
    )


def worker_process(plan: Plan, index: int, n_threads: int) -> None:
    """Run a worker in a process of its own; SIGTERM stops it, Ctrl-C is its parent's to hear.

    Parameters
    ----------
    plan : Plan
    index : int
        Among this machine's workers; GPUs are dealt out by it.
    n_threads : int
        CPU threads of its arithmetic.
    """

    def interrupt(signum: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Interrupted

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, interrupt)
    torch.set_num_threads(n_threads)
    parent = multiprocessing.parent_process()
    try:
        connect()
        job = load_data(plan.configuration, Console(io.StringIO()))
        if job.digest != plan.digest:
            raise TuningError("the data changed while the study began; start it again")
        device = worker_device(plan.configuration["fit"].device, index)
        storage = StudyStorage(plan.address)
        with storage.guarded():
            queue = make_queue(plan, storage)
            work(plan, queue, job, device, Console(), lambda: parent is not None and not parent.is_alive())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except EcgmlError as error:
        Console().warn(f"worker {index}: {error}")
        raise SystemExit(1) from None


def worker_device(name: str, index: int) -> torch.device:
    """Return a worker's device: GPUs are dealt out one after the other."""
    device = choose_device(name)
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", index % torch.cuda.device_count())
    return device
