"""The audit's part about robustness: what breaks the model, and whether it says so."""

from __future__ import annotations

import math

from ecgml.evaluation.estimates import signed
from ecgml.evaluation.metric_table import titles_of
from ecgml.evaluation.robustness import Cell, Robustness
from ecgml.evaluation.summary import interval_text
from ecgml.page.sections import Listing, Section, picture, sentence, snake_case
from ecgml.report.figures.robustness import robustness_figure
from ecgml.report.overview import cell as shown

HARM = 0.05
"""A drop in macro-F1 that is worth a sentence."""

SMALL = 50
"""Patients below which a missing drop says little."""

SILENT = 0.5
"""Of the records abstained on: below it, a model that got worse did not say so."""


def robustness_section(robustness: Robustness, *, note: str = "", how: str = "") -> Section:
    """Return heat maps, the table behind them, and words.

    Parameters
    ----------
    robustness : Robustness
    note : str
        Below the figures: "Simulated data".
    how : str
        Which records these are, a sentence.
    """
    reference = robustness.reference
    harmful = [one for one in robustness.cells if _harms(one)]
    silent = [kind for kind, cells in robustness.kinds.items() if any(map(_is_silent, cells))]
    unharmed = [kind for kind, cells in robustness.kinds.items() if not any(map(_harms, cells)) and kind not in silent]
    words = [
        how,
        f"As recorded: macro-F1 {interval_text(reference.figures['macro_f1'])}, {_silence(reference)}. Each condition "
        "perturbs the record as it was read and passes through preprocessing as a served record does. A record that "
        "preprocessing refuses counts as an error and as abstained on; the other answers count whether the model "
        "stands by them or not. Hum of the mains is not in a record sampled at twice its frequency or less.",
    ]
    for kind, cells in robustness.kinds.items():
        if worst := next((one for one in cells if _harms(one)), None):
            words.append(f"{sentence(kind)}: {_sentence(kind, cells, worst)}")
    if unharmed:
        words.append(f"No drop of {HARM:g} or more that noise could not make: {', '.join(unharmed)}.")
    for kind in silent:
        told = [
            f"{one.strength} ({_silence(one)}, {one.refused:.0%} refused)"
            for one in robustness.kinds[kind]
            if _is_silent(one)
        ]
        words.append(f"{sentence(kind)}, where it says nothing on half of the records or more: {', '.join(told)}.")
    if robustness.n_groups < SMALL:
        words.append(
            f"Of {robustness.n_groups} patients only large drops can be told from noise: the table's intervals say how "
            "large; more records (--perturbed) narrow them."
        )
    unsaid = [one for one in harmful if one.figures["abstained"].value < SILENT]
    findings = []
    if unsaid:
        worst = max(unsaid, key=lambda one: one.drops["macro_f1"].value)
        findings.append(
            f"What breaks it without its saying so, worst: {worst.name}: macro-F1 "
            f"{worst.figures['macro_f1'].value:.3f}, drop {signed(worst.drops['macro_f1'])}, {_silence(worst)}."
        )
    elif harmful:
        findings.append(
            f"Wherever a loss of accuracy can be told from noise ({robustness.n_groups:,} patients), it abstains on at "
            "least half of the records."
        )
    titles = {name: sentence(title) for name, title in titles_of("robustness").items()}
    titles["abstained"] = "Share abstained on"
    parts = [
        picture(
            "robustness" if metric == "macro_f1" else f"robustness_{metric}",
            f"{title} by perturbation and strength",
            robustness_figure(robustness, metric, title=title, note=note),
            alt=" ".join(words[2:]) if metric == "macro_f1" else f"{title} of every condition, as in the table below",
            basis=f"{robustness.n_records:,} records of {robustness.n_groups:,} patients, each under every condition",
            words=("A dot: significantly below the unperturbed records (95 %).",) if metric != "abstained" else (),
        )
        for metric, title in titles.items()
    ]
    metrics = {"robustness_as_recorded_macro_f1": reference.figures["macro_f1"].value}
    for one in robustness.cells:
        metrics[f"robustness_{snake_case(one.name)}_macro_f1"] = one.figures["macro_f1"].value
    kept = {name: value for name, value in metrics.items() if math.isfinite(value)}
    return Section("robustness", "Robustness", tuple(words), (*parts, _listing(robustness)), tuple(findings), kept)


def _is_silent(one: Cell) -> bool:
    return one.figures["abstained"].value >= SILENT


def _harms(one: Cell) -> bool:
    drop = one.drops["macro_f1"]
    return drop.value >= HARM and drop.low > 0


def _silence(one: Cell) -> str:
    return f"{one.figures['abstained'].value:.0%} abstained on"


def _is_scale(kind: str) -> bool:
    """Whether strengths of a kind go from weak to strong."""
    return kind in ("baseline wander", "muscle", "electrode motion", "leads missing by chance") or kind.startswith(
        "mains"
    )


def _sentence(kind: str, cells: list[Cell], first: Cell) -> str:
    def told(one: Cell) -> str:
        return f"macro-F1 {one.figures['macro_f1'].value:.3f} (drop {signed(one.drops['macro_f1'])}), {_silence(one)}"

    if _is_scale(kind):
        last = cells[-1]
        end = f"; at {last.strength} {told(last)}" if last is not first else ""
        return f"from {first.strength} on it loses: {told(first)}{end}."
    return "; ".join(f"{one.strength}: {told(one)}" for one in cells if _harms(one)) + "."


def _listing(robustness: Robustness) -> Listing:
    cells = (robustness.reference, *robustness.cells)
    return Listing(
        "robustness",
        "Every condition",
        {
            "perturbation": [one.kind for one in cells],
            "strength": [one.strength for one in cells],
            "macro-F1": [shown(one.figures["macro_f1"]) for one in cells],
            "drop": [signed(one.drops["macro_f1"]) if one is not cells[0] else "" for one in cells],
            "macro AUROC": [shown(one.figures["macro_auroc"]) for one in cells],
            "abstained on": [f"{one.figures['abstained'].value:.1%}" for one in cells],
            "refused": [f"{one.refused:.1%}" for one in cells],
            "accuracy of those answered": [shown(one.figures["answered_accuracy"]) for one in cells],
        },
    )
