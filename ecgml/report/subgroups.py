"""The report's section on subgroup performance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecgml.evaluation.comparison import NOT_SIGNIFICANT, SIGNIFICANT
from ecgml.evaluation.estimates import signed, signed_text
from ecgml.evaluation.metric_table import class_metric, names_of, titles_of
from ecgml.evaluation.subgroups import Gap, SubgroupScores
from ecgml.evaluation.summary import interval_text
from ecgml.page.sections import Listing, Picture, Section, picture, sentence, snake_case
from ecgml.report.evaluated import Evaluated
from ecgml.report.figures.subgroups import subgroups_figure
from ecgml.report.overview import cell


def subgroups_section(evaluated: Sequence[Evaluated], *, note: str = "") -> Section | None:
    """Return figures, tables and text about subgroups; None where records were not divided.

    Parameters
    ----------
    evaluated : sequence of Evaluated
    note : str
        Below the figures: "Simulated data".
    """
    words: list[str] = []
    parts: list[Picture | Listing] = []
    findings: list[str] = []
    metrics: dict[str, float] = {}
    for item in evaluated:
        if item.subgroups is None:
            continue
        scores, title = item.subgroups, sentence(item.title)
        words += [f"{title}: {_widest(gap)}" for metric in names_of("subgroups") if (gap := scores.widest(metric))]
        words.append(f"{title}: {scores.caution()}")
        small = [group for group in scores.groups if group.note]
        if small:
            listed = "; ".join(f"{group.name} ({group.n_records:,} records): {group.note}" for group in small)
            words.append(f"{title}, shown but not compared: {listed}.")
        if scores.unknown:
            listed = ", ".join(f"{name} {n:,}" for name, n in scores.unknown.items())
            words.append(f"{title}, unknown values among {scores.n_records:,} records: {listed}.")
        if not scores.groups:
            continue
        parts += [_forest(item, scores, note), _figures(item, scores), _sensitivity(item, scores)]
        parts += [_gaps(item, scores)] if scores.gaps else []
        metrics |= _metrics(f"{item.key}_", scores)
        if (gap := scores.widest()) and gap.size.low > 0:
            findings.append(f"{title}: {_widest(gap)} Subgroups also differ in their mix of classes.")
    return (
        Section("subgroups", "Subgroup performance", tuple(words), tuple(parts), tuple(findings), metrics)
        if words
        else None
    )


def _forest(item: Evaluated, scores: SubgroupScores, note: str) -> Picture:
    described = [f"{group.name}: macro-F1 {interval_text(group.estimates['macro_f1'])}" for group in scores.groups]
    return picture(
        f"{item.key}_subgroups",
        f"Subgroup performance, {item.title}",
        subgroups_figure(scores, title=item.caption("Subgroup performance"), note=note),
        alt="; ".join(described),
        basis=f"{item.basis}; bootstrap over patients",
        words=(
            "Dots with 95 % intervals; number of records in brackets. Line and band: all records. Hollow and grey: too "
            "small to be compared.",
        ),
    )


def _metrics(prefix: str, scores: SubgroupScores) -> dict[str, float]:
    metrics, shown = {}, names_of("subgroups")
    for group in scores.groups:
        if not group.note:
            name = snake_case(group.name)
            metrics |= {f"{prefix}subgroup_{name}_{metric}": group.estimates[metric].value for metric in shown}
    for metric in shown:
        if gap := scores.widest(metric):
            sizes = {"": gap.size.value, "_low": gap.size.low, "_high": gap.size.high}
            metrics |= {f"{prefix}subgroup_gap_{metric}{end}": value for end, value in sizes.items()}
    return metrics


def _widest(gap: Gap) -> str:
    judged = SIGNIFICANT if gap.size.excludes_zero else NOT_SIGNIFICANT
    return (
        f"Largest gap in {titles_of()[gap.metric]}: {gap.attribute}, {gap.worse} behind {gap.better} by "
        f"{gap.size.value:.3f} (95 % interval {signed_text(gap.size.low)} to {signed_text(gap.size.high)}): {judged}."
    )


def _figures(item: Evaluated, scores: SubgroupScores) -> Listing:
    groups = scores.groups
    return Listing(
        f"{item.key}_subgroups",
        f"Subgroup performance: metrics, {item.title}",
        {
            "subgroup": [group.name for group in groups],
            "records": [group.n_records for group in groups],
            "patients": [group.n_groups for group in groups],
            **{
                title: [cell(group.estimates[name]) for group in groups]
                for name, title in titles_of("subgroups").items()
            },
            "compared": ["no" if group.note else "yes" for group in groups],
        },
    )


def _sensitivity(item: Evaluated, scores: SubgroupScores) -> Listing:
    columns: dict[str, list[Any]] = {"subgroup": [group.name for group in scores.groups]}
    for label, name in enumerate(scores.classes):
        key = class_metric("recall", name)
        columns[f"{name} (records)"] = [
            f"{cell(group.estimates[key])} ({group.support[label]:,})" if group.support[label] else "no record"
            for group in scores.groups
        ]
    return Listing(f"{item.key}_subgroup_sensitivity", f"Subgroup performance: sensitivity, {item.title}", columns)


def _gaps(item: Evaluated, scores: SubgroupScores) -> Listing:
    return Listing(
        f"{item.key}_subgroup_gaps",
        f"Largest gap of each attribute, {item.title}",
        {
            "metric": [titles_of()[gap.metric] for gap in scores.gaps],
            "attribute": [gap.attribute for gap in scores.gaps],
            "better": [gap.better for gap in scores.gaps],
            "worse": [gap.worse for gap in scores.gaps],
            "gap": [signed(gap.size) for gap in scores.gaps],
        },
    )
