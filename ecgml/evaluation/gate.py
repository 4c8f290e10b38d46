"""The gate: may a challenger take the champion's place?

Non-inferiority by paired cluster bootstrap (the lower bound of the difference's interval against a margin fixed
beforehand; Piaggio et al. 2012, 10.1001/jama.2012.87802, whose reporting asks for margin, difference and interval side
by side). We use the 95 % interval, so the one-sided error is 2.5 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgml.evaluation.comparison import compare
from ecgml.evaluation.estimates import Estimate, signed
from ecgml.evaluation.metric_table import metric_rows, titles_of
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import score
from ecgml.evaluation.settings import GateSettings
from ecgml.evaluation.subgroups import divide
from ecgml.evaluation.summary import interval_text


@dataclass(frozen=True)
class Check:
    """One condition, the numbers it was held against, and whether it was met."""

    name: str
    """``records``, ``classes``, ``subgroup``, or the metric's: ``macro_f1``, ``macro_auroc``, ``ece``."""
    title: str
    rule: str
    """In words, with its limit."""
    passed: bool
    found: str = ""
    """What was found, where that is no estimate."""
    challenger: Estimate | None = None
    champion: Estimate | None = None
    difference: Estimate | None = None
    """Challenger minus champion."""

    def line(self) -> str:
        """Return the check as a line for a person: both numbers, the difference, the rule."""
        numbers = self.found
        if self.challenger and math.isnan(self.challenger.value):
            numbers += "undefined on these records"
        elif self.challenger and self.champion and self.difference:
            numbers += f"{': ' if numbers else ''}{self.challenger.value:.3f} against {self.champion.value:.3f}, "
            numbers += f"difference {signed(self.difference)}"
        elif self.challenger:
            numbers += interval_text(self.challenger)
        return f"{'met' if self.passed else 'NOT MET'}: {self.title}: {numbers}; rule: {self.rule}"


@dataclass(frozen=True)
class Judgement:
    """What :func:`judge` returns."""

    checks: tuple[Check, ...]
    classes: tuple[str, ...]
    support: tuple[int, ...]
    n_groups: int
    """Patients, or records of unknown patients."""
    subgroups: tuple[dict[str, Any], ...] = ()
    """Every subgroup judged: ``subgroup``, ``n_records``, both macro-F1 and the difference with its interval."""

    @property
    def passed(self) -> bool:
        """Whether every condition is met."""
        return all(check.passed for check in self.checks)

    @property
    def n_records(self) -> int:
        """Number of records, scored or not."""
        return sum(self.support)

    def to_json(self) -> dict[str, Any]:
        """Return it ready for ``json.dump``; what is undefined is None."""
        return _finite(
            {
                "passed": self.passed,
                "n_records": self.n_records,
                "n_patients": self.n_groups,
                "support": dict(zip(self.classes, self.support, strict=True)),
                "checks": [asdict(check) for check in self.checks],
                "subgroups": list(self.subgroups),
            }
        )


def judge(
    challenger: Predictions,
    champion: Predictions | None,
    attributes: Mapping[str, Sequence[str]],
    settings: GateSettings,
) -> Judgement:
    """Hold a challenger against the champion, or against the absolute floor where there is none.

    Parameters
    ----------
    challenger : Predictions
    champion : Predictions or None
        Of the same records, in any order.
    attributes : mapping of str to sequence of str, length n_records
        What divides the challenger's records into subgroups: ``{"sex": ["female", "male", …]}``; ``""`` where unknown.
    settings : GateSettings

    Raises
    ------
    EvaluationError
        If the two are not of the same records, labels, groups and classes, or an attribute is not of every record.
    """
    parts = list(divide(attributes, challenger.n_records))
    checks = _enough(challenger, settings)
    subgroups: list[dict[str, Any]] = []
    if champion is None:
        checks += _floor(challenger, settings)
    else:
        checks += _not_worse(challenger, champion, settings)
        subgroups = _subgroups(challenger, champion, parts, settings)
        checks.append(_worst(subgroups, settings))
    return Judgement(
        tuple(checks),
        challenger.classes,
        tuple(challenger.support.tolist()),
        len(set(challenger.groups)),
        tuple(subgroups),
    )


