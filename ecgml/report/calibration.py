"""The report's section on calibration: whether predicted probabilities match observed frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecgml.evaluation.cautions import FEW_GROUPS
from ecgml.evaluation.estimates import Estimate
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.reliability import reliability
from ecgml.evaluation.summary import interval_text
from ecgml.page.sections import Listing, Picture, Section, picture, sentence
from ecgml.report.evaluated import Evaluated
from ecgml.report.figures.reliability import reliability_figure

TOLERANCE = 0.05
"""Difference between mean confidence and accuracy up to which a model counts as calibrated."""
OVERCONFIDENT, UNDERCONFIDENT = "overconfident", "underconfident"


def calibration_section(evaluated: Sequence[Evaluated], *, how: str = "", note: str = "") -> Section:
    """Return reliability diagrams, the table behind them, and text.

    Parameters
    ----------
    evaluated : sequence of Evaluated
    how : str
        How the probabilities were calibrated, a sentence.
    note : str
        Below the figures: "Simulated data".
    """
    words = [how] if how else []
    parts: list[Picture | Listing] = []
    findings = []
    for item in evaluated:
        scored, scores = item.predictions.subset(item.predictions.scored), item.scores
        if not scored.n_records:
            continue
        confidence, right = scored.y_prob.max(axis=1), scored.y_pred == scored.y_true
        excess = float(confidence.mean() - right.mean())
        verdict = _verdict(excess, float(confidence.mean()), scores["accuracy"], scored.n_records)
        text = f"mean confidence {confidence.mean():.1%}, accuracy {right.mean():.1%}: {verdict}."
        words.append(
            f"{sentence(item.title)}: {text} Calibration error (ECE) {interval_text(scores['ece'])}, Brier score "
            f"{interval_text(scores['brier'])}, log loss {interval_text(scores['log_loss'])}. The ECE is biased "
            "upwards: with so many records it exceeds 0 even for perfectly calibrated probabilities."
        )
        parts.append(
            picture(
                f"{item.key}_reliability",
                f"Reliability diagram, {item.title}",
                reliability_figure(
                    item.predictions, title=item.caption("Reliability diagram"), note=note, colours=item.colours
                ),
                alt=text,
                basis=item.basis,
                words=(
                    "On the dotted diagonal a class occurs as often as its probability predicts; below it the model is "
                    "overconfident. Grey bars: number of records in each bin. Error bars: 95 % intervals.",
                ),
            )
        )
        parts.append(Listing(f"{item.key}_reliability", f"Reliability diagram: bins, {item.title}", _bins(scored)))
        if verdict in (OVERCONFIDENT, UNDERCONFIDENT):
            findings.append(f"Calibration, {item.title}: {text}")
    return Section("calibration", "Calibration", tuple(words), tuple(parts), tuple(findings))


def _verdict(excess: float, confidence: float, accuracy: Estimate, n_records: int) -> str:
    if abs(excess) <= TOLERANCE:
        return "well calibrated on average"
    if n_records < FEW_GROUPS or accuracy.low <= confidence <= accuracy.high:
        return "too few records to call it over- or underconfident"
    return OVERCONFIDENT if excess > 0 else UNDERCONFIDENT


def _bins(scored: Predictions) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        name: []
        for name in ("probability of", "from", "to", "records", "mean probability", "observed share", "low", "high")
    }
    for place, name in enumerate(("most probable class", *scored.classes)):
        probability = scored.y_prob.max(axis=1) if place == 0 else scored.y_prob[:, place - 1]
        true = scored.y_pred == scored.y_true if place == 0 else scored.y_true == place - 1
        for stretch in reliability(probability, true):
            cells = (
                name, f"{stretch.low:.1f}", f"{stretch.high:.1f}", stretch.n_records,
                f"{stretch.mean_probability:.3f}", f"{stretch.share_true:.3f}", f"{stretch.interval[0]:.3f}",
                f"{stretch.interval[1]:.3f}",
            )  # fmt: skip
            for column, text in zip(columns.values(), cells, strict=True):
                column.append(text)
    return columns
