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
    scatter_cohorts,
    scatter_rhythms,
    write_reason,
)
from ecgml.exploration.survey import Signals, Survey, counted, listed, out_of
from ecgml.exploration.tables.predictability import BY_NEIGHBOURS, predictability
from ecgml.figures import FAINT, GREY, INK, bare, new_figure
from ecgml.page.sections import Picture, Section, picture, snake_case
from ecgml.records.leads import LEADS

N_CLASSIFIED = 10
"""Components that are given to the classifier."""

MANY = 200
"""With at least so many points, outliers may lie outside the plot, so as not to compress the rest."""

SHOWN_LEADS = ("II", "V1", "V5")

KIND_COLOURS = ("#004488", "#BB5566", "#997700", "#5B8C5A", "#7A6BAE")


def waveform_components(signals: Signals, seed: int) -> dict[str, Components]:
    """Decompose the waveforms of each lead; signals without the lead or shorter than the window are left out."""
    by_lead = {}
    whole = signals.n_valid == signals.waveforms.shape[2]
    for place, lead in enumerate(LEADS):
        present = whole & (np.ptp(signals.waveforms[:, place], axis=1) > 0)
        fitted = fit_components(signals.waveforms[present, place], signals.rows[present], seed)
        if fitted:
            by_lead[lead] = fitted
    return by_lead


