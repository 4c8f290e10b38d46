"""Number of records of each rhythm and class, in all and by cohort."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ecgml.exploration.style import class_colour, ink_on, rhythm_style
from ecgml.exploration.survey import NO_FILE, NO_RHYTHM, QUARANTINED, SEVERAL, Survey, counted, listed, rhythm_name
from ecgml.exploration.tables.predictability import BY_TREE, predictability
from ecgml.figures import GREY, INK, bare, new_figure
from ecgml.page.sections import Listing, Picture, Section, picture
from ecgml.records.rhythms import RHYTHM_CODES, RHYTHMS

FEW = 50
"""With fewer records of a class, its metrics are imprecise, whatever the model."""


def classes_section(survey: Survey, seed: int) -> Section:
    """Count rhythms and classes: rows of tables, files, usable signals."""
    parts: list[Picture | Listing] = [_counts_picture(survey)]
    findings = [_words_on_counts(survey)]
    if len(survey.facts) > 1:
        cohorts = np.array([[survey.cohort_names.index(name)] for name in survey.cohorts])
        result = predictability(cohorts, survey.classes, survey.patients, BY_TREE, seed)
        sentence = result.sentence("The cohort alone", "class") if result else ""
        parts.append(_cohorts_picture(survey, sentence))
        findings += [sentence] if result and result.is_above_chance else []
    parts.append(_cohorts_listing(survey))
    metrics = {"records": len(survey), "signals": int(survey.usable.sum())}
    metrics |= {f"rhythm_{code}": int((survey.rhythms == index).sum()) for index, code in enumerate(RHYTHM_CODES)}
    metrics |= {
        f"class_{name}": int((survey.classes == label).sum()) for label, name in enumerate(survey.scheme.classes)
    }
    metrics["class_none"] = int((survey.classes < 0).sum())
    return Section("classes", "Rhythms and classes", (), tuple(parts), findings=tuple(findings), metrics=metrics)


def _counts_picture(survey: Survey) -> Picture:
    rhythms = [*range(len(RHYTHM_CODES)), *(kind for kind in (SEVERAL, NO_RHYTHM) if (survey.rhythms == kind).any())]
    labels = [*range(len(survey.scheme.classes)), *([-1] if (survey.classes < 0).any() else [])]
    handles = [
        Patch(color=GREY, label="usable signal"),
        Patch(color=GREY, alpha=0.35, label="row of a table without a usable signal"),
    ]
    figure = new_figure(
        11, 0.31 * len(rhythms) + 2.2, survey.titled("Records by rhythm and class"), survey.caution, handles
    )
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    names = [f"{RHYTHMS[kind].name} ({rhythm_name(kind)})" if kind >= 0 else rhythm_name(kind) for kind in rhythms]
    _bars(left, survey, survey.rhythms, rhythms, names, [rhythm_style(kind)[0] for kind in rhythms])
    bare(left, "By original rhythm label", "records")
    class_names = [survey.scheme.classes[label] if label >= 0 else "no class" for label in labels]
    _bars(right, survey, survey.classes, labels, class_names, [class_colour(survey.scheme, label) for label in labels])
    bare(right, f"By class of the scheme “{survey.scheme.name}”", "records")
    return picture(
        "class_counts",
        "Records by rhythm and by class",
        figure,
        alt=f"Bars: {', '.join(f'{rhythm_name(kind)} {int((survey.rhythms == kind).sum())}' for kind in rhythms)}.",
        basis=f"{counted(len(survey), 'table row')}, {counted(int(survey.usable.sum()), 'usable signal')}",
        words=(_words_on_counts(survey), _words_on_members(survey), _words_on_rare(survey)),
    )


def _bars(
    axes: Axes, survey: Survey, labels: np.ndarray, kinds: list[int], names: list[str], colours: list[str]
) -> None:
    totals = [int((labels == kind).sum()) for kind in kinds]
    usable = [int((survey.usable & (labels == kind)).sum()) for kind in kinds]
    places = range(len(kinds))
    axes.barh(places, totals, color=colours, alpha=0.35, height=0.72)
    axes.barh(places, usable, color=colours, height=0.72)
    reach = max([*totals, 1])
    for place, (total, signals) in enumerate(zip(totals, usable, strict=True)):
        text = f"{total:,}" if total == signals else f"{total:,}; {signals:,} with signal"
        axes.text(total + 0.012 * reach, place, text, va="center", fontsize=8.5, color=INK if total else GREY)
    axes.set_yticks(places, names)
    axes.set_ylim(len(kinds) - 0.4, -0.6)
    axes.set_xlim(0, 1.45 * reach)
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", integer=True, nbins=6)


def _words_on_counts(survey: Survey) -> str:
    counts = np.bincount(survey.classes[survey.classes >= 0], minlength=len(survey.scheme.classes))
    if not counts.sum():
        return f"No record has a class of the scheme {survey.scheme.name}."
    names = survey.scheme.classes
    largest, present = int(counts.argmax()), np.flatnonzero(counts)
    absent = [names[label] for label in np.flatnonzero(counts == 0)]
    without = f" No record of {listed(absent)}." if absent else ""
    if len(present) == 1:
        return f"The only class is {names[largest]}: there is nothing to classify."
    smallest = present[counts[present].argmin()]
    if counts[largest] == counts[smallest]:
        return f"{listed([names[label] for label in present], 11)} are equally frequent.{without}"
    return (
        f"Largest class: {names[largest]}, {counts[largest] / counts.sum():.1%} of the records with a class, which is "
        f"the accuracy of always predicting {names[largest]}. It is {counts[largest] / counts[smallest]:,.1f} times "
        f"as large as the smallest class, {names[smallest]}.{without}"
    )


def _words_on_members(survey: Survey) -> str:
    members = {name: codes for name, codes in survey.scheme.members.items() if codes != (name,)}
    text = "; ".join(f"{name} is {listed(codes, 11)}" for name, codes in members.items())
    n_none = int((survey.classes < 0).sum())
    none = f" {counted(n_none, 'record has', 'records have')} no class of the scheme and cannot be used for training."
    return f"{f'Classes: {text}.' if text else ''}{none if n_none else ''}".strip()


def _words_on_rare(survey: Survey) -> str:
    counts = {index: int((survey.rhythms == index).sum()) for index in survey.present()}
    rare = [f"{rhythm_name(index)} ({n})" for index, n in sorted(counts.items(), key=lambda item: item[1]) if n < FEW]
    if not rare:
        return ""
    verb = "is" if len(rare) == 1 else "are"
    return f"Fewer than {FEW} records: {listed(rare, 11)} {verb} too few to evaluate a model."


def _cohorts_picture(survey: Survey, sentence: str) -> Picture:
    names = survey.cohort_names
    kinds = [*survey.present(), *(kind for kind in (SEVERAL, NO_RHYTHM) if (survey.rhythms == kind).any())]
    handles = [Patch(color=rhythm_style(kind)[0], label=rhythm_name(kind)) for kind in kinds]
    figure = new_figure(
        11, 0.42 * len(names) + 2.3, survey.titled("Rhythms by cohort"), survey.caution, handles, legend_columns=7
    )
    axes = bare(figure.subplots(), "", "percent of the cohort")
    totals = np.array([(survey.cohorts == name).sum() for name in names])
    left = np.zeros(len(names))
    for kind in kinds:
        n_rows = np.array([((survey.cohorts == name) & (survey.rhythms == kind)).sum() for name in names])
        share = 100 * n_rows / np.maximum(totals, 1)
        axes.barh(range(len(names)), share, left=left, color=rhythm_style(kind)[0], height=0.72)
        for place in np.flatnonzero(share >= 4).tolist():
            axes.text(
                left[place] + share[place] / 2, place, f"{share[place]:.0f}", ha="center", va="center", fontsize=8.5,
                color=ink_on(rhythm_style(kind)[0]),
            )  # fmt: skip
        left += share
    axes.set_yticks(range(len(names)), [f"{name} ({n:,})" for name, n in zip(names, totals, strict=True)])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, 100)
    axes.tick_params(axis="y", length=0)
    return picture(
        "classes_by_cohort",
        "Rhythms by cohort",
        figure,
        alt="Bars of 100 percent, one a cohort, divided by rhythm.",
        basis=f"{counted(len(survey), 'row')} of tables in {len(names)} cohorts",
        words=(
            "Where the bars differ, a model can score well by recognising the cohort instead of the rhythm. The "
            "principal components below show how well signals reveal their cohort.",
            sentence,
        ),
    )


def _cohorts_listing(survey: Survey) -> Listing:
    columns: dict[str, list[object]] = {
        name: []
        for name in ("cohort", "kind", "rows", "files", "usable signals", "quarantined", "with a date", "with a class")
    }
    for cohort in survey.facts:
        here = survey.cohorts == cohort.name
        cells = (
            cohort.name,
            f"{cohort.kind}{', simulated' if cohort.simulated else ''}",
            here.sum(),
            (here & (survey.states != NO_FILE)).sum(),
            (here & survey.usable).sum(),
            (here & (survey.states == QUARANTINED)).sum(),
            (here & ~np.isnat(survey.dates)).sum(),
            (here & (survey.classes >= 0)).sum(),
        )
        for column, cell in zip(columns.values(), cells, strict=True):
            column.append(cell if isinstance(cell, str) else int(cell))
    return Listing("cohorts", "Cohorts: records, files and labels", columns)
