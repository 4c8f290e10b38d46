"""Rank correlations of measurements."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.stats import rankdata

from ecgml.exploration.survey import Survey, counted, listed
from ecgml.exploration.tables.intervals import Z95
from ecgml.figures import FAINT, INK, bare, new_figure
from ecgml.page.sections import Section, picture

LEAST_PAIRS = 10
"""Correlations of fewer pairs are not shown."""

STRONG = 0.7
"""Pairs with at least this rank correlation are named."""

SAME = 0.999
"""With at least this correlation a number counts as determined by another."""


def correlations_section(survey: Survey) -> Section:
    """Show rank correlations of all pairs of variables."""
    title = "Correlations"
    places = [
        place
        for place in range(len(survey.variables))
        if len(np.unique(survey.values[np.isfinite(survey.values[:, place]), place])) > 1
    ]
    if len(places) < 2:
        return Section("correlations", title, ("Fewer than two variables vary: no correlations.",))
    rho, n_pairs = rank_correlations(survey.values[:, places])
    above = np.triu_indices(len(rho), 1)
    if not np.isfinite(rho[above]).any():
        text = f"No two variables have {LEAST_PAIRS} records in common: no correlations."
        return Section("correlations", title, (text,))
    # Beyond chance: the interval of a rank correlation about 0 is ± 1.96 / sqrt(n − 1).
    rho = np.where(np.abs(rho) * np.sqrt(np.maximum(n_pairs - 1, 0)) > Z95, rho, np.nan)
    names = [survey.variables[place].short for place in places]
    size_in = 0.37 * len(places) + 2.6
    figure = new_figure(size_in + 1.2, size_in + 0.3, survey.titled("Rank correlations"), survey.caution)
    _matrix(figure.subplots(), rho, names)
    n_rows = int(np.isfinite(survey.values[:, places]).any(axis=1).sum())
    used = n_pairs[above][n_pairs[above] >= LEAST_PAIRS]
    bazett = _words_on_bazett(survey)
    shown = picture(
        "correlations",
        "Rank correlations of all pairs",
        figure,
        alt="Matrix of correlations, red positive and blue negative.",
        basis=f"{counted(n_rows, 'row')}; each pair on rows with both values, {used.min():,} to {used.max():,}",
        words=(
            _words_on_pairs(names, rho),
            bazett,
            "Grey: too few records, or not significant.",
            _words_on_axes(survey, places),
        ),
    )
    return Section("correlations", title, (), (shown,), findings=(bazett,) if bazett else ())


def rank_correlations(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Correlate the ranks of all pairs of columns (Spearman 1904, 10.2307/1412159), each on the rows that have both.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_variables)
        NaN where missing.

    Returns
    -------
    rho : ndarray, shape (n_variables, n_variables)
        NaN with fewer than :data:`LEAST_PAIRS` common rows or without variance.
    n_pairs : ndarray of int64, shape (n_variables, n_variables)
    """
    n_variables = values.shape[1]
    rho, n_pairs = np.full((n_variables, n_variables), np.nan), np.zeros((n_variables, n_variables), dtype=np.int64)
    known = np.isfinite(values)
    for first in range(n_variables):
        for second in range(first, n_variables):
            both = known[:, first] & known[:, second]
            n_pairs[first, second] = n_pairs[second, first] = both.sum()
            ranks = rankdata(values[both][:, [first, second]], axis=0)
            if both.sum() >= LEAST_PAIRS and (np.ptp(ranks, axis=0) > 0).all():
                rho[first, second] = rho[second, first] = np.atleast_2d(np.corrcoef(ranks.T))[0, 1]
    return rho, n_pairs


def _matrix(axes: Axes, rho: NDArray[np.float64], names: list[str]) -> None:
    bare(axes, "Spearman's rank correlation")
    image = axes.imshow(rho, cmap="RdBu_r", vmin=-1, vmax=1, aspect="equal")
    axes.set_facecolor(FAINT)
    for (row, column), value in np.ndenumerate(rho):
        if np.isfinite(value) and row != column:
            text = f"{value:.2f}".replace("0.", ".").replace("-", "−")
            colour = "white" if abs(value) > 0.65 else INK
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(names)), names, rotation=50, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.5, ticks=[-1, -0.5, 0, 0.5, 1])
    bar.outline.set_visible(False)


def _words_on_pairs(names: list[str], rho: NDArray[np.float64]) -> str:
    first, second = np.triu_indices(len(names), 1)
    strength = np.nan_to_num(np.abs(rho[first, second]))
    order = [place for place in np.argsort(-strength, kind="stable") if strength[place] >= STRONG]
    if not order:
        return f"No pair has a rank correlation of {STRONG} or more."
    pairs = [
        f"{names[first[place]]} with {names[second[place]]} ({rho[first[place], second[place]]:.2f})" for place in order
    ]
    return (
        f"Rank correlation of {STRONG} or more: {listed(pairs, 6)}. The second variable of such a pair adds little to "
        "the first."
    )


def _words_on_bazett(survey: Survey) -> str:
    """Report whether QT and QTc determine the rate: QTc is QT over the square root of RR (Bazett 1920)."""
    qt, corrected, rate = (survey.column(name) for name in ("qt_interval", "qt_corrected", "ventricular_rate"))
    if qt is None or corrected is None or rate is None:
        return ""
    implied = 60 * (corrected / qt) ** 2
    both = np.isfinite(implied) & np.isfinite(rate)
    if both.sum() < LEAST_PAIRS or np.ptp(rate[both]) == 0 or np.ptp(implied[both]) == 0:
        return ""
    r = float(np.corrcoef(implied[both], rate[both])[0, 1])
    if r < SAME:
        return ""
    return (
        f"QT and QTc together determine the ventricular rate: 60·(QTc/QT)² has a correlation of {r:.5f} with it "
        "(Bazett's formula). Withholding the rate from a model hides nothing while both are given."
    )


def _words_on_axes(survey: Survey, places: list[int]) -> str:
    circular = any(survey.variables[place].circular for place in places)
    return "Electrical axes are angles but are ranked as numbers here." if circular else ""
