"""Confusion matrices, and what each kind of error could mean for a patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ecgml.evaluation.predictions import NOT_SCORED, Predictions
from ecgml.page.sections import Listing, Picture, Section, picture, sentence
from ecgml.records.rhythms import RHYTHMS
from ecgml.records.schemes import Scheme
from ecgml.report.evaluated import Evaluated
from ecgml.report.figures.confusion import confusion_figure

SHOWN = 12
"""Kinds of error in a table, most frequent first."""

CONSEQUENCES: Mapping[tuple[str, str], str] = {
    (
        "AFIB",
        "GSVT",
    ): "fibrillation or flutter mistaken for another tachycardia: stroke prevention may not be considered",
    ("AFIB", "SB"): "fibrillation or flutter missed: stroke prevention may not be considered",
    ("AFIB", "SR"): "fibrillation or flutter missed: stroke prevention may not be considered",
    ("GSVT", "AFIB"): "tachycardia called fibrillation: anticoagulation may be started unnecessarily",
    ("GSVT", "SB"): "tachycardia called bradycardia: its cause is not investigated",
    ("GSVT", "SR"): "tachycardia missed: its cause (fever, bleeding, re-entry) is not investigated",
    ("SB", "AFIB"): "slow sinus rhythm called fibrillation: anticoagulation may be started unnecessarily",
    ("SB", "GSVT"): "slow rhythm called fast: drugs that slow the heart further could be given",
    ("SB", "SR"): "slow rate called normal: harmless near 60/min, a missed bradycardia far below",
    ("SR", "AFIB"): "normal rhythm called fibrillation: anticoagulation may be started unnecessarily",
    ("SR", "GSVT"): "normal rhythm called tachycardia: unnecessary further tests",
    ("SR", "SB"): "normal rate called slow: harmless near 60/min",
}
"""What an error could mean if nobody read the ECG again, by (group of the label, group predicted)."""

_GROUPS = {rhythm.code: rhythm.group for rhythm in RHYTHMS if rhythm.group}


def consequence(label: str, predicted: str, scheme: Scheme | None = None) -> str:
    """Return what it could mean that a class was called another, by its scheme, else as listed, else empty."""
    if scheme and (stated := scheme.consequences.get(label, {}).get(predicted)):
        return stated
    groups = _GROUPS.get(label, label), _GROUPS.get(predicted, predicted)
    if groups[0] == groups[1] and label != predicted and groups in {(name, name) for name, _ in CONSEQUENCES}:
        return "another rhythm of the same group"
    return CONSEQUENCES.get(groups, "")


def confusions_section(evaluated: Sequence[Evaluated], note: str = "") -> Section:
    """Show confusion matrices, and each kind of error with its possible consequence.

    Parameters
    ----------
    evaluated : sequence of Evaluated
    note : str
        Below every figure.
    """
    parts: list[Picture | Listing] = []
    findings = []
    for item in evaluated:
        rows, title = _kinds(item.predictions, item.scheme), sentence(item.title)
        n_right = int((item.predictions.y_pred == item.predictions.y_true).sum())
        parts.append(
            picture(
                f"{item.key}_confusion",
                f"Confusion matrix, {item.title}",
                confusion_figure(item.predictions, title=item.caption("Confusion matrix"), note=note),
                alt=f"{n_right} of {item.predictions.n_records} records on the diagonal",
                basis=item.basis,
                words=("Rows: original label. Columns: predicted class. The diagonal is right.",),
            )
        )
        header = ("label", "predicted", "records", "share of the label", "possible consequence")
        columns = {name: [row[place] for row in rows[:SHOWN]] for place, name in enumerate(header)}
        more = (f"{len(rows) - SHOWN} rarer kinds of error are left out.",) if len(rows) > SHOWN else ()
        parts.append(
            Listing(
                f"{item.key}_confusions",
                f"Errors by kind, {item.title}",
                columns,
                (("No record was misclassified.",) if not rows else ()) + more,
            )
        )
        worst = "; ".join(
            f"{label} called {predicted} in {n:,} of {_support(item, label):,} records"
            + (f" ({meaning})" if meaning else "")
            for label, predicted, n, _, meaning in rows[:3]
        )
        if worst:
            findings.append(f"{title}, most frequent errors: {worst}.")
        for label in _groups(item.predictions, "AFIB"):
            missed = sum(
                n
                for name, predicted, n, *_ in rows
                if name == label and predicted not in _groups(item.predictions, "AFIB")
            )
            if n_all := _support(item, label):
                findings.append(f"{title}: {label} missed in {missed:,} of {n_all:,} records.")
    words = ("The possible consequence assumes that nobody reads the ECG again. This model must not be used that way.",)
    return Section("confusions", "Confusion matrix", words, tuple(parts), tuple(findings))


def _groups(predictions: Predictions, group: str) -> list[str]:
    return [name for name in predictions.classes if _GROUPS.get(name, name) == group]


def _support(item: Evaluated, label: str) -> int:
    return int(item.predictions.support[item.predictions.classes.index(label)])


def _kinds(predictions: Predictions, scheme: Scheme | None) -> list[tuple[str, str, int, str, str]]:
    """Return (label, predicted, records, share, consequence) of every kind of error, most frequent first."""
    y_true, y_pred = predictions.y_true, predictions.y_pred
    wrong = y_true != y_pred
    pairs, counts = np.unique(np.column_stack([y_true, y_pred])[wrong], axis=0, return_counts=True)
    rows = []
    for (label, predicted), n in zip(pairs.tolist(), counts.tolist(), strict=True):
        name, called = predictions.classes[label], "not scored"
        if predicted != NOT_SCORED:
            called = predictions.classes[predicted]
        meaning = (
            consequence(name, called, scheme) if predicted != NOT_SCORED else "no answer: the recording is unusable"
        )
        rows.append((name, called, n, f"{n / predictions.support[label]:.1%}", meaning))
    return sorted(rows, key=lambda row: -row[2])
