"""Principal components of waveforms lead by lead, of beats, of spectra and of clinical measurements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecgml.exploration.signals.components import Beats, Components, Spectra, Standardised, fit_components
from ecgml.exploration.style import (
    class_colour,
    cohort_colour,
    cohort_handles,
    rhythm_handles,
    say,
    scatter_cohorts,
    scatter_rhythms,
)
from ecgml.exploration.survey import Signals, Survey, counted, listed, out_of
from ecgml.exploration.tables.predictability import BY_NEIGHBOURS, predictability
from ecgml.figures import FAINT, GREY, INK, bare, new_figure
from ecgml.page.sections import Picture, Section, picture, snake_case
from ecgml.records.leads import LEADS

N_TOLD = 10
"""So many components are given to the classifier that says whether classes lie apart."""

MANY = 200
"""Of so many points and more the outermost ones may lie beyond a plot's edges: they would crowd the others."""

SHOWN_LEADS = ("II", "V1", "V5")

KIND_COLOURS = ("#004488", "#BB5566", "#997700", "#5B8C5A", "#7A6BAE")


def waveform_components(signals: Signals, seed: int) -> dict[str, Components]:
    """Decompose the waveforms of each lead, as recorded; signals without the lead or cut short are left out."""
    found = {}
    whole = signals.n_valid == signals.waveforms.shape[2]
    for place, lead in enumerate(LEADS):
        there = whole & (np.ptp(signals.waveforms[:, place], axis=1) > 0)
        fitted = fit_components(signals.waveforms[there, place], signals.rows[there], seed)
        if fitted:
            found[lead] = fitted
    return found


def pca_section(
    survey: Survey,
    signals: Signals,
    beats: Beats,
    shapes: Components | None,
    spectra: Spectra,
    clinical: Sequence[Standardised],
    seed: int,
) -> Section:
    """Show principal components, coloured by rhythm, with what they explain and whether classes lie apart in them.

    Parameters
    ----------
    survey : Survey
    signals : Signals
    beats : Beats
    shapes : Components or None
        Of the beats.
    spectra : Spectra
    clinical : sequence of Standardised
        Measurements that tables give, and those measured from the waveforms.
    seed : int
    """
    pictures: list[Picture] = []
    n_usable = int(survey.usable.sum())
    words = (
        [f"{len(signals):,} of {n_usable:,} usable signals were drawn at random."] if len(signals) < n_usable else []
    )
    explained: dict[str, Components] = {}
    by_lead = waveform_components(signals, seed)
    if by_lead:
        pictures.append(_waveform_picture(survey, by_lead, seed))
        explained |= {f"waveform of {lead}": one for lead, one in by_lead.items()}
    if shapes:
        pictures.append(_beat_picture(survey, shapes, beats, seed))
        explained["median beat"] = shapes
    of_spectra = fit_components(spectra.level_db, spectra.rows, seed)
    if of_spectra:
        pictures.append(_spectrum_picture(survey, of_spectra, spectra, seed))
        explained["spectrum"] = of_spectra
    if not len(signals):
        words.append("There is no usable signal: nothing of waveforms, beats and spectra can be shown.")
    elif not (by_lead and shapes and of_spectra):
        n_whole = int(signals.whole.sum())
        words.append(
            f"{counted(len(signals), 'signal')} in the sample, {n_whole:,} with all leads and of full length: too few "
            "for what is left out here."
        )
    for one in clinical:
        title = "Measurements from the waveform" if one.measured else "Measurements that tables give"
        fitted = fit_components(one.features, one.rows, seed)
        if fitted:
            pictures.append(_clinical_picture(survey, fitted, one, title, seed))
            explained[title.lower()] = fitted
        else:
            words.append(f"{title}: too few records have enough of them.")
    if explained:
        pictures.append(_explained_picture(survey, explained))
    metrics = {f"pca_{snake_case(name)}_explained_2": float(one.explained[:2].sum()) for name, one in explained.items()}
    return Section("pca", "Principal components", tuple(words), tuple(pictures), metrics=metrics)


def _words_on_separation(survey: Survey, components: Components, what: str, seed: int) -> str:
    rows = components.rows
    found = predictability(
        components.scores[:, :N_TOLD], survey.classes[rows], survey.patients[rows], BY_NEIGHBOURS, seed
    )
    if found is None:
        return "Too few records of two classes to say whether classes lie apart."
    n = min(N_TOLD, components.scores.shape[1])
    return found.sentence(f"The place in the first {n} components of {what}", "class")


