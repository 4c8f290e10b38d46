"""Duplicate and repeated records: exact copies, editions of one ECG, near-duplicates, several records of a patient."""

from __future__ import annotations

import numpy as np
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ecgml.exploration.survey import Repeats, Survey, counted, listed, rhythm_name
from ecgml.figures import FAINT, INK, bare, new_figure
from ecgml.page.sections import Listing, Section, picture, sentence, snake_case

SHOWN = 30
"""Groups that are listed by name."""

AGREE, DISAGREE = "#5B8C5A", "#BB5566"


def repeats_section(survey: Survey) -> Section:
    """Show how many records are duplicates or of the same patient, and whether their rhythms agree."""
    title = "Duplicates and repeats"
    repeats = [(repeat, groups_of(repeat.groups)) for repeat in survey.repeats]
    metrics = {f"repeats_{snake_case(repeat.title)}": sum(map(len, groups)) for repeat, groups in repeats}
    words = [_words_on_none(repeat) for repeat, groups in repeats if not groups]
    repeats = [(repeat, groups) for repeat, groups in repeats if groups]
    if not repeats:
        return Section("duplicates", title, tuple(words), metrics=metrics)

    agree = [sum(_agrees(survey, group) for group in groups) for _, groups in repeats]
    disagree = [len(groups) - n_agree for (_, groups), n_agree in zip(repeats, agree, strict=True)]
    handles = [Patch(color=AGREE, label="same rhythm throughout"), Patch(color=DISAGREE, label="different rhythms")]
    figure = new_figure(9, 0.5 * len(repeats) + 1.8, survey.titled("Duplicates and repeats"), survey.caution, handles)
    axes = bare(figure.subplots(), "", "groups of records")
    places = range(len(repeats))
    axes.barh(places, agree, color=AGREE, height=0.6)
    axes.barh(places, disagree, left=agree, color=DISAGREE, height=0.6)
    reach = max(len(groups) for _, groups in repeats)
    for place, (_, groups) in enumerate(repeats):
        text = f"{counted(len(groups), 'group')}, {sum(map(len, groups)):,} records"
        axes.text(len(groups) + 0.012 * reach, place, text, va="center", fontsize=8.5, color=INK)
    axes.set_yticks(places, [repeat.title for repeat, _ in repeats])
    axes.set_ylim(len(repeats) - 0.4, -0.6)
    axes.set_xlim(0, 1.4 * reach)
    axes.locator_params(axis="x", integer=True, nbins=6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    shown = picture(
        "repeats",
        "Duplicates and repeats",
        figure,
        alt="; ".join(f"{repeat.title}: {len(groups)} groups" for repeat, groups in repeats) + ".",
        basis=f"{counted(len(survey), 'table row')}, {counted(int(survey.usable.sum()), 'usable signal')}",
        words=[
            *(_words_on(survey, repeat, groups) for repeat, groups in repeats),
            "Splits keep the records of a group in one part.",
        ],
    )
    return Section("duplicates", title, tuple(words), (shown, _listing(survey, repeats)), metrics=metrics)


def groups_of(numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the rows of each group of two records and more, the largest groups first.

    Parameters
    ----------
    numbers : ndarray of int64, shape (n_rows,)
        Equal for records of one group; -1 for a record of none.
    """
    rows = np.flatnonzero(numbers >= 0)
    order = rows[np.argsort(numbers[rows], kind="stable")]
    edges = np.flatnonzero(np.diff(numbers[order])) + 1
    groups = [group for group in np.split(order, edges) if len(group) > 1]
    return sorted(groups, key=lambda group: (-len(group), group[0]))


def _agrees(survey: Survey, group: NDArray[np.int64]) -> bool:
    return len(np.unique(survey.rhythms[group])) == 1


def _words_on_none(repeat: Repeats) -> str:
    n_known = int((repeat.groups >= 0).sum())
    if not n_known:
        return f"{sentence(repeat.title)}: {repeat.lacking}."
    return f"{sentence(repeat.title)}: none among {counted(n_known, 'record')}."


def _words_on(survey: Survey, repeat: Repeats, groups: list[NDArray[np.int64]]) -> str:
    n_disagree = sum(not _agrees(survey, group) for group in groups)
    n_records = sum(map(len, groups))
    text = f"{sentence(repeat.title)} ({repeat.meaning}): {n_records:,} records in {counted(len(groups), 'group')}"
    if len(groups[0]) > 2:
        text += f", up to {len(groups[0])} together"
    if n_disagree:
        text += f"; in {n_disagree:,} the rhythms differ"
    n_across = sum(len(np.unique(survey.cohorts[group])) > 1 for group in groups)
    return f"{text}; {n_across:,} across cohorts." if n_across else f"{text}."


def _listing(survey: Survey, repeats: list[tuple[Repeats, list[NDArray[np.int64]]]]) -> Listing:
    columns: dict[str, list[object]] = {name: [] for name in ("group", "records", "rhythms")}
    n_left = 0
    for repeat, groups in repeats:
        # A person wants to look up the contradictions first.
        ordered = sorted(groups, key=lambda group: _agrees(survey, group))
        for group in ordered[: SHOWN // len(repeats)]:
            columns["group"].append(repeat.title)
            names = [f"{survey.cohorts[row]}/{survey.record_ids[row]}" for row in group]
            columns["records"].append(listed(names, 4))
            kinds = dict.fromkeys(rhythm_name(int(kind)) for kind in survey.rhythms[group])
            columns["rhythms"].append(listed(list(kinds), 6))
        n_left += max(0, len(groups) - SHOWN // len(repeats))
    words = (f"{n_left:,} further groups are not listed.",) if n_left else ()
    return Listing("repeats", "Duplicates and repeats: groups, contradictory labels first", columns, words)
