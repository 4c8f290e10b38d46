"""The report's section on explanations: attributions drawn over the ECG, and tests of whether they are faithful."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgml.page.sections import Listing, Picture, Section, picture
from ecgml.records.leads import LEADS
from ecgml.report.figures.attribution import draw_attribution, draw_key
from ecgml.report.mistakes import DPI, DrawnRecord, paper_figure

TITLE = "Explanations (integrated gradients)"


@dataclass(frozen=True, eq=False)
class ExplainedRecord:
    """A record, and what raised or lowered the log-odds of its predicted class.

    Parameters
    ----------
    record : DrawnRecord
    attribution : ndarray, shape (n_leads, n_times)
        Smoothed.
    clinical : sequence of (str, float)
        Attribution by clinical column.
    """

    record: DrawnRecord
    attribution: NDArray[np.float32]
    clinical: Sequence[tuple[str, float]]


@dataclass(frozen=True, eq=False)
class ExplanationChecks:
    """Tests of whether explanations are faithful to the model.

    Parameters
    ----------
    labels : sequence of str, length n_records
        The class that was explained.
    residual : ndarray, shape (n_records,)
        Difference between the attributions' sum and what they explain, as a share of its mean size.
    marked, at_random, loudest : ndarray, shape (n_records,)
        Drop in probability when the most marked stretches, random ones, and those of the largest signal are masked.
    masked_share : float
        Of the time.
    randomised : sequence of (str, float, float)
        Part of the model that is randomised, in cascade; rank correlation of signed maps, and of their magnitudes.
    n_randomised : int
        Records that the correlation is averaged over.
    """

    labels: Sequence[str]
    residual: NDArray[np.float64]
    marked: NDArray[np.float64]
    at_random: NDArray[np.float64]
    loudest: NDArray[np.float64]
    masked_share: float
    randomised: Sequence[tuple[str, float, float]]
    n_randomised: int


@dataclass(frozen=True, eq=False)
class ClinicalImportance:
    """Importance of each clinical column.

    Parameters
    ----------
    names : sequence of str
    attribution : ndarray, shape (n_columns,)
        Mean magnitude of the attribution, log-odds.
    permutation : ndarray, shape (n_columns,)
        Increase of the log loss when the column's values are permuted between records (Breiman 2001).
    n_attributed, n_permuted : int
        Records used for each.
    waveform : float
        Mean magnitude of the whole waveform's attribution, log-odds.
    """

    names: Sequence[str]
    attribution: NDArray[np.float64]
    permutation: NDArray[np.float64]
    n_attributed: int
    n_permuted: int
    waveform: float


FEW, RELEVANT = 8, 0.01
"""Records, and a difference in probability, below which masking is no evidence for the explanations."""


def explanations_section(
    explained: Sequence[ExplainedRecord],
    checks: ExplanationChecks | None,
    importance: ClinicalImportance | None,
    missing: str = "",
) -> Section:
    """Show attributions over the ECG, their tests, and the importance of clinical values.

    Parameters
    ----------
    explained : sequence of ExplainedRecord
    checks : ExplanationChecks or None
    importance : ClinicalImportance or None
        None of a model that does not use clinical values.
    missing : str
        Why there is nothing.
    """
    if not explained or checks is None:
        return Section("explanations", TITLE, (missing or "No record to explain.",))
    parts: list[Picture | Listing] = [_picture(place, item) for place, item in enumerate(explained, start=1)]
    parts += [_leads(explained), _deletion(checks), _randomisation(checks)]
    if importance is not None:
        parts.append(_clinical(importance))
    findings = [_faithfulness(checks)]
    if importance is not None:
        order = np.argsort(-importance.attribution)[:3]
        named = ", ".join(f"`{importance.names[index]}`" for index in order)
        findings.append(
            f"The waveform moves the log-odds by {importance.waveform:.1f} on average, all clinical values together by "
            f"at most {importance.attribution.sum():.1f}, mainly {named} (`tables/clinical_columns.csv`)."
        )
    words = (
        "Integrated gradients (Sundararajan et al. 2017): what raised or lowered the log-odds of the predicted class, "
        "compared with an empty record (no lead, no clinical value). Orange bands behind the trace support the class; "
        "blue hatched bands below the trace oppose it. The stronger the colour, the larger the contribution.",
        "Attributions show what the model used, not what is true. An absent feature, such as a missing P wave, is "
        "hardly marked, and large waves are marked more readily than small ones.",
    )
    metrics = {
        "explanation_fall_marked": float(checks.marked.mean()),
        "explanation_fall_at_random": float(checks.at_random.mean()),
        "explanation_fall_loudest": float(checks.loudest.mean()),
        "explanation_randomised_correlation": checks.randomised[-1][1],
        "explanation_residual": float(np.abs(checks.residual).mean()),
    }
    return Section("explanations", TITLE, words, tuple(parts), tuple(findings), metrics)


def _faithfulness(checks: ExplanationChecks) -> str:
    difference = checks.marked - checks.at_random
    low, high = _interval(difference)
    if len(difference) < FEW:
        verdict = f"fewer than {FEW} records, too few to say whether the explanations are faithful"
    elif low > 0 and difference.mean() >= RELEVANT:
        verdict = "the marked stretches matter to the model more than random ones"
    else:
        verdict = "hardly more than at random, so do not rely on the explanations"
    return (
        f"Masking the marked stretches lowers the probability by {checks.marked.mean():.2f}, masking random ones by "
        f"{checks.at_random.mean():.2f} (difference {difference.mean():.2f}, {low:.2f} to {high:.2f}, "
        f"{len(difference)} records; `tables/deletion.csv`): {verdict}."
    )


def _picture(place: int, item: ExplainedRecord) -> Picture:
    record = item.record
    figure = paper_figure(record)
    axes = figure.axes[0]
    draw_attribution(axes, item.attribution, record.fs)
    draw_key(axes, record.predicted)
    largest = sorted(item.clinical, key=lambda pair: -abs(pair[1]))[:3]
    clinical = ", ".join(f"{name} {value:+.2f}" for name, value in largest)
    return picture(
        f"explanation_{place}",
        f"{record.predicted}, probability {record.probability:.2f}",
        figure,
        alt=f"12-lead ECG of record {record.record_id}; stretches that support or oppose {record.predicted} are marked",
        basis=record.basis,
        words=(
            f"The waveform moved the log-odds of {record.predicted} by {item.attribution.sum():+.1f}"
            + (
                f", clinical values by {sum(value for _, value in item.clinical):+.1f} ({clinical})."
                if largest
                else "."
            ),
        ),
        dpi=DPI,
    )


def _leads(explained: Sequence[ExplainedRecord]) -> Listing:
    columns: dict[str, list[object]] = {"lead": list(LEADS)}
    for item in explained:
        size = np.abs(item.attribution).sum(axis=1)
        share = 100 * size / (size.sum() or 1.0)
        columns[f"{item.record.predicted}: {item.record.record_id}"] = [f"{value:.0f} %" for value in share]
    return Listing(
        "leads", "Attribution by lead", columns, ("Share of the total magnitude, for each record drawn above.",)
    )


def _deletion(checks: ExplanationChecks) -> Listing:
    labels = np.array(checks.labels)
    rows = []
    for name in ["all", *dict.fromkeys(checks.labels)]:
        chosen = np.ones(len(labels), dtype=bool) if name == "all" else labels == name
        row = [name, int(chosen.sum())]
        for values in (checks.marked, checks.at_random, checks.loudest, checks.marked - checks.at_random):
            low, high = _interval(values[chosen])
            row.append(f"{values[chosen].mean():.3f} ({low:.3f} to {high:.3f})")
        rows.append(row)
    header = ("predicted class", "records", "marked", "random", "largest signal", "marked − random")
    return Listing(
        "deletion",
        "Deletion test: does masking marked stretches lower the probability?",
        {name: [row[place] for row in rows] for place, name in enumerate(header)},
        (
            f"Drop in the probability of the predicted class when {checks.masked_share:.0%} of the time, in stretches "
            "of 100 ms, is set to zero in all leads: the most marked stretches, random ones, and those with the "
            "largest signal, which an explanation that merely follows the QRS complexes would mark. 95 % intervals "
            "by bootstrap over records. Where the evidence is spread over the whole record, as with irregular "
            "intervals, masking any part changes little.",
        ),
    )


def _randomisation(checks: ExplanationChecks) -> Listing:
    columns: dict[str, Sequence[object]] = {
        "randomised, output first": [name for name, *_ in checks.randomised],
        "rank correlation, signed": [f"{signed:+.2f}" for _, signed, _ in checks.randomised],
        "rank correlation, magnitude": [f"{size:+.2f}" for *_, size in checks.randomised],
    }
    return Listing(
        "randomisation",
        "Randomisation test: do explanations depend on the trained weights?",
        columns,
        (
            "Cascading randomisation (Adebayo et al. 2018): a correlation of 1 would mean that the maps do not "
            "depend on what the model learnt. Magnitudes stay correlated to a degree because attributions are "
            f"products with the signal. Mean of {checks.n_randomised} records.",
            "Completeness: the attributions' sum differs from what it explains by "
            f"{np.abs(checks.residual).mean():.1%} on average, by {np.abs(checks.residual).max():.1%} at most.",
        ),
    )


def _clinical(importance: ClinicalImportance) -> Listing:
    order = np.argsort(-importance.attribution)
    return Listing(
        "clinical_columns",
        "Importance of clinical values",
        {
            "column": [importance.names[index] for index in order],
            "mean attribution": [f"{importance.attribution[index]:.2f}" for index in order],
            "permutation importance": [f"{importance.permutation[index]:+.4f}" for index in order],
        },
        (
            f"Mean magnitude of the attribution in log-odds, over {importance.n_attributed} records. Permutation "
            f"importance: increase of the log loss over {importance.n_permuted} records when the column is permuted, "
            "by harmonised labels, which the model was trained on. Columns without any value are left out. "
            "Correlated columns (rates and intervals) share their importance, so each looks small when permuted "
            "alone.",
        ),
    )


def _interval(values: NDArray[np.float64], n_draws: int = 2000) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean, by bootstrap over records."""
    random = np.random.default_rng(0)
    means = values[random.integers(len(values), size=(n_draws, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975]).tolist()
    return low, high