def _words_on_cohorts(survey: Survey, components: Components, seed: int) -> str:
    names = _cohorts_in(survey, components)
    if len(names) < 2:
        return ""
    rows = components.rows
    cohorts = np.array([names.index(name) for name in survey.cohorts[rows]])
    found = predictability(components.scores[:, :N_TOLD], cohorts, survey.patients[rows], BY_NEIGHBOURS, seed)
    if found is None:
        return ""
    text = found.sentence("The same place", "cohort")
    return f"{text} Devices and filters differ then, or the rhythms that each cohort holds do." if found.tells else text


def _cohorts_in(survey: Survey, components: Components) -> list[str]:
    """Return the cohorts whose records are there, in the order given."""
    there = set(survey.cohorts[components.rows].tolist())
    return [name for name in survey.cohort_names if name in there]


def _words_on_variance(components: Components, what: str) -> str:
    needed = components.for_share(0.9)
    n_found, found = len(components.explained), components.explained.sum()
    rest = f"90 % takes {needed}" if needed else f"the first {n_found} carry {found:.0%}"
    return f"The first two components carry {components.explained[:2].sum():.0%} of the variance of {what}; {rest}."


def _points(axes: Axes, survey: Survey, components: Components, title: str, size: float = 14) -> None:
    share = 100 * components.explained[:2]
    bare(axes, title, f"PC 1 ({share[0]:.0f} %)", f"PC 2 ({share[1]:.0f} %)")
    scatter_rhythms(axes, components.scores[:, :2], survey.rhythms[components.rows], size)
    _fit_limits(axes, components.scores[:, :2])
    axes.set_xticklabels([])
    axes.set_yticklabels([])
    axes.tick_params(length=0)
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    axes.axvline(0, color=FAINT, linewidth=0.8, zorder=0)


