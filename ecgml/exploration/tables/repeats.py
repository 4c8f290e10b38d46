"""Records that belong together: exact duplicates, editions of one ECG, twins, patients recorded more than once."""

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
    """Show how many records belong together in which way, and whether they bear the same rhythm."""
    title = "Duplicates and repeats"
    found = [(one, groups_of(one.groups)) for one in survey.repeats]
    metrics = {f"repeats_{snake_case(one.title)}": sum(map(len, groups)) for one, groups in found}
    words = [_words_on_none(one) for one, groups in found if not groups]
    found = [(one, groups) for one, groups in found if groups]
    if not found:
        return Section("duplicates", title, tuple(words), metrics=metrics)

    agree = [sum(_agrees(survey, group) for group in groups) for _, groups in found]
    disagree = [len(groups) - n_agree for (_, groups), n_agree in zip(found, agree, strict=True)]
    handles = [Patch(color=AGREE, label="same rhythm throughout"), Patch(color=DISAGREE, label="different rhythms")]
    figure = new_figure(9, 0.5 * len(found) + 1.5, "", survey.caution, handles)
    axes = bare(figure.subplots(), "", "groups of records that belong together")
    places = range(len(found))
    axes.barh(places, agree, color=AGREE, height=0.6)
    axes.barh(places, disagree, left=agree, color=DISAGREE, height=0.6)
    reach = max(len(groups) for _, groups in found)
    for place, (_, groups) in enumerate(found):
        text = f"{counted(len(groups), 'group')}, {sum(map(len, groups)):,} records"
        axes.text(len(groups) + 0.012 * reach, place, text, va="center", fontsize=8.5, color=INK)
    axes.set_yticks(places, [one.title for one, _ in found])
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.set_xlim(0, 1.4 * reach)
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    shown = picture(
        "repeats",
        "Records that belong together",
        figure,
        alt="; ".join(f"{one.title}: {len(groups)} groups" for one, groups in found) + ".",
        basis=f"{counted(len(survey), 'row')} of tables, {counted(int(survey.usable.sum()), 'usable signal')}",
        words=[
            *(_words_on(survey, one, groups) for one, groups in found),
            "A split keeps what belongs together on one side (train, validation and test by patient and by ECG).",
        ],
    )
    return Section("duplicates", title, tuple(words), (shown, _listing(survey, found)), metrics=metrics)


def groups_of(numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the rows of each group of two records and more, the largest groups first.

    Parameters
    ----------
    numbers : ndarray of int64, shape (n_rows,)
        Equal for records that belong together; -1 for a record that belongs to none.
    """
    rows = np.flatnonzero(numbers >= 0)
    order = rows[np.argsort(numbers[rows], kind="stable")]
    edges = np.flatnonzero(np.diff(numbers[order])) + 1
    groups = [group for group in np.split(order, edges) if len(group) > 1]
    return sorted(groups, key=lambda group: (-len(group), group[0]))


def _agrees(survey: Survey, group: NDArray[np.int64]) -> bool:
    return len(np.unique(survey.rhythms[group])) == 1


def _words_on_none(one: Repeats) -> str:
    n_known = int((one.groups >= 0).sum())
    if not n_known:
        return f"{sentence(one.title)}: {one.lacking}."
    return f"{sentence(one.title)}: none among {counted(n_known, 'record')}."


def _words_on(survey: Survey, one: Repeats, groups: list[NDArray[np.int64]]) -> str:
    n_disagree = sum(not _agrees(survey, group) for group in groups)
    n_records = sum(map(len, groups))
    text = f"{sentence(one.title)} ({one.meaning}): {n_records:,} records in {counted(len(groups), 'group')}"
    if len(groups[0]) > 2:
        text += f", up to {len(groups[0])} together"
    if n_disagree:
        text += f"; in {n_disagree:,} the rhythms differ"
    n_across = sum(len(np.unique(survey.cohorts[group])) > 1 for group in groups)
    return f"{text}; {n_across:,} across cohorts." if n_across else f"{text}."


def _listing(survey: Survey, found: list[tuple[Repeats, list[NDArray[np.int64]]]]) -> Listing:
    columns: dict[str, list[object]] = {name: [] for name in ("why", "records", "rhythms")}
    n_left = 0
    for one, groups in found:
        # Those that contradict each other are what a person wants to look up.
        ordered = sorted(groups, key=lambda group: _agrees(survey, group))
        for group in ordered[: SHOWN // len(found)]:
            columns["why"].append(one.title)
            names = [f"{survey.cohorts[row]}/{survey.record_ids[row]}" for row in group]
            columns["records"].append(listed(names, 4))
            kinds = dict.fromkeys(rhythm_name(int(kind)) for kind in survey.rhythms[group])
            columns["rhythms"].append(listed(list(kinds), 6))
        n_left += max(0, len(groups) - SHOWN // len(found))
    words = (f"{n_left:,} further groups are not listed.",) if n_left else ()
    return Listing("repeats", "Which records these are, contradictions first", columns, words)
