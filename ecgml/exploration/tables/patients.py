"""Age and sex by rhythm."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ecgml.exploration.style import boxes, rhythm_style
from ecgml.exploration.survey import Survey, counted, rhythm_name
from ecgml.exploration.tables.intervals import wilson
from ecgml.figures import FAINT, GREY, INK, bare, new_figure
from ecgml.page.sections import Section, picture


def patients_section(survey: Survey) -> Section:
    """Show age and sex by rhythm, where known."""
    columns = ((name, survey.column(name)) for name in ("age", "sex"))
    known_values = {name: values for name, values in columns if values is not None and np.isfinite(values).any()}
    kinds = [
        kind
        for kind in survey.present()
        if any(np.isfinite(values[survey.rhythms == kind]).any() for values in known_values.values())
    ]
    absent = [name for name in ("age", "sex") if name not in known_values]
    absence = (f"No record has the patient's {' or '.join(absent)}.",) if absent else ()
    if not kinds:
        return Section("patients", "Age and sex", absence or ("No record with an age or a sex has a rhythm.",))

    figure = new_figure(
        11 if len(known_values) == 2 else 6.5,
        0.36 * len(kinds) + 1.8,
        survey.titled("Age and sex by rhythm"),
        survey.caution,
    )
    panels = figure.subplots(1, len(known_values), squeeze=False)[0]
    words = []
    for axes, (name, values) in zip(panels, known_values.items(), strict=True):
        by_rhythm = [values[(survey.rhythms == kind) & np.isfinite(values)] for kind in kinds]
        colours = [rhythm_style(kind)[0] for kind in kinds]
        if name == "age":
            boxes(axes, by_rhythm, colours)
            bare(axes, "Age by rhythm: quartiles, median, 5th to 95th percentile", "years")
            words.append(_words_on_age(kinds, by_rhythm))
        else:
            _shares(axes, by_rhythm, colours)
            bare(axes, "Women by rhythm, with 95 % interval", "percent")
            words.append(_words_on_sex(values, kinds, by_rhythm))
        labels = [
            f"{rhythm_name(kind)} ({len(values_of_rhythm):,})"
            for kind, values_of_rhythm in zip(kinds, by_rhythm, strict=True)
        ]
        axes.set_yticks(range(len(kinds)), labels)
    known = np.column_stack(list(known_values.values()))
    shown = picture(
        "age_and_sex",
        "Age and sex by rhythm",
        figure,
        alt=" ".join(words),
        basis=f"{counted(int(np.isfinite(known).any(axis=1).sum()), 'table row')} with age or sex",
        words=words,
    )
    return Section("patients", "Age and sex", absence, (shown,))


def _shares(axes: Axes, by_rhythm: list[NDArray[np.float64]], colours: list[str]) -> None:
    for place, (sexes, colour) in enumerate(zip(by_rhythm, colours, strict=True)):
        if len(sexes):
            low, high = wilson(int(sexes.sum()), len(sexes))
            axes.plot([100 * low, 100 * high], [place, place], color=colour, linewidth=2.2, solid_capstyle="butt")
            axes.plot(100 * sexes.mean(), place, "o", color=colour, markersize=6, markeredgecolor=INK)
    axes.axvline(50, color=GREY, linewidth=0.9)
    axes.set_xlim(0, 100)
    axes.set_ylim(len(by_rhythm) - 0.5, -0.5)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.tick_params(axis="y", length=0)


def _words_on_age(kinds: list[int], by_rhythm: list[NDArray[np.float64]]) -> str:
    # A median of fewer means little.
    medians = {kind: float(np.median(ages)) for kind, ages in zip(kinds, by_rhythm, strict=True) if len(ages) >= 8}
    if not medians:
        return "Too few ages of any rhythm for a median."
    youngest, oldest = min(medians, key=medians.__getitem__), max(medians, key=medians.__getitem__)
    if len(medians) == 1:
        return f"Median age with {rhythm_name(oldest)}: {medians[oldest]:.0f} years."
    return (
        f"Median age ranges from {medians[youngest]:.0f} years ({rhythm_name(youngest)}) to {medians[oldest]:.0f} "
        f"({rhythm_name(oldest)}). To the extent that age predicts the rhythm, a model that is given the age needs no "
        "ECG."
    )


def _words_on_sex(values: NDArray[np.float64], kinds: list[int], by_rhythm: list[NDArray[np.float64]]) -> str:
    known = values[np.isfinite(values)]
    text = f"{known.sum():,.0f} of {len(known):,} are women ({known.mean():.0%})"
    if len(kinds) < 2:
        return f"{text}."
    apart = []
    for kind, sexes in zip(kinds, by_rhythm, strict=True):
        low, high = wilson(int(sexes.sum()), len(sexes)) if len(sexes) else (0.0, 1.0)
        if not low <= known.mean() <= high:
            apart.append(f"{rhythm_name(kind)} ({sexes.mean():.0%})")
    if not apart:
        return f"{text}; no rhythm differs significantly."
    return f"{text}. Rhythms that differ significantly: {', '.join(apart)}."
