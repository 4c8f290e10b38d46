"""Protocols: one model's settings judged on several divisions of the records, and the drop between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecgml.evaluation.cautions import FEW_GROUPS
from ecgml.evaluation.contrast import contrast
from ecgml.evaluation.estimates import Estimate
from ecgml.evaluation.metric_table import names_of
from ecgml.evaluation.metrics import Metrics
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import Scores, score

DEFAULT = "default"

TITLES = {
    DEFAULT: "default split (patients and duplicates grouped)",
    "kfold": "k folds by patient, pooled",
    "date": "acquisition days held out, pooled",
    "source": "each source held out, pooled",
    "published": "published folds (1–8, 9, 10)",
    "external": "external cohort",
}
"""What a person calls the protocols, in their order."""


@dataclass(frozen=True, eq=False)
class ProtocolScores:
    """What a model trained on one fold said of the records held out."""

    name: str
    """What is held out: ``"2 of 5"``, ``"georgia"``."""
    n_train: int
    """Records trained on, validation not counted."""
    predictions: Predictions | None
    """None where no model could be trained."""
    note: str = ""
    """Why not; empty otherwise."""
    run_id: str = ""
    """Where the model's figures and predictions lie."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One fold's figures."""

    name: str
    n_train: int
    scores: Scores | None
    note: str
    """Why there are none, or why they tell too little."""
    run_id: str


@dataclass(frozen=True, eq=False)
class Protocol:
    """What one protocol found."""

    name: str
    """Of :data:`TITLES`."""
    scores: Scores
    """Of all its folds' predictions, pooled."""
    folds: tuple[HeldOut, ...]
    drop: Mapping[str, Estimate]
    """The default split's figures minus these, by metric; empty for the default split itself."""
    basis: str
    """On which records the drop stands."""
    on_basis: Mapping[str, float]
    """This protocol's figures on those records, by metric; empty for the default split itself."""
    notes: tuple[str, ...] = ()
    """What was left out, and why."""

    @property
    def title(self) -> str:
        """What a person calls it."""
        return TITLES[self.name]

    @property
    def note(self) -> str:
        """``"too few to tell"`` where it is so, else nothing."""
        return "too few to tell" if self.scores.n_groups < FEW_GROUPS else ""


def judge_protocols(
    outcomes: Mapping[str, Sequence[ProtocolScores]],
    *,
    notes: Mapping[str, Sequence[str]] | None = None,
    n_bootstrap: int = 2000,
    seed: int = 0,
) -> list[Protocol]:
    """Pool each protocol's predictions, score them, and hold them against the default split's.

    The drop is paired where a protocol tests every record of the default test part: then both are compared on those.
    Otherwise the two sets are compared as they are, patients that are in both drawn once.

    Parameters
    ----------
    outcomes : mapping of str to sequence of ProtocolScores
        By the protocol's name; ``"default"`` must be there with predictions. One that no model could be trained for has
        no figures and is left out.
    notes : mapping of str to sequence of str, optional
        What was left out of a protocol.
    n_bootstrap : int
    seed : int

    Returns
    -------
    protocols : list of Protocol
        In the order of :data:`TITLES`.
    """
    pooled = {name: pool(folds) for name, folds in outcomes.items() if any(outcome.predictions for outcome in folds)}
    reference, n_usual = pooled[DEFAULT], outcomes[DEFAULT][0].n_train
    protocols = []
    for name in sorted(pooled, key=list(TITLES).index):
        drop, basis, on_basis = {}, "", {}
        if name != DEFAULT:
            compared, basis = _beside(reference, pooled[name])
            drop = contrast(reference, compared, n_bootstrap=n_bootstrap, seed=seed)
            metrics = Metrics(compared)
            on_basis = dict(zip(metrics.names, metrics.point().tolist(), strict=True))
        folds = tuple(_held_out(outcome, n_usual, n_bootstrap, seed) for outcome in outcomes[name])
        missing = [f"{outcome.name}: {outcome.note}" for outcome in outcomes[name] if outcome.predictions is None]
        scores = score(pooled[name], n_bootstrap=n_bootstrap, seed=seed)
        protocols.append(Protocol(name, scores, folds, drop, basis, on_basis, (*(notes or {}).get(name, ()), *missing)))
    return protocols


