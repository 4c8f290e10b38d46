"""Open runs and close them whatever happens; close those that a killed process left open."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import TypeVar

import mlflow
from mlflow.entities import Run, RunStatus, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.entities import PagedList
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from ecgml.errors import EcgmlError, TrackingError
from ecgml.owner import is_alive
from ecgml.service.beat import OWNER, beating, last_beat_s, owner_tags
from ecgml.service.launches import is_own_launch, launcher_lives
from ecgml.service.pages import is_random_name, prepare_pages
from ecgml.service.store import public_uri

T = TypeVar("T")

ERROR = "ecgml.error"

ORPHAN_AGE_S = 24 * 3600.0
"""Time without a beat after which a run whose owner cannot be looked up counts as abandoned, s."""


class Interrupted(KeyboardInterrupt):
    """Raised on SIGTERM; handled like Ctrl-C."""


@contextlib.contextmanager
def ended_by_signal() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that runs are closed on the way out."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise Interrupted

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # signals are the main thread's
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def open_run(
    experiment_id: str,
    name: str | None = None,
    *,
    parent_id: str | None = None,
    run_id: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> Iterator[Run]:
    """Open a run and close it as FINISHED, FAILED (with the reason as a tag) or KILLED.

    Parameters
    ----------
    experiment_id : str
    name : str, optional
        Also given to the run of ``mlflow run``, unless its user named it.
    parent_id : str, optional
        Makes it a child of that run.
    run_id : str, optional
        Resumes that run. Without it and without a parent, the run of ``mlflow run`` is adopted if there is one.
    tags : mapping, optional
    """
    run_tags = {**owner_tags(), **(tags or {})}
    # MLFLOW_RUN_ID overrides every argument of start_run; only a parent run may use it.
    launched = os.environ.pop("MLFLOW_RUN_ID", None) if parent_id is None else None
    adopted = None if run_id else launched
    if existing := run_id or adopted:
        # Before it counts as running again: until then it belongs to its former process.
        _mark(existing, run_tags)
    if parent_id is None:
        prepare_pages(experiment_id)
    if adopted and name and is_random_name(read_run(adopted).info.run_name):
        MlflowClient().update_run(adopted, name=name)
    run = mlflow.start_run(
        run_id=existing,
        experiment_id=experiment_id,
        run_name=name if not adopted else None,
        parent_run_id=parent_id,
        nested=mlflow.active_run() is not None,
        tags=None if existing else run_tags,
        log_system_metrics=True,
    )
    status = RunStatus.FINISHED
    try:
        if run_id:
            with contextlib.suppress(Exception):
                MlflowClient().delete_tag(run_id, ERROR)
        with beating(run.info.run_id):
            yield run
    except EcgmlError as error:
        status = RunStatus.FAILED
        mlflow.set_tag(ERROR, str(error))
        raise
    except (KeyboardInterrupt, SystemExit):
        status = RunStatus.KILLED
        raise
    except BaseException as error:
        status = RunStatus.FAILED
        mlflow.set_tag(ERROR, f"{type(error).__name__}: {error}")
        raise
    finally:
        mlflow.end_run(RunStatus.to_string(status))


@contextlib.contextmanager
def noted_failure() -> Iterator[None]:
    """Mark the not yet adopted run of ``mlflow run`` as ours and alive; note on it why the job failed.

    ``mlflow run`` closes it.
    """
    run_id = os.environ.get("MLFLOW_RUN_ID")
    if not run_id:
        yield
        return
    with contextlib.suppress(MlflowException, OSError):  # connecting to the store reports the problem
        _mark(run_id, owner_tags())
    try:
        with beating(run_id):
            yield
    except EcgmlError as error:
        if os.environ.get("MLFLOW_RUN_ID"):
            MlflowClient().set_tag(run_id, ERROR, str(error))
        raise


@dataclass(frozen=True)
class Child:
    """A model's run within a job's run."""

    run_id: str
    finished: bool


def children_of(parent: Run) -> dict[str, Child]:
    """Return the child runs of a job's run by name."""
    selection = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent.info.run_id}'"
    runs = MlflowClient().search_runs([parent.info.experiment_id], selection)
    return {run.info.run_name: Child(run.info.run_id, run.info.status == "FINISHED") for run in runs}


def parent_of(run: Run) -> str:
    """Return the id of the job's run of a model's run; empty if it has none."""
    return run.data.tags.get(MLFLOW_PARENT_RUN_ID, "")


