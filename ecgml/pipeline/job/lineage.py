"""The records that a model and its ancestors learnt from, as far as known.

A fine-tuned model (``init_from``) has learnt from its own records, from those of the model that it was started from,
and so on. Every checkpoint names its ancestors among its facts, every run in the tag :data:`ANCESTORS`; which records
these learnt from is in the ``split.csv`` of their runs.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecgml.datasets.table import RecordTable
from ecgml.errors import EcgmlError, TrackingError
from ecgml.evaluation.predictions import Predictions
from ecgml.pipeline.job.artifacts import IDENTITY, SEPARATOR, read_split
from ecgml.service.address import moves, run_and_path
from ecgml.service.models import read_checkpoint
from ecgml.service.runs import parent_of, read_run
from ecgml.training.checkpoint import Checkpoint

ANCESTORS = "ecgml.ancestors"
"""Tag of a run: JSON of the ancestors of its model, nearest first; on a job's run, of the model that the job started
with."""

LEARNT_FROM = ("train", "val", "calibration")
"""Parts of a split that influence a model."""


@dataclass(frozen=True)
class Ancestor:
    """A model whose weights another model started from.

    Parameters
    ----------
    address : str
        As ``init_from`` named it; of a registered model its version, not an alias, which moves.
    run_id : str
        The run that trained it; empty if unknown.
    """

    address: str
    run_id: str


@dataclass(frozen=True, eq=False)
class Learnt:
    """Records that one model was trained, selected and calibrated on: the ``split.csv`` of its run."""

    split: pd.DataFrame
    is_ancestor: bool


@dataclass(frozen=True, eq=False)
class Lineage:
    """All records that a model learnt from.

    Parameters
    ----------
    ancestors : tuple of Ancestor
        Nearest first.
    learnt : tuple of Learnt
        Its own, if it is trained already, and its ancestors', as far as their runs exist.
    doubts : tuple of str
        Descriptions of what is unknown.
    """

    ancestors: tuple[Ancestor, ...] = ()
    learnt: tuple[Learnt, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def earlier(self) -> Lineage:
        """The lineage of the ancestors alone."""
        return Lineage(self.ancestors, tuple(learnt for learnt in self.learnt if learnt.is_ancestor), self.doubts)

    def seen(
        self, table: RecordTable, identity_of: Mapping[str, Sequence[str]], parts: Collection[str] | None = None
    ) -> NDArray[np.bool_]:
        """Return which records of a table, or other records of their patients, were learnt from.

        A record is matched by source and name, by another name of the same ECG, by its waveform, or by its table's row.

        Parameters
        ----------
        table : RecordTable
        identity_of : mapping of str to sequence of str
            By record id, see `ecgml.datasets.duplicates.identities`; of caches by the lineage's preprocessing.
        parts : collection of str, optional
            Of the models' splits; by default :data:`LEARNT_FROM`.

        Returns
        -------
        seen : ndarray of bool, shape (n_records,)
        """
        record_ids = table.record_ids.tolist()
        keys = [identity_of[record_id] for record_id in record_ids]
        direct = self._matched(record_ids, table.sources.tolist(), keys, parts)
        return np.isin(table.patients, table.patients[direct])

    def seen_of(self, predictions: Predictions, split: pd.DataFrame) -> NDArray[np.bool_]:
        """Return the same for stored predictions, shape (n_records,).

        Parameters
        ----------
        predictions : Predictions
        split : DataFrame
            ``split.csv`` of the run that made them. Records that are not in it are matched by source and name alone.
        """
        keys_of: dict[str, list[str]] = {}
        if IDENTITY in split:
            keys_of = dict(zip(split.record, map(_keys, split[IDENTITY]), strict=True))
        keys = [keys_of.get(record_id, []) for record_id in predictions.record_ids]
        direct = self._matched(predictions.record_ids, predictions.sources, keys, None)
        groups = np.array(predictions.groups)
        return np.isin(groups, groups[direct])

    def _matched(
        self,
        record_ids: Iterable[str],
        sources: Iterable[str],
        keys: Iterable[Sequence[str]],
        parts: Collection[str] | None,
    ) -> NDArray[np.bool_]:
        names: set[tuple[str, str]] = set()
        learnt_keys: set[str] = set()
        for learnt in self.learnt:
            rows = learnt.split[learnt.split.part.isin(LEARNT_FROM if parts is None else parts)]
            names |= set(zip(rows.source, map(_bare, rows.record), strict=True))
            learnt_keys |= {key for cell in rows.get(IDENTITY, ()) for key in _keys(cell)}
        return np.array(
            [
                (source, _bare(record_id)) in names or not learnt_keys.isdisjoint(record_keys)
                for record_id, source, record_keys in zip(record_ids, sources, keys, strict=True)
            ],
            dtype=bool,
        )


def read_lineage(ancestors: Sequence[Ancestor], model_run_id: str | None = None) -> Lineage:
    """Read which records the models of a lineage learnt from.

    Parameters
    ----------
    ancestors : sequence of Ancestor
    model_run_id : str, optional
        Run of the model itself, ``""`` if unknown; None for a model not yet trained.
    """
    learnt, doubts = [], []
    models = [*([Ancestor("", model_run_id)] if model_run_id is not None else []), *ancestors]
    for place, model in enumerate(models):
        is_ancestor = model_run_id is None or place > 0
        split, doubt = _read_split(model, is_ancestor)
        if split is not None:
            learnt.append(Learnt(split, is_ancestor))
        if doubt:
            doubts.append(doubt)
    return Lineage(tuple(ancestors), tuple(learnt), tuple(doubts))


def descent(checkpoint: Checkpoint, address: str) -> tuple[Ancestor, ...]:
    """Return the ancestors of a model started from a checkpoint: its model, then that model's ancestors."""
    return (Ancestor(address, str(checkpoint.facts.get("run_id", ""))), *ancestors_of(checkpoint))


