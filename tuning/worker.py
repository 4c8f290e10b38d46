"""One worker process: claim and train trials until the study has all of them."""

from __future__ import annotations

import io
import multiprocessing
import signal
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import optuna
import torch
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import Trial, TrialState

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
from tuning.queue import RETRY_OF, RUN_ID, SETTINGS, STOPPED, Queue, beating
from tuning.settings import StudyPlan
from tuning.spaces import plain_settings, space_named
from tuning.storage import StudyStorage
from tuning.strategies import make_pruner, make_sampler

STATE = "ecgml.trial_state"
"""Tag of a trial's run: Optuna's COMPLETE, PRUNED or FAIL; MLflow has no status for pruned."""

ERROR = "ecgml.error"

STATUSES = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "KILLED", TrialState.FAIL: "FAILED"}
"""MLflow's status of a trial's run."""

POLL_S = 1.0
"""Interval at which an idle worker asks for a trial, s."""


def make_queue(plan: StudyPlan, storage: StudyStorage) -> Queue:
    """Return a study's queue."""
    tune, fit = plan.tune, plan.configuration.fit
    pruner = make_pruner(tune.pruner_name, fit.epochs if tune.n_repeats == 1 else tune.n_repeats)
    return Queue(
        optuna.load_study(study_name=tune.study, storage=storage.storage, pruner=pruner),
        storage,
        tune.n_trials,
        lambda number: make_sampler(tune.sampler, (fit.seed, number)),
        lambda run_id, reason: close_dead(run_id, "KILLED", outcome_tags(TrialState.FAIL, reason)),
    )


class Worker:
    """Runs trials of a study on one copy of the data.

    Parameters
    ----------
    plan : StudyPlan
    queue : Queue
    job : JobData
    device : device
    console : Console
    parent_died : callable, optional
        Returns whether the command that started this process has ended; the worker then stops.
    """

    def __init__(
        self,
        plan: StudyPlan,
        queue: Queue,
        job: JobData,
        device: torch.device,
        console: Console,
        parent_died: Callable[[], bool] = lambda: False,
    ) -> None:
        self._plan = plan
        self._queue = queue
        self._console = console
        self._parent_died = parent_died
        repeats = make_repeats(plan.tune, plan.configuration, job, WindowStore(job.caches, device))
        self._objective = Objective(plan.tune, plan.configuration, space_named(plan.tune.space), repeats)

    def work(self) -> None:
        """Run trials until the study has all of them.

        Raises
        ------
        KeyboardInterrupt
            When asked to stop; the current trial returns to the queue.
        """
        while not self._parent_died():
            trial = self._queue.claim()
            if trial is not None:
                self._run(trial)
            elif self._queue.is_finished():
                return
            else:
                time.sleep(POLL_S)
        raise Interrupted

    def _run(self, trial: Trial) -> None:
        """Run a trial and record its outcome in the study and in MLflow."""
        run: TrialRun | None = None
        state, value, reason = TrialState.FAIL, None, ""

        def on_beat() -> None:
            if self._parent_died():
                signal.raise_signal(signal.SIGTERM)

        try:
            with beating(trial, on_beat):
                parameters = self._objective.parameters(trial)
                trial.set_user_attr(SETTINGS, plain_settings(self._plan.configuration, parameters))
                run = self._open_run(trial, parameters)
                trial.set_user_attr(RUN_ID, run.run_id)
                value = self._objective(trial, parameters, run.metrics)
            state = TrialState.COMPLETE
            run.metrics({"objective": value})
        except optuna.TrialPruned as pruned:
            state, reason = TrialState.PRUNED, f"pruned {pruned}"
        except UpdateFinishedTrialError:
            reason = "declared dead by another worker"
        except (KeyboardInterrupt, SystemExit):
            self._queue.release(trial)
            if run:
                run.close("KILLED", outcome_tags(TrialState.FAIL, STOPPED))
            raise
        except Exception as error:  # no trial's failure ends the study
            reason = reason_of(error)
        finally:
            if torch.cuda.is_available() and state == TrialState.FAIL:
                torch.cuda.empty_cache()
        # Optuna first: a kill in between leaves a run to close, not a trial that would run twice.
        try:
            self._queue.end(trial, value, state, reason)
        finally:
            if run:
                run.close(STATUSES[state], outcome_tags(state, reason))
        shown = f"{value:.4f}" if value is not None else reason.removeprefix("pruned ")
        chosen = ", ".join(
            f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in trial.params.items()
        )
        self._console.say(f"trial {trial.number} {WORDS[state]}: {shown}; {chosen}")

    def _open_run(self, trial: Trial, parameters: Mapping[str, Any]) -> TrialRun:
        plan = self._plan
        tags = {"ecgml.study": plan.tune.study, "ecgml.trial": str(trial.number)}
        if RETRY_OF in trial.user_attrs:
            tags["ecgml.retry_of"] = str(trial.user_attrs[RETRY_OF])
        params = {"model": plan.configuration.job.models[0], **parameters}
        return TrialRun(plan.experiment_id, plan.run_id, f"trial {trial.number}", params, tags)


def reason_of(error: Exception) -> str:
    """Return in one line why a trial failed."""
    text = " ".join(str(error).split())
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "allocate memory" in text:
        return f"out of memory; reduce batch_size or gru_width ({text[:200] or type(error).__name__})"
    return text if isinstance(error, EcgmlError) else f"{type(error).__name__}: {text[:500]}"


def outcome_tags(state: TrialState, reason: str) -> dict[str, str]:
    """Return the tags of a trial's run for its outcome."""
    key = "ecgml.stopped" if state == TrialState.PRUNED else ERROR
    return {STATE: state.name, **({key: reason} if reason else {})}


def worker_process(plan: StudyPlan, index: int, n_threads: int) -> None:
    """Run a worker in this process; SIGTERM stops it, Ctrl-C is left to its parent.

    Parameters
    ----------
    plan : StudyPlan
    index : int
        Index among this machine's workers; selects the GPU.
    n_threads : int
        CPU threads for torch.
    """

    parent = multiprocessing.parent_process()

    def parent_died() -> bool:
        return parent is not None and not parent.is_alive()

    def interrupt(signum: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Interrupted

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, interrupt)
    torch.set_num_threads(n_threads)
    try:
        connect()
        job = load_data(plan.configuration, Console(io.StringIO()))
        if job.digest != plan.digest:
            raise TuningError("the data changed during the start of the study; start it again")
        device = worker_device(plan.configuration.fit.device, index)
        storage = StudyStorage(plan.address)
        with storage.guarded():
            queue = make_queue(plan, storage)
            Worker(plan, queue, job, device, Console(), parent_died).work()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except EcgmlError as error:
        Console().warn(f"worker {index}: {error}")
        raise SystemExit(1) from None


def worker_device(name: str, index: int) -> torch.device:
    """Return a worker's device; GPUs are assigned round-robin."""
    device = choose_device(name)
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", index % torch.cuda.device_count())
    return device
