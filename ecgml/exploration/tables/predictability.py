"""How well features predict labels: cross-validated, compared with the majority class and with chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, recall_score
from sklearn.neighbors import NearestNeighbors
from sklearn.tree import DecisionTreeClassifier

N_FOLDS = 5

N_SHUFFLES = 19

CLEAR = 4.0
"""A score counts as above chance from so many standard deviations above those of permuted labels: a page makes a dozen
such comparisons."""

NOTABLE = 0.02
"""A smaller excess over chance is ignored, however significant."""

N_NEIGHBOURS = 15

MOST_RECORDS = 4000
"""Of more points, a sample of this size is used: the result hardly changes, the time does."""


@dataclass(frozen=True)
class Classifier:
    """A classifier and the metric that it is evaluated by."""

    score_name: str
    score: Callable[[NDArray[Any], NDArray[Any]], float]
    """(y_true, y_pred) -> score."""
    prepare: Callable[[NDArray[Any], NDArray[Any]], Callable[[NDArray[Any]], NDArray[Any]]]
    """(training features, test features) -> (training labels -> predicted test labels)."""
    most_records: int | None = None
    shows_accuracy: bool = False
    """Whether accuracy is reported as well; not useful where rare labels are given equal weight."""


@dataclass(frozen=True)
class Predictability:
    """How well features predict labels, on held-out records."""

    classifier: Classifier
    n_records: int
    n_labels: int
    score: float
    shuffled: float
    """Mean score over :data:`N_SHUFFLES` random permutations of the labels."""
    shuffled_sd: float
    """Standard deviation of the same."""
    accuracy: float
    majority_share: float
    """Accuracy of always predicting the most frequent label."""

    @property
    def is_above_chance(self) -> bool:
        """Whether the features predict the labels clearly better than chance."""
        return self.score > self.shuffled + max(NOTABLE, CLEAR * self.shuffled_sd)

    def sentence(self, subject: str, label: str) -> str:
        """Return it as a sentence: ``The date alone predicts the class: …``."""
        verb = "predicts" if self.is_above_chance else "does not clearly predict"
        plural = f"{label}es" if label.endswith("s") else f"{label}s"
        accuracy = (
            f", accuracy {self.accuracy:.1%} (most frequent {label}: {self.majority_share:.1%})"
            if self.classifier.shows_accuracy
            else ""
        )
        return (
            f"{subject} {verb} the {label}: {self.classifier.score_name} {self.score:.3f} (chance "
            f"{self.shuffled:.3f} ± {self.shuffled_sd:.3f}){accuracy}; {self.n_records:,} records of {self.n_labels} "
            f"{plural}, five-fold cross-validation."
        )


def _grow_tree(x_train: NDArray[Any], x_test: NDArray[Any]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    least = max(1, min(5, len(x_train) // 20))

    def judge(y_train: NDArray[Any]) -> NDArray[Any]:
        return DecisionTreeClassifier(min_samples_leaf=least, random_state=0).fit(x_train, y_train).predict(x_test)

    return judge


def _find_neighbours(x_train: NDArray[Any], x_test: NDArray[Any]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    scale = np.maximum(x_train.std(axis=0), 1e-12)
    finder = NearestNeighbors(n_neighbors=max(1, min(N_NEIGHBOURS, len(x_train) // 5))).fit(x_train / scale)
    near = finder.kneighbors(x_test / scale, return_distance=False)

    def judge(y_train: NDArray[Any]) -> NDArray[Any]:
        labels, counts = np.unique(y_train, return_counts=True)
        # A neighbour's vote weighs the more, the rarer its label: else the most frequent one always wins.
        votes = np.stack([(y_train[near] == label).sum(axis=1) / n for label, n in zip(labels, counts, strict=True)])
        return labels[votes.argmax(axis=0)]

    return judge


BY_TREE = Classifier(
    "macro-F1",
    lambda y_true, y_pred: float(f1_score(y_true, y_pred, average="macro", zero_division=0)),
    _grow_tree,
    shows_accuracy=True,
)
"""A single number, such as a day, by a decision tree, which can isolate single days."""

BY_NEIGHBOURS = Classifier(
    "mean recall",
    lambda y_true, y_pred: float(recall_score(y_true, y_pred, average="macro", zero_division=0)),
    _find_neighbours,
    most_records=MOST_RECORDS,
)
"""Points by their nearest neighbours, which assume no shape; features are scaled to equal variance."""


def predictability(
    features: NDArray[np.floating],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    classifier: Classifier,
    seed: int,
) -> Predictability | None:
    """Cross-validate how well features predict labels.

    Parameters
    ----------
    features : ndarray, shape (n_records, n_features)
        Finite.
    labels : ndarray of int64, shape (n_records,)
        Negative where unknown; such records, and labels of fewer groups than folds, are left out.
    groups : ndarray of int64, shape (n_records,)
        Records of one group (a patient) stay in one fold.
    classifier : Classifier
        :data:`BY_TREE` or :data:`BY_NEIGHBOURS`.
    seed : int
        Of draw, folds and shuffles.

    Returns
    -------
    result : Predictability or None
        None with fewer than two labels left.
    """
    rng = np.random.default_rng(seed)
    if classifier.most_records and len(labels) > classifier.most_records:
        drawn = np.sort(rng.permutation(len(labels))[: classifier.most_records])
        features, labels, groups = features[drawn], labels[drawn], groups[drawn]
    n_groups = {label: len(np.unique(groups[labels == label])) for label in np.unique(labels[labels >= 0])}
    kept = np.isin(labels, [label for label, n in n_groups.items() if n >= N_FOLDS])
    x, y, group = features[kept], labels[kept], groups[kept]
    if len(np.unique(y)) < 2:
        return None
    folds = stratified_folds(y, group, rng)
    held = [folds == fold for fold in range(N_FOLDS) if (folds == fold).any()]
    judges = [classifier.prepare(x[~test], x[test]) for test in held]

    def predict(y: NDArray[np.int64]) -> NDArray[np.int64]:
        y_pred = np.empty_like(y)
        for test, judge in zip(held, judges, strict=True):
            y_pred[test] = judge(y[~test])
        return y_pred

    y_pred = predict(y)
    permuted = [rng.permutation(y) for _ in range(N_SHUFFLES)]
    shuffled = [classifier.score(labels_of_try, predict(labels_of_try)) for labels_of_try in permuted]
    counts = np.unique(y, return_counts=True)[1]
    return Predictability(
        classifier,
        n_records=len(y),
        n_labels=len(counts),
        score=classifier.score(y, y_pred),
        shuffled=float(np.mean(shuffled)),
        shuffled_sd=float(np.std(shuffled)),
        accuracy=float((y_pred == y).mean()),
        majority_share=float(counts.max() / len(y)),
    )


def stratified_folds(
    labels: NDArray[np.int64], groups: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Distribute groups over the folds, label by label, each group as a whole.

    Returns
    -------
    folds : ndarray of int64, shape (n_records,)
        0 to :data:`N_FOLDS` − 1. (scikit-learn's StratifiedGroupKFold takes seconds for ten thousand groups.)
    """
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    order = np.lexsort((rng.random(len(first)), labels[first]))
    fold_of = np.empty(len(first), dtype=np.int64)
    fold_of[order] = np.arange(len(first)) % N_FOLDS
    return fold_of[inverse]