def pool(outcomes: Sequence[ProtocolScores]) -> Predictions:
    """Put the predictions of folds one below the other; at least one fold must have some."""
    parts = [part.predictions for part in outcomes if part.predictions]
    return Predictions(
        record_ids=tuple(name for part in parts for name in part.record_ids),
        classes=parts[0].classes,
        y_true=np.concatenate([part.y_true for part in parts]),
        y_prob=np.concatenate([part.y_prob for part in parts]),
        groups=tuple(name for part in parts for name in part.groups),
        sources=tuple(name for part in parts for name in part.sources),
        notes=tuple(name for part in parts for name in part.notes),
    )


def _beside(reference: Predictions, predictions: Predictions) -> tuple[Predictions, str]:
    """Return what of a protocol's predictions to hold against the default split's, and that in words."""
    place = {record_id: row for row, record_id in enumerate(predictions.record_ids)}
    rows = [place.get(record_id, -1) for record_id in reference.record_ids]
    if min(rows) >= 0:
        return predictions.take(rows), f"paired, on the {len(rows):,} records of the default test part"
    shared = len(set(reference.groups) & set(predictions.groups))
    return predictions, f"not paired: {shared:,} patients in both" if shared else "not paired: other patients"


def _held_out(outcome: ProtocolScores, n_usual: int, n_bootstrap: int, seed: int) -> HeldOut:
    if outcome.predictions is None:
        return HeldOut(outcome.name, outcome.n_train, None, outcome.note, outcome.run_id)
    scores = score(outcome.predictions, n_bootstrap=n_bootstrap, seed=seed)
    note = "too few to tell" if scores.n_groups < FEW_GROUPS else ""
    if not note and outcome.n_train < n_usual / 2:
        note = f"trained on {outcome.n_train:,} records alone, the default split on {n_usual:,}"
    return HeldOut(outcome.name, outcome.n_train, scores, note, outcome.run_id)


def protocol_table(protocols: Sequence[Protocol]) -> pd.DataFrame:
    """Return a row a protocol and, below it, a row for each part that it held out.

    Returns
    -------
    table : DataFrame
        Columns ``protocol``, ``held_out`` (empty: all, pooled), ``n_train`` (empty where pooled), ``n_records``,
        ``n_patients``, accuracy, macro_f1 and macro_auroc, and ``drop_`` of each where pooled, every one followed by
        its ``_low`` and ``_high``; ``basis`` of the drop; ``note``; ``run`` of the fold's model.
    """
    rows = []
    for protocol in protocols:
        rows.append(
            _row(protocol.name, "", None, protocol.scores, "; ".join(filter(None, [protocol.note, *protocol.notes])))
        )
        for metric, estimate in protocol.drop.items():
            if metric in names_of("overview"):
                rows[-1] |= _figures(f"drop_{metric}", estimate)
        rows[-1]["basis"] = protocol.basis
        if len(protocol.folds) > 1:
            rows += [
                _row(protocol.name, fold.name, fold.n_train, fold.scores, fold.note) | {"run": fold.run_id}
                for fold in protocol.folds
            ]
        else:
            rows[-1]["run"] = protocol.folds[0].run_id
    return pd.DataFrame(rows)


def _row(name: str, held_out: str, n_train: int | None, scores: Scores | None, note: str) -> dict[str, object]:
    row: dict[str, object] = {"protocol": name, "held_out": held_out, "n_train": n_train}
    row |= {"n_records": scores.n_records if scores else 0, "n_patients": scores.n_groups if scores else 0}
    for metric in names_of("overview"):
        row |= _figures(metric, scores[metric] if scores else Estimate(np.nan))
    return row | {"note": note}


def _figures(name: str, estimate: Estimate) -> dict[str, object]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