def runs_tagged(experiment_id: str, tag: str, value: str) -> list[Run]:
    """Return the runs of an experiment whose tag has this value, newest first."""
    client, selection = MlflowClient(), f"tags.`{tag}` = '{value}'"
    return pages(
        lambda token: client.search_runs(
            [experiment_id], selection, order_by=["attributes.start_time DESC"], page_token=token
        )
    )


def find_tagged(experiment_id: str, tag: str, value: str) -> Child | None:
    """Return the run whose tag has this value: a finished one, else the latest ended one, or None."""
    runs = runs_tagged(experiment_id, tag, value)
    runs = sorted((run for run in runs if run.info.status != "RUNNING"), key=lambda run: run.info.status != "FINISHED")
    return Child(runs[0].info.run_id, runs[0].info.status == "FINISHED") if runs else None


def read_run(run_id: str) -> Run:
    """Return a run.

    Raises
    ------
    TrackingError
        If it does not exist.
    """
    try:
        return MlflowClient().get_run(run_id)
    except MlflowException:
        raise TrackingError(f"run {run_id!r} does not exist in {public_uri(mlflow.get_tracking_uri())}") from None


def move_children(children: Mapping[str, Child], parent_id: str) -> None:
    """Move child runs to another parent."""
    for child in children.values():
        MlflowClient().set_tag(child.run_id, MLFLOW_PARENT_RUN_ID, parent_id)


def close_abandoned() -> list[str]:
    """Close as KILLED our runs whose process has ended, in every experiment of the store.

    A run's owner in this PID namespace is looked up among the processes; another's counts as gone when its last beat
    is a day old. A run of ``mlflow run`` whose job never started has no owner:
    if it is provably this project's, it is abandoned when no such ``mlflow run`` lives on the machine of an embedded
    store, else after a day. Other runs on a shared server are left alone.

    Returns
    -------
    list of str
        Ids of the runs that were closed.
    """
    client = MlflowClient()
    launched = os.environ.get("MLFLOW_RUN_ID")
    experiments = [
        experiment.experiment_id for experiment in pages(lambda token: client.search_experiments(page_token=token))
    ]
    closed = []
    for start in range(0, len(experiments), 100):
        batch = experiments[start : start + 100]

        def fetch_page(token: str | None, batch: list[str] = batch) -> PagedList[Run]:
            return client.search_runs(batch, "attributes.status = 'RUNNING'", page_token=token)

        for run in pages(fetch_page):
            if run.info.run_id != launched and _is_abandoned(run):
                client.set_terminated(run.info.run_id, "KILLED")
                closed.append(run.info.run_id)
    return closed


def pages(fetch_page: Callable[[str | None], PagedList[T]]) -> list[T]:
    """Return the entries of all pages of a query."""
    entries: list[T] = []
    token = None
    while True:
        page = fetch_page(token)
        entries += page
        token = page.token
        if not token:
            return entries


def is_orphaned(run_id: str) -> bool:
    """Return whether a run is unfinished and ended, or its process has ended or sent no beat for a minute."""
    run = read_run(run_id)
    if run.info.status != "RUNNING":
        return bool(run.info.status != "FINISHED")
    return _is_abandoned(run, 60.0)


def closed_if_orphaned(run_id: str) -> bool:
    """Close a run as KILLED if its process has ended or sent no beat for a minute; return whether the run has ended."""
    if read_run(run_id).info.status != "RUNNING":
        return True
    if is_abandoned := is_orphaned(run_id):
        MlflowClient().set_terminated(run_id, "KILLED")
    return is_abandoned


def launched_run() -> str:
    """Return the not yet adopted run that ``mlflow run`` opened for this process; empty without one."""
    return os.environ.get("MLFLOW_RUN_ID", "")


def _is_abandoned(run: Run, silent_s: float = ORPHAN_AGE_S) -> bool:
    owner, started_s = run.data.tags.get(OWNER), float(run.info.start_time / 1000)
    if owner:
        if (alive := is_alive(owner)) is not None:
            return not alive
        beat_s = last_beat_s(run.data.tags)
        return beat_s is not None and time.time() - beat_s > silent_s
    if not is_own_launch(run):
        return False
    if mlflow.get_tracking_uri().startswith("sqlite:"):
        return not launcher_lives(run.data.tags["mlflow.source.name"], started_s)
    return time.time() - started_s > silent_s


def _mark(run_id: str, tags: Mapping[str, str]) -> None:
    MlflowClient().log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])
