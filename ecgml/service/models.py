"""Load models by their address in MLflow."""

from __future__ import annotations

from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.utils.models import get_model_name_and_version
from mlflow.tracking import MlflowClient

from ecgml.errors import TrackingError
from ecgml.service.address import checkpoint_at, run_and_path
from ecgml.service.pyfunc import CHECKPOINT
from ecgml.service.runs import children_of, read_run
from ecgml.service.store import check_store, public_uri
from ecgml.service.tracker import fetch_artifact
from ecgml.training.checkpoint import DESCRIPTION, Checkpoint, load_checkpoint


def read_checkpoint(address: str) -> Checkpoint:
    """Load the checkpoint of a folder or an address.

    Parameters
    ----------
    address : str
        A folder, or as :func:`fetch_checkpoint`.

    Raises
    ------
    TrackingError
        If the address leads to none.
    CheckpointError
        If it is damaged, or the folder has none.
    """
    with checkpoint_at(address) as folder:
        return load_checkpoint(folder)


def fetch_checkpoint(address: str, folder: Path) -> Path:
    """Download the checkpoint of an address into a folder.

    Parameters
    ----------
    address : str
        ``runs:/<run id>`` (the run of a model), ``runs:/<run id>/checkpoint``, ``models:/<name>@<alias>``,
        ``models:/<name>/<version>`` or ``models:/<LoggedModel's id>``.
    folder : Path

    Returns
    -------
    path : Path
        The checkpoint's folder.

    Raises
    ------
    TrackingError
        If there is none; for a job's run the message names its models' runs.
    """
    check_store()
    if address.startswith("models:/"):
        path = fetch_artifact(f"{_location_of(address)}/artifacts/{CHECKPOINT}", folder, address)
    else:
        run_id, inner = run_and_path(address)
        if run_id and inner in ("", CHECKPOINT):
            refuse_job(run_id)
        path = fetch_artifact(address if inner or not run_id else f"runs:/{run_id}/{CHECKPOINT}", folder)
    # An artifact of another kind may contain a checkpoint in a subfolder.
    return next((file.parent for file in sorted(path.rglob(DESCRIPTION))), path)


def refuse_job(run_id: str) -> None:
    """Refuse a job's run where a model's is expected.

    Raises
    ------
    TrackingError
        If it is a job's (the message names its models), or there is no such run.
    """
    if children := children_of(read_run(run_id)):
        models = ", ".join(f"{name} runs:/{child.run_id}" for name, child in sorted(children.items()))
        raise TrackingError(f"run {run_id} is a job of several models; give one of them: {models}")


def version_of(address: str) -> tuple[str, str]:
    """Return what ``models:/…`` means now: a registered model's name and version, or a logged model's id alone.

    Raises
    ------
    TrackingError
        If there is no such model, version or alias.
    """
    check_store()
    try:
        name, *version = get_model_name_and_version(MlflowClient(), address)
    except (MlflowException, OSError) as error:
        raise _unavailable(address, error) from None
    return name, str(version[0]) if version else ""


def _location_of(address: str) -> str:
    """Return the location of a model's files."""
    client = MlflowClient()
    name, version = version_of(address)
    try:
        if version:
            return client.get_model_version_download_uri(name, version)
        return client.get_logged_model(name).artifact_location
    except (MlflowException, OSError) as error:
        raise _unavailable(address, error) from None


def _unavailable(address: str, error: Exception) -> TrackingError:
    return TrackingError(
        f"{address}: unavailable at {public_uri(mlflow.get_tracking_uri())}: {str(error).strip().splitlines()[0]}"
    )
