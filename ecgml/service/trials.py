"""A run within a run that costs few requests: a trial of a study.

Made and closed with the client, so that many processes may do it under one parent and none becomes the active run.
Metrics are held back for a few seconds and go out in one request.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from ecgml.errors import TrackingError
from ecgml.service.beat import beating, own_marks
from ecgml.service.runs import pages
from ecgml.service.tracker import param_text

HOLD_S = 4.0
"""Metrics are at most so late, s, and a request."""


class TrialRun:
    """The run of a trial.

    Parameters
    ----------
    experiment_id, parent_id : str
    name : str
    params : mapping
    tags : mapping
    """

    def __init__(
        self, experiment_id: str, parent_id: str, name: str, params: Mapping[str, Any], tags: Mapping[str, str]
    ) -> None:
        self._client = MlflowClient()
        own = {MLFLOW_PARENT_RUN_ID: parent_id, **own_marks(), **tags}
        self.run_id = self._client.create_run(experiment_id, tags=own, run_name=name).info.run_id
        self._beat = contextlib.ExitStack()
        self._beat.enter_context(beating(self.run_id))
        self._params = [Param(key, param_text(value)) for key, value in params.items()]
        self._points: list[Metric] = []
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._started = time.monotonic()
        self._hold()

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Take finite metrics; they are in the store :data:`HOLD_S` later."""
        now = int(1000 * time.time())
        points = [Metric(key, float(value), now, step) for key, value in values.items() if np.isfinite(value)]
        with self._lock:
            self._points += points
        self._hold()

    def close(self, status: str, tags: Mapping[str, str]) -> None:
        """Send what is left, and end the run.

        Parameters
        ----------
        status : str
            ``"FINISHED"``, ``"FAILED"`` or ``"KILLED"``.
        tags : mapping

        Raises
        ------
        TrackingError
            If the store does not take it.
        """
        self._beat.close()
        self.metrics({"duration_s": time.monotonic() - self._started})
        with self._lock:
            if self._timer:
                self._timer.cancel()
        try:
            self._send(tags)
            self._client.set_terminated(self.run_id, status)
        except (MlflowException, OSError) as error:
            first_line = str(error).strip().splitlines()[0]
            raise TrackingError(f"run {self.run_id} cannot be closed as {status}: {first_line}") from None

    def _hold(self) -> None:
        with self._lock:
            if self._timer is None:
                self._timer = threading.Timer(HOLD_S, self._send_held)
                self._timer.daemon = True
                self._timer.start()

    def _send_held(self) -> None:
        with self._lock:
            self._timer = None
        try:
            self._send({})
        except (MlflowException, OSError):
            self._hold()  # a server that does not answer now may do so later

    def _send(self, tags: Mapping[str, str]) -> None:
        with self._lock:
            points, params = self._points, self._params
            self._points, self._params = [], []
        marks = [RunTag(key, str(value)) for key, value in tags.items()]
        try:
            # MLflow takes 1,000 entries in a request.
            for start in range(0, max(len(points), 1), 800):
                some = points[start : start + 800]
                self._client.log_batch(self.run_id, metrics=some, params=params, tags=marks)
                params, marks = [], []
        except (MlflowException, OSError):
            with self._lock:
                self._points, self._params = points + self._points, params
            raise


def close_dead(run_id: str, status: str, tags: Mapping[str, str]) -> None:
    """Close the run of a trial whose worker died before it said so; one that says so or is gone is left alone.

    Parameters
    ----------
    run_id : str
    status : str
    tags : mapping
        What it is to say.
    """
    client = MlflowClient()
    with contextlib.suppress(MlflowException):
        run = client.get_run(run_id)
        if not tags.keys() <= run.data.tags.keys():
            client.log_batch(run_id, tags=[RunTag(key, str(value)) for key, value in tags.items()])
            client.set_terminated(run_id, status)


def without_tag(experiment_id: str, parent_id: str, tag: str, other: str) -> dict[str, str]:
    """Return the runs within a run that lack a tag, by their ids, with what another tag of theirs says."""
    client, selection = MlflowClient(), f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent_id}'"
    runs = pages(lambda token: client.search_runs([experiment_id], selection, page_token=token))
    return {run.info.run_id: run.data.tags.get(other, "") for run in runs if tag not in run.data.tags}
