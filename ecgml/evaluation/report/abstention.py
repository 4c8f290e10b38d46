"""The report's part about silence: what is not answered, what that buys, and what the sets hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from ecgml.evaluation.answers import Answers, score_answers
from ecgml.evaluation.figures.coverage import coverage_figure
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.summary import interval_text
from ecgml.page.sections import Listing, Picture, Section, picture


def abstention_section(
    predictions: Predictions,
    answers: Answers,
    *,
    outside: Mapping[str, tuple[int, int]] | None = None,
    promised: float | None = None,
    n_bootstrap: int = 2000,
    note: str = "",
) -> Section:
    """Return figure, tables and words.

    Parameters
    ----------
    predictions : Predictions
    answers : Answers
        Of the same records.
    outside : mapping of str to (int, int), optional
        Records outside the scheme by kind: how many, and how many of them are abstained on.
    promised : float, optional
        Coverage for which the sets were made.
    n_bootstrap : int
        Draws of the intervals.
    note : str
        Below the figure: "Simulated data".
    """
    scores = score_answers(predictions, answers, n_bootstrap=n_bootstrap)
    everything = float(np.mean(predictions.y_pred == predictions.y_true))
    words = [
        f"It answers {interval_text(scores.answered)} of these records, with accuracy {interval_text(scores.accuracy)} "
        f"and macro-F1 {interval_text(scores.macro_f1)} on those; on all of them accuracy is {everything:.3f}, the "
        "figure that counts elsewhere in this report. A record that it abstains on still has its probabilities."
    ]
    parts: list[Picture | Listing] = [
        picture(
            "coverage",
            "What silence buys",
            coverage_figure(predictions, answers, note=note),
            alt=words[0],
            basis=f"{predictions.n_records:,} records",
            words=("The less is answered, the better should be what is; at random (dotted) it is not.",),
        )
    ]
    counts = Counter(reason for reason in answers.reasons if reason)
    if counts:
        parts.append(
            Listing("abstentions", "Why it says nothing", {"reason": list(counts), "records": list(counts.values())})
        )
    if outside:
        parts.append(
            Listing(
                "outside",
                "Records outside the scheme",
                {
                    "kind": list(outside),
                    "records": [n for n, _ in outside.values()],
                    "abstained on": [k for _, k in outside.values()],
                },
                (
                    "None of them was learnt from. A record without a rhythm statement is often an ordinary sinus "
                    "rhythm that nobody named: to answer it is no error.",
                ),
            )
        )
    if answers.sets is not None:
        asked = f", asked for {promised:g}" if promised else ""
        parts.append(
            Listing(
                "sets",
                "What the sets hold",
                {
                    "class": list(predictions.classes),
                    "records": predictions.support.tolist(),
                    "in its set (95 %)": [interval_text(one) for one in scores.set_coverage],
                },
                (f"Share of each class's records whose conformal set holds the class{asked}.",),
            )
        )
        if scores.set_size:
            words.append(f"Its sets hold {interval_text(scores.set_size)} classes on average.")
    return Section("abstention", "What it does not answer", tuple(words), tuple(parts), (), {})
