"""Runs of a study's trials, with few requests.

Created and closed by the client: many processes may do so under one parent, and none becomes the active run.
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
from ecgml.service.beat import beating, owner_tags
from ecgml.service.runs import pages
from ecgml.service.tracker import param_text

HOLD_S = 4.0
"""Time for which metrics are held back, s."""


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
        run_tags = {MLFLOW_PARENT_RUN_ID: parent_id, **owner_tags(), **tags}
        self.run_id = self._client.create_run(experiment_id, tags=run_tags, run_name=name).info.run_id
        self._beat = contextlib.ExitStack()
        self._beat.enter_context(beating(self.run_id))
        self._params = [Param(key, param_text(value)) for key, value in params.items()]
        self._points: list[Metric] = []
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._started = time.monotonic()
        self._hold()

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Log finite metrics; they reach the store within :data:`HOLD_S`."""
        timestamp_ms = int(1000 * time.time())
        points = [Metric(key, float(value), timestamp_ms, step) for key, value in values.items() if np.isfinite(value)]
        with self._lock:
            self._points += points
        self._hold()

    def close(self, status: str, tags: Mapping[str, str]) -> None:
        """Send held metrics and end the run.

        Parameters
        ----------
        status : str
            ``"FINISHED"``, ``"FAILED"`` or ``"KILLED"``.
        tags : mapping

        Raises
        ------
        TrackingError
            If the store refuses it.
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
            self._hold()  # the server may answer later

    def _send(self, tags: Mapping[str, str]) -> None:
        with self._lock:
            points, params = self._points, self._params
            self._points, self._params = [], []
        run_tags = [RunTag(key, str(value)) for key, value in tags.items()]
        try:
            # MLflow takes 1,000 entries in a request.
            for start in range(0, max(len(points), 1), 800):
                batch = points[start : start + 800]
                self._client.log_batch(self.run_id, metrics=batch, params=params, tags=run_tags)
                params, run_tags = [], []
        except (MlflowException, OSError):
            with self._lock:
                self._points, self._params = points + self._points, params
            raise


def close_dead(run_id: str, status: str, tags: Mapping[str, str]) -> None:
    """Close a trial's run whose worker died before closing it; leave it alone if it has these tags or was deleted.

    Parameters
    ----------
    run_id : str
    status : str
    tags : mapping
        Tags to set.
    """
    client = MlflowClient()
    with contextlib.suppress(MlflowException):
        run = client.get_run(run_id)
        if not tags.keys() <= run.data.tags.keys():
            client.log_batch(run_id, tags=[RunTag(key, str(value)) for key, value in tags.items()])
            client.set_terminated(run_id, status)


def without_tag(experiment_id: str, parent_id: str, tag: str, other: str) -> dict[str, str]:
    """Return the child runs that lack a tag: id to value of another tag."""
    client, selection = MlflowClient(), f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent_id}'"
    runs = pages(lambda token: client.search_runs([experiment_id], selection, page_token=token))
    return {run.info.run_id: run.data.tags.get(other, "") for run in runs if tag not in run.data.tags}
