"""The report's section on alternative splits: each protocol's scores, and the drop from the default split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecgml.evaluation.estimates import signed
from ecgml.evaluation.metric_table import names_of, titles_of
from ecgml.evaluation.protocols import DEFAULT, TITLES, Protocol
from ecgml.evaluation.summary import interval_text
from ecgml.page.sections import Listing, Section, picture, sentence
from ecgml.report.figures.protocols import protocols_figure
from ecgml.report.overview import cell

TITLE = "Performance on alternative splits"


def protocols_section(
    protocols: Sequence[Protocol],
    *,
    impossible: Mapping[str, Sequence[str]] | None = None,
    title: str = TITLE,
    caution: str = "",
    note: str = "",
) -> Section:
    """Return figure, tables and text about the protocols.

    Parameters
    ----------
    protocols : sequence of Protocol
        As `judge_protocols` returns them, the default split first.
    impossible : mapping of str to sequence of str, optional
        Protocols without scores, by name, and why.
    title : str
        Of the figure, with model and data.
    caution : str
        How these trainings differ from the model's own, a sentence; then no finding is reported on top of the page.
    note : str
        Below the figure: "Simulated data".
    """
    others = [protocol for protocol in protocols if protocol.name != DEFAULT]
    default = protocols[0]
    words = [
        *([caution] if caution else []),
        "All scores are on records that the model was not trained on; the protocols differ in how similar those "
        "records are to the training records. A score that falls when days, sources or hospitals are held out relied "
        "in part on what records of one day, source or hospital share.",
        "Except for the external cohort, models are trained anew with this model's settings, one for each fold, and "
        "validation records always come from the training side. The sets of records also differ in class mix and in "
        "how sources define their labels, which changes macro-F1. Intervals cover the choice of patients only, not "
        "randomness in training or smaller training sets, so a small drop may have either cause.",
        *map(_sentence, others),
        *(f"{sentence(protocol.title)}: {remark}." for protocol in protocols for remark in protocol.notes),
        *(f"Not possible: {TITLES[name]}: {'; '.join(why)}." for name, why in (impossible or {}).items()),
    ]
    large = (protocol for protocol in others if not protocol.note)
    worst = max(large, key=lambda protocol: protocol.drop["macro_f1"].value, default=None)
    is_finding = worst is not None and worst.drop["macro_f1"].low > 0 and not caution
    findings = (_sentence(worst),) if is_finding else ()
    forest = picture(
        "protocols",
        TITLE,
        protocols_figure(protocols, title=title, note=note),
        alt="; ".join(
            f"{protocol.title}: macro-F1 {interval_text(protocol.scores['macro_f1'])}" for protocol in protocols
        ),
        basis=f"{default.scores.n_records:,} records of the default test part, and those that each protocol holds out",
        words=(
            "Dots with 95 % intervals over patients. Hollow: too few patients or training records, or a drop that is "
            "not significant. Grey: each source held out separately.",
        ),
    )
    metrics = {}
    for protocol in protocols:
        metrics |= protocol.scores.flat(f"protocol_{protocol.name}_")
        for metric in names_of("overview") if protocol.drop else ():
            drop = protocol.drop[metric]
            named = {"": drop.value, "_low": drop.low, "_high": drop.high}
            metrics |= {f"protocol_{protocol.name}_drop_{metric}{end}": value for end, value in named.items()}
    parts = [forest, _pooled(protocols)]
    if any(len(protocol.folds) > 1 for protocol in protocols):
        parts.append(_by_fold(protocols))
    return Section("protocols", "Alternative splits", tuple(words), tuple(parts), findings, metrics)


def _sentence(protocol: Protocol) -> str:
    drop, title = protocol.drop["macro_f1"], sentence(protocol.title)
    if protocol.note:
        return f"{title}: {protocol.scores.n_groups} patients, {protocol.note}."
    if drop.low > 0:
        verdict = "a significant drop"
    elif drop.high < 0:
        verdict = "a significant rise"
    else:
        verdict = "not significant"
    macro_f1 = protocol.on_basis["macro_f1"]
    return (
        f"{title}: macro-F1 {interval_text(protocol.scores['macro_f1'])} on {protocol.scores.n_records:,} records. "
        f"Compared with the default split ({protocol.basis}): {macro_f1:.3f} against {macro_f1 + drop.value:.3f}, drop "
        f"{signed(drop)}, {verdict}."
    )


def _pooled(protocols: Sequence[Protocol]) -> Listing:
    columns = {
        "protocol": [protocol.title for protocol in protocols],
        "records": [protocol.scores.n_records for protocol in protocols],
        "patients": [protocol.scores.n_groups for protocol in protocols],
        **{
            title: [cell(protocol.scores[name]) for protocol in protocols]
            for name, title in titles_of("overview").items()
        },
        "drop in macro-F1": [signed(protocol.drop["macro_f1"]) if protocol.drop else "" for protocol in protocols],
        "drop in macro AUROC": [
            signed(protocol.drop["macro_auroc"]) if protocol.drop else "" for protocol in protocols
        ],
        "drop computed on": [protocol.basis for protocol in protocols],
    }
    if any(protocol.note for protocol in protocols):
        columns["note"] = [protocol.note for protocol in protocols]
    return Listing(
        "protocols",
        "Alternative splits: pooled over folds",
        columns,
        ("The AUROC of pooled folds ranks probabilities of several models together, which tends to lower it.",),
    )


def _by_fold(protocols: Sequence[Protocol]) -> Listing:
    rows = [(protocol, fold) for protocol in protocols if len(protocol.folds) > 1 for fold in protocol.folds]
    columns = {
        "protocol": [protocol.title for protocol, _ in rows],
        "held out": [fold.name for _, fold in rows],
        "training records": [fold.n_train for _, fold in rows],
        "records": [fold.scores.n_records if fold.scores else 0 for _, fold in rows],
        **{
            title: [cell(fold.scores[name]) if fold.scores else "" for _, fold in rows]
            for name, title in titles_of("overview").items()
        },
    }
    if any(fold.note for _, fold in rows):
        columns["note"] = [fold.note for _, fold in rows]
    return Listing("protocol_folds", "Alternative splits: each fold", columns)
