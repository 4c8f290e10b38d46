"""The run that stores the record of a promotion."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mlflow.entities import RunTag
from mlflow.tracking import MlflowClient

from ecgml.service.beat import beating, owner_tags

ARTIFACT = "promotion.json"

DESCRIPTION = "mlflow.note.content"

PENDING = "**Not carried out: no line in the log.** "
"""First line of a record's description until its decision is carried out."""


@contextlib.contextmanager
def open_record(
    experiment_id: str, name: str, tags: Mapping[str, str], description: str
) -> Iterator[tuple[str, Callable[[Mapping[str, Any]], None]]]:
    """Open a run with tags and a description, or adopt that of ``mlflow run``; mark it KILLED if the block fails.

    The process that carries the decision out, perhaps after a kill, closes it as FINISHED.

    Yields
    ------
    run_id : str
    save : callable
        Takes the record and logs it as :data:`ARTIFACT`.
    """
    client = MlflowClient()
    shown = {**tags, **owner_tags(), DESCRIPTION: PENDING + description}
    if run_id := os.environ.pop("MLFLOW_RUN_ID", ""):
        client.log_batch(run_id, tags=[RunTag(key, value) for key, value in shown.items()])
    else:
        run_id = client.create_run(experiment_id, tags=shown, run_name=name).info.run_id

    def save(content: Mapping[str, Any]) -> None:
        client.log_text(run_id, json.dumps(content, indent=1) + "\n", ARTIFACT)

    try:
        with beating(run_id):
            yield run_id, save
    except BaseException:
        with contextlib.suppress(Exception):
            client.set_terminated(run_id, "KILLED")
        raise