def pca_section(
    survey: Survey,
    signals: Signals,
    beats: Beats,
    shapes: Components | None,
    spectra: Spectra,
    clinical: Sequence[Standardised],
    seed: int,
) -> Section:
    """Show principal components, coloured by rhythm, the variance that they explain, and whether they separate classes.

    Parameters
    ----------
    survey : Survey
    signals : Signals
    beats : Beats
    shapes : Components or None
        Of the beats.
    spectra : Spectra
    clinical : sequence of Standardised
        Measurements from the tables, and from the waveforms.
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
        explained |= {f"waveform of {lead}": components for lead, components in by_lead.items()}
    if shapes:
        pictures.append(_beat_picture(survey, shapes, beats, seed))
        explained["median beat"] = shapes
    of_spectra = fit_components(spectra.level_db, spectra.rows, seed)
    if of_spectra:
        pictures.append(_spectrum_picture(survey, of_spectra, spectra, seed))
        explained["spectrum"] = of_spectra
    if not len(signals):
        words.append("There is no usable signal, so waveforms, beats and spectra are not shown.")
    elif not (by_lead and shapes and of_spectra):
        n_whole = int(signals.whole.sum())
        words.append(
            f"{counted(len(signals), 'signal')} in the sample, {n_whole:,} with all leads and of full length: too few "
            "for the analyses left out here."
        )
    for components in clinical:
        title = "Measurements from the waveform" if components.measured else "Measurements that tables give"
        fitted = fit_components(components.features, components.rows, seed)
        if fitted:
            pictures.append(_clinical_picture(survey, fitted, components, title, seed))
            explained[title.lower()] = fitted
        else:
            words.append(f"{title}: too few records have at least half of the values.")
    if explained:
        pictures.append(_explained_picture(survey, explained))
    metrics = {
        f"pca_{snake_case(name)}_explained_2": float(components.explained[:2].sum())
        for name, components in explained.items()
    }
    return Section("pca", "Principal components", tuple(words), tuple(pictures), metrics=metrics)


def _words_on_separation(survey: Survey, components: Components, what: str, seed: int) -> str:
    rows = components.rows
    result = predictability(
        components.scores[:, :N_CLASSIFIED], survey.classes[rows], survey.patients[rows], BY_NEIGHBOURS, seed
    )
    if result is None:
        return "Too few records of two classes to test whether classes are separated."
    n = min(N_CLASSIFIED, components.scores.shape[1])
    return result.sentence(f"The position in the first {n} components of {what}", "class")


def _words_on_cohorts(survey: Survey, components: Components, seed: int) -> str:
    names = _cohorts_in(survey, components)
    if len(names) < 2:
        return ""
    rows = components.rows
    cohorts = np.array([names.index(name) for name in survey.cohorts[rows]])
    result = predictability(components.scores[:, :N_CLASSIFIED], cohorts, survey.patients[rows], BY_NEIGHBOURS, seed)
    if result is None:
        return ""
    text = result.sentence("The same position", "cohort")
    return f"{text} Cohorts then differ in devices, filters or rhythms." if result.is_above_chance else text


def _cohorts_in(survey: Survey, components: Components) -> list[str]:
    """Return the cohorts of the records, in the order given."""
    present = set(survey.cohorts[components.rows].tolist())
    return [name for name in survey.cohort_names if name in present]


def _words_on_variance(components: Components, what: str) -> str:
    needed = components.for_share(0.9)
    n_found, explained = len(components.explained), components.explained.sum()
    rest = f"90 % takes {needed} components" if needed else f"the first {n_found} explain {explained:.0%}"
    return f"The first two components explain {components.explained[:2].sum():.0%} of the variance of {what}; {rest}."


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
    """Report how many points lie outside the plot."""
    points = components.scores[:, :2]
    low, high = _limits(points)
    n_out = int(((points < low) | (points > high)).any(axis=1).sum())
    return f"{counted(n_out, 'record lies', 'records lie')} outside the plot." if n_out else ""


def _by_cohort(axes: Axes, survey: Survey, components: Components) -> None:
    names = _cohorts_in(survey, components)
    bare(axes, "By cohort", "PC 1", "")
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
    shown = max(by_lead.values(), key=lambda components: len(components.rows))
    sizes = [len(components.rows) for components in by_lead.values()]
    legend = rhythm_handles(survey.rhythms[shown.rows])
    figure = new_figure(
        11, 9.9, survey.titled("Principal components of waveforms"), survey.caution, legend, legend_columns=7
    )
    for axes, lead in zip(figure.subplots(3, 4).flat, LEADS, strict=True):
        if lead in by_lead:
            _points(axes, survey, by_lead[lead], lead, size=8)
        else:
            write_reason(bare(axes, lead), "too few signals")
    best = max(by_lead, key=lambda lead: by_lead[lead].explained[:2].sum())
    return picture(
        "pca_waveforms",
        "Principal components of waveforms, by lead",
        figure,
        alt="Twelve scatter plots, one a lead, of the first two principal components, coloured by rhythm.",
        basis=f"{_basis(survey, shown)}{', of some leads fewer' if len(set(sizes)) > 1 else ''}",
        words=(
            "Each point is a recording, by the first two components of its preprocessed waveform. Beats are not "
            "aligned, so the same beat a little later counts as another waveform.",
            f"The first two components explain most in lead {best}. "
            f"{_words_on_variance(by_lead[best], f'lead {best}')}",
            _words_on_separation(survey, by_lead[best], f"lead {best}", seed),
            "Some outliers lie outside the plots." if max(sizes) >= MANY else "",
        ),
    )


def _beat_picture(survey: Survey, components: Components, beats: Beats, seed: int) -> Picture:
    several = len(_cohorts_in(survey, components)) > 1
    heading = survey.titled("Principal components of median beats")
    legend = rhythm_handles(survey.rhythms[components.rows])
    figure = new_figure(11, 5.6 if several else 5.2, heading, survey.caution, legend, legend_columns=7)
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
        "Principal components of median beats",
        figure,
        alt="Scatter plot of the median beats' first two principal components, and what the components look like.",
        basis=f"{_basis(survey, components)} with all leads and three beats",
        words=(
            "Each point is a recording, by its median beat in all twelve leads. Right: the mean beat, and the beat two "
            "standard deviations along each component.",
            _words_on_variance(components, "the median beats"),
            _words_on_separation(survey, components, "the median beat", seed),
            _words_on_cohorts(survey, components, seed),
            _cut_off(components),
        ),
    )


def _spectrum_picture(survey: Survey, components: Components, spectra: Spectra, seed: int) -> Picture:
    several = len(_cohorts_in(survey, components)) > 1
    heading = survey.titled("Principal components of power spectra")
    legend = rhythm_handles(survey.rhythms[components.rows])
    figure = new_figure(11, 5.6 if several else 5.2, heading, survey.caution, legend, legend_columns=7)
    columns = [1.5, 1.5, 1.7] if several else [1.5, 1.7]
    grid = figure.add_gridspec(2, len(columns), width_ratios=columns)
    _points(figure.add_subplot(grid[:, 0]), survey, components, "Spectra by rhythm")
    if several:
        _by_cohort(figure.add_subplot(grid[:, 1]), survey, components)
    axes = bare(figure.add_subplot(grid[0, -1]), "Median spectrum by class", "", "dB about the mean")
    classes = survey.classes[spectra.rows]
    for label in np.unique(classes[classes >= 0]):
        median_db = np.median(spectra.level_db[classes == label], axis=0)
        axes.plot(
            spectra.frequencies,
            median_db,
            color=class_colour(survey.scheme, label),
            linewidth=1.5,
            label=survey.scheme.classes[label],
        )
    if (classes >= 0).any():
        axes.legend(frameon=False, fontsize=8, ncols=2)
    else:
        axes.plot(spectra.frequencies, np.median(spectra.level_db, axis=0), color=GREY, linewidth=1.5)
    axes = bare(figure.add_subplot(grid[1, -1], sharex=axes), "Weights of the components", "Hz", "weight")
    for place, colour in zip(range(min(2, len(components.directions))), ("#004488", "#BB5566"), strict=False):
        axes.plot(
            spectra.frequencies, components.directions[place], color=colour, linewidth=1.3, label=f"PC {place + 1}"
        )
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    axes.legend(frameon=False, fontsize=8, ncols=2)
    return picture(
        "pca_spectra",
        "Principal components of power spectra",
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
    heading = survey.titled(f"Principal components of {title[:1].lower()}{title[1:]}")
    legend = rhythm_handles(survey.rhythms[components.rows])
    n_features = len(standardised.names)
    figure = new_figure(11, max(5.2, 0.25 * n_features + 2.5), heading, survey.caution, legend, legend_columns=7)
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
    noun = "measured signal" if standardised.measured else "table row"
    filled = f"{standardised.n_filled:,} missing values were replaced by the median." if standardised.n_filled else ""
    return picture(
        "pca_measured" if standardised.measured else "pca_clinical",
        title,
        figure,
        alt="Scatter plot of the measurements' first two principal components, and the weight of each measurement.",
        basis=f"{counted(len(components.rows), noun)} with at least half of the values",
        words=(
            f"Each point is a recording, by {n_features} standardised values (an axis is two: cosine and sine). Right: "
            "weights of the values in each component, sorted by the first.",
            filled,
            _words_on_variance(components, "the measurements"),
            _words_on_separation(survey, components, "the measurements", seed),
            _words_on_cohorts(survey, components, seed),
            _cut_off(components),
        ),
    )


def _explained_picture(survey: Survey, explained: dict[str, Components]) -> Picture:
    figure: Figure = new_figure(9.5, 4.7, survey.titled("Principal components"), survey.caution)
    axes = bare(figure.subplots(), "Cumulative variance explained", "components", "percent")
    leads = {name: components for name, components in explained.items() if name.startswith("waveform of")}
    others = {name: components for name, components in explained.items() if name not in leads}
    for place, components in enumerate(leads.values()):
        label = "waveform, one line per lead" if place == 0 else None
        _cumulative(axes, components, KIND_COLOURS[0], 0.9, label)
    for (name, components), colour in zip(others.items(), KIND_COLOURS[1:], strict=False):
        _cumulative(axes, components, colour, 2.0, name)
    axes.axhline(90, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.set_ylim(0, 101)
    axes.set_xlim(0.5, max(len(components.explained) for components in explained.values()) + 0.5)
    axes.locator_params(axis="x", integer=True)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5))
    needed = {name: components.for_share(0.9) for name, components in others.items()}
    needed_by_name = [
        f"{name}: {n}" if n else f"{name}: more than {len(others[name].explained)}" for name, n in needed.items()
    ]
    return picture(
        "pca_explained",
        "Principal components: variance explained",
        figure,
        alt="Curves of cumulative explained variance.",
        basis="the records of the figures above",
        words=(
            "The steeper a curve rises, the fewer components describe a recording. Dashed line: 90 %.",
            f"Components for 90 %: {listed(needed_by_name)}." if needed_by_name else "",
        ),
    )


def _cumulative(axes: Axes, components: Components, colour: str, width: float, label: str | None) -> None:
    n = len(components.explained)
    marker = "o" if n == 1 else ""
    axes.plot(
        range(1, n + 1),
        100 * np.cumsum(components.explained),
        color=colour,
        linewidth=width,
        marker=marker,
        label=label,
    )


def _basis(survey: Survey, components: Components) -> str:
    return out_of(len(components.rows), int(survey.usable.sum()), "usable signal")
