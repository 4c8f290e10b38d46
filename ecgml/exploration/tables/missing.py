"""Missing values, and whether their absence reveals the rhythm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ecgml.exploration.survey import Survey, Variable, counted, listed, rhythm_name
from ecgml.exploration.tables.intervals import wilson
from ecgml.figures import FAINT, INK, bare, new_figure
from ecgml.page.sections import Section, picture

NOTABLE = 0.2
"""Difference in the missing share between rhythms, or cohorts, that is named in the text."""


def missing_section(survey: Survey) -> Section:
    """Show the share of missing values of every variable by rhythm and, where there are several, by cohort."""
    title = "Missing values"
    places = [place for place in range(len(survey.variables)) if np.isfinite(survey.values[:, place]).any()]
    if not places:
        text = "All values are missing: no table gives one, and no waveform could be measured."
        return Section("missing", title, (text,))
    variables = [survey.variables[place] for place in places]
    # A row without a usable signal cannot be measured, so its measurements do not count as missing.
    applies = np.column_stack(
        [survey.usable if variable.measured else np.full(len(survey), True) for variable in variables]
    )
    missing = np.isnan(survey.values[:, places]) & applies
    metrics = {"missing_share": float(missing.sum() / max(1, applies.sum()))}
    if not missing.any():
        text = f"No value is missing in {counted(len(survey), 'row')} and {counted(len(places), 'variable')}."
        return Section("missing", title, (text,), metrics=metrics)

    by_rhythm = {rhythm_name(kind): survey.rhythms == kind for kind in survey.present()}
    if (survey.rhythms < 0).any():
        by_rhythm["none or several"] = survey.rhythms < 0
    by_cohort = {name: survey.cohorts == name for name in survey.cohort_names} if len(survey.facts) > 1 else {}
    groups = {"all": np.full(len(survey), True), **by_rhythm, **by_cohort}
    n_missing = np.column_stack([missing[rows].sum(axis=0) for rows in groups.values()])
    n_all = np.column_stack([applies[rows].sum(axis=0) for rows in groups.values()])

    figure = new_figure(
        max(6.5, 0.52 * len(groups) + 4), 0.27 * len(places) + 2.0, survey.titled("Missing values"), survey.caution
    )
    axes = figure.subplots()
    _table(axes, n_missing, n_all, list(groups), variables)
    for edge in (0.5, len(by_rhythm) + 0.5):
        axes.axvline(edge, color="white", linewidth=3)
    split, known = len(by_rhythm) + 1, len(survey.present()) + 1
    signals = (
        f"; for measured values {counted(int(survey.usable.sum()), 'usable signal')}" if survey.usable.any() else ""
    )
    shown = picture(
        "missing_values",
        "Share of missing values",
        figure,
        alt="Table of percentages: variables by rhythm and cohort.",
        basis=f"{counted(len(survey), 'table row')}{signals}",
        words=(
            _words_on_most(variables, n_missing[:, 0], n_all[:, 0]),
            _words_on_differences(variables, n_missing[:, 1:known], n_all[:, 1:known], list(by_rhythm), "rhythms"),
            _words_on_differences(variables, n_missing[:, split:], n_all[:, split:], list(by_cohort), "cohorts"),
        ),
    )
    return Section("missing", title, (), (shown,), metrics=metrics)


def _table(
    axes: Axes,
    n_missing: NDArray[np.int64],
    n_all: NDArray[np.int64],
    names: Sequence[str],
    variables: Sequence[Variable],
) -> None:
    share = np.where(n_all > 0, 100 * n_missing / np.maximum(n_all, 1), np.nan)
    bare(axes, "Percent missing")
    axes.imshow(share, cmap="Oranges", vmin=0, vmax=100, aspect="auto")
    axes.set_facecolor(FAINT)
    for (row, column), value in np.ndenumerate(share):
        colour = "white" if value > 70 else INK
        axes.text(column, row, _percent(value), ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(names)), list(names), rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(variables)), [variable.short for variable in variables])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _percent(value: float) -> str:
    """Return a percentage, not rounded to 0 or 100 unless it is exactly that."""
    if np.isnan(value):
        return ""
    return "<1" if 0 < value < 0.5 else ">99" if 99.5 <= value < 100 else f"{value:.0f}"


def _words_on_most(variables: Sequence[Variable], n_missing: NDArray[np.int64], n_all: NDArray[np.int64]) -> str:
    share = n_missing / np.maximum(n_all, 1)
    most = [f"{variables[place].short} ({share[place]:.2%})" for place in np.argsort(-share)[:3] if share[place] > 0]
    n_never = int((n_missing == 0).sum())
    never = f" {counted(n_never, 'variable is', 'variables are')} complete." if n_never else ""
    return f"Most often missing: {listed(most)}.{never}"


def _words_on_differences(
    variables: Sequence[Variable],
    n_missing: NDArray[np.int64],
    n_all: NDArray[np.int64],
    names: Sequence[str],
    what: str,
) -> str:
    """Name the variables whose absence differs significantly between groups."""
    if n_missing.shape[1] < 2:
        return ""
    named = []
    for variable, hits, totals in zip(variables, n_missing, n_all, strict=True):
        intervals: Mapping[str, tuple[float, float, float]] = {
            name: (hit / n, *wilson(int(hit), int(n))) for name, hit, n in zip(names, hits, totals, strict=False) if n
        }
        if not intervals:
            continue
        low = min(intervals, key=lambda name: intervals[name][2])
        high = max(intervals, key=lambda name: intervals[name][1])
        if intervals[high][1] > intervals[low][2] and intervals[high][0] - intervals[low][0] > NOTABLE:
            named.append(f"{variable.short} ({low} {intervals[low][0]:.0%}, {high} {intervals[high][0]:.0%})")
    if not named:
        return f"No missing share differs significantly between {what} by more than {NOTABLE:.0%}."
    return (
        f"Missing shares differ between {what}: {listed(named, 4)}. A model that sees which values are missing can "
        f"infer the {what[:-1]}."
    )
