"""Connect to the tracking store and its experiment; create them once."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from urllib.parse import unquote

import mlflow
import requests
from alembic.util.exc import CommandError
from filelock import FileLock
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from ecgml.errors import TrackingError

DEFAULT_EXPERIMENT = "ecg-rhythm"

HEALTH_TIMEOUT_S = 20.0

_SQLITE = "sqlite:///"


def connect(beside: str = "") -> str:
    """Connect to the tracking store and return the experiment's id.

    ``MLFLOW_TRACKING_URI`` and ``MLFLOW_EXPERIMENT_NAME`` decide; under ``mlflow run`` the project's run does. Without
    them: ``mlflow.db`` in the working directory, experiment ``ecg-rhythm``. A sqlite database is created under a lock:
    several processes that meet a fresh one crash in its migrations.

    Parameters
    ----------
    beside : str, optional
        A run, whose experiment is used if none is named and the run is in this store.

    Raises
    ------
    TrackingError
        If the store cannot be reached or the experiment was deleted.
    """
    _quiet()
    uri = mlflow.get_tracking_uri()
    try:
        if uri.startswith(_SQLITE):
            with FileLock(unquote(uri.removeprefix(_SQLITE)) + ".lock"):
                return _experiment(beside)
        return _experiment(beside)
    except (MlflowException, OSError, SQLAlchemyError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise TrackingError(f"MLflow store {public_uri(uri)} cannot be used: {first_line}") from None
    except CommandError as error:
        raise TrackingError(
            f"MLflow store {public_uri(uri)} is the database of another program, or of another MLflow ({error}); set "
            "MLFLOW_TRACKING_URI to another"
        ) from None


def _quiet() -> None:
    """Silence MLflow's log lines in a job's output."""
    # Migrations log every step of the schema since 2018; system metrics their start and end in every run.
    for name in ("alembic", "mlflow.store.db.utils", "mlflow.store.model_registry", "mlflow.system_metrics"):
        logging.getLogger(name).setLevel(logging.WARNING)
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # On a server every run would be announced on standard output, which is for results.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")


def exists() -> bool:
    """Return whether the tracking store exists; True for a server, which is not asked."""
    uri = mlflow.get_tracking_uri()
    return not uri.startswith(_SQLITE) or Path(unquote(uri.removeprefix(_SQLITE))).exists()


def check_store() -> None:
    """Refuse a store that does not exist, before its first use.

    MLflow would create a missing database, and retry a server that does not answer for four minutes.

    Raises
    ------
    TrackingError
        If the database does not exist, or the server does not answer.
    """
    uri = mlflow.get_tracking_uri()
    if not exists():
        raise TrackingError(
            f"MLflow store {public_uri(uri)} does not exist; set MLFLOW_TRACKING_URI, or run this where mlflow.db is"
        )
    if uri.startswith(("http://", "https://")):
        try:
            requests.get(f"{uri.rstrip('/')}/health", timeout=HEALTH_TIMEOUT_S)
        except requests.RequestException as error:
            raise TrackingError(f"MLflow store {public_uri(uri)} does not answer: {type(error).__name__}") from None


def describe_store() -> str:
    """Return where runs are kept, without creating anything.

    Raises
    ------
    TrackingError
        If a server does not answer.
    """
    uri = mlflow.get_tracking_uri()
    if uri.startswith(_SQLITE):
        path = Path(unquote(uri.removeprefix(_SQLITE)))
        return f"runs are kept in {path}{'' if exists() else ', created by the first'}"
    try:
        MlflowClient().search_experiments(max_results=1)
    except (MlflowException, OSError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise TrackingError(f"MLflow store {public_uri(uri)} cannot be used: {first_line}") from None
    return f"runs are kept in {public_uri(uri)}"


def public_uri(uri: str) -> str:
    """Return a store's address without its password."""
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}://…@{rest.rpartition('@')[2]}" if separator and "@" in rest else uri


def _experiment(beside: str) -> str:
    client = MlflowClient()
    if run_id := os.environ.get("MLFLOW_RUN_ID"):
        return client.get_run(run_id).info.experiment_id
    if experiment_id := os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return client.get_experiment(experiment_id).experiment_id
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME")
    if beside and not name:
        with contextlib.suppress(MlflowException):
            return client.get_run(beside).info.experiment_id
    name = name or DEFAULT_EXPERIMENT
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return client.create_experiment(name)
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                raise
            # On a server another process created it in between.
            experiment = client.get_experiment_by_name(name)
    if experiment is None or experiment.lifecycle_stage == "deleted":
        raise TrackingError(f"MLflow experiment {name!r} was deleted; restore it or set MLFLOW_EXPERIMENT_NAME")
    return experiment.experiment_id
