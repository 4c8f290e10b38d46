"""Shortcuts: classifiers of a few table columns without the ECG, on unseen records."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits
from torch import nn

from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.datasets.parallel import parallel_map
from ecgml.evaluation.predictions import Predictions
from ecgml.exploration.survey import Survey
from ecgml.models.clinical import ClinicalMLP
from ecgml.models.registry import model_class
from ecgml.models.settings import ModelSettings
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.training.checkpoint import Checkpoint
from ecgml.training.device import one_thread

LEAVES = 8
"""Leaves of the tree that approximates a rule."""

DAY = np.timedelta64(1, "D")

BRANCH_EPOCHS, BRANCH_BATCH, BRANCH_RATE = 60, 128, 3e-3
"""Of the clinical branch alone."""


@dataclass(frozen=True)
class Shortcut:
    """A classifier that needs no ECG.

    Parameters
    ----------
    name : str
        Of its metrics.
    title : str
        For a person.
    features : callable
        From a survey to an array of shape (n_rows, n_features), or None where its tables have nothing of the kind.
    learner : callable
        From a seed to a classifier.
    """

    name: str
    title: str
    features: Callable[[Survey], NDArray[np.float64] | None]
    learner: Callable[[int], ClassifierMixin]

    @property
    def is_slow(self) -> bool:
        """Return whether fitting is slow."""
        return self.learner is not rule


def boosting(seed: int) -> ClassifierMixin:
    """Return gradient-boosted trees with default settings, which accept missing values."""
    return HistGradientBoostingClassifier(early_stopping=False, random_state=seed)


def rule(seed: int) -> ClassifierMixin:
    """Return a tree of a few leaves: thresholds."""
    return make_pipeline(
        SimpleImputer(strategy="median"), DecisionTreeClassifier(max_leaf_nodes=LEAVES, random_state=seed)
    )


class ClinicalBranch(ClassifierMixin):
    """A model's clinical branch alone, as a classifier: encoder, branch and a linear layer.

    Takes clinical rows, NaN where missing, in the order of `ecgml.records.clinical`.

    Parameters
    ----------
    seed : int
    part : type of Module
        The branch's class: `ecgml.models.rhythm_model.RhythmModel.clinical_branch`.
    settings : ModelSettings
        Its sizes.
    """

    takes_rows = True

    def __init__(self, seed: int, part: type[nn.Module], settings: ModelSettings) -> None:
        self.seed, self.part, self.settings = seed, part, settings

    def fit(self, x: NDArray[np.float64], y: NDArray[np.int64]) -> ClinicalBranch:
        """Fit for a fixed number of epochs; nothing is selected."""
        self.classes_, labels = np.unique(y, return_inverse=True)
        self._encoder = ClinicalEncoder.fit(x.astype(np.float32))
        with torch.random.fork_rng(devices=[]), one_thread():
            torch.manual_seed(self.seed)
            branch = self.part(self._encoder.n_out, self.settings)
            self._model = nn.Sequential(branch, nn.Linear(branch.n_out, len(self.classes_)))
            rows, targets = self._encode(x), torch.from_numpy(labels)
            optimiser = torch.optim.AdamW(self._model.parameters(), lr=BRANCH_RATE)
            n_steps = BRANCH_EPOCHS * -(-len(rows) // BRANCH_BATCH)
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps)
            for _ in range(BRANCH_EPOCHS):
                for chosen in torch.randperm(len(rows)).split(BRANCH_BATCH):
                    optimiser.zero_grad()
                    nn.functional.cross_entropy(self._model(rows[chosen]), targets[chosen]).backward()
                    optimiser.step()
                    schedule.step()
        self._model.eval()
        return self

    def predict_proba(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return probabilities in the order of ``classes_``."""
        with torch.inference_mode(), one_thread():
            return self._model(self._encode(x)).double().softmax(dim=1).numpy()

    def _encode(self, x: NDArray[np.float64]) -> torch.Tensor:
        return torch.from_numpy(self._encoder.encode(x.astype(np.float32)))


def clinical_rows(survey: Survey) -> NDArray[np.float64] | None:
    """Return what tables give of the columns that models know, shape (n_rows, n_features); None where nothing."""
    rows = np.full((len(survey), len(CLINICAL_NAMES)), np.nan)
    for column, variable in enumerate(survey.variables):
        if not variable.measured and variable.name in CLINICAL_NAMES:
            rows[:, CLINICAL_NAMES.index(variable.name)] = survey.values[:, column]
    return rows if np.isfinite(rows).any() else None


def table_columns(*names: str) -> Callable[[Survey], NDArray[np.float64] | None]:
    """Return a function that selects table columns; by default all that are not measured from the waveform here."""

    def pick(survey: Survey) -> NDArray[np.float64] | None:
        chosen = [
            column
            for column, variable in enumerate(survey.variables)
            if not variable.measured and (not names or variable.name in names)
        ]
        return survey.values[:, chosen] if chosen else None

    return pick


