"""The report's part about splits: each protocol's figure, and the drop between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecgml.evaluation.estimates import signed
from ecgml.evaluation.metric_table import names_of, titles_of
from ecgml.evaluation.protocols import DEFAULT, TITLES, Protocol
from ecgml.evaluation.summary import interval_text
from ecgml.page.sections import Listing, Section, picture, sentence
from ecgml.report.figures.protocols import protocols_figure
from ecgml.report.overview import cell


def protocols_section(
    protocols: Sequence[Protocol],
    *,
    impossible: Mapping[str, Sequence[str]] | None = None,
    caution: str = "",
    note: str = "",
) -> Section:
    """Return figure, tables and words about the protocols.

    Parameters
    ----------
    protocols : sequence of Protocol
        As `judge_protocols` returns them, the default split first.
    impossible : mapping of str to sequence of str, optional
        Protocols that have no figures, by name, and why.
    caution : str
        How these trainings differ from the model's own, a sentence; then nothing of it stands on top of the page.
    note : str
        Below the figure: "Simulated data".
    """
    held = [one for one in protocols if one.name != DEFAULT]
    default = protocols[0]
    words = [
        *([caution] if caution else []),
        "Every figure here is of records that the model did not learn from; the protocols differ in how much those "
        "records resemble what it learnt from. A figure that falls when days, sources or hospitals are held out rests "
        "in part on what day, source and hospital have in common. Except for the external cohort each is of models "
        "trained anew with this model's settings, one a fold; validation is always of the training side. Sets of "
        "records also differ in how many they have of each class and in how their sources word labels, and with that "
        "macro-F1 does. Intervals are of the draw of patients; chance in training, and fewer records to train on, come "
        "on top: a small drop may be no more than that.",
        *map(_sentence, held),
        *(f"{sentence(one.title)}: {said}." for one in protocols for said in one.notes),
        *(f"Not possible: {TITLES[name]}: {'; '.join(why)}." for name, why in (impossible or {}).items()),
    ]
    worst = max((one for one in held if not one.note), key=lambda one: one.drop["macro_f1"].value, default=None)
    stands_out = worst is not None and worst.drop["macro_f1"].low > 0 and not caution
    findings = (_sentence(worst),) if stands_out else ()
    drawn = picture(
        "protocols",
        "One model's settings, several splits",
        protocols_figure(protocols, note=note),
        alt="; ".join(f"{one.title}: macro-F1 {interval_text(one.scores['macro_f1'])}" for one in protocols),
        basis=f"{default.scores.n_records:,} records of the default test part; what each protocol holds out",
        words=(
            "Dots with 95 % intervals over patients. Hollow: too few patients or training records to tell, or a "
            "drop that noise could make. Grey: each source held out by itself.",
        ),
    )
    metrics = {}
    for one in protocols:
        metrics |= one.scores.flat(f"protocol_{one.name}_")
        for metric in names_of("overview") if one.drop else ():
            drop = one.drop[metric]
            named = {"": drop.value, "_low": drop.low, "_high": drop.high}
            metrics |= {f"protocol_{one.name}_drop_{metric}{end}": value for end, value in named.items()}
    parts = [drawn, _pooled(protocols)]
    if any(len(one.folds) > 1 for one in protocols):
        parts.append(_parts(protocols))
    return Section("protocols", "Splits", tuple(words), tuple(parts), findings, metrics)


def _sentence(one: Protocol) -> str:
    drop, own = one.drop["macro_f1"], one.scores["macro_f1"]
    if one.note:
        return f"{sentence(one.title)}: {one.scores.n_groups} patients, {one.note}."
    if drop.low > 0:
        judged = "a significant drop"
    elif drop.high < 0:
        judged = "a significant rise"
    else:
        judged = "not significant"
    here = one.on_basis["macro_f1"]
    return (
        f"{sentence(one.title)}: macro-F1 {interval_text(own)} on {one.scores.n_records:,} records. Against the "
        f"default split ({one.basis}): {here:.3f} against {here + drop.value:.3f}, drop {signed(drop)}, {judged}."
    )


def _pooled(protocols: Sequence[Protocol]) -> Listing:
    return Listing(
        "protocols",
        "Each protocol, pooled",
        {
            "protocol": [one.title for one in protocols],
            "records": [one.scores.n_records for one in protocols],
            "patients": [one.scores.n_groups for one in protocols],
            **{title: [cell(one.scores[name]) for one in protocols] for name, title in titles_of("overview").items()},
            "drop in macro-F1": [signed(one.drop["macro_f1"]) if one.drop else "" for one in protocols],
            "drop in macro AUROC": [signed(one.drop["macro_auroc"]) if one.drop else "" for one in protocols],
            "the drop stands on": [one.basis for one in protocols],
            "": [one.note for one in protocols],
        },
        ("Of pooled folds the AUROC ranks probabilities of several models together, which tends to lower it.",),
    )


def _parts(protocols: Sequence[Protocol]) -> Listing:
    rows = [(one, fold) for one in protocols if len(one.folds) > 1 for fold in one.folds]
    return Listing(
        "protocol_folds",
        "Fold by fold",
        {
            "protocol": [one.title for one, _ in rows],
            "held out": [fold.name for _, fold in rows],
            "trained on": [fold.n_train for _, fold in rows],
            "records": [fold.scores.n_records if fold.scores else 0 for _, fold in rows],
            **{
                metric: [cell(fold.scores[metric]) if fold.scores else "" for _, fold in rows]
                for metric in names_of("overview")
            },
            "": [fold.note for _, fold in rows],
        },
    )
