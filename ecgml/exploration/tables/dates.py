"""Acquisition dates: whether a model could learn the date instead of the rhythm."""

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
"""A rhythm is concentrated in a period in which it is so many times more frequent than the others."""

CONCENTRATED = 0.4
"""A rhythm with such a share of its records in such periods is named in the text."""


@dataclass(frozen=True, eq=False)
class Periods:
    """Dates grouped into periods, in order of time.

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
    """Group dates by day, month, quarter or year: the shortest unit of which there are not too many.

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
    periods, inverse = np.unique(keys, return_inverse=True)
    index = np.full(len(dates), -1, dtype=np.int64)
    index[known] = inverse
    return Periods(unit, tuple(name(int(key)) for key in periods), index)


def dates_section(survey: Survey, seed: int) -> Section:
    """Show, for each cohort with dates, when each rhythm was recorded, and how well the date predicts the class."""
    pictures, words, undated, findings, metrics = [], [], [], [], {}
    for name in survey.cohort_names:
        rows = np.flatnonzero((survey.cohorts == name) & ~np.isnat(survey.dates))
        prefix = "" if len(survey.facts) == 1 else f"{name}: "
        suffix = "" if len(survey.facts) == 1 else f"_{survey.cohort_names.index(name) + 1}"
        days = np.unique(survey.dates[rows])
        if not len(rows):
            undated.append(name)
        elif len(days) == 1:
            words.append(f"{prefix}All dated records are of one day, {days[0]} ({counted(len(rows), 'record')}).")
        else:
            shown, result, concentrated = _picture(survey, rows, f"dates{suffix}", prefix, seed)
            pictures.append(shown)
            if result:
                metrics |= {
                    f"date_macro_f1{suffix}": result.score,
                    f"date_accuracy{suffix}": result.accuracy,
                    f"date_majority_share{suffix}": result.majority_share,
                    f"date_shuffled_macro_f1{suffix}": result.shuffled,
                }
            if result and result.is_above_chance:
                findings.append(" ".join([f"{prefix}{result.sentence('The date alone', 'class')}", *concentrated[:1]]))
    if undated:
        cohorts = f" in {listed(undated)}" if len(survey.facts) > 1 else ""
        words.append(f"No acquisition dates are known{cohorts}.")
    title = "Acquisition dates"
    return Section("dates", title, tuple(words), tuple(pictures), findings=tuple(findings), metrics=metrics)


def _picture(
    survey: Survey, rows: NDArray[np.int64], stem: str, prefix: str, seed: int
) -> tuple[Picture, Predictability | None, list[str]]:
    dates, rhythms = survey.dates[rows], survey.rhythms[rows]
    periods = to_periods(dates)
    days = dates.astype(np.int64)[:, None].astype(np.float64)
    result = predictability(days, survey.classes[rows], survey.patients[rows], BY_TREE, seed)
    headline = f"{prefix}{_headline(result)}"
    concentrated = _concentrated(rhythms, periods)
    shown = picture(
        stem,
        f"{prefix}Acquisition date by rhythm",
        _draw(dates, rhythms, periods, headline, survey.caution),
        alt=" ".join([headline, *concentrated]),
        basis=f"{counted(len(rows), 'dated row')}, {counted(len(np.unique(dates)), 'day')}",
        words=(
            f"Top: rhythms recorded in each {periods.unit}, in percent of the {periods.unit}. Middle: when each "
            "rhythm was recorded, in percent of the rhythm. Bottom: number of records over time. If rhythm and date "
            "were independent, all columns at the top and all rows in the middle would look alike.",
            result.sentence("The date alone", "class")
            if result
            else "Fewer than two classes have enough dated records to test whether the date predicts the class.",
            *concentrated,
            "Evaluate with dates held out (`split_by=date`) before trusting a score on this cohort."
            if result and result.is_above_chance
            else "",
        ),
    )
    return shown, result, concentrated


def _headline(result: Predictability | None) -> str:
    if result is None:
        return "Acquisition date by rhythm"
    verb = "predicts" if result.is_above_chance else "does not clearly predict"
    return f"The date alone {verb} the class: macro-F1 {result.score:.2f}, chance {result.shuffled:.2f}"


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
    _distribution(middle, counts, kinds, periods)
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
    title = f"Rhythms by {periods.unit} (number of records on top)"
    axes.set_title(title, loc="left", fontsize=10.5, color=INK, pad=16)
    axes.set_xlim(-0.6, len(totals) - 0.4)
    axes.set_ylim(0, 100)
    axes.set_xticks(range(len(totals)), [""] * len(totals))
    axes.tick_params(axis="x", length=0)


def _distribution(axes: Axes, counts: NDArray[np.int64], kinds: list[int], periods: Periods) -> None:
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Greys", vmin=0, vmax=110, aspect="auto")
    for (row, column), value in np.ndenumerate(share):
        text = "" if value == 0 else "<1" if value < 0.5 else f"{value:.0f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if value > 55 else INK)
    bare(axes, "Distribution of each rhythm over time, percent of the rhythm")
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
    bare(axes, "Records over time", ylabel="records")
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)


def _concentrated(rhythms: NDArray[np.int64], periods: Periods) -> list[str]:
    """Name the rhythms that are concentrated in few periods, those with the most records first."""
    n_periods = len(periods.names)
    sentences = []
    for kind in np.unique(rhythms[rhythms >= 0]):
        of_rhythm = np.bincount(periods.index[rhythms == kind], minlength=n_periods)
        rest = np.bincount(periods.index[rhythms != kind], minlength=n_periods)
        if of_rhythm.sum() < 5 or rest.sum() < 5:
            continue
        chosen = (of_rhythm > 0) & (of_rhythm / of_rhythm.sum() > LIFT * rest / rest.sum())
        n_own, n_rest = int(of_rhythm[chosen].sum()), int(rest[chosen].sum())
        is_sure = wilson(n_own, int(of_rhythm.sum()))[0] > LIFT * wilson(n_rest, int(rest.sum()))[1]
        if n_own < CONCENTRATED * of_rhythm.sum() or not is_sure:
            continue
        names = [periods.names[place] for place in np.flatnonzero(chosen)]
        sentences.append(
            (
                n_own,
                f"{rhythm_name(int(kind))}: {n_own:,} of {of_rhythm.sum():,} records ({n_own / of_rhythm.sum():.1%}) "
                f"were recorded {'on' if periods.unit == 'day' else 'in'} {listed(names, 5)}, against "
                f"{n_rest:,} of the {rest.sum():,} others ({n_rest / rest.sum():.1%}).",
            )
        )
    return [text for _, text in sorted(sentences, reverse=True)[:4]]
