"""The report's section on abstention: who is answered, at what accuracy, and the conformal prediction sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ecgml.evaluation.answers import Answers, AnswerScores, score_answers
from ecgml.evaluation.summary import interval_text
from ecgml.page.sections import Listing, Picture, Section, picture, sentence
from ecgml.report.evaluated import Evaluated
from ecgml.report.figures.coverage import coverage_figure
from ecgml.report.overview import cell


def abstention_section(
    evaluated: Sequence[Evaluated],
    *,
    promised: float | None = None,
    n_bootstrap: int = 2000,
    note: str = "",
) -> Section | None:
    """Return the risk-coverage curve, tables and text; None where no set of records has answers.

    Parameters
    ----------
    evaluated : sequence of Evaluated
    promised : float, optional
        Coverage that the conformal sets were fitted for.
    n_bootstrap : int
        Draws of the intervals.
    note : str
        Below the figures: "Simulated data".
    """
    words: list[str] = []
    parts: list[Picture | Listing] = []
    metrics: dict[str, float] = {}
    for item in evaluated:
        if item.answers is None:
            continue
        scores = score_answers(item.predictions, item.answers, n_bootstrap=n_bootstrap)
        metrics |= scores.flat(item.predictions.classes, f"{item.key}_")
        words.append(_in_words(item, scores))
        parts.append(
            picture(
                f"{item.key}_coverage",
                f"Abstention: risk-coverage curve, {item.title}",
                coverage_figure(item.predictions, item.answers, title=item.caption("Risk-coverage curve"), note=note),
                alt=words[-1],
                basis=f"{item.records} (artifact {item.answers_file})",
                words=(
                    "Each curve answers fewer records from right to left, the least certain first. A useful ordering "
                    "rises as coverage falls; abstaining at random would stay on the dotted line.",
                ),
            )
        )
        parts += _reasons(item, item.answers)
        if item.outside:
            parts.append(_outside(item))
        if scores.set_coverage:
            parts.append(_sets(item, scores, promised, n_bootstrap))
    if not parts:
        return None
    words.append(
        "A record that the model abstains on still has probabilities, and is counted in every other section of this "
        "report."
    )
    return Section("abstention", "Abstention and conformal prediction sets", tuple(words), tuple(parts), (), metrics)


def _in_words(item: Evaluated, scores: AnswerScores) -> str:
    overall = float(np.mean(item.predictions.y_pred == item.predictions.y_true))
    sets = ""
    if scores.set_size:
        large = scores.set_size.value > item.predictions.n_classes / 2
        sets = (
            f" Its conformal sets hold {interval_text(scores.set_size)} of {item.predictions.n_classes} classes on "
            "average"
        )
        sets += ", too many to be informative." if large else "."
    return (
        f"{sentence(item.title)}: the model answers {interval_text(scores.answered)} of the records. On those, "
        f"accuracy is {interval_text(scores.accuracy)} and macro-F1 {interval_text(scores.macro_f1)}; on all records "
        f"accuracy is {overall:.3f}.{sets}"
    )


def _reasons(item: Evaluated, answers: Answers) -> list[Listing]:
    counts = Counter(reason for reason in answers.reasons if reason)
    if not counts:
        return []
    columns = {"reason": list(counts), "records": list(counts.values())}
    return [Listing(f"{item.key}_abstentions", f"Reasons for abstention, {item.title}", columns)]


def _outside(item: Evaluated) -> Listing:
    return Listing(
        f"{item.key}_outside",
        f"Records outside the label scheme, cohorts of the {item.title}",
        {
            "kind": list(item.outside),
            "records": [n for n, _ in item.outside.values()],
            "abstained on": [k for _, k in item.outside.values()],
        },
        (
            "The model was trained on none of these. A record without a rhythm statement is often an ordinary sinus "
            "rhythm that nobody labelled: answering it is no error.",
        ),
    )


def _sets(item: Evaluated, scores: AnswerScores, promised: float | None, n_bootstrap: int) -> Listing:
    nominal = f"; nominal coverage {promised:g}" if promised else ""
    columns: dict[str, list[Any]] = {
        "class": list(item.predictions.classes),
        "records": item.predictions.support.tolist(),
        "coverage (95 % CI)": [cell(estimate) for estimate in scores.set_coverage],
    }
    words = [f"Share of each class's records whose conformal set contains the class{nominal}."]
    if item.y_harmonised is not None and item.answers is not None:
        harmonised = replace(item.predictions, y_true=item.y_harmonised)
        by_rate = score_answers(harmonised, item.answers, n_bootstrap=n_bootstrap)
        columns["records, harmonised labels"] = harmonised.support.tolist()
        columns["coverage, harmonised labels"] = [cell(estimate) for estimate in by_rate.set_coverage]
        words.append(
            "The sets were fitted to harmonised labels, so coverage of original labels that follow another rule is not "
            "guaranteed."
        )
    return Listing(
        f"{item.key}_sets", f"Conformal prediction sets: coverage by class, {item.title}", columns, tuple(words)
    )
