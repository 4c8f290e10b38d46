"""Clinical measurements by rhythm: from the tables, and from the waveforms."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.stats import rankdata

from ecgml.exploration.style import boxes, rhythm_style
from ecgml.exploration.survey import Survey, Variable, counted, listed, rhythm_name
from ecgml.figures import bare, new_figure
from ecgml.page.sections import Listing, Picture, Section, picture

ELSEWHERE = ("age", "sex")
"""Shown in the section on patients."""

COLUMNS = 3

LEAST_OVER = 5
"""Values beyond the number of rhythms that are needed to estimate how far the rhythms differ."""


def values_section(survey: Survey) -> Section:
    """Show every variable by rhythm, and list its distribution."""
    parts: list[Picture | Listing] = []
    words = []
    for measured, name, title in (
        (False, "measurements_given", "Measurements from the tables, by rhythm"),
        (True, "measurements_from_waveform", "Measurements from the waveforms, by rhythm"),
    ):
        places = [
            place
            for place, variable in enumerate(survey.variables)
            if variable.measured == measured and variable.name not in ELSEWHERE and _has_values(survey, place)
        ]
        if places:
            parts.append(_picture(survey, places, name, title))
        else:
            words.append(_words_on_none(survey, measured))
    rows = [
        place
        for place, variable in enumerate(survey.variables)
        if variable.name != "sex" and np.isfinite(survey.values[:, place]).any()
    ]
    if rows:
        parts.append(_listing(survey, rows))
    return Section("measurements", "Clinical measurements", tuple(words), tuple(parts))


def separation(values: NDArray[np.float64], rhythms: NDArray[np.int64]) -> float:
    """Return how far rhythms differ in a variable: the share of its ranks' variance that lies between rhythms.

    Epsilon squared of ranks (Kelley 1935, 10.1073/pnas.21.9.554; the quotient that Kruskal and Wallis test): 0 where
    the rhythm does not predict the value, 1 where it determines it, and corrected for the number of values.

    Parameters
    ----------
    values : ndarray, shape (n_rows,)
        NaN where missing.
    rhythms : ndarray of int64, shape (n_rows,)
        By index; negative ones are left out.

    Returns
    -------
    share : float
        NaN with fewer than two rhythms, without variance, or with hardly more values than rhythms.
    """
    known = np.isfinite(values) & (rhythms >= 0)
    kinds, kind = np.unique(rhythms[known], return_inverse=True)
    n_values = int(known.sum())
    if len(kinds) < 2 or n_values < len(kinds) + LEAST_OVER or np.ptp(values[known]) == 0:
        return float("nan")
    ranks = rankdata(values[known]) - (n_values + 1) / 2
    sums, counts = np.bincount(kind, ranks), np.bincount(kind)
    within = 1 - (sums**2 / counts).sum() / np.square(ranks).sum()
    return float(max(0.0, 1 - within * (n_values - 1) / (n_values - len(kinds))))


def _words_on_none(survey: Survey, measured: bool) -> str:
    exists = any(variable.measured == measured and variable.name not in ELSEWHERE for variable in survey.variables)
    if exists:
        return f"No record with {'a measured waveform' if measured else 'measurements in a table'} has a rhythm label."
    return "No waveform could be measured." if measured else "No table gives clinical measurements."


def _has_values(survey: Survey, place: int) -> bool:
    return bool(np.isfinite(survey.values[survey.rhythms >= 0, place]).any())


def _picture(survey: Survey, places: Sequence[int], name: str, title: str) -> Picture:
    kinds = [kind for kind in survey.present() if np.isfinite(survey.values[survey.rhythms == kind][:, places]).any()]
    n_lines = -(-len(places) // COLUMNS)
    figure = new_figure(11, n_lines * (0.2 * len(kinds) + 1.05) + 0.7, survey.titled(title), survey.caution)
    grid = figure.subplots(n_lines, COLUMNS, squeeze=False, sharey=True)
    for axes in grid.flat[len(places) :]:
        axes.set_axis_off()
    for axes, place in zip(grid.flat, places, strict=False):
        _panel(axes, survey.variables[place], survey.values[:, place], survey.rhythms, kinds)
    for axes in grid[:, 0]:
        axes.set_yticks(range(len(kinds)), [rhythm_name(kind) for kind in kinds])
    n_rows = int(np.isfinite(survey.values[:, places]).any(axis=1).sum())
    measured = survey.variables[places[0]].measured
    names = listed([survey.variables[place].short for place in places], 20)
    return picture(
        name,
        title,
        figure,
        alt=f"{counted(len(places), 'panel')} of box plots, a box for each rhythm: {names}.",
        basis=counted(n_rows, "measured signal") if measured else counted(n_rows, "table row"),
        words=(
            "A box spans the quartiles, the line in it is the median, whiskers reach from the 5th to the 95th "
            "percentile; fewer than eight values are drawn as dots.",
            _words_on_separation(survey, places),
            _words_on_agreement(survey) if measured else "",
        ),
    )


def _panel(
    axes: Axes, variable: Variable, values: NDArray[np.float64], rhythms: NDArray[np.int64], kinds: Sequence[int]
) -> None:
    groups = [values[(rhythms == kind) & np.isfinite(values)] for kind in kinds]
    boxes(axes, groups, [rhythm_style(kind)[0] for kind in kinds])
    bare(axes, "\n".join(textwrap.wrap(variable.title, 44)))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(axis="y", length=0)


def _words_on_separation(survey: Survey, places: Sequence[int]) -> str:
    shares = {place: separation(survey.values[:, place], survey.rhythms) for place in places}
    shares = {place: share for place, share in shares.items() if np.isfinite(share)}
    if not shares:
        return ""
    ordered = sorted(shares, key=shares.__getitem__, reverse=True)
    most = [f"{survey.variables[place].short} ({shares[place]:.0%})" for place in ordered[:3]]
    text = f"Rhythms differ most in {listed(most)} (share of the rank variance between rhythms)."
    if len(ordered) > 3 and shares[ordered[-1]] < 0.05:
        text += f" Least in {survey.variables[ordered[-1]].short} ({shares[ordered[-1]]:.0%})."
    return text


def _words_on_agreement(survey: Survey) -> str:
    given, measured = survey.column("ventricular_rate"), survey.column("ventricular_rate", measured=True)
    if given is None or measured is None:
        return ""
    both = np.isfinite(given) & np.isfinite(measured)
    if not both.any():
        return ""
    difference = np.abs(given - measured)[both]
    within = (difference <= np.maximum(3, 0.05 * given[both])).mean()
    return (
        f"Ventricular rates from table and waveform ({counted(int(both.sum()), 'record')}) agree within 3/min or 5 % "
        f"in {within:.0%}; the median difference is {np.median(difference):.1f}/min."
    )


def _listing(survey: Survey, places: Sequence[int]) -> Listing:
    columns: dict[str, list[object]] = {
        name: []
        for name in ("measurement", "unit", "from", "n", "median", "5–95 %", "lowest", "highest", "between rhythms")
    }
    outside = []
    for place in places:
        variable = survey.variables[place]
        values = survey.values[np.isfinite(survey.values[:, place]), place]
        low, high = np.percentile(values, [5, 95])
        share = separation(survey.values[:, place], survey.rhythms)
        cells = (
            f"{variable.label} ({variable.name})" if variable.measured else variable.label,
            variable.unit,
            "waveform" if variable.measured else "table",
            len(values),
            f"{np.median(values):.4g}",
            f"{low:.4g} to {high:.4g}",
            f"{values.min():.4g}",
            f"{values.max():.4g}",
            "" if np.isnan(share) else f"{share:.0%}",
        )
        for column, cell in zip(columns.values(), cells, strict=True):
            column.append(cell)
        if variable.low is not None and variable.high is not None:
            n_outside = int(((values < variable.low) | (values > variable.high)).sum())
            if n_outside:
                outside.append(f"{variable.label} {n_outside:,} (stated {variable.low:g} to {variable.high:g})")
    words = [
        "Between rhythms: share of the rank variance between rhythms. Values outside the plausible range of the "
        "clinical row (README) count as missing."
    ]
    if outside:
        words.append(f"Values outside the range stated in the data set's dictionary: {listed(outside)}.")
    return Listing("measurements", "Clinical measurements: distributions", columns, tuple(words))