def dates(survey: Survey) -> NDArray[np.float64] | None:
    """Return the acquisition date as days, NaN where unknown."""
    has_date = ~np.isnat(survey.dates)
    if not has_date.any():
        return None
    days = (survey.dates - survey.dates[has_date].min()) / DAY
    return np.where(has_date, days, np.nan)[:, None]


def shortcuts_beside(checkpoint: Checkpoint | None) -> tuple[Shortcut, ...]:
    """Return the shortcuts to learn, with a clinical branch of the model's kind and size.

    Parameters
    ----------
    checkpoint : Checkpoint or None
        Of the model that is audited. Where it has no clinical branch, one of the default size is learned.
    """
    branch = partial(ClinicalBranch, part=ClinicalMLP, settings=ModelSettings())
    title = "a clinical branch of the default size, without an ECG"
    if checkpoint and (part := model_class(checkpoint.model_name).clinical_branch):
        branch = partial(ClinicalBranch, part=part, settings=checkpoint.model)
        title = f"the {checkpoint.model_name} model's clinical branch alone, trained anew"
    rate = table_columns("ventricular_rate")
    return (
        Shortcut("clinical_only", "every value of the table (gradient boosting)", table_columns(), boosting),
        Shortcut("clinical_branch", title, clinical_rows, branch),
        Shortcut("rate_only", f"ventricular rate (a rule of {LEAVES} leaves)", rate, rule),
        Shortcut("age_sex_only", "age and sex (gradient boosting)", table_columns("age", "sex"), boosting),
        Shortcut("date_only", "acquisition date (gradient boosting)", dates, boosting),
    )


def predict_unseen(
    shortcut: Shortcut,
    survey: Survey,
    rows: NDArray[np.int64],
    n_folds: int,
    seed: int,
    n_jobs: int = 1,
    on_fold: Callable[[], None] = lambda: None,
) -> Predictions | None:
    """Predict every record out of fold: folds by patient, stratified, pooled.

    Parameters
    ----------
    shortcut : Shortcut
    survey : Survey
    rows : ndarray of int64, shape (n_records,)
        Rows of the survey that have a class.
    n_folds : int
    seed : int
    n_jobs : int
        Processes.
    on_fold : callable, optional
        Called after each fold.

    Returns
    -------
    predictions : Predictions or None
        None where the tables have nothing of the kind.
    """
    features = shortcut.features(survey)
    if features is None or np.isnan(features[rows]).all():
        return None
    x, y, groups = features[rows], survey.classes[rows], survey.patients[rows]
    classes = survey.scheme.classes
    y_prob = np.zeros((len(rows), len(classes)))
    with warnings.catch_warnings():
        # Of a class with fewer patients than folds some folds have none; its own figures say so.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        folds = list(StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed).split(x, y, groups))
    # A process a fold, of one thread each: two OpenMP threads beside other work wait for each other most of the time.
    jobs = [
        (number, shortcut.learner(seed), x[inner], y[inner], x[outer], len(classes))
        for number, (inner, outer) in enumerate(folds)
    ]
    for number, fold_prob in parallel_map(_fit_fold, jobs, n_jobs):
        y_prob[folds[number][1]] = fold_prob
        on_fold()
    return Predictions(
        record_ids=tuple(f"{survey.cohorts[row]}/{survey.record_ids[row]}" for row in rows),
        classes=classes,
        y_true=y,
        y_prob=y_prob,
        groups=tuple(f"patient {number}" for number in groups),
        sources=tuple(survey.cohorts[rows].tolist()),
        notes=("",) * len(rows),
    )


def _fit_fold(
    number: int,
    model: ClassifierMixin,
    x: NDArray[np.float64],
    y: NDArray[np.int64],
    unseen: NDArray[np.float64],
    n_classes: int,
) -> tuple[int, NDArray[np.float64]]:
    """Return the fold's number, and probabilities of unseen records, shape (n_unseen, n_classes)."""
    return number, _fit_and_predict(model, x, y, unseen, n_classes)


def _fit_and_predict(
    model: ClassifierMixin, x: NDArray[np.float64], y: NDArray[np.int64], unseen: NDArray[np.float64], n_classes: int
) -> NDArray[np.float64]:
    y_prob = np.zeros((len(unseen), n_classes))
    if getattr(model, "takes_rows", False):
        model.fit(x, y)
        y_prob[:, model.classes_] = model.predict_proba(unseen)
        return y_prob
    varying = np.array([len(np.unique(column[~np.isnan(column)])) > 1 for column in x.T])
    if len(np.unique(y)) == 1 or not varying.any():
        y_prob[:] = np.bincount(y, minlength=n_classes) / len(y)
        return y_prob
    x, unseen = x[:, varying], unseen[:, varying]
    with threadpool_limits(1):
        model.fit(x, y)
        y_prob[:, model.classes_] = model.predict_proba(unseen)
    return y_prob
