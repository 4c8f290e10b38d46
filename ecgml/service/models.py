"""Models by their address in MLflow."""

from __future__ import annotations

from pathlib import Path

from ecgml.errors import TrackingError
from ecgml.service.runs import children_of, read_run
from ecgml.service.tracker import fetch_artifact
from ecgml.training.checkpoint import DESCRIPTION


def fetch_checkpoint(address: str, folder: Path) -> Path:
    """Download the checkpoint that an address leads to, into a folder.

    Parameters
    ----------
    address : str
        ``runs:/<run id>`` (the run of a model), ``runs:/<run id>/checkpoint`` or ``models:/<name>@<alias>``.
    folder : Path

    Returns
    -------
    path : Path
        The checkpoint's folder.

    Raises
    ------
    TrackingError
        If there is none; of a job's run, whose models have runs of their own, these are named.
    """
    run_id, _, path = address.removeprefix("runs:/").partition("/") if address.startswith("runs:/") else ("", "", "")
    if run_id and path in ("", "checkpoint") and (children := children_of(read_run(run_id))):
        models = ", ".join(f"{name} runs:/{child.run_id}" for name, child in sorted(children.items()))
        raise TrackingError(f"{address}: run {run_id} is a job of several models; give one of them: {models}")
    fetched = fetch_artifact(address if path or not run_id else f"{address.rstrip('/')}/checkpoint", folder)
    # A registered model carries its checkpoint among other things.
    return next((found.parent for found in sorted(fetched.rglob(DESCRIPTION))), fetched)
