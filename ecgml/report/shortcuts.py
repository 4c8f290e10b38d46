"""The audit's section on shortcut learning: prediction without the ECG, and what the ECG adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecgml.evaluation.comparison import Comparison
from ecgml.evaluation.estimates import signed
from ecgml.evaluation.metric_table import titles_of
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import Scores
from ecgml.evaluation.summary import interval_text
from ecgml.page.sections import Listing, Section, picture
from ecgml.report.figures.shortcuts import LabelledScores, shortcuts_figure
from ecgml.report.overview import cell

ALL, TEST = "all", "test"

PLACES = {ALL: "every row with a class, cross-validated", TEST: "the model's test part"}


TOLERANCE = 0.03
"""Macro-F1 by which a fusion model without clinical values may be behind one trained on the waveform alone."""


@dataclass(frozen=True, eq=False)
class ShortcutScores:
    """Scores of one model, with or without the ECG, on a set of records."""

    name: str
    title: str
    predictions: Predictions
    scores: Scores
    sees_ecg: bool = False


def shortcuts_section(
    what: str,
    models: Sequence[ShortcutScores],
    words: Sequence[str],
    findings: Sequence[str],
    *,
    data: str = "",
    note: str = "",
) -> Section:
    """Return figure, table and text about one set of records.

    Parameters
    ----------
    what : str
        :data:`ALL` or :data:`TEST`.
    models : sequence of ShortcutScores
        From top to bottom.
    words, findings : sequence of str
    data : str
        Model and data for the figure's title: "fusion, test part".
    note : str
        Below the figure: "Simulated data".
    """
    bars = [LabelledScores(model.title, model.scores, sees_ecg=model.sees_ecg) for model in models]
    title = "Shortcut learning: prediction without the ECG"
    if what == TEST:
        title = "Shortcut learning: the model beside prediction without the ECG"
    n_records = models[0].scores.n_records
    drawn = picture(
        f"audit_{what}",
        title,
        shortcuts_figure(bars, title=f"Shortcut learning: {data}" if data else title, note=note),
        alt="; ".join(f"{model.title}: macro-F1 {interval_text(model.scores['macro_f1'])}" for model in models),
        basis=f"{n_records:,} records: {PLACES[what]}",
        words=("Dots with 95 % intervals over patients.",),
    )
    listing = Listing(
        f"audit_{what}",
        f"Shortcut learning: {PLACES[what]}",
        {"input": [model.title for model in models]}
        | {title: [cell(model.scores[name]) for model in models] for name, title in titles_of("audit").items()},
    )
    metrics: dict[str, float] = {}
    for model in models:
        metrics |= model.scores.flat(f"{what}_{model.name}_")
    return Section(f"shortcuts_{what}", title, tuple(words), (drawn, listing), tuple(findings), metrics)


def no_ecg_in_words(models: Sequence[ShortcutScores]) -> str:
    """Report the best prediction without the ECG."""
    best = max(models, key=lambda model: model.scores["macro_f1"].value)
    scores = best.scores
    return (
        f"Without the ECG, {best.title} reaches accuracy {interval_text(scores['accuracy'])} and macro-F1 "
        f"{interval_text(scores['macro_f1'])} on {scores.n_records:,} held-out records. A model that is given these "
        "values and does no better has learnt nothing from the waveform."
    )


def ecg_adds_in_words(name: str, comparison: Comparison, alone: Scores, random: Scores | None) -> str:
    """Report what the ECG adds: the model compared with the table alone, and from the waveform alone.

    Parameters
    ----------
    name : str
        The model's.
    comparison : Comparison
        The model as trained (a) and every value of the table (b), on its test part.
    alone : Scores
        Of the model, all clinical values withheld.
    random : Scores, optional
        Of its untrained network.
    """
    difference = comparison.differences["macro_f1"]
    adds = (
        "is significantly better than the table alone"
        if difference.low > 0
        else "is significantly worse than the table alone"
        if difference.high < 0
        else "does not differ significantly from the table alone"
    )
    untrained = (
        f" Its untrained network with a linear classifier reaches {interval_text(random['macro_f1'])}."
        if random
        else ""
    )
    return (
        f"What the ECG adds: on the {comparison.n_records:,} records of its test part, {name} {adds}: macro-F1 "
        f"{comparison.a['macro_f1'].value:.3f} against {comparison.b['macro_f1'].value:.3f}, difference "
        f"{signed(difference)}. From the waveform alone, with all clinical values withheld, it reaches "
        f"{interval_text(alone['macro_f1'])}.{untrained}"
    )


def waveform_only_in_words(name: str, other: str, comparison: Comparison) -> str:
    """Compare the model without clinical values with one trained on the waveform alone.

    Parameters
    ----------
    name, other : str
        The model, and the one trained on the waveform alone.
    comparison : Comparison
        The model with all clinical values withheld (a), and the other (b).
    """
    difference = comparison.differences["macro_f1"]
    span = signed(difference)
    if difference.low >= -TOLERANCE:
        verdict = f"the whole interval lies above -{TOLERANCE:g}, so it keeps up"
    elif difference.value >= -TOLERANCE:
        verdict = f"it is at most {TOLERANCE:g} behind, but with so few records a larger gap cannot be ruled out"
    else:
        doubt = "" if difference.high < -TOLERANCE else ", but with so few records a smaller gap cannot be ruled out"
        verdict = f"it is more than {TOLERANCE:g} behind{doubt}"
    return (
        f"Without clinical values, {name} reaches macro-F1 {comparison.a['macro_f1'].value:.3f} and {other}, trained "
        f"on the waveform alone, {comparison.b['macro_f1'].value:.3f}: difference {span}; {verdict}."
    )
