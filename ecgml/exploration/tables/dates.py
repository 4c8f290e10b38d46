"""When each class was recorded: whether a model could learn the date instead of the rhythm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecgml.exploration.style import rhythm_handles, rhythm_style
from ecgml.exploration.survey import NO_RHYTHM, SEVERAL, Survey, counted, listed, rhythm_name
from ecgml.exploration.tables.intervals import wilson
from ecgml.exploration.tables.predictability import BY_TREE, Predictability, predictability
from ecgml.figures import FAINT, INK, bare, new_figure
from ecgml.page.sections import Picture, Section, picture

MOST_PERIODS = 24
"""More columns than this are merged into longer periods."""

LIFT = 3.0
"""A period in which a rhythm is so many times more frequent than the others is its own."""

CONCENTRATED = 0.4
"""Such a share of a rhythm in periods of its own is said in words."""


@dataclass(frozen=True, eq=False)
class Periods:
    """Dates gathered into periods, in order of time.

    Parameters
    ----------
    unit : str
        day, month, quarter, year, or a number of years.
    names : tuple of str
    index : ndarray of int64, shape (n_rows,)
        The period of each row; -1 without a date.
    """

    unit: str
    names: tuple[str, ...]
    index: NDArray[np.int64]


def to_periods(dates: NDArray[np.datetime64]) -> Periods:
    """Gather dates into days, months, quarters or years: the shortest unit of which there are not too many.

    Parameters
    ----------
    dates : ndarray of datetime64[D], shape (n_rows,)
        NaT where unknown; at least one is known.
    """
    known = ~np.isnat(dates)
    days = dates[known].astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype(np.int64) + 12 * 1970
    span = int(np.ptp(months)) // 12 + 1
    years = -(-span // MOST_PERIODS)
    candidates = (
        ("day", days.astype(np.int64), lambda key: str(np.datetime64(key, "D"))),
        ("month", months, lambda key: f"{key // 12}-{key % 12 + 1:02d}"),
        ("quarter", months // 3, lambda key: f"{key // 4} Q{key % 4 + 1}"),
        ("year", months // 12, str),
        (f"{years} years", months // 12 // years, lambda key: f"{key * years}–{key * years + years - 1}"),
    )
    few = (candidate for candidate in candidates if len(np.unique(candidate[1])) <= MOST_PERIODS)
    unit, keys, name = next(few, candidates[-1])
    found, inverse = np.unique(keys, return_inverse=True)
    index = np.full(len(dates), -1, dtype=np.int64)
    index[known] = inverse
    return Periods(unit, tuple(name(int(key)) for key in found), index)


def dates_section(survey: Survey, seed: int) -> Section:
    """Show, for every cohort that has dates, when each rhythm was recorded, and how well the date tells the class."""
    pictures, words, undated, findings, metrics = [], [], [], [], {}
    for name in survey.cohort_names:
        rows = np.flatnonzero((survey.cohorts == name) & ~np.isnat(survey.dates))
        prefix = "" if len(survey.facts) == 1 else f"{name}: "
        suffix = "" if len(survey.facts) == 1 else f"_{survey.cohort_names.index(name) + 1}"
        days = np.unique(survey.dates[rows])
        if not len(rows):
            undated.append(name)
        elif len(days) == 1:
            words.append(f"{prefix}There is only one acquisition date, {days[0]} ({counted(len(rows), 'record')}).")
        else:
            shown, found, own = _picture(survey, rows, f"dates{suffix}", prefix, seed)
            pictures.append(shown)
            if found:
                metrics |= {
                    f"date_macro_f1{suffix}": found.score,
                    f"date_accuracy{suffix}": found.accuracy,
                    f"date_majority_share{suffix}": found.majority_share,
                    f"date_shuffled_macro_f1{suffix}": found.shuffled,
                }
            if found and found.tells:
                findings.append(" ".join([f"{prefix}{found.sentence('The date alone', 'class')}", *own[:1]]))
    if undated:
        of_which = f" of {listed(undated)}" if len(survey.facts) > 1 else ""
        words.append(f"No acquisition dates are known{of_which}.")
    title = "Acquisition date by class"
    return Section("dates", title, tuple(words), tuple(pictures), findings=tuple(findings), metrics=metrics)


def _picture(
    survey: Survey, rows: NDArray[np.int64], stem: str, prefix: str, seed: int
) -> tuple[Picture, Predictability | None, list[str]]:
    dates, rhythms = survey.dates[rows], survey.rhythms[rows]
    periods = to_periods(dates)
    days = dates.astype(np.int64)[:, None].astype(np.float64)
    found = predictability(days, survey.classes[rows], survey.patients[rows], BY_TREE, seed)
    headline = f"{prefix}{_headline(found)}"
    own = _own_periods(rhythms, periods)
    shown = picture(
        stem,
        f"{prefix}When each rhythm was recorded",
        _draw(dates, rhythms, periods, headline, survey.caution),
        alt=" ".join([headline, *own]),
        basis=f"{counted(len(rows), 'dated row')} of tables, {counted(len(np.unique(dates)), 'day')}",
        words=(
            f"Top: what was recorded each {periods.unit}, in percent. Middle: where each rhythm's records are, in "
            "percent of the rhythm. Bottom: the same records on a calendar. Were rhythm and date independent, all "
            "columns at the top would look alike, and all rows in the middle.",
            found.sentence("The date alone", "class")
            if found
            else "Fewer than two classes have enough dated records to be predicted from the date.",
            *own,
            "Hold dates out (split_by=date) before believing a score on this cohort." if found and found.tells else "",
        ),
    )
    return shown, found, own


def _headline(found: Predictability | None) -> str:
    if found is None:
        return "Acquisition date by rhythm"
    verb = "tells" if found.tells else "does not clearly tell"
    return f"The date alone {verb} the class: macro-F1 {found.score:.2f}, by chance {found.shuffled:.2f}"


def _draw(
    dates: NDArray[np.datetime64], rhythms: NDArray[np.int64], periods: Periods, headline: str, caution: str
) -> Figure:
    kinds = [
        *np.unique(rhythms[rhythms >= 0]).tolist(),
        *(kind for kind in (SEVERAL, NO_RHYTHM) if (rhythms == kind).any()),
    ]
    counts = np.array([np.bincount(periods.index[rhythms == kind], minlength=len(periods.names)) for kind in kinds])
    heights = (2.6, 0.27 * len(kinds) + 0.3, 1.1)
    legend = rhythm_handles(rhythms, patches=True)
    figure = new_figure(11, sum(heights) + 2.6, headline, caution, legend, legend_columns=7)
    top, middle, bottom = figure.subplots(3, 1, height_ratios=heights)
    _shares(top, counts, kinds, periods)
    _whereabouts(middle, counts, kinds, periods)
    _calendar(bottom, dates, rhythms, kinds)
    return figure


def _shares(axes: Axes, counts: NDArray[np.int64], kinds: list[int], periods: Periods) -> None:
    totals = counts.sum(axis=0)
    floor = np.zeros(len(totals))
    for row, kind in zip(counts, kinds, strict=True):
        share = 100 * row / np.maximum(totals, 1)
        axes.bar(range(len(totals)), share, bottom=floor, color=rhythm_style(kind)[0], width=0.86)
        floor += share
    for place, total in enumerate(totals):
        axes.text(place, 101.5, f"{total:,}", ha="center", va="bottom", fontsize=8, color=INK)
    bare(axes, ylabel="percent")
    title = f"Rhythms recorded each {periods.unit} (number of records on top)"
    axes.set_title(title, loc="left", fontsize=10.5, color=INK, pad=16)
    axes.set_xlim(-0.6, len(totals) - 0.4)
    axes.set_ylim(0, 100)
    axes.set_xticks(range(len(totals)), [""] * len(totals))
    axes.tick_params(axis="x", length=0)


def _whereabouts(axes: Axes, counts: NDArray[np.int64], kinds: list[int], periods: Periods) -> None:
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Greys", vmin=0, vmax=110, aspect="auto")
    for (row, column), value in np.ndenumerate(share):
        text = "" if value == 0 else "<1" if value < 0.5 else f"{value:.0f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if value > 55 else INK)
    bare(axes, "Where each rhythm's records are, percent of the rhythm")
    axes.set_yticks(range(len(kinds)), [rhythm_name(kind) for kind in kinds])
    axes.set_xticks(range(len(periods.names)), periods.names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_xlim(-0.6, len(periods.names) - 0.4)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _calendar(axes: Axes, dates: NDArray[np.datetime64], rhythms: NDArray[np.int64], kinds: list[int]) -> None:
    first, span = date2num(dates.min()), max(1.0, float(date2num(dates.max()) - date2num(dates.min())))
    width = max(1.0, span / 160)
    bins = ((date2num(dates) - first) // width).astype(int)
    floor = np.zeros(bins.max() + 1)
    for kind in kinds:
        n_records = np.bincount(bins[rhythms == kind], minlength=len(floor))
        axes.bar(
            first + (np.arange(len(floor)) + 0.5) * width,
            n_records,
            bottom=floor,
            width=width,
            color=rhythm_style(kind)[0],
        )
        floor += n_records
    locator = AutoDateLocator(maxticks=12)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.set_xlim(first - 0.01 * span, first + 1.01 * span + width)
    axes.yaxis.get_major_locator().set_params(integer=True)
    bare(axes, "The same on a calendar", ylabel="records")
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)


def _own_periods(rhythms: NDArray[np.int64], periods: Periods) -> list[str]:
    """Say which rhythms were recorded at times of their own, those that concern most records first."""
    n_periods = len(periods.names)
    told = []
    for kind in np.unique(rhythms[rhythms >= 0]):
        own = np.bincount(periods.index[rhythms == kind], minlength=n_periods)
        rest = np.bincount(periods.index[rhythms != kind], minlength=n_periods)
        if own.sum() < 5 or rest.sum() < 5:
            continue
        chosen = (own > 0) & (own / own.sum() > LIFT * rest / rest.sum())
        n_own, n_rest = int(own[chosen].sum()), int(rest[chosen].sum())
        is_sure = wilson(n_own, int(own.sum()))[0] > LIFT * wilson(n_rest, int(rest.sum()))[1]
        if n_own < CONCENTRATED * own.sum() or not is_sure:
            continue
        names = [periods.names[place] for place in np.flatnonzero(chosen)]
        told.append(
            (
                n_own,
                f"{rhythm_name(int(kind))}: {n_own:,} of {own.sum():,} records ({n_own / own.sum():.1%}) are of "
                f"{listed(names, 5)}; of the {rest.sum():,} others {n_rest:,} are ({n_rest / rest.sum():.1%}).",
            )
        )
    return [text for _, text in sorted(told, reverse=True)[:4]]
