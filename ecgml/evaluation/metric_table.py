"""Every metric in one table: name, title, which way is better, how it is computed, where it is shown.

Scores, validation, reports, comparison, gate, subgroups, figures and docs follow from it. Other packages add rows by
entry points of the group ``ecgml.metrics`` (docs/extending.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import ConfigError
from ecgml.evaluation import confusion, probability
from ecgml.plugins import added, load, package_of

if TYPE_CHECKING:
    from ecgml.evaluation.metrics import WeightedPredictions

GROUP = "ecgml.metrics"

USES = {
    "overview": "short tables and figures of several evaluations, and the console",
    "summary": "a run's description and the model card; of a metric by class also what MLflow shows",
    "card": "the card of an evaluated model, class by class",
    "comparison": "the figure of two models",
    "audit": "`audit.csv`",
    "validation": "every epoch, as `val_<name>`; early stopping and studies may go by it",
    "subgroups": "subgroups and their widest gaps",
    "robustness": "the robustness matrix",
    "gate": "promotion: the challenger must not be worse",
}
"""Where a metric may be used beside the full tables, which show all of them."""

OF_CLASSES = ("summary", "card", "comparison")
"""Where a metric by class may be used."""


@dataclass(frozen=True)
class Metric:
    """A row of the table.

    Parameters
    ----------
    name : str
        In MLflow, files and options: lower snake case.
    title : str
        What a person calls it, in the middle of a sentence.
    function : callable
        From `ecgml.evaluation.metrics.WeightedPredictions` to an array of shape (n_draws,), or (n_draws, n_classes)
        where it is by class; NaN where undefined.
    lower_is_better : bool
    by_class : bool
        Whether there is a figure for each class, named ``<name>_<class>``.
    is_proportion : bool
        Whether it is a share of the records: then its interval is Wilson's where the bootstrap collapses to a point.
    uses : tuple of str
        Of :data:`USES`.
    """

    name: str
    title: str
    function: Callable[[WeightedPredictions], NDArray[np.float64]]
    lower_is_better: bool = False
    by_class: bool = False
    is_proportion: bool = False
    uses: tuple[str, ...] = ("summary", "comparison")

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ConfigError(f"metric: {self.name!r} is no name; lower-case letters, digits and _ make one")
        if unknown := [use for use in self.uses if use not in USES]:
            raise ConfigError(f"metric {self.name}: used in {unknown[0]!r}, which is none of {', '.join(USES)}")
        fitting = OF_CLASSES if self.by_class else set(USES) - {"card"}
        if odd := sorted(set(self.uses) - set(fitting)):
            kind = "of each class" if self.by_class else "not of each class"
            raise ConfigError(f"metric {self.name}: is {kind} and cannot be used in {', '.join(odd)}")

    def names(self, classes: Sequence[str]) -> list[str]:
        """Return what its figures are called: itself, or one name a class."""
        return [class_metric(self.name, name) for name in classes] if self.by_class else [self.name]

    def titles(self, classes: Sequence[str]) -> list[str]:
        """Return what a person calls its figures, in the order of :meth:`names`."""
        return [f"{self.title} of {name}" for name in classes] if self.by_class else [self.title]


def class_metric(metric: str, class_name: str) -> str:
    """Return what a class's metric is called among all: ``f1_afib``."""
    return f"{metric}_{class_name.lower()}"


def _specificity_of_present(at: WeightedPredictions) -> NDArray[np.float64]:
    # As recall, an absent class's specificity stays out of the average.
    return np.where(np.isnan(at.by_class["recall"]), np.nan, at.by_class["specificity"])


