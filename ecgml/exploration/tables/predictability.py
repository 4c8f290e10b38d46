"""How well one thing tells another: cross-validated, beside always saying the most frequent one, and beside chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, recall_score
from sklearn.neighbors import NearestNeighbors
from sklearn.tree import DecisionTreeClassifier

N_FOLDS = 5

N_SHUFFLES = 19

CLEAR = 4.0
"""A score tells something if it lies so many standard deviations above those of shuffled labels: a page makes a dozen
such comparisons."""

NOTABLE = 0.02
"""A score less above chance is not worth a word, however certain."""

N_NEIGHBOURS = 15

MOST_RECORDS = 4000
"""Of more points so many are drawn: what is found does not change, the time does."""


@dataclass(frozen=True)
class Classifier:
    """How labels are told from features, and by what score that is judged."""

    score_name: str
    score: Callable[[NDArray, NDArray], float]
    """(y_true, y_pred) -> score."""
    prepare: Callable[[NDArray, NDArray], Callable[[NDArray], NDArray]]
    """(features to learn from, features to judge) -> (labels to learn from -> labels judged)."""
    most_records: int | None = None
    says_accuracy: bool = False
    """Whether accuracy is said, too; of no use where rare labels are given equal weight."""


@dataclass(frozen=True)
class Predictability:
    """How well labels follow from features, on records that the classifier did not see."""

    classifier: Classifier
    n_records: int
    n_labels: int
    score: float
    shuffled: float
    """Mean score of :data:`N_SHUFFLES` tries with the labels dealt out at random."""
    shuffled_sd: float
    """Standard deviation of the same."""
    accuracy: float
    majority_share: float
    """What always saying the most frequent label gets right."""

    @property
    def tells(self) -> bool:
        """Whether the features tell the labels clearly better than chance."""
        return self.score > self.shuffled + max(NOTABLE, CLEAR * self.shuffled_sd)

    def sentence(self, subject: str, label: str) -> str:
        """Say it in words: ``The date alone tells the class: …``."""
        verb = "tells" if self.tells else "does not clearly tell"
        plural = f"{label}es" if label.endswith("s") else f"{label}s"
        accuracy = (
            f", accuracy {self.accuracy:.1%} (always the most frequent {label}: {self.majority_share:.1%})"
            if self.classifier.says_accuracy
            else ""
        )
        return (
            f"{subject} {verb} the {label}: {self.classifier.score_name} {self.score:.3f} (by chance "
            f"{self.shuffled:.3f} ± {self.shuffled_sd:.3f}){accuracy}, on {self.n_records:,} records of "
            f"{self.n_labels} {plural}, five-fold cross-validated."
        )


def _grow_tree(x_train: NDArray, x_test: NDArray) -> Callable[[NDArray], NDArray]:
    least = max(1, min(5, len(x_train) // 20))

    def judge(y_train: NDArray) -> NDArray:
        return DecisionTreeClassifier(min_samples_leaf=least, random_state=0).fit(x_train, y_train).predict(x_test)

    return judge


def _find_neighbours(x_train: NDArray, x_test: NDArray) -> Callable[[NDArray], NDArray]:
    scale = np.maximum(x_train.std(axis=0), 1e-12)
    finder = NearestNeighbors(n_neighbors=max(1, min(N_NEIGHBOURS, len(x_train) // 5))).fit(x_train / scale)
    near = finder.kneighbors(x_test / scale, return_distance=False)

    def judge(y_train: NDArray) -> NDArray:
        labels, counts = np.unique(y_train, return_counts=True)
        # A neighbour's vote weighs the more, the rarer its label: else the most frequent one always wins.
        votes = np.stack([(y_train[near] == label).sum(axis=1) / n for label, n in zip(labels, counts, strict=True)])
        return labels[votes.argmax(axis=0)]

    return judge


BY_TREE = Classifier(
    "macro-F1",
    lambda y_true, y_pred: float(f1_score(y_true, y_pred, average="macro", zero_division=0)),
    _grow_tree,
    says_accuracy=True,
)
"""One number, such as a day, by a decision tree, which can tell single days."""

BY_NEIGHBOURS = Classifier(
    "mean recall",
    lambda y_true, y_pred: float(recall_score(y_true, y_pred, average="macro", zero_division=0)),
    _find_neighbours,
    most_records=MOST_RECORDS,
)
"""Points by their nearest neighbours, which assume no shape; features are brought to equal spread."""


def predictability(
    features: NDArray[np.floating],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    classifier: Classifier,
    seed: int,
) -> Predictability | None:
    """Cross-validate how well labels follow from features.

    Parameters
    ----------
    features : ndarray, shape (n_records, n_features)
        Finite.
    labels : ndarray of int64, shape (n_records,)
        Negative where there is none; such records, and labels of fewer groups than folds, are left out.
    groups : ndarray of int64, shape (n_records,)
        Records of one group (a patient) stay in one fold.
    classifier : Classifier
        :data:`BY_TREE` or :data:`BY_NEIGHBOURS`.
    seed : int
        Of draw, folds and shuffles.

    Returns
    -------
    found : Predictability or None
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
    dealt = [rng.permutation(y) for _ in range(N_SHUFFLES)]
    shuffled = [classifier.score(y_dealt, predict(y_dealt)) for y_dealt in dealt]
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
    """Deal groups out to the folds, label by label, each group as a whole.

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
