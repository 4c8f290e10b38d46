"""The report's part about probabilities: whether they mean what they say."""

from __future__ import annotations

from collections.abc import Sequence

from ecgml.evaluation.cautions import FEW_GROUPS
from ecgml.evaluation.estimates import Estimate
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.reliability import reliability
from ecgml.evaluation.summary import interval_text
from ecgml.page.sections import Listing, Picture, Section, picture, sentence
from ecgml.report.evaluated import Evaluated
from ecgml.report.figures.reliability import reliability_figure

TOO_SURE = 0.05
TOO_SURE_OF_ITSELF, NOT_SURE_ENOUGH = "too sure of itself", "not sure enough"


def calibration_section(evaluated: Sequence[Evaluated], *, how: str = "", note: str = "") -> Section:
    """Return reliability diagrams, the table behind them, and words.

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
    for one in evaluated:
        scored, scores = one.predictions.subset(one.predictions.scored), one.scores
        if not scored.n_records:
            continue
        confidence, right = scored.y_prob.max(axis=1), scored.y_pred == scored.y_true
        excess = float(confidence.mean() - right.mean())
        judged = _judged(excess, float(confidence.mean()), scores["accuracy"], scored.n_records)
        verdict = f"it says {confidence.mean():.1%} on average and is right in {right.mean():.1%}: {judged}."
        words.append(
            f"{sentence(one.title)}: {verdict} Calibration error (ECE) {interval_text(scores['ece'])}, Brier score "
            f"{interval_text(scores['brier'])}, log loss {interval_text(scores['log_loss'])}. The binned error of so "
            "many records is above zero even for perfect probabilities."
        )
        parts.append(
            picture(
                f"{one.key}_reliability",
                f"Said and true, {one.title}",
                reliability_figure(one.predictions, title=sentence(one.title), note=note),
                alt=verdict,
                basis=one.basis,
                words=(
                    "On the dotted line a class is as often true as its probability says; below it the model is too "
                    "sure. Bars at the foot: how many records a point stands on. 95 % intervals.",
                ),
            )
        )
        parts.append(Listing(f"{one.key}_reliability", f"Bins, {one.title}", _bins(scored)))
        if judged in (TOO_SURE_OF_ITSELF, NOT_SURE_ENOUGH):
            findings.append(f"Its probabilities, {one.title}: {verdict}")
    return Section("calibration", "Probabilities", tuple(words), tuple(parts), tuple(findings))


def _judged(excess: float, confidence: float, accuracy: Estimate, n_records: int) -> str:
    if abs(excess) <= TOO_SURE:
        return "about as sure as right"
    if n_records < FEW_GROUPS or accuracy.low <= confidence <= accuracy.high:
        return "so few records cannot tell whether it is too sure"
    return TOO_SURE_OF_ITSELF if excess > 0 else NOT_SURE_ENOUGH


def _bins(scored: Predictions) -> dict[str, list]:
    columns: dict[str, list] = {
        name: [] for name in ("of", "from", "to", "records", "mean probability", "share true", "low", "high")
    }
    for place, name in enumerate(("most probable class", *scored.classes)):
        probability = scored.y_prob.max(axis=1) if place == 0 else scored.y_prob[:, place - 1]
        true = scored.y_pred == scored.y_true if place == 0 else scored.y_true == place - 1
        for one in reliability(probability, true):
            cells = (
                name, f"{one.low:.1f}", f"{one.high:.1f}", one.n_records, f"{one.mean_probability:.3f}",
                f"{one.share_true:.3f}", f"{one.interval[0]:.3f}", f"{one.interval[1]:.3f}",
            )  # fmt: skip
            for column, cell in zip(columns.values(), cells, strict=True):
                column.append(cell)
    return columns
