"""Performance by class: metrics with intervals, ROC and precision-recall curves."""

from __future__ import annotations

from collections.abc import Sequence

from ecgml.evaluation.metric_table import class_metric
from ecgml.page.sections import Listing, Picture, Section, picture
from ecgml.report.evaluated import Evaluated
from ecgml.report.figures.pr import pr_figure
from ecgml.report.figures.roc import roc_figure
from ecgml.report.overview import cell

COLUMNS = {
    "recall": "sensitivity",
    "specificity": "specificity",
    "precision": "PPV",
    "f1": "F1",
    "auroc": "AUROC",
    "auprc": "AUPRC",
}
"""Metric -> its name in clinical writing."""


def classes_section(evaluated: Sequence[Evaluated], note: str = "") -> Section:
    """Show each class's metrics and curves.

    Parameters
    ----------
    evaluated : sequence of Evaluated
    note : str
        Below every figure.
    """
    parts: list[Picture | Listing] = []
    for item in evaluated:
        scores = item.scores
        columns: dict[str, list[object]] = {"class": list(scores.classes), "records": list(scores.support)}
        for metric, title in COLUMNS.items():
            columns[title] = [cell(scores[class_metric(metric, name)]) for name in scores.classes]
        parts.append(Listing(f"{item.key}_classes", f"Performance by class, {item.title}", columns, scores.cautions))
        for name, title, make in (("roc", "ROC curves", roc_figure), ("pr", "Precision-recall curves", pr_figure)):
            parts.append(
                picture(
                    f"{item.key}_{name}",
                    f"{title}, {item.title}",
                    make(item.predictions, title=item.caption(title), note=note, colours=item.colours),
                    alt=f"{title} of each class against the rest; the areas are in the table above",
                    basis=item.basis,
                    words=(),
                )
            )
    words = (
        "Sensitivity (recall): share of the records of a class that are predicted as this class. Specificity: share of "
        "the other records that are not. PPV (precision): share of the predictions of a class that are right; it falls "
        "where the rhythm is rarer than here. AUROC and AUPRC: how well the probability ranks records, independent of "
        "a threshold.",
    )
    return Section("classes", "Performance by class", words, tuple(parts))
