"""The report's part about subgroups."""

from __future__ import annotations

from ecgml.evaluation.figures.subgroups import subgroups_figure
from ecgml.evaluation.metrics import class_metric
from ecgml.evaluation.report.protocols import signed
from ecgml.evaluation.subgroups import GAP_METRICS, Gap, SubgroupScores
from ecgml.evaluation.summary import TITLES, interval_text
from ecgml.page.sections import Listing, Section, picture, snake_case


def subgroups_section(scores: SubgroupScores, *, note: str = "") -> Section:
    """Return figure, tables and words about subgroups.

    Parameters
    ----------
    scores : SubgroupScores
    note : str
        Below the figure: "Simulated data".
    """
    small = [group for group in scores.groups if group.note]
    words = [_widest(gap) for metric in GAP_METRICS if (gap := scores.widest(metric))]
    words.append(scores.caution())
    if small:
        listed = "; ".join(f"{group.name} ({group.n_records:,} records): {group.note}" for group in small)
        words.append(f"Shown, but held against nothing: {listed}.")
    if scores.unknown:
        listed = ", ".join(f"{name} of {n:,}" for name, n in scores.unknown.items())
        words.append(f"Unknown, of {scores.n_records:,} records: {listed}.")
    if not scores.groups:
        return Section("subgroups", "Subgroups", tuple(words))
    heard = [f"{group.name}: macro-F1 {interval_text(group.estimates['macro_f1'])}" for group in scores.groups]
    drawn = picture(
        "subgroups",
        "Each subgroup beside all records",
        subgroups_figure(scores, note=note),
        alt="; ".join(heard),
        basis=f"{scores.n_records:,} records; draws of whole patients",
        words=(
            "Dots with 95 % intervals; the number of records in brackets. Line and band: all records. Hollow and grey: "
            "too small to be held against others.",
        ),
    )
    metrics = {}
    for group in scores.groups:
        if not group.note:
            name = snake_case(group.name)
            metrics |= {f"subgroup_{name}_{metric}": group.estimates[metric].value for metric in GAP_METRICS}
    for metric in GAP_METRICS:
        if gap := scores.widest(metric):
            sizes = {"": gap.size.value, "_low": gap.size.low, "_high": gap.size.high}
            metrics |= {f"subgroup_gap_{metric}{end}": value for end, value in sizes.items()}
    gap = scores.widest()
    findings = (_widest(gap),) if gap and gap.size.low > 0 else ()
    return Section("subgroups", "Subgroups", tuple(words), (drawn, _figures(scores), _gaps(scores)), findings, metrics)


def _widest(gap: Gap) -> str:
    judged = "its interval leaves zero out" if gap.size.excludes_zero else "no more than noise could make"
    return (
        f"Widest gap in {TITLES[gap.metric]}: {gap.attribute}, {gap.worse} behind {gap.better} by "
        f"{gap.size.value:.3f} (95 % interval {gap.size.low:+.3f} to {gap.size.high:+.3f}): {judged}."
    )


def _figures(scores: SubgroupScores) -> Listing:
    groups = scores.groups
    columns = {
        "subgroup": [group.name for group in groups],
        "records": [group.n_records for group in groups],
        "patients": [group.n_groups for group in groups],
        **{TITLES[name]: [interval_text(group.estimates[name]) for group in groups] for name in GAP_METRICS},
    }
    for label, name in enumerate(scores.classes):
        key = class_metric("recall", name)
        columns[f"sensitivity of {name} (records)"] = [
            f"{interval_text(group.estimates[key])} ({group.support[label]:,})" if group.support[label] else "none"
            for group in groups
        ]
    return Listing("subgroups", "Figures", columns | {"": [group.note for group in groups]})


def _gaps(scores: SubgroupScores) -> Listing:
    return Listing(
        "subgroup_gaps",
        "The widest gap of each attribute",
        {
            "metric": [TITLES[gap.metric] for gap in scores.gaps],
            "attribute": [gap.attribute for gap in scores.gaps],
            "better": [gap.better for gap in scores.gaps],
            "worse": [gap.worse for gap in scores.gaps],
            "gap": [signed(gap.size) for gap in scores.gaps],
        },
        (scores.caution(),),
    )
