"""The report's part about probabilities: whether they mean what they say."""

from __future__ import annotations

from ecgml.evaluation.figures.reliability import reliability_figure
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.reliability import reliability
from ecgml.evaluation.scores import Scores
from ecgml.evaluation.summary import interval_text
from ecgml.page.sections import Listing, Section, picture

TOO_SURE = 0.05


def calibration_section(predictions: Predictions, scores: Scores, *, how: str = "", note: str = "") -> Section:
    """Return reliability diagrams, the table behind them, and words.

    Parameters
    ----------
    predictions : Predictions
        At least one of them scored.
    scores : Scores
        Of these.
    how : str
        How the probabilities were calibrated, a sentence.
    note : str
        Below the figure: "Simulated data".
    """
    scored = predictions.subset(predictions.scored)
    confidence, right = scored.y_prob.max(axis=1), scored.y_pred == scored.y_true
    excess = float(confidence.mean() - right.mean())
    ece = scores["ece"]
    verdict = f"It says {confidence.mean():.1%} on average and is right in {right.mean():.1%}: " + (
        "too sure of itself."
        if excess > TOO_SURE
        else "not sure enough."
        if excess < -TOO_SURE
        else "about as sure as right."
    )
    words = (
        verdict,
        f"Calibration error (ECE) {interval_text(ece)}, Brier score {interval_text(scores['brier'])}, log loss "
        f"{interval_text(scores['log_loss'])}. The binned error of so many records is above zero even for perfect "
        "probabilities.",
        how,
    )
    names = ("most probable class", *scored.classes)
    columns: dict[str, list] = {
        name: [] for name in ("of", "from", "to", "records", "mean probability", "share true", "low", "high")
    }
    for place, name in enumerate(names):
        probability = confidence if place == 0 else scored.y_prob[:, place - 1]
        true = right if place == 0 else scored.y_true == place - 1
        for one in reliability(probability, true):
            cells = (
                name, f"{one.low:.1f}", f"{one.high:.1f}", one.n_records, f"{one.mean_probability:.3f}",
                f"{one.share_true:.3f}", f"{one.interval[0]:.3f}", f"{one.interval[1]:.3f}",
            )  # fmt: skip
            for column, cell in zip(columns.values(), cells, strict=True):
                column.append(cell)
    drawn = picture(
        "reliability",
        "Said and true",
        reliability_figure(predictions, note=note),
        alt=verdict,
        basis=f"{scored.n_records:,} records with a prediction",
        words=(
            "On the dotted line a class is as often true as its probability says; below it the model is too sure. "
            "Bars at the foot: how many records a point stands on. 95 % intervals.",
        ),
    )
    findings = (f"Its probabilities: {verdict[:1].lower()}{verdict[1:]}",) if abs(excess) > TOO_SURE else ()
    return Section("calibration", "Probabilities", words, (drawn, Listing("reliability", "Bins", columns)), findings)
