"""What is called what, and what that would mean for a patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ecgml.evaluation.predictions import NOT_SCORED, Predictions
from ecgml.page.sections import Listing, Section, picture
from ecgml.report.evaluated import Evaluated
from ecgml.report.figures.confusion import confusion_figure

SHOWN = 12
"""Kinds of confusion in a table, most frequent first."""

CONSEQUENCES: Mapping[tuple[str, str], str] = {
    ("AFIB", "GSVT"): "fibrillation or flutter taken for another tachycardia: stroke prevention may not be considered",
    ("AFIB", "SB"): "fibrillation or flutter missed: stroke prevention may not be considered",
    ("AFIB", "SR"): "fibrillation or flutter missed: stroke prevention may not be considered",
    ("GSVT", "AFIB"): "tachycardia called fibrillation: anticoagulation may be begun without need",
    ("GSVT", "SB"): "tachycardia called bradycardia: its cause is not looked for",
    ("GSVT", "SR"): "tachycardia missed: its cause (fever, bleeding, re-entry) is not looked for",
    ("SB", "AFIB"): "slow sinus rhythm called fibrillation: anticoagulation may be begun without need",
    ("SB", "GSVT"): "slow rhythm called fast: drugs that slow the heart further could be given",
    ("SB", "SR"): "slow rate called normal: near 60/min without consequence, far below it overlooked",
    ("SR", "AFIB"): "normal rhythm called fibrillation: anticoagulation may be begun without need",
    ("SR", "GSVT"): "normal rhythm called tachycardia: further tests without need",
    ("SR", "SB"): "normal rate called slow: near 60/min without consequence",
}
"""What a confusion would mean if nobody read the ECG again, by (group of the label, group said)."""

_ALIASES = {"AF": "AFIB", "ST": "GSVT", "SVT": "GSVT", "AT": "GSVT", "AVNRT": "GSVT", "AVRT": "GSVT", "SAAWR": "GSVT",
            "SA": "SR"}  # fmt: skip


def consequence(label: str, said: str) -> str:
    """Return what it would mean that a class was called another; empty where nothing is known of the two."""
    groups = _ALIASES.get(label, label), _ALIASES.get(said, said)
    if groups[0] == groups[1] and label != said and groups in {(name, name) for name, _ in CONSEQUENCES}:
        return "another rhythm of the same group"
    return CONSEQUENCES.get(groups, "")


def confusions_section(evaluated: Sequence[Evaluated], note: str = "") -> Section:
    """Show confusion matrices, and each kind of confusion with what it would mean.

    Parameters
    ----------
    evaluated : sequence of Evaluated
    note : str
        Below every figure.
    """
    parts, findings = [], []
    for one in evaluated:
        rows = _kinds(one.predictions)
        figure = confusion_figure(one.predictions, title=one.title.capitalize(), note=note)
        n_right = int((one.predictions.y_pred == one.predictions.y_true).sum())
        parts.append(
            picture(
                f"{one.key}_confusion",
                f"Confusion matrix, {one.title}",
                figure,
                alt=f"{n_right} of {one.predictions.n_records} records on the diagonal",
                basis=one.basis,
                words=("A row is a label, a column what the model said; the diagonal is right.",),
            )
        )
        header = ("label", "said", "records", "share of the label", "what it would mean")
        columns = {name: [row[place] for row in rows[:SHOWN]] for place, name in enumerate(header)}
        more = (f"{len(rows) - SHOWN} rarer kinds are left out.",) if len(rows) > SHOWN else ()
        parts.append(
            Listing(
                f"{one.key}_confusions",
                f"What is called what, {one.title}",
                columns,
                (("No record was called wrong.",) if not rows else ()) + more,
            )
        )
        worst = "; ".join(
            f"{label} called {said}: {n:,} of {_support(one, label):,} ({meaning})"
            if meaning
            else f"{label} called {said}: {n:,} of {_support(one, label):,}"
            for label, said, n, _, meaning in rows[:3]
        )
        if worst:
            findings.append(f"{one.title.capitalize()}, most frequent confusions: {worst}.")
        for label in _groups(one.predictions, "AFIB"):
            missed = sum(
                n for own, said, n, *_ in rows if own == label and said not in _groups(one.predictions, "AFIB")
            )
            if n_all := _support(one, label):
                findings.append(f"{one.title.capitalize()}: {label} missed in {missed:,} of {n_all:,} records.")
    words = ("What it would mean is said as if nobody read the ECG again, which is not how this model may be used.",)
    return Section("confusions", "What it confuses with what", words, tuple(parts), tuple(findings))


def _groups(predictions: Predictions, group: str) -> list[str]:
    return [name for name in predictions.classes if _ALIASES.get(name, name) == group]


def _support(one: Evaluated, label: str) -> int:
    return int(one.predictions.support[one.predictions.classes.index(label)])


def _kinds(predictions: Predictions) -> list[tuple[str, str, int, str, str]]:
    """Return (label, said, records, share, meaning) of every confusion, most frequent first."""
    y_true, y_pred = predictions.y_true, predictions.y_pred
    wrong = y_true != y_pred
    pairs, counts = np.unique(np.column_stack([y_true, y_pred])[wrong], axis=0, return_counts=True)
    rows = []
    for (label, said), n in zip(pairs.tolist(), counts.tolist(), strict=True):
        name, called = predictions.classes[label], "not scored"
        if said != NOT_SCORED:
            called = predictions.classes[said]
        meaning = consequence(name, called) if said != NOT_SCORED else "no answer: the recording could not be used"
        rows.append((name, called, n, f"{n / predictions.support[label]:.1%}", meaning))
    return sorted(rows, key=lambda row: -row[2])