OURS = (
    Metric(
        "accuracy", "accuracy", lambda at: confusion.accuracy(at.confusion), is_proportion=True,
        uses=("overview", "summary", "comparison", "audit", "validation"),
    ),
    Metric(
        "macro_f1", "macro-F1", lambda at: confusion.macro(at.by_class["f1"]),
        uses=(
            "overview", "summary", "comparison", "audit", "validation", "subgroups", "robustness", "gate"
        ),
    ),
    Metric(
        "macro_auroc", "macro AUROC", lambda at: confusion.macro(at.by_class["auroc"]),
        uses=(
            "overview", "summary", "comparison", "audit", "validation", "subgroups", "robustness", "gate"
        ),
    ),
    Metric(
        "macro_auprc", "macro average precision", lambda at: confusion.macro(at.by_class["auprc"]),
        uses=("comparison",),
    ),
    Metric("macro_sensitivity", "macro sensitivity", lambda at: confusion.macro(at.by_class["recall"]), uses=()),
    Metric("macro_specificity", "macro specificity", lambda at: confusion.macro(_specificity_of_present(at)), uses=()),
    Metric(
        "ece", "calibration error (ECE)", lambda at: probability.calibration_error(at.bin_gaps, at.total),
        lower_is_better=True, uses=("summary", "comparison", "audit", "subgroups", "gate"),
    ),
    Metric(
        "brier", "Brier score", lambda at: at.brier, lower_is_better=True, uses=("summary", "comparison"),
    ),
    Metric("log_loss", "log loss", lambda at: at.log_loss, lower_is_better=True, uses=()),
    Metric("matthews", "Matthews correlation", lambda at: confusion.matthews(at.confusion), uses=()),
    Metric("cohen_kappa", "Cohen's kappa", lambda at: confusion.cohen_kappa(at.confusion), uses=()),
    Metric("precision", "precision", lambda at: at.by_class["precision"], by_class=True, uses=()),
    Metric("recall", "sensitivity", lambda at: at.by_class["recall"], by_class=True, uses=("card",)),
    Metric("specificity", "specificity", lambda at: at.by_class["specificity"], by_class=True, uses=("card",)),
    Metric("f1", "F1", lambda at: at.by_class["f1"], by_class=True, uses=("summary", "card", "comparison")),
    Metric("auroc", "AUROC", lambda at: at.by_class["auroc"], by_class=True, uses=()),
    Metric("auprc", "average precision", lambda at: at.by_class["auprc"], by_class=True, uses=()),
)  # fmt: skip


def metric_rows(use: str = "", *, by_class: bool | None = None) -> tuple[Metric, ...]:
    """Return rows of the table: ours, then those of other packages; overall metrics before those by class.

    Parameters
    ----------
    use : str
        Of :data:`USES`: those used there alone.
    by_class : bool, optional
        Those by class alone, or the overall ones.

    Raises
    ------
    ConfigError
        If a package adds something that is no metric, or under another name.
    """
    rows = [*OURS]
    for name, entry in added(GROUP, tuple(row.name for row in OURS)).items():
        row = load(entry)
        if not isinstance(row, Metric) or row.name != name:
            raise ConfigError(
                f"{package_of(entry)}, entry point {name!r} of {GROUP}: {entry.value} is no Metric of that name"
            )
        rows.append(row)
    rows.sort(key=lambda row: row.by_class)
    wanted = (row for row in rows if not use or use in row.uses)
    return tuple(row for row in wanted if by_class is None or row.by_class == by_class)


def names_of(use: str = "", classes: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the overall metrics used somewhere, then of those by class; without classes the former."""
    return tuple(name for row in metric_rows(use) for name in row.names(classes))


def titles_of(use: str = "", classes: Sequence[str] = ()) -> dict[str, str]:
    """Return what a person calls the metrics used somewhere, by name, in the order of :func:`names_of`."""
    return {
        name: title
        for row in metric_rows(use)
        for name, title in zip(row.names(classes), row.titles(classes), strict=True)
    }


def logged_names(classes: Sequence[str]) -> tuple[str, ...]:
    """Return the names of what MLflow shows: every overall metric, and those by class that a summary has."""
    by_class = (name for row in metric_rows("summary", by_class=True) for name in row.names(classes))
    return (*names_of(), *by_class)


def is_lower_better(name: str) -> bool:
    """Return which way an overall metric is better; of one by class higher is."""
    return any(row.lower_is_better for row in metric_rows() if row.name == name)


def monitors() -> dict[str, bool]:
    """Return the metrics of the validation part, and whether lower is better: the loss, and the table's."""
    return {f"val_{row.name}": row.lower_is_better for row in metric_rows("validation", by_class=False)} | {
        "val_loss": True
    }
