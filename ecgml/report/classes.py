"""Class by class: figures with intervals, ROC and precision-recall curves."""

from __future__ import annotations

from collections.abc import Sequence

from ecgml.evaluation.cautions import support_note
from ecgml.evaluation.metric_table import class_metric
from ecgml.page.sections import Listing, Section, picture
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
"""Metric -> what a clinician calls it."""


def classes_section(evaluated: Sequence[Evaluated], note: str = "") -> Section:
    """Show each class's figures and curves.

    Parameters
    ----------
    evaluated : sequence of Evaluated
    note : str
        Below every figure.
    """
    parts = []
    for one in evaluated:
        scores = one.scores
        columns: dict[str, list[object]] = {"class": list(scores.classes), "records": list(scores.support)}
        for metric, title in COLUMNS.items():
            columns[title] = [cell(scores[class_metric(metric, name)]) for name in scores.classes]
        columns["note"] = [support_note(n) for n in scores.support]
        parts.append(Listing(f"{one.key}_classes", f"Class by class, {one.title}", columns, scores.cautions))
        for name, title, make in (("roc", "ROC curves", roc_figure), ("pr", "Precision and recall", pr_figure)):
            parts.append(
                picture(
                    f"{one.key}_{name}",
                    f"{title}, {one.title}",
                    make(one.predictions, title=one.title.capitalize(), note=note),
                    alt=f"{title} of each class against the rest; the areas are in the table above",
                    basis=one.basis,
                    words=(),
                )
            )
    words = (
        "Sensitivity: of the records with the label, how many were called so. Specificity: of the others, how many "
        "were not. PPV: of those called so, how many have the label; it falls where the rhythm is rarer than here. "
        "AUROC and AUPRC: how well the probability orders records, whatever the threshold.",
    )
    return Section("classes", "Class by class", words, tuple(parts))
