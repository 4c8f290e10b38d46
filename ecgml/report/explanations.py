"""What a model looks at, drawn over the ECG, and whether to believe the drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ecgml.page.sections import Listing, Picture, Section, picture
from ecgml.paper import cells, draw
from ecgml.records.leads import LEADS
from ecgml.report.mistakes import DPI, Drawn, paper_figure

FOR, AGAINST = "#E69F00", "#0072B2"
"""Orange and blue: told apart with any colour vision; in grey print the one is a full band, the other a strip."""

STRONGEST = 0.98
"""Quantile of a record's attributions that is drawn at full strength, so that one spike does not pale the rest."""

BAND_MM, STRIP_MM = 10.0, 2.5


@dataclass(frozen=True, eq=False)
class Explained:
    """A record, and what raised the log-odds of the class that the model gave it.

    Parameters
    ----------
    drawn : Drawn
    attribution : ndarray, shape (n_leads, n_times)
        Smoothed.
    clinical : sequence of (str, float)
        Attribution by clinical column.
    """

    drawn: Drawn
    attribution: NDArray[np.float32]
    clinical: Sequence[tuple[str, float]]


@dataclass(frozen=True, eq=False)
class Checks:
    """Whether explanations deserve belief.

    Parameters
    ----------
    labels : sequence of str, length n_records
        The class that was explained.
    residual : ndarray, shape (n_records,)
        What the attributions' sum misses, as a share of the mean difference that they explain.
    marked, at_random, loudest : ndarray, shape (n_records,)
        Fall of the probability when what is marked, as much at random, and the largest signal is masked.
    masked_share : float
        Of the time.
    randomised : sequence of (str, float, float)
        Part of the model made random, in cascade; rank correlation of maps with signs, and of their sizes.
    n_randomised : int
        Records that this stands on.
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
class Columns:
    """How much each clinical column matters.

    Parameters
    ----------
    names : sequence of str
    attribution : ndarray, shape (n_columns,)
        Mean size of the attribution, log-odds.
    permutation : ndarray, shape (n_columns,)
        Rise of the log loss when the column's values are exchanged between records (Breiman 2001).
    n_attributed, n_permuted : int
        Records that each stands on.
    waveform : float
        Mean size of what the whole waveform adds, log-odds.
    """

    names: Sequence[str]
    attribution: NDArray[np.float64]
    permutation: NDArray[np.float64]
    n_attributed: int
    n_permuted: int
    waveform: float


FEW, RELEVANT = 8, 0.01
"""Records, and a difference of probability, below which masking says nothing for the explanations."""


def explanations_section(
    explained: Sequence[Explained], checks: Checks | None, columns: Columns | None, missing: str = ""
) -> Section:
    """Show what the model looks at.

    Parameters
    ----------
    explained : sequence of Explained
    checks : Checks or None
    columns : Columns or None
        None of a model that does not look at them.
    missing : str
        Why there is nothing.
    """
    if not explained or checks is None:
        return Section("explanations", "What it looks at", (missing or "No record to explain.",))
    parts: list[Picture | Listing] = [_picture(place, one) for place, one in enumerate(explained, start=1)]
    parts += [_leads(explained), _deletion(checks), _randomisation(checks)]
    if columns is not None:
        parts.append(_columns(columns))
    difference = checks.marked - checks.at_random
    low, high = _interval(difference)
    if len(difference) < FEW:
        told = f"fewer than {FEW} records tell nothing of whether to believe them"
    elif low > 0 and difference.mean() >= RELEVANT:
        told = "more than masking as much at random: they point at something the model uses"
    else:
        told = "hardly more than masking as much at random: do not believe them"
    findings = [
        f"Masking what explanations mark lowers the probability by {checks.marked.mean():.2f}, as much at random by "
        f"{checks.at_random.mean():.2f} (difference {difference.mean():.2f}, {low:.2f} to {high:.2f}, "
        f"{len(difference)} records; table deletion.csv): {told}."
    ]
    if columns is not None:
        order = np.argsort(-columns.attribution)[:3]
        named = ", ".join(columns.names[index] for index in order)
        findings.append(
            f"The waveform moves the log-odds by {columns.waveform:.1f} on average, all clinical values together by "
            f"{columns.attribution.sum():.1f} at most, most of it {named} (table clinical_columns.csv)."
        )
    words = (
        "Integrated gradients (Sundararajan et al. 2017): what in this record raised the odds of the class given, "
        "against a record of which nothing is known (no lead, no clinical value). Orange behind the trace speaks for "
        "the class, the blue strip under it against; the darker, the more.",
        "They show what the model used, not what is true. What is absent (a missing P wave) can hardly be marked, and "
        "large waves are marked more easily than small ones.",
    )
    metrics = {
        "explanation_fall_marked": float(checks.marked.mean()),
        "explanation_fall_at_random": float(checks.at_random.mean()),
        "explanation_fall_loudest": float(checks.loudest.mean()),
        "explanation_randomised_correlation": checks.randomised[-1][1],
        "explanation_residual": float(np.abs(checks.residual).mean()),
    }
    return Section("explanations", "What it looks at", words, tuple(parts), tuple(findings), metrics)


def draw_attribution(axes: Axes, attribution: NDArray[np.floating], fs: float) -> None:
    """Lay attributions behind a 12-lead ECG that :func:`ecgml.paper.draw` drew.

    Parameters
    ----------
    axes : Axes
        In the page's millimetres.
    attribution : ndarray, shape (n_leads, n_times)
        Positive where it speaks for the class.
    fs : float
        Hz.
    """
    strongest = np.quantile(np.abs(attribution), STRONGEST) or 1.0
    for cell in cells(attribution.shape[1], fs):
        there = attribution[LEADS.index(cell.lead), cell.start : cell.stop] / strongest
        for colour, values, top, bottom in (
            (FOR, there, cell.middle_mm - BAND_MM, cell.middle_mm + BAND_MM),
            (AGAINST, -there, cell.middle_mm + BAND_MM, cell.middle_mm + BAND_MM + STRIP_MM),
        ):
            red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
            strip = np.empty((1, len(values), 4))
            strip[..., :3] = red, green, blue
            strip[..., 3] = 0.85 * np.clip(values, 0, 1)
            axes.imshow(
                strip,
                extent=(cell.left_mm, cell.right_mm, bottom, top),
                aspect="equal",
                interpolation="bilinear",
                zorder=0.5,
            )


def _picture(place: int, one: Explained) -> Picture:
    drawn = one.drawn
    figure = paper_figure()
    axes = figure.axes[0]
    draw(axes, drawn.waveform, drawn.fs, title=f"{drawn.record_id}   label {drawn.label}, model says {drawn.said}")
    limits = axes.get_xlim(), axes.get_ylim()
    draw_attribution(axes, one.attribution, drawn.fs)
    axes.set(xlim=limits[0], ylim=limits[1])
    axes.legend(
        handles=[Patch(color=FOR, label=f"for {drawn.said}"), Patch(color=AGAINST, label=f"against {drawn.said}")],
        loc="upper right", ncols=2, frameon=False, fontsize=8,
    )  # fmt: skip
    told = sorted(one.clinical, key=lambda pair: -abs(pair[1]))[:3]
    clinical = ", ".join(f"{name} {value:+.2f}" for name, value in told)
    return picture(
        f"explanation_{place}",
        f"{drawn.said}, probability {drawn.probability:.2f}",
        figure,
        alt=f"12-lead ECG of record {drawn.record_id} with what speaks for {drawn.said} marked",
        basis=f"record {drawn.record_id} of the {drawn.group}, as the model saw it at {drawn.fs:g} Hz",
        words=(
            f"The waveform moved the log-odds of {drawn.said} by {one.attribution.sum():+.1f}"
            + (f"; clinical values by {sum(value for _, value in one.clinical):+.1f} ({clinical})." if told else "."),
        ),
        dpi=DPI,
    )


def _leads(explained: Sequence[Explained]) -> Listing:
    columns: dict[str, list[object]] = {"lead": list(LEADS)}
    for one in explained:
        size = np.abs(one.attribution).sum(axis=1)
        share = 100 * size / (size.sum() or 1.0)
        columns[f"{one.drawn.said}: {one.drawn.record_id}"] = [f"{value:.0f} %" for value in share]
    return Listing("leads", "Which leads", columns, ("Share of the size of attributions, of the records drawn above.",))


def _deletion(checks: Checks) -> Listing:
    labels = np.array(checks.labels)
    rows = []
    for name in ["all", *dict.fromkeys(checks.labels)]:
        here = np.ones(len(labels), dtype=bool) if name == "all" else labels == name
        row = [name, int(here.sum())]
        for values in (checks.marked, checks.at_random, checks.loudest, checks.marked - checks.at_random):
            low, high = _interval(values[here])
            row.append(f"{values[here].mean():.3f} ({low:.3f} to {high:.3f})")
        rows.append(row)
    header = ("class given", "records", "what is marked", "as much at random", "largest signal", "marked − random")
    return Listing(
        "deletion",
        "Does masking what is marked hurt more?",
        {name: [row[place] for row in rows] for place, name in enumerate(header)},
        (
            f"Fall of the probability of the class given when {checks.masked_share:.0%} of the time, in stretches of "
            "100 ms, is set to zero in all leads: the most marked stretches, as many at random, and those of the "
            "largest signal, which an explanation that only follows the QRS complexes would mark. 95 % intervals by "
            "bootstrap over records. A class that rests on what is spread over the record (irregular intervals) "
            "survives the loss of any part.",
        ),
    )


def _randomisation(checks: Checks) -> Listing:
    columns: dict[str, Sequence[object]] = {
        "made random, output first": [name for name, *_ in checks.randomised],
        "rank correlation of maps": [f"{signed:+.2f}" for _, signed, _ in checks.randomised],
        "of their sizes alone": [f"{size:+.2f}" for *_, size in checks.randomised],
    }
    return Listing(
        "randomisation",
        "Do they change when the model does?",
        columns,
        (
            "Cascading randomisation (Adebayo et al. 2018): 1 would be a map that does not depend on what was learnt. "
            f"Sizes stay alike to a degree because attributions are products with the signal. Mean of "
            f"{checks.n_randomised} records.",
            f"Completeness: the sum of attributions misses the difference that it explains by "
            f"{np.abs(checks.residual).mean():.1%} on average, {np.abs(checks.residual).max():.1%} at most.",
        ),
    )


def _columns(columns: Columns) -> Listing:
    order = np.argsort(-columns.attribution)
    return Listing(
        "clinical_columns",
        "Which clinical values",
        {
            "column": [columns.names[index] for index in order],
            "mean size of attribution": [f"{columns.attribution[index]:.2f}" for index in order],
            "rise of log loss when exchanged": [f"{columns.permutation[index]:+.4f}" for index in order],
        },
        (
            f"Attribution in log-odds, over {columns.n_attributed} records; permutation importance over "
            f"{columns.n_permuted}, by harmonised labels, which the model was trained on. Columns "
            "that no record has are left out. Columns that tell the same (rates and "
            "intervals) share their importance, so that each looks small when exchanged alone.",
        ),
    )


def _interval(values: NDArray[np.float64], n_draws: int = 2000) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean, by bootstrap over records."""
    random = np.random.default_rng(0)
    means = values[random.integers(len(values), size=(n_draws, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975]).tolist()
    return low, high