def ancestors_of(checkpoint: Checkpoint) -> tuple[Ancestor, ...]:
    """Return a model's ancestors, nearest first, from its checkpoint or else its run."""
    return _of_checkpoint(checkpoint, frozenset())


def ancestors_of_run(run_id: str) -> tuple[Ancestor, ...]:
    """Return the ancestors of a run's model, nearest first."""
    return _of_run(run_id, frozenset())


def ancestors_of_job(run_id: str) -> tuple[Ancestor, ...]:
    """Return the ancestors of a model's job, whose records the job left out of its tests.

    Empty for a job of earlier versions, which left none out.
    """
    run = read_run(run_id)
    parent = parent_of(run)
    return _parsed((read_run(parent) if parent else run).data.tags.get(ANCESTORS, "[]"))


def as_facts(ancestors: Sequence[Ancestor]) -> list[dict[str, str]]:
    """Return ancestors ready for JSON, for a checkpoint's facts and a run's tag."""
    return [asdict(ancestor) for ancestor in ancestors]


def cautions_of(run_id: str, predictions: Mapping[str, Predictions]) -> list[str]:
    """Return cautions about a run's stored predictions of records that its ancestors learnt from.

    Jobs leave such records out of their tests; those of earlier versions did not.

    Parameters
    ----------
    run_id : str
    predictions : mapping of str to Predictions
        By what was scored, in words.
    """
    lineage = read_lineage(ancestors_of_run(run_id))
    if not lineage.ancestors:
        return []
    split, doubt = _read_split(Ancestor("", run_id), False)
    cautions = [f"run {run_id}: {doubt}"] if doubt else []
    for what, stored in predictions.items():
        if n_seen := int(lineage.seen_of(stored, pd.DataFrame() if split is None else split).sum()):
            cautions.append(
                f"{n_seen:,} of the {stored.n_records:,} records of the {what} are of patients that a model which run "
                f"{run_id} was started from ({lineage.ancestors[0].address}) learnt from: they were not unseen; score "
                "it on other records, ecgml evaluate MODEL DATA"
            )
    return [*cautions, *(f"run {run_id}: {doubt}" for doubt in lineage.doubts)]


def _of_checkpoint(checkpoint: Checkpoint, passed: frozenset[str]) -> tuple[Ancestor, ...]:
    if (recorded := checkpoint.facts.get("ancestors")) is not None:
        return _parsed(recorded)
    return _of_run(str(checkpoint.facts.get("run_id", "")), passed)


def _of_run(run_id: str, passed: frozenset[str]) -> tuple[Ancestor, ...]:
    """Read a run's tag; for a run of earlier versions follow its setting ``init_from``."""
    if run_id in passed:
        return ()  # a folder that was written again by what was started from it
    try:
        run = read_run(run_id)
    except TrackingError:
        return ()  # that it is gone is said where its records are looked for
    if ANCESTORS in run.data.tags:
        return _parsed(run.data.tags[ANCESTORS])
    address = run.data.params.get("init_from", "")
    return _followed(address, passed | {run_id}) if address else ()


def _followed(address: str, passed: frozenset[str]) -> tuple[Ancestor, ...]:
    """Find a model by the address stored by an earlier version, and its ancestors."""
    if moves(address):
        return (Ancestor(address, ""),)  # the alias may have meant another version then
    try:
        start = read_checkpoint(address)
    except EcgmlError:
        run_id, _ = run_and_path(address)
        return (Ancestor(address, run_id), *(_of_run(run_id, passed) if run_id else ()))
    return (Ancestor(address, str(start.facts.get("run_id", ""))), *_of_checkpoint(start, passed))


def _parsed(recorded: Any) -> tuple[Ancestor, ...]:
    items = json.loads(recorded) if isinstance(recorded, str) else recorded
    return tuple(Ancestor(str(item.get("address", "")), str(item.get("run_id", ""))) for item in items)


def _read_split(model: Ancestor, is_ancestor: bool) -> tuple[pd.DataFrame | None, str]:
    """Return a model's ``split.csv``, None where it cannot be read, and what cannot be told for that; else empty."""
    whose = f"{model.address}, which the model was started from" if is_ancestor else "the model"
    unknown = "whether it was trained on some of these records is unknown"
    if not model.run_id and is_ancestor:
        return None, f"{whose}: the run that made it is unknown, so {unknown}"
    run = f"{whose}: its run {model.run_id}" if is_ancestor else f"the model's own run {model.run_id or '(unknown)'}"
    try:
        split = read_split(model.run_id)
    except TrackingError:
        return None, f"{run} is not in this tracking store: {unknown}"
    except ValueError:
        return None, f"{run} has a damaged split.csv: {unknown}"
    if IDENTITY in split:
        return split, ""
    whose = f"run {model.run_id} of {whose}," if is_ancestor else "the model's run"
    return split, (
        f"{whose} is of a version that did not keep what its records can be told by: the same ECG under another name "
        "or in another format would not be recognised"
    )


def _keys(cell: str) -> list[str]:
    return [key for key in cell.split(SEPARATOR) if key]


def _bare(record_id: str) -> str:
    """Return a record's name without its cohort's, which is that of a folder."""
    return record_id.rpartition("/")[2]
