"""The report's part about silence: what is not answered, what that buys, and what the sets hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

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
    """Return figure, tables and words; None where nothing is known of what is answered.

    Parameters
    ----------
    evaluated : sequence of Evaluated
    promised : float, optional
        Coverage for which the sets were made.
    n_bootstrap : int
        Draws of the intervals.
    note : str
        Below the figures: "Simulated data".
    """
    words: list[str] = []
    parts: list[Picture | Listing] = []
    metrics: dict[str, float] = {}
    for one in evaluated:
        if one.answers is None:
            continue
        scores = score_answers(one.predictions, one.answers, n_bootstrap=n_bootstrap)
        metrics |= scores.flat(one.predictions.classes, f"{one.key}_")
        words.append(_in_words(one, scores))
        parts.append(
            picture(
                f"{one.key}_coverage",
                f"What silence buys, {one.title}",
                coverage_figure(one.predictions, one.answers, title=sentence(one.title), note=note),
                alt=words[-1],
                basis=f"{one.predictions.n_records:,} records of the {one.title} (artifact {one.answers_file})",
                words=("The less is answered, the better should be what is; at random (dotted) it is not.",),
            )
        )
        parts += _reasons(one, one.answers)
        if one.outside:
            parts.append(_outside(one))
        if scores.set_coverage:
            parts.append(_sets(one, scores, promised, n_bootstrap))
    if not parts:
        return None
    words.append("A record that it abstains on still has its probabilities, and counts everywhere else in this report.")
    return Section("abstention", "What it does not answer", tuple(words), tuple(parts), (), metrics)


def _in_words(one: Evaluated, scores: AnswerScores) -> str:
    everything = float(np.mean(one.predictions.y_pred == one.predictions.y_true))
    sets = ""
    if scores.set_size:
        little = scores.set_size.value > one.predictions.n_classes / 2
        sets = f" Its sets hold {interval_text(scores.set_size)} of {one.predictions.n_classes} classes on average"
        sets += ": so large, they tell little." if little else "."
    return (
        f"{sentence(one.title)}: it answers {interval_text(scores.answered)} of these records, with accuracy "
        f"{interval_text(scores.accuracy)} and macro-F1 {interval_text(scores.macro_f1)} on those; on all of them "
        f"accuracy is {everything:.3f}.{sets}"
    )


def _reasons(one: Evaluated, answers: Answers) -> list[Listing]:
    counts = Counter(reason for reason in answers.reasons if reason)
    if not counts:
        return []
    columns = {"reason": list(counts), "records": list(counts.values())}
    return [Listing(f"{one.key}_abstentions", f"Why it says nothing, {one.title}", columns)]


def _outside(one: Evaluated) -> Listing:
    return Listing(
        f"{one.key}_outside",
        f"Records outside the scheme, cohorts of the {one.title}",
        {
            "kind": list(one.outside),
            "records": [n for n, _ in one.outside.values()],
            "abstained on": [k for _, k in one.outside.values()],
        },
        (
            "None of them was learnt from. A record without a rhythm statement is often an ordinary sinus rhythm that "
            "nobody named: to answer it is no error.",
        ),
    )


def _sets(one: Evaluated, scores: AnswerScores, promised: float | None, n_bootstrap: int) -> Listing:
    asked = f", asked for {promised:g}" if promised else ""
    columns: dict[str, list] = {
        "class": list(one.predictions.classes),
        "records": one.predictions.support.tolist(),
        "in its set (95 %)": [cell(own) for own in scores.set_coverage],
    }
    words = [f"Share of each class's records whose conformal set holds the class{asked}."]
    if one.y_harmonised is not None and one.answers is not None:
        harmonised = replace(one.predictions, y_true=one.y_harmonised)
        ruled = score_answers(harmonised, one.answers, n_bootstrap=n_bootstrap)
        columns["records, harmonised"] = harmonised.support.tolist()
        columns["in its set, harmonised"] = [cell(own) for own in ruled.set_coverage]
        words.append("The sets were made for harmonised labels; what a source words otherwise they cannot know.")
    return Listing(f"{one.key}_sets", f"What the sets hold, {one.title}", columns, tuple(words))
