"""The frame of every command: signals, tracking store, abandoned runs, its own run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ecgml
from ecgml.config import Configuration
from ecgml.pipeline.job.artifacts import CONFIG, ENVIRONMENT
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.environment import environment, git_commit
from ecgml.service.jobs import COMMAND
from ecgml.service.pages import where_to_look
from ecgml.service.runs import close_abandoned, ended_by_signal, noted_failure, open_run
from ecgml.service.store import connect
from ecgml.service.tracker import Tracker


@dataclass
class Command:
    """A running command.

    Parameters
    ----------
    name : str
        Of its runs' tag.
    console : Console
    experiment : str
        Of its runs, once it is connected.
    """

    name: str
    console: Console
    experiment: str = ""

    def connect(self, beside: str = "") -> str:
        """Connect to the tracking store, close abandoned runs there, and return the experiment.

        Parameters
        ----------
        beside : str
            A run whose experiment is used if none is named.

        Raises
        ------
        TrackingError
            If the store cannot be used.
        """
        self.experiment = connect(beside)
        for run_id in close_abandoned():
            self.console.say(f"closed run {run_id}: its process has ended")
        return self.experiment

    @contextmanager
    def run(
        self, title: str, configuration: Configuration, tags: Mapping[str, str], *, is_simulated: bool = False
    ) -> Iterator[Tracker]:
        """Open a run with the command's settings, environment and version; close it whatever happens.

        Parameters
        ----------
        title : str
        configuration : Configuration
        tags : mapping of str to str
            Empty ones are left out; ``ecgml.model``, if any, is a parameter, too.
        is_simulated : bool
            Whether its scores come from simulated records.
        """
        model: dict[str, Any] = {"model": tags["ecgml.model"]} if tags.get("ecgml.model") else {}
        run_tags = {
            COMMAND: self.name,
            "ecgml.version": ecgml.__version__,
            "ecgml.git_commit": git_commit(),
            "ecgml.simulated": "true" if is_simulated else "",
        }
        with open_run(self.experiment, title) as run:
            tracker = Tracker(run.info.run_id)
            tracker.tags({name: value for name, value in {**run_tags, **tags}.items() if value})
            tracker.params(model | configuration.values())
            tracker.json(configuration.to_json(), CONFIG)
            tracker.text(environment(), ENVIRONMENT)
            yield tracker

    def said(self, run_id: str, page: str, folder: Path | None) -> list[str]:
        """Return the locations of a page: the output folder, if any, and the run."""
        shown = [f"page: {folder / page}"] if folder else []
        return [*shown, f"run {run_id}; its {page}: {where_to_look(self.experiment, run_id, page)}"]


@contextmanager
def command(name: str, console: Console) -> Iterator[Command]:
    """Frame a command: on SIGTERM close its runs; under ``mlflow run`` note a failure on that run."""
    with ended_by_signal(), noted_failure():
        yield Command(name, console)