def _enough(predictions: Predictions, settings: GateSettings) -> list[Check]:
    support = dict(zip(predictions.classes, predictions.support.tolist(), strict=True))
    few = [f"{name} {count}" for name, count in support.items() if count < settings.min_per_class]
    return [
        Check(
            "records",
            "records compared",
            f"at least {settings.min_records}",
            predictions.n_records >= settings.min_records,
            f"{predictions.n_records:,}",
        ),
        Check(
            "classes",
            "records of each class",
            f"at least {settings.min_per_class}",
            not few,
            ", ".join(few) if few else ", ".join(f"{name} {count}" for name, count in support.items()),
        ),
    ]


def _floor(predictions: Predictions, settings: GateSettings) -> list[Check]:
    scores, titles = score(predictions, n_bootstrap=settings.bootstrap), titles_of()
    checks = []
    for name, floor in (("macro_f1", settings.floor_f1), ("macro_auroc", settings.floor_auroc)):
        rule = f"no champion yet: the interval must lie above {floor:g}"
        checks.append(Check(name, titles[name], rule, scores[name].low > floor, challenger=scores[name]))
    rule = f"no champion yet: at most {settings.max_ece:g}"
    ece = scores["ece"]
    return [*checks, Check("ece", titles["ece"], rule, ece.value <= settings.max_ece, challenger=ece)]


def _not_worse(challenger: Predictions, champion: Predictions, settings: GateSettings) -> list[Check]:
    compared = compare(challenger, champion, n_bootstrap=settings.bootstrap)
    checks = []
    for metric in metric_rows("gate", by_class=False):
        difference = compared.differences[metric.name]
        # Of what is undefined every comparison is False.
        if metric.name == "ece":
            rule = f"larger by at most {settings.max_ece_increase:g}"
            met = difference.value <= settings.max_ece_increase
        elif metric.lower_is_better:
            rule = f"the interval of the difference must lie below {settings.margin:g}"
            met = difference.high < settings.margin
        else:
            rule = f"the interval of the difference must lie above -{settings.margin:g}"
            met = difference.low > -settings.margin
        checks.append(
            Check(
                metric.name,
                metric.title,
                rule,
                bool(met),
                challenger=compared.a[metric.name],
                champion=compared.b[metric.name],
                difference=difference,
            )
        )
    return checks


def _subgroups(
    challenger: Predictions,
    champion: Predictions,
    parts: Sequence[tuple[str, str, NDArray[np.bool_]]],
    settings: GateSettings,
) -> list[dict[str, Any]]:
    place = {record_id: row for row, record_id in enumerate(champion.record_ids)}
    champion = champion.take([place[record_id] for record_id in challenger.record_ids])
    compared_subgroups = []
    for attribute, value, rows in parts:
        # All records are no subgroup, and of a single class there is no macro average.
        if rows.all() or rows.sum() < settings.min_subgroup or len(set(challenger.y_true[rows].tolist())) < 2:
            continue
        compared = compare(challenger.subset(rows), champion.subset(rows), n_bootstrap=settings.bootstrap)
        compared_subgroups.append(
            {
                "subgroup": f"{attribute} {value}",
                "n_records": int(rows.sum()),
                "challenger": asdict(compared.a["macro_f1"]),
                "champion": asdict(compared.b["macro_f1"]),
                "difference": asdict(compared.differences["macro_f1"]),
            }
        )
    return compared_subgroups


def _worst(subgroups: Sequence[Mapping[str, Any]], settings: GateSettings) -> Check:
    rule = (
        f"macro-F1 lower by at most {settings.subgroup_margin:g}, or a difference that noise could make (its interval "
        f"reaches 0), in each of at least {settings.min_subgroup} records"
    )
    title = f"worst of {len(subgroups)} subgroups"
    if not subgroups:
        return Check("subgroup", "subgroups", rule, True, "none has so many records: not judged")

    def behind(subgroup: Mapping[str, Any]) -> bool:
        return subgroup["difference"]["value"] < -settings.subgroup_margin and subgroup["difference"]["high"] < 0

    # A subgroup that breaks the rule comes before one whose larger difference could be noise.
    worst = min(subgroups, key=lambda subgroup: (not behind(subgroup), subgroup["difference"]["value"]))
    numbers = {name: Estimate(**worst[name]) for name in ("challenger", "champion", "difference")}
    return Check(
        "subgroup", title, rule, not behind(worst), f"{worst['subgroup']}, {worst['n_records']:,} records", **numbers
    )


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
