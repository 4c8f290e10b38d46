"""Load models by their address in MLflow."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.utils.models import get_model_name_and_version
from mlflow.tracking import MlflowClient

from ecgml.errors import TrackingError
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
    if ":/" not in address:
        return load_checkpoint(Path(address).expanduser())
    with TemporaryDirectory(prefix="ecgml-") as folder:
        return load_checkpoint(fetch_checkpoint(address, Path(folder)))


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
        run_id, _, inner = address.removeprefix("runs:/").partition("/") if address.startswith("runs:/") else ("",) * 3
        if run_id and inner in ("", CHECKPOINT):
            refuse_job(run_id)
        path = fetch_artifact(address if inner or not run_id else f"{address.rstrip('/')}/{CHECKPOINT}", folder)
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


def pinned(address: str) -> tuple[str, str | None]:
    """Return an address with its alias resolved to a version, since an alias may move while files are read.

    Parameters
    ----------
    address : str
        ``models:/<name>@<alias>`` or another address of a registered model; any other is returned unchanged.

    Returns
    -------
    address : str
        ``models:/<name>/<version>``.
    version : str or None
        None if it is not a registered model's.

    Raises
    ------
    TrackingError
        If there is no such model, version or alias.
    """
    if not address.startswith("models:/"):
        return address, None
    check_store()
    try:
        name, *version = get_model_name_and_version(MlflowClient(), address)
    except (MlflowException, OSError) as error:
        raise _unavailable(address, error) from None
    return (f"models:/{name}/{version[0]}", str(version[0])) if version else (address, None)


def moves(address: str) -> bool:
    """Return whether an address may lead to another model later: an alias, a stage, the latest version."""
    _, _, version = address.removeprefix("models:/").partition("/")
    return address.startswith("models:/") and ("@" in address or (bool(version) and not version.isdecimal()))


def _location_of(address: str) -> str:
    """Return the location of a model's files."""
    client = MlflowClient()
    try:
        name, *version = get_model_name_and_version(client, address)
        if version:
            return client.get_model_version_download_uri(name, str(version[0]))
        return client.get_logged_model(name).artifact_location
    except (MlflowException, OSError) as error:
        raise _unavailable(address, error) from None


def _unavailable(address: str, error: Exception) -> TrackingError:
    return TrackingError(
        f"{address}: unavailable at {public_uri(mlflow.get_tracking_uri())}: {str(error).strip().splitlines()[0]}"
    )
