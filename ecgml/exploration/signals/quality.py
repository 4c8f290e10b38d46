"""Signal quality: unusable recordings and remarks, by reason, rhythm and lead."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ecgml.exploration.style import rhythm_handles, rhythm_style
from ecgml.exploration.survey import (
    NO_FILE,
    NO_RHYTHM,
    QUARANTINED,
    SEVERAL,
    Survey,
    counted,
    listed,
    rhythm_name,
)
from ecgml.exploration.tables.intervals import wilson
from ecgml.figures import GREY, INK, bare, new_figure
from ecgml.page.sections import Listing, Picture, Section, picture, snake_case
from ecgml.preprocessing.preprocess import DERIVED, MEASURED, MISSING
from ecgml.records.leads import LEADS

MOST_KINDS = 12
"""Rarer kinds of remarks are grouped under "other"."""

SHOWN = 40
"""Quarantined records that are listed by name."""

_LEAD = re.compile(rf"(?<![\w-])({'|'.join(LEADS)})(?![\w-])")
_NUMBER = re.compile(r"(?<=amplitude )[\d.]+ mV.*?(?=:)|[\d.]+(?= times)")


def note_kinds(note: str) -> list[tuple[str, tuple[str, ...]]]:
    """Split a record's note into remarks.

    Parameters
    ----------
    note : str
        Remarks separated by ``"; "``, such as ``"V1 left out: flat; clipped at 32.767 mV"``.

    Returns
    -------
    kinds : list of (str, tuple of str)
        Each remark without the names of leads, and the leads that it names: ``("lead left out: flat", ("V1",))``.
    """
    remarks = [remark for remark in note.split("; ") if remark and not remark.startswith(MEASURED)]
    return [(_kind(remark), tuple(_LEAD.findall(remark))) for remark in remarks]


def _kind(remark: str) -> str:
    if remark.startswith((DERIVED, MISSING)):
        return f"lead {remark.partition(':')[0]}"
    return _NUMBER.sub("…", _LEAD.sub("lead", remark))


def without_remarks(survey: Survey) -> NDArray[np.bool_]:
    """Mark the rows without a remark of preprocessing, other than remarks on most rows: a filter that cannot be applied
    at the data set's sampling rate is no fault of a recording.

    Returns
    -------
    clean : ndarray of bool, shape (n_rows,)
    """
    kinds = [{kind for kind, _ in note_kinds(note)} for note in survey.notes.tolist()]
    counts = Counter(kind for kinds_of_record in kinds for kind in kinds_of_record)
    usual = {kind for kind, n_rows in counts.items() if n_rows > survey.usable.sum() / 2}
    return np.array([kinds_of_record <= usual for kinds_of_record in kinds], dtype=bool)


def quality_section(survey: Survey) -> Section:
    """Show reasons for quarantine, and remarks on usable records."""
    n_files = int((survey.states != NO_FILE).sum())
    bad = survey.states == QUARANTINED
    noted = survey.notes != ""
    metrics = {"files": n_files, "quarantined": int(bad.sum()), "mended": int(noted.sum())}
    metrics |= {f"quarantined_{snake_case(reason)}": n for reason, n in Counter(survey.reasons[bad].tolist()).items()}
    words = [cohort.stop for cohort in survey.facts if cohort.stop]
    words = [f"Training would stop here: {word}." for word in words]
    words += [f"{cohort.name}: {fault}." for cohort in survey.facts for fault in cohort.faults]
    if not n_files:
        return Section("quality", "Signal quality", ("There is no signal file.",), metrics=metrics)
    if not bad.any() and not noted.any():
        text = (
            f"All {counted(n_files, 'file')} are usable, without remarks."
            if n_files > 1
            else "The only file is usable, without remarks."
        )
        return Section("quality", "Signal quality", (*words, text), findings=tuple(words), metrics=metrics)
    parts: list[Picture | Listing] = [_picture(survey, bad, noted, n_files)]
    if bad.any():
        parts.append(_listing(survey, bad))
    rhythms = _words_on_rhythms(survey, bad)
    findings = (*words, *([rhythms] if rhythms else []))
    return Section("quality", "Signal quality", tuple(words), tuple(parts), findings=findings, metrics=metrics)


def _picture(survey: Survey, bad: NDArray[np.bool_], noted: NDArray[np.bool_], n_files: int) -> Picture:
    reasons: dict[str, list[int]] = {}
    for row in np.flatnonzero(bad):
        reasons.setdefault(str(survey.reasons[row]), []).append(int(row))
    kinds: dict[str, list[int]] = {}
    by_lead: Counter[str] = Counter()
    for row in np.flatnonzero(noted):
        remarks = note_kinds(str(survey.notes[row]))
        for kind in dict.fromkeys(kind for kind, _ in remarks):
            kinds.setdefault(kind, []).append(int(row))
        by_lead.update({lead for _, leads in remarks for lead in leads})
    panels = [
        (title, _most(rows_by_kind))
        for title, rows_by_kind in (
            ("Unusable (quarantined), by reason", reasons),
            ("Used, with remarks", kinds),
        )
        if rows_by_kind
    ]
    heights = [0.4 * len(rows_by_kind) + 0.8 for _, rows_by_kind in panels]
    shown = survey.rhythms[bad | noted]
    figure = new_figure(
        11,
        sum(heights) + 1.8,
        survey.titled("Signal quality"),
        survey.caution,
        rhythm_handles(shown, patches=True),
        legend_columns=7,
    )
    n_columns = 2 if by_lead else 1
    grid = figure.add_gridspec(len(panels), n_columns, height_ratios=heights, width_ratios=(2.2, 1)[:n_columns])
    for line, (title, rows_by_kind) in enumerate(panels):
        _bars(figure.add_subplot(grid[line, 0]), survey.rhythms, rows_by_kind, title)
    if by_lead:
        _leads(figure.add_subplot(grid[:, 1]), by_lead)
    return picture(
        "quality",
        "Signal quality: unusable recordings and remarks",
        figure,
        alt="; ".join(f"{kind}: {len(rows)}" for _, by_kind in panels for kind, rows in by_kind.items()) + ".",
        basis=f"{counted(n_files, 'file')}",
        words=(
            _words_on_counts(int(bad.sum()), int(noted.sum()), n_files),
            _words_on_rhythms(survey, bad),
        ),
    )


def _most(rows_by_kind: Mapping[str, list[int]]) -> dict[str, list[int]]:
    """Keep the most frequent kinds, group the rest."""
    ordered = sorted(rows_by_kind.items(), key=lambda item: (-len(item[1]), item[0]))
    kept = dict(ordered[:MOST_KINDS])
    rest = sorted({row for _, rows in ordered[MOST_KINDS:] for row in rows})
    return {**kept, f"other ({len(ordered) - MOST_KINDS} kinds)": rest} if rest else kept


def _bars(axes: Axes, rhythms: NDArray[np.int64], rows_by_kind: Mapping[str, list[int]], title: str) -> None:
    order = [*np.unique(rhythms[rhythms >= 0]).tolist(), SEVERAL, NO_RHYTHM]
    longest = max(len(rows) for rows in rows_by_kind.values())
    for place, rows in enumerate(rows_by_kind.values()):
        left = 0
        for kind in order:
            n_rows = int((rhythms[rows] == kind).sum())
            axes.barh(place, n_rows, left=left, color=rhythm_style(kind)[0], height=0.66)
            left += n_rows
        axes.text(left + 0.015 * longest, place, f"{left:,}", va="center", fontsize=8.5, color=INK)
    bare(axes, title, "recordings")
    axes.set_yticks(range(len(rows_by_kind)), ["\n".join(textwrap.wrap(kind, 44)) for kind in rows_by_kind])
    axes.set_ylim(len(rows_by_kind) - 0.4, -0.6)
    axes.set_xlim(0, 1.1 * longest)
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=6)
    axes.tick_params(axis="y", length=0)


def _leads(axes: Axes, by_lead: Counter[str]) -> None:
    counts = [by_lead[lead] for lead in LEADS]
    axes.barh(range(len(LEADS)), counts, color=GREY, height=0.66)
    for place, count in enumerate(counts):
        axes.text(
            count + 0.02 * max(counts), place, f"{count:,}", va="center", fontsize=8.5, color=INK if count else GREY
        )
    bare(axes, "Remarks by lead", "recordings")
    axes.set_yticks(range(len(LEADS)), LEADS)
    axes.set_ylim(len(LEADS) - 0.4, -0.6)
    axes.set_xlim(0, 1.15 * max(counts))
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=4)
    axes.tick_params(axis="y", length=0)


def _words_on_counts(n_bad: int, n_noted: int, n_files: int) -> str:
    several = " A record with several remarks counts in each." if n_noted else ""
    if not n_bad:
        return f"All {n_files:,} files are usable, {n_noted:,} of them with remarks.{several}"
    text = f"{counted(n_bad, 'file')} of {n_files:,} ({n_bad / n_files:.1%}) are unusable"
    if not n_noted:
        return f"{text}; the others have no remarks."
    return f"{text}; {counted(n_noted, 'other is', 'others are')} used with remarks.{several}"


def _words_on_rhythms(survey: Survey, bad: NDArray[np.bool_]) -> str:
    """Name the rhythms that lose more files than the rest: a defect associated with a class is a shortcut."""
    has_file = survey.states != NO_FILE
    rhythms = []
    for kind in survey.present():
        of_rhythm, rest = has_file & (survey.rhythms == kind), has_file & (survey.rhythms != kind)
        n_bad, n_own, n_bad_rest, n_rest = (int(part.sum()) for part in (bad & of_rhythm, of_rhythm, bad & rest, rest))
        if n_bad and n_rest and wilson(n_bad, n_own)[0] > wilson(n_bad_rest, n_rest)[1]:
            rhythms.append(
                f"{rhythm_name(kind)} ({n_bad:,} of {n_own:,} files, {n_bad_rest:,} of {n_rest:,} of the others)"
            )
    if rhythms:
        return (
            f"Unusable significantly more often than other rhythms: {listed(rhythms)}. A model trained on these files "
            "could learn the defect instead of the rhythm."
        )
    return ""


def _listing(survey: Survey, bad: NDArray[np.bool_]) -> Listing:
    rows = np.flatnonzero(bad)
    shown = rows[:SHOWN]
    columns = {
        "record": [f"{survey.cohorts[row]}/{survey.record_ids[row]}" for row in shown],
        "rhythm": [rhythm_name(int(survey.rhythms[row])) for row in shown],
        "reason": survey.reasons[shown].tolist(),
    }
    words = (f"{len(rows) - SHOWN:,} more are in `tables/quarantine.csv`.",) if len(rows) > SHOWN else ()
    return Listing("quarantine", "Unusable recordings", columns, words)
