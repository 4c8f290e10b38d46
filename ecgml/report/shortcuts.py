"""The audit's part about shortcuts: what reaches the label without an ECG, and what the ECG adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecgml.evaluation.comparison import Comparison
from ecgml.evaluation.estimates import signed
from ecgml.evaluation.metric_table import titles_of
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import Scores
from ecgml.evaluation.summary import interval_text
from ecgml.page.sections import Listing, Section, picture, sentence
from ecgml.report.figures.shortcuts import Line, shortcuts_figure
from ecgml.report.overview import cell

ALL, TEST = "all", "test"

PLACES = {ALL: "every row with a class, out of fold", TEST: "the model's test part"}


TOLERANCE = 0.03
"""By which a fused model without clinical values may be behind one that only ever sees the waveform."""


@dataclass(frozen=True, eq=False)
class ShortcutScores:
    """What one model, with or without an ECG, reaches on some records."""

    name: str
    title: str
    predictions: Predictions
    scores: Scores
    sees_ecg: bool = False


def shortcuts_section(
    what: str, found: Sequence[ShortcutScores], words: Sequence[str], findings: Sequence[str], *, note: str = ""
) -> Section:
    """Return figure, table and words about one set of records.

    Parameters
    ----------
    what : str
        :data:`ALL` or :data:`TEST`.
    found : sequence of ShortcutScores
        From top to bottom.
    words, findings : sequence of str
    note : str
        Below the figure: "Simulated data".
    """
    lines = [Line(one.title, one.scores, is_model=one.sees_ecg) for one in found]
    title = "What needs no waveform" if what == ALL else "The model and what needs no waveform, on its test part"
    n_records = found[0].scores.n_records
    drawn = picture(
        f"audit_{what}",
        title,
        shortcuts_figure(lines, title=title, note=note),
        alt="; ".join(f"{one.title}: macro-F1 {interval_text(one.scores['macro_f1'])}" for one in found),
        basis=f"{n_records:,} records: {PLACES[what]}",
        words=("Dots with 95 % intervals over patients; the second colour sees the ECG.",),
    )
    listing = Listing(
        f"audit_{what}",
        sentence(PLACES[what]),
        {"seen": [one.title for one in found]}
        | {title: [cell(one.scores[name]) for one in found] for name, title in titles_of("audit").items()},
    )
    metrics = {}
    for one in found:
        metrics |= one.scores.flat(f"{what}_{one.name}_")
    return Section(f"shortcuts_{what}", title, tuple(words), (drawn, listing), tuple(findings), metrics)


def no_ecg_in_words(found: Sequence[ShortcutScores]) -> str:
    """Say what the best of what needs no ECG reaches."""
    best = max(found, key=lambda one: one.scores["macro_f1"].value)
    worth = best.scores
    return (
        f"Without any waveform, {best.title} reaches accuracy {interval_text(worth['accuracy'])} and macro-F1 "
        f"{interval_text(worth['macro_f1'])} on {worth.n_records:,} records that it did not see: a model that uses "
        "these values and is no better has learnt nothing from the waveform."
    )


def ecg_adds_in_words(name: str, comparison: Comparison, alone: Scores, random: Scores | None) -> str:
    """Say how much the ECG adds: the model against the table alone, and from the waveform alone.

    Parameters
    ----------
    name : str
        The model's.
    comparison : Comparison
        The model as trained (a) and every value of the table (b), on its test part.
    alone : Scores
        The model's with all clinical values withheld.
    random : Scores, optional
        Of its network before any training.
    """
    difference = comparison.differences["macro_f1"]
    adds = (
        "adds to the table"
        if difference.low > 0
        else "is worse than the table alone"
        if difference.high < 0
        else "cannot be told from the table alone"
    )
    untrained = (
        f" Its network before any training, with a linear classifier, reaches {interval_text(random['macro_f1'])}."
        if random
        else ""
    )
    return (
        f"How much the ECG adds: on the {comparison.n_records:,} records of its test part {name} {adds}: macro-F1 "
        f"{comparison.a['macro_f1'].value:.3f} against {comparison.b['macro_f1'].value:.3f}, difference "
        f"{signed(difference)}. From the waveform alone, all "
        f"clinical values withheld, it reaches {interval_text(alone['macro_f1'])}.{untrained}"
    )


def waveform_only_in_words(name: str, other: str, comparison: Comparison) -> str:
    """Say whether the model without clinical values keeps up with one that only ever sees the waveform.

    Parameters
    ----------
    name, other : str
        The model, and the one of the waveform alone.
    comparison : Comparison
        The model with all clinical values withheld (a), and the other (b).
    """
    difference = comparison.differences["macro_f1"]
    span = signed(difference)
    if difference.low >= -TOLERANCE:
        verdict = f"it is at most {TOLERANCE:g} behind, by the whole of the interval"
    elif difference.value >= -TOLERANCE:
        verdict = f"it is at most {TOLERANCE:g} behind here, but so few records cannot rule out more"
    else:
        doubt = "" if difference.high < -TOLERANCE else ", though so few records cannot rule out less"
        verdict = f"it is more than {TOLERANCE:g} behind{doubt}"
    return (
        f"Without clinical values {name} reaches macro-F1 {comparison.a['macro_f1'].value:.3f}, {other}, which only "
        f"ever saw the waveform, {comparison.b['macro_f1'].value:.3f}: difference {span}; {verdict}."
    )
