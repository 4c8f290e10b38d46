"""Predictions: what a model said of each record beside what is true of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import EvaluationError

SUM_TOLERANCE = 1e-4
"""How far a record's probabilities may sum from 1: float32 softmax over eleven classes is within 1e-6 of it."""

NOT_SCORED = -1
"""The predicted label of a record that could not be scored: it belongs to no class."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Labels and probabilities of a set of records, checked when made and read-only after.

    Parameters
    ----------
    record_ids : sequence of str, length n_records
        Each once: a record counted twice would make every interval too narrow.
    classes : sequence of str, length n_classes
        Class names in the order of the label indices; at least two, different even in lower case.
    y_true : array_like of int, shape (n_records,)
        Label indices.
    y_prob : array_like of float, shape (n_records, n_classes)
        Probabilities; a row of NaN for a record that could not be scored (quarantined).
    groups : sequence of str, length n_records, optional
        Patient or ECG ids: the bootstrap draws the records of one group together. Default: each record its own.
    sources : sequence of str, length n_records, optional
        Where each record comes from. Default: empty.
    notes : sequence of str, length n_records, optional
        A remark on each record, such as why it was quarantined. Default: empty.

    Raises
    ------
    EvaluationError
        If lengths do not fit, there is no record, a record or class is there twice, a label is no index of a class, or
        probabilities are outside [0, 1], partly NaN or do not sum to 1 within 1e-4.
    """

    record_ids: tuple[str, ...]
    classes: tuple[str, ...]
    y_true: NDArray[np.int64]
    y_prob: NDArray[np.float64]
    groups: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        record_ids = tuple(str(record_id) for record_id in self.record_ids)
        blank = ("",) * len(record_ids)
        fields = {
            "record_ids": record_ids,
            "classes": tuple(str(name) for name in self.classes),
            "y_true": np.array(self.y_true),
            "y_prob": np.array(self.y_prob, dtype=np.float64),
            "groups": tuple(str(group) for group in self.groups) or record_ids,
            "sources": tuple(str(source) for source in self.sources) or blank,
            "notes": tuple(str(note) for note in self.notes) or blank,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        self._check_names()
        self._check_labels()
        self._check_probabilities()
        object.__setattr__(self, "y_true", self.y_true.astype(np.int64))
        self.y_true.setflags(write=False)
        self.y_prob.setflags(write=False)

    def _check_names(self) -> None:
        if not self.record_ids:
            raise EvaluationError("predictions: no records, at least one is needed")
        if len(self.classes) < 2:
            raise EvaluationError(f"predictions: classes {list(self.classes)}, at least two are needed")
        for what, names in (("record", self.record_ids), ("class", [name.lower() for name in self.classes])):
            seen: set[str] = set()
            for name in names:
                if name in seen:
                    raise EvaluationError(f"predictions: {what} {name!r} is there twice; give each its own name")
                seen.add(name)
        for field in ("groups", "sources", "notes"):
            if len(getattr(self, field)) != self.n_records:
                raise EvaluationError(
                    f"predictions: {len(getattr(self, field)):,} {field} for {self.n_records:,} records; one each"
                )

    def _check_labels(self) -> None:
        y_true = self.y_true
        if y_true.shape != (self.n_records,):
            raise EvaluationError(f"predictions: y_true has shape {y_true.shape}, expected ({self.n_records},)")
        if not np.issubdtype(y_true.dtype, np.integer):
            raise EvaluationError(
                f"predictions: y_true holds {y_true.dtype}, expected whole numbers, indices of classes"
            )
        if (unknown := np.flatnonzero((y_true < 0) | (y_true >= self.n_classes))).size:
            row = unknown[0]
            raise EvaluationError(
                f"predictions: record {self.record_ids[row]} has label {y_true[row]}, expected 0 to "
                f"{self.n_classes - 1}, an index of {', '.join(self.classes)}"
            )

    def _check_probabilities(self) -> None:
        y_prob, expected = self.y_prob, (self.n_records, self.n_classes)
        if y_prob.shape != expected:
            raise EvaluationError(
                f"predictions: y_prob has shape {y_prob.shape}, expected {expected}: records, classes"
            )
        missing = np.isnan(y_prob)
        if (partly := np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1))).size:
            raise EvaluationError(
                f"predictions: record {self.record_ids[partly[0]]} has NaN among its probabilities; a record that "
                "could not be scored has NaN in all of them"
            )
        with np.errstate(invalid="ignore"):
            outside = (y_prob < 0) | (y_prob > 1)
            off = np.abs(y_prob.sum(axis=1) - 1) > SUM_TOLERANCE
        if (wrong := np.argwhere(outside)).size:
            row, column = wrong[0]
            raise EvaluationError(
                f"predictions: record {self.record_ids[row]} has probability {y_prob[row, column]:g} for "
                f"{self.classes[column]}, expected 0 to 1; give probabilities, not logits"
            )
        if (unscaled := np.flatnonzero(off)).size:
            row = unscaled[0]
            raise EvaluationError(
                f"predictions: the probabilities of record {self.record_ids[row]} sum to {y_prob[row].sum():.6g}, "
                "expected 1; apply softmax over the classes"
            )

    @property
    def n_records(self) -> int:
        """Number of records, scored or not."""
        return len(self.record_ids)

    @property
    def n_classes(self) -> int:
        """Number of classes of the scheme, present or not."""
        return len(self.classes)

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Shape (n_records,): False where the record could not be scored."""
        return ~np.isnan(self.y_prob[:, 0])

    @property
    def coverage(self) -> float:
        """Fraction of the records that could be scored."""
        return float(self.scored.mean())

    @property
    def support(self) -> NDArray[np.int64]:
        """Shape (n_classes,): records of each class, scored or not."""
        return np.bincount(self.y_true, minlength=self.n_classes)

    @property
    def y_pred(self) -> NDArray[np.int64]:
        """Shape (n_records,): the most probable label (the first of equals), :data:`NOT_SCORED` where there is none."""
        # argmax of a row that holds NaN is 0; what it says there is overwritten.
        return np.where(self.scored, self.y_prob.argmax(axis=1), NOT_SCORED)

    def counted_prob(self) -> NDArray[np.float64]:
        """Return probabilities by which an unscored record counts as an error.

        Returns
        -------
        y_prob : ndarray, shape (n_records, n_classes)
            As given; of an unscored record 0 for its own class and 1 / (n_classes - 1) for each other.
        """
        own_class = np.arange(self.n_classes) == self.y_true[:, None]
        worst = np.where(own_class, 0.0, 1.0 / (self.n_classes - 1))
        return np.where(self.scored[:, None], self.y_prob, worst)

    def take(self, rows: Sequence[int] | NDArray[np.integer]) -> Predictions:
        """Return the records of the given rows, in their order; at least one."""
        chosen = {
            name: tuple(getattr(self, name)[row] for row in rows)
            for name in ("record_ids", "groups", "sources", "notes")
        }
        return replace(self, y_true=self.y_true[rows], y_prob=self.y_prob[rows], **chosen)

    def subset(self, keep: NDArray[np.bool_]) -> Predictions:
        """Return the records where `keep`, shape (n_records,), is True; at least one must be."""
        return self.take(np.flatnonzero(keep))
