"""Log metrics, figures, tables, texts and data sets to a run."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
from mlflow.data.dataset_source import DatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from ecgml.errors import TrackingError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_PARAM = 6000
"""Longest parameter value that MLflow accepts, characters."""


class Tracker:
    """Writes to a run, one request a call; a request takes 5 ms on sqlite and 50 ms over HTTP."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self._client = MlflowClient()

    def metrics(self, values: Mapping[str, float], step: int = 0, model_id: str | None = None) -> None:
        """Log finite metrics at a step; others are left out (an absent class has no AUROC)."""
        timestamp_ms = mlflow.utils.time.get_current_time_millis()
        points = [
            Metric(key, float(value), timestamp_ms, step, model_id=model_id)
            for key, value in values.items()
            if np.isfinite(value)
        ]
        self._client.log_batch(self.run_id, metrics=points)

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters; those that the run already has stay (`mlflow run` logs its own first)."""
        known = self._client.get_run(self.run_id).data.params
        new = [Param(key, param_text(value)) for key, value in values.items() if key not in known]
        for start in range(0, len(new), 100):
            self._client.log_batch(self.run_id, params=new[start : start + 100])

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        self._client.log_batch(self.run_id, tags=[RunTag(key, str(value)) for key, value in values.items()])

    def describe(self, markdown: str) -> None:
        """Set the run's description, shown at the top of its page."""
        self.tags({"mlflow.note.content": markdown})

    def text(self, content: str, path: str) -> None:
        """Log a text file under a path of the run."""
        with self.folder(path) as target:
            target.write_text(content, encoding="utf-8")

    def json(self, content: Any, path: str) -> None:
        """Log a JSON file."""
        self.text(json.dumps(content, indent=1, default=str) + "\n", path)

    def table(self, columns: Mapping[str, Sequence[Any]], path: str) -> None:
        """Log columns of one length as a CSV file."""
        import pandas as pd

        self.text(pd.DataFrame(dict(columns)).to_csv(index=False), path)

    def figure(self, figure: Figure, path: str, save: Callable[[Figure, Path], object]) -> None:
        """Log a figure as the file that ``save`` writes."""
        with self.folder(path) as target:
            save(figure, target)

    def copy(self, source: Path, path: str) -> None:
        """Log a file or folder under a path of the run."""
        with self.folder(path) as target:
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copyfile(source, target)

    @contextlib.contextmanager
    def folder(self, path: str) -> Iterator[Path]:
        """Yield a temporary folder whose content is logged under ``path`` at the end."""
        with tempfile.TemporaryDirectory(prefix="ecgml-") as temporary:
            target = Path(temporary) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            yield target
            self._client.log_artifacts(self.run_id, temporary)

    def dataset(self, name: str, digest: str, addresses: Sequence[str], context: str) -> None:
        """Log a data set, by its digest and location, as an input of the run."""
        # MLflow makes it so itself, whatever it declares.
        dataset = MetaDataset(_FolderSource(list(addresses)), name=name, digest=digest[:36])  # type: ignore[abstract]
        mlflow.log_input(dataset, context=context)


def fetch_artifact(address: str, folder: Path, shown_as: str = "") -> Path:
    """Download an artifact into a folder.

    Parameters
    ----------
    address : str
        ``runs:/<run id>/<path>``, or its location.
    folder : Path
    shown_as : str
        Its name in messages; by default its address.

    Raises
    ------
    TrackingError
        If there is none.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    try:
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=str(folder)))
    except (MlflowException, OSError) as error:
        raise TrackingError(f"{shown_as or address}: cannot be fetched: {str(error).strip().splitlines()[0]}") from None


def artifact_names(run_id: str) -> set[str]:
    """Return the names of a run's top-level artifacts, folders included.

    Raises
    ------
    TrackingError
        If the store of artifacts does not answer.
    """
    try:
        return {artifact.path for artifact in MlflowClient().list_artifacts(run_id)}
    except (MlflowException, OSError) as error:
        raise TrackingError(f"run {run_id}: its artifacts cannot be listed: {str(error).splitlines()[0]}") from None


class _FolderSource(DatasetSource):
    """Folders that a data set was read from."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses

    @staticmethod
    def _get_source_type() -> str:
        return "folders"

    def load(self, **kwargs: Any) -> Any:
        raise NotImplementedError("open the folders with ecgml.cohorts.opening.open_cohort")

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:
        return False

    @classmethod
    def _resolve(cls, raw_source: Any) -> _FolderSource:
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        return {"folders": self._addresses}

    @classmethod
    def from_dict(cls, source_dict: dict[Any, Any]) -> _FolderSource:
        return cls(source_dict["folders"])


def param_text(value: Any) -> str:
    """Return a parameter's value as MLflow stores it."""
    text = ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
    return text if len(text) <= MAX_PARAM else text[: MAX_PARAM - 1] + "…"
