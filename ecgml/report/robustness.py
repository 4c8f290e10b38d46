"""The audit's section on robustness to perturbations: which cost accuracy, and whether the model abstains."""

from __future__ import annotations

import math

from ecgml.evaluation.estimates import signed
from ecgml.evaluation.metric_table import titles_of
from ecgml.evaluation.robustness import Cell, Robustness
from ecgml.evaluation.summary import interval_text
from ecgml.page.sections import Listing, Section, picture, sentence, snake_case
from ecgml.report.figures.robustness import ABSTAINED, robustness_figure
from ecgml.report.overview import cell as shown

HARM = 0.05
"""A drop in macro-F1 from which on a condition is reported in the text."""

SMALL = 50
"""With fewer patients, the absence of a significant drop is weak evidence of robustness."""

MOSTLY_ABSTAINED = 0.5
"""Share abstained on: below it, a drop in macro-F1 is mostly not flagged by the model."""


def robustness_section(robustness: Robustness, *, data: str = "", note: str = "", how: str = "") -> Section:
    """Return heat maps, the table behind them, and text.

    Parameters
    ----------
    robustness : Robustness
    data : str
        Model and data for the figures' titles: "fusion, test part".
    note : str
        Below the figures: "Simulated data".
    how : str
        Which records these are, a sentence.
    """
    reference = robustness.reference
    harmful = [cell for cell in robustness.cells if _harms(cell)]
    abstaining = [kind for kind, cells in robustness.kinds.items() if any(map(_mostly_abstains, cells))]
    unharmed = [
        kind for kind, cells in robustness.kinds.items() if not any(map(_harms, cells)) and kind not in abstaining
    ]
    words = [
        how,
        f"Unperturbed: macro-F1 {interval_text(reference.figures['macro_f1'])}, {_abstained(reference)}. Each "
        "condition perturbs the record as read and is then preprocessed like a served record. A record that "
        "preprocessing refuses counts as an error and as an abstention; other predictions count whether the model "
        "abstains on them or not. Mains noise cannot be simulated in records sampled at twice its frequency or less.",
    ]
    for kind, cells in robustness.kinds.items():
        if worst := next((cell for cell in cells if _harms(cell)), None):
            words.append(f"{sentence(kind)}: {_sentence(kind, cells, worst)}")
    if unharmed:
        words.append(f"No significant drop of {HARM:g} or more: {', '.join(unharmed)}.")
    for kind in abstaining:
        listed = [
            f"{cell.strength} ({_abstained(cell)}, {cell.refused:.0%} refused by preprocessing)"
            for cell in robustness.kinds[kind]
            if _mostly_abstains(cell)
        ]
        words.append(f"{sentence(kind)}: the model abstains on at least half of the records at {', '.join(listed)}.")
    if robustness.n_groups < SMALL:
        words.append(
            f"With {robustness.n_groups} patients only large drops are significant; see the intervals in the table. "
            "More records (--perturbed) narrow them."
        )
    unflagged = [cell for cell in harmful if not _mostly_abstains(cell)]
    findings = []
    if unflagged:
        worst = max(unflagged, key=lambda cell: cell.drops["macro_f1"].value)
        findings.append(
            f"Largest drop without abstention: {worst.name}: macro-F1 {worst.figures['macro_f1'].value:.3f}, drop "
            f"{signed(worst.drops['macro_f1'])}, {_abstained(worst)}."
        )
    elif harmful:
        findings.append(
            f"Wherever macro-F1 drops significantly ({robustness.n_groups:,} patients), the model abstains on at least "
            "half of the records."
        )
    titles = titles_of("robustness") | {"abstained": ABSTAINED}
    after = f": {data}" if data else ""
    parts = [
        picture(
            "robustness" if metric == "macro_f1" else f"robustness_{metric}",
            f"Robustness to perturbations: {title}",
            robustness_figure(robustness, metric, title=f"Robustness, {title}{after}", note=note),
            alt=" ".join(words[2:]) if metric == "macro_f1" else f"{title} of every condition, as in the table below",
            basis=f"{robustness.n_records:,} records of {robustness.n_groups:,} patients, each under every condition",
            words=(),
        )
        for metric, title in titles.items()
    ]
    metrics = {"robustness_as_recorded_macro_f1": reference.figures["macro_f1"].value}
    for cell in robustness.cells:
        metrics[f"robustness_{snake_case(cell.name)}_macro_f1"] = cell.figures["macro_f1"].value
    kept = {name: value for name, value in metrics.items() if math.isfinite(value)}
    return Section(
        "robustness", "Robustness to perturbations", tuple(words), (*parts, _listing(robustness)), tuple(findings), kept
    )


def _mostly_abstains(cell: Cell) -> bool:
    return cell.figures["abstained"].value >= MOSTLY_ABSTAINED


def _harms(cell: Cell) -> bool:
    drop = cell.drops["macro_f1"]
    return drop.value >= HARM and drop.low > 0


def _abstained(cell: Cell) -> str:
    return f"{cell.figures['abstained'].value:.0%} abstained on"


def _is_scale(kind: str) -> bool:
    """Whether strengths of a kind go from weak to strong."""
    return kind in ("baseline wander", "muscle", "electrode motion", "leads missing by chance") or kind.startswith(
        "mains"
    )


def _sentence(kind: str, cells: list[Cell], first: Cell) -> str:
    def figures(cell: Cell) -> str:
        drop = signed(cell.drops["macro_f1"])
        return f"macro-F1 {cell.figures['macro_f1'].value:.3f} (drop {drop}), {_abstained(cell)}"

    if _is_scale(kind):
        last = cells[-1]
        end = f"; at {last.strength} {figures(last)}" if last is not first else ""
        return f"significant drop from {first.strength} on: {figures(first)}{end}."
    return "; ".join(f"{cell.strength}: {figures(cell)}" for cell in cells if _harms(cell)) + "."


def _listing(robustness: Robustness) -> Listing:
    cells = (robustness.reference, *robustness.cells)
    others = {name: title for name, title in titles_of("robustness").items() if name != "macro_f1"}
    return Listing(
        "robustness",
        "Robustness: every condition",
        {
            "perturbation": [cell.kind for cell in cells],
            "strength": [cell.strength for cell in cells],
            "macro-F1": [shown(cell.figures["macro_f1"]) for cell in cells],
            "drop": [signed(cell.drops["macro_f1"]) if cell is not cells[0] else "" for cell in cells],
            **{title: [shown(cell.figures[name]) for cell in cells] for name, title in others.items()},
            "abstained on": [f"{cell.figures['abstained'].value:.1%}" for cell in cells],
            "refused": [f"{cell.refused:.1%}" for cell in cells],
            "accuracy of the answered": [shown(cell.figures["answered_accuracy"]) for cell in cells],
        },
    )