def _limits(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the edges of a plot, shape (2, 2) as (low, high) by (x, y): of many points those of 99 in 100."""
    edges = np.percentile(points, [0.5, 99.5] if len(points) >= MANY else [0, 100], axis=0)
    margin = 0.08 * np.where(np.ptp(edges, axis=0) > 0, np.ptp(edges, axis=0), 10)
    return edges + [[-1], [1]] * margin


def _fit_limits(axes: Axes, points: NDArray[np.floating]) -> None:
    (left, bottom), (right, top) = _limits(points)
    axes.set(xlim=(left, right), ylim=(bottom, top))


def _cut_off(components: Components) -> str:
    """Say how many points lie beyond the edges."""
    points = components.scores[:, :2]
    low, high = _limits(points)
    n_out = int(((points < low) | (points > high)).any(axis=1).sum())
    return f"{counted(n_out, 'record lies', 'records lie')} beyond the edges of the plot." if n_out else ""


def _by_cohort(axes: Axes, survey: Survey, components: Components) -> None:
    names = _cohorts_in(survey, components)
    bare(axes, "The same by cohort", "PC 1", "")
    colours = {name: cohort_colour(survey.cohort_names.index(name)) for name in names}
    scatter_cohorts(axes, components.scores[:, :2], survey.cohorts[components.rows], colours)
    _fit_limits(axes, components.scores[:, :2])
    axes.set_xticks([])
    axes.set_yticks([])
    shown = {name if len(name) <= 18 else f"{name[:16]}…": colour for name, colour in colours.items()}
    axes.legend(
        handles=cohort_handles(shown), frameon=False, fontsize=7.5, ncols=3, columnspacing=0.8, handletextpad=0.2,
        loc="upper center", bbox_to_anchor=(0.5, -0.06),
    )  # fmt: skip


def _waveform_picture(survey: Survey, by_lead: dict[str, Components], seed: int) -> Picture:
    shown = max(by_lead.values(), key=lambda one: len(one.rows))
    sizes = [len(one.rows) for one in by_lead.values()]
    legend = rhythm_handles(survey.rhythms[shown.rows])
    figure = new_figure(11, 9.6, "", survey.caution, legend, legend_columns=7)
    for axes, lead in zip(figure.subplots(3, 4).flat, LEADS, strict=True):
        if lead in by_lead:
            _points(axes, survey, by_lead[lead], lead, size=8)
        else:
            say(bare(axes, lead), "too few signals")
    best = max(by_lead, key=lambda lead: by_lead[lead].explained[:2].sum())
    return picture(
        "pca_waveforms",
        "Waveforms, lead by lead",
        figure,
        alt="Twelve scatter plots, one a lead, of the first two principal components, coloured by rhythm.",
        basis=f"{_basis(survey, shown)}{', of some leads fewer' if len(set(sizes)) > 1 else ''}",
        words=(
            "Each point is a recording, by the first two components of its waveform as it was recorded, beats wherever "
            "they fall: the same beat a little later is another waveform to them.",
            f"Lead {best} is described best. {_words_on_variance(by_lead[best], f'lead {best}')}",
            _words_on_separation(survey, by_lead[best], f"lead {best}", seed),
            "Some of the outermost points lie beyond the edges of the plots." if max(sizes) >= MANY else "",
        ),
    )


def _beat_picture(survey: Survey, components: Components, beats: Beats, seed: int) -> Picture:
    several = len(_cohorts_in(survey, components)) > 1
    legend = rhythm_handles(survey.rhythms[components.rows])
    figure = new_figure(11, 5.3 if several else 4.9, "", survey.caution, legend, legend_columns=7)
    columns = [1.5, 1.5, 1, 1] if several else [1.7, 1, 1]
    grid = figure.add_gridspec(3, len(columns), width_ratios=columns)
    _points(figure.add_subplot(grid[:, 0]), survey, components, "Median beats by rhythm")
    if several:
        _by_cohort(figure.add_subplot(grid[:, 1]), survey, components)
    shape = (len(components.directions), *beats.waveforms.shape[1:])
    directions = components.directions.reshape(shape)
    mean = components.mean.reshape(shape[1:])
    spread = components.scores.std(axis=0)
    for column in (0, 1):
        shared = None
        for line, lead in enumerate(SHOWN_LEADS):
            axes = figure.add_subplot(grid[line, len(columns) - 2 + column], sharey=shared)
            shared = shared or axes
            place = LEADS.index(lead)
            title = f"PC {column + 1}: mean beat ± 2 SD" if line == 0 else ""
            bare(axes, title, "s after the QRS complex" if line == 2 else "", f"{lead}, mV" if column == 0 else "")
            for sign, colour in ((-2, "#BB5566"), (2, "#004488")):
                moved = mean[place] + sign * spread[column] * directions[column, place]
                axes.plot(beats.times, moved, color=colour, linewidth=1.3, label=f"{'+' if sign > 0 else '−'} 2 SD")
            axes.plot(beats.times, mean[place], color=INK, linewidth=1.3, label="mean")
            if line < 2:
                axes.set_xticklabels([])
            if line == 0 and column == 1:
                axes.legend(frameon=False, fontsize=7.5, loc="upper right")
    return picture(
        "pca_beats",
        "Beats",
        figure,
        alt="Scatter plot of the median beats' first two principal components, and what the components look like.",
        basis=f"{_basis(survey, components)} with all leads and three beats",
        words=(
            "Each point is a recording, by the shape of its median beat in all twelve leads. Right: the mean beat, and "
            "what a recording two standard deviations along a component looks like.",
            _words_on_variance(components, "the median beats"),
            _words_on_separation(survey, components, "the median beat", seed),
            _words_on_cohorts(survey, components, seed),
            _cut_off(components),
        ),
    )


def _spectrum_picture(survey: Survey, components: Components, spectra: Spectra, seed: int) -> Picture:
    several = len(_cohorts_in(survey, components)) > 1
    legend = rhythm_handles(survey.rhythms[components.rows])
    figure = new_figure(11, 5.3 if several else 4.9, "", survey.caution, legend, legend_columns=7)
    columns = [1.5, 1.5, 1.7] if several else [1.5, 1.7]
    grid = figure.add_gridspec(2, len(columns), width_ratios=columns)
    _points(figure.add_subplot(grid[:, 0]), survey, components, "Spectra by rhythm")
    if several:
        _by_cohort(figure.add_subplot(grid[:, 1]), survey, components)
    axes = bare(figure.add_subplot(grid[0, -1]), "Median spectrum by class", "", "dB about the mean")
    classes = survey.classes[spectra.rows]
    for label in np.unique(classes[classes >= 0]):
        own = np.median(spectra.level_db[classes == label], axis=0)
        axes.plot(
            spectra.frequencies,
            own,
            color=class_colour(survey.scheme, label),
            linewidth=1.5,
            label=survey.scheme.classes[label],
        )
    if (classes >= 0).any():
        axes.legend(frameon=False, fontsize=8, ncols=2)
    else:
        axes.plot(spectra.frequencies, np.median(spectra.level_db, axis=0), color=GREY, linewidth=1.5)
    axes = bare(figure.add_subplot(grid[1, -1], sharex=axes), "What the components weigh", "Hz", "weight")
    for place, colour in zip(range(min(2, len(components.directions))), ("#004488", "#BB5566"), strict=False):
        axes.plot(
            spectra.frequencies, components.directions[place], color=colour, linewidth=1.3, label=f"PC {place + 1}"
        )
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    axes.legend(frameon=False, fontsize=8, ncols=2)
    return picture(
        "pca_spectra",
        "Spectra",
        figure,
        alt="Scatter plot of the spectra's first two principal components, median spectra by class, component weights.",
        basis=f"{_basis(survey, components)} with all leads",
        words=(
            f"Each point is a recording, by its power spectrum from {spectra.frequencies[0]:g} to "
            f"{spectra.frequencies[-1]:g} Hz averaged over the leads, in dB about its own mean.",
            _words_on_variance(components, "the spectra"),
            _words_on_separation(survey, components, "the spectrum", seed),
            _words_on_cohorts(survey, components, seed),
            _cut_off(components),
        ),
    )


def _clinical_picture(
    survey: Survey, components: Components, standardised: Standardised, title: str, seed: int
) -> Picture:
    several = len(_cohorts_in(survey, components)) > 1
    legend = rhythm_handles(survey.rhythms[components.rows])
    n_features = len(standardised.names)
    figure = new_figure(11, max(4.9, 0.25 * n_features + 2.2), "", survey.caution, legend, legend_columns=7)
    columns = [1.5, 1.5, 0.8] if several else [1.6, 0.9]
    panels = figure.subplots(1, len(columns), width_ratios=columns)
    _points(panels[0], survey, components, title)
    if several:
        _by_cohort(panels[1], survey, components)
    weights = components.directions[:3].T
    order = np.argsort(-np.abs(weights[:, 0]))
    axes = bare(panels[-1], "Weights")
    axes.imshow(weights[order], cmap="RdBu_r", vmin=-0.8, vmax=0.8, aspect="auto")
    for (row, column), value in np.ndenumerate(weights[order]):
        text = f"{value:.2f}".replace("0.", ".").replace("-", "−")
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if abs(value) > 0.55 else INK)
    axes.set_yticks(range(n_features), [standardised.names[place][:34] for place in order], fontsize=8.5)
    axes.set_xticks(range(weights.shape[1]), [f"PC {place + 1}" for place in range(weights.shape[1])])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    noun = "measured signal" if standardised.measured else "row"
    where = "" if standardised.measured else " of tables"
    filled = f"{standardised.n_filled:,} missing values count as their median." if standardised.n_filled else ""
    return picture(
        "pca_measured" if standardised.measured else "pca_clinical",
        title,
        figure,
        alt="Scatter plot of the measurements' first two principal components, and the weight of each measurement.",
        basis=f"{counted(len(components.rows), noun)}{where} with at least half of the values",
        words=(
            f"Each point is a recording, by {n_features} standardised values (an axis is two: cosine and sine). Right: "
            "how much each value weighs in a component, the heaviest of the first on top.",
            filled,
            _words_on_variance(components, "the measurements"),
            _words_on_separation(survey, components, "the measurements", seed),
            _words_on_cohorts(survey, components, seed),
            _cut_off(components),
        ),
    )


def _explained_picture(survey: Survey, explained: dict[str, Components]) -> Picture:
    figure: Figure = new_figure(9.5, 4.4, "", survey.caution)
    axes = bare(figure.subplots(), "Variance explained by so many components", "components", "percent")
    leads = {name: one for name, one in explained.items() if name.startswith("waveform of")}
    others = {name: one for name, one in explained.items() if name not in leads}
    for place, one in enumerate(leads.values()):
        label = "waveform, a line a lead" if place == 0 else None
        _cumulative(axes, one, KIND_COLOURS[0], 0.9, label)
    for (name, one), colour in zip(others.items(), KIND_COLOURS[1:], strict=False):
        _cumulative(axes, one, colour, 2.0, name)
    axes.axhline(90, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.set_ylim(0, 101)
    axes.set_xlim(0.5, max(len(one.explained) for one in explained.values()) + 0.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5))
    needed = {name: one.for_share(0.9) for name, one in others.items()}
    told = [f"{name}: {n}" if n else f"{name}: more than {len(others[name].explained)}" for name, n in needed.items()]
    return picture(
        "pca_explained",
        "How much the components explain",
        figure,
        alt="Curves of cumulative explained variance.",
        basis="the same records as above",
        words=(
            "The steeper a curve rises, the fewer numbers describe a recording. The dashed line is 90 %.",
            f"Components for 90 %: {listed(told)}." if told else "",
        ),
    )


def _cumulative(axes: Axes, one: Components, colour: str, width: float, label: str | None) -> None:
    n = len(one.explained)
    marker = "o" if n == 1 else ""
    axes.plot(
        range(1, n + 1), 100 * np.cumsum(one.explained), color=colour, linewidth=width, marker=marker, label=label
    )


def _basis(survey: Survey, components: Components) -> str:
    return out_of(len(components.rows), int(survey.usable.sum()), "usable signal")
