"""Names of the artifacts of runs, and how they are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pandas as pd

from ecgml.errors import TrackingError
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.service.tracker import fetch_artifact

T = TypeVar("T")

CONFIG, ENVIRONMENT = "config.json", "environment.txt"

SPLIT, QUARANTINE, LEFT_OUT = "split.csv", "quarantine.csv", "left_out.csv"
"""Artifacts of a job's data: the part of each record, remarks on files, records left out."""

IDENTITY, SEPARATOR = "identity", " | "
"""Column of ``split.csv`` with a record's keys (`ecgml.datasets.duplicates.identities`), and what is between them."""

TITLES = {"test": "test part", "external": "external cohort", "evaluation": "cohort evaluated"}
"""Sets of scored records, by the prefix of their metrics and artifacts."""

SCORED = ("test", "external")
"""Sets of records scored in a model's own run."""


def read_artifact(run_id: str, name: str, read: Callable[[Path], T]) -> T:
    """Fetch an artifact of a run and read it.

    Parameters
    ----------
    run_id, name : str
    read : callable
        Reads a file by its path.

    Raises
    ------
    TrackingError
        If the run or the artifact does not exist.
    """
    with TemporaryDirectory(prefix="ecgml-") as folder:
        return read(fetch_artifact(f"runs:/{run_id}/{name}", Path(folder)))


def read_configuration(run_id: str) -> TrainConfiguration:
    """Return the settings of a trained model or job, with their origins.

    Raises
    ------
    TrackingError
        If the run has none, or they are damaged.
    """
    where = f"{CONFIG} of run {run_id}"
    try:
        return TrainConfiguration.from_json(json.loads(read_artifact(run_id, CONFIG, Path.read_text)), where)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrackingError(f"{where} is damaged: {error}") from None


def read_split(run_id: str) -> pd.DataFrame:
    """Return the part of each record of a model's data; text columns are ``""`` where nothing is known.

    Raises
    ------
    TrackingError
        If there is no such run, or it keeps no ``split.csv``.
    ValueError
        If the file is damaged.
    """
    numbers = {"age": [""], "sex": [""], "rate": [""]}
    text = dict.fromkeys(("record", "part", "source", "date", "label_harmonised", IDENTITY), str)
    split = read_artifact(
        run_id, SPLIT, lambda path: pd.read_csv(path, dtype=text, keep_default_na=False, na_values=numbers)
    )
    if missing := {"record", "part", "source"} - set(split):
        raise ValueError(f"no column {', '.join(sorted(missing))}")
    return split
