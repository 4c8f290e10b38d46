"""Bootstrap of all metrics: ours against a plain loop over scikit-learn's functions.

    OMP_NUM_THREADS=1 python -m benchmarks.bootstrap

Both score the same simulated predictions; the loop runs fewer draws (``--peer-draws``) and its time is scaled. That the
point figures agree is checked first.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from sklearn import metrics as sk

from ecgml.evaluation.metric_table import names_of
from ecgml.evaluation.predictions import Predictions
from ecgml.evaluation.scores import score

BAR_S = 5.0
"""What 2,000 draws on 10,000 records of four classes may take on one core, seconds."""


def simulated(n_records: int, n_classes: int, seed: int = 0) -> Predictions:
    """Return predictions of a fairly good model (accuracy about 0.9 of four classes), each record its own group."""
    random = np.random.default_rng(seed)
    y_true = random.integers(n_classes, size=n_records)
    logits = random.normal(size=(n_records, n_classes))
    logits[np.arange(n_records), y_true] += 2.5
    y_prob = np.exp(logits)
    y_prob /= y_prob.sum(axis=1, keepdims=True)
    return Predictions(
        tuple(f"r{row}" for row in range(n_records)), tuple(f"C{k}" for k in range(n_classes)), y_true, y_prob
    )


def peer(y_true: np.ndarray, y_prob: np.ndarray) -> dict[str, float]:
    """Return the same metrics by scikit-learn (calibration error by NumPy: scikit-learn has none)."""
    n_classes = y_prob.shape[1]
    labels = np.arange(n_classes)
    y_pred, own = y_prob.argmax(axis=1), y_true[:, None] == labels
    confidence, correct = y_prob.max(axis=1), y_pred == y_true
    bins = np.ceil(confidence * 15).astype(int)
    precision, recall, f1, _ = sk.precision_recall_fscore_support(y_true, y_pred, labels=labels, zero_division=0)
    auroc = [sk.roc_auc_score(own[:, k], y_prob[:, k]) for k in labels]
    auprc = [sk.average_precision_score(own[:, k], y_prob[:, k]) for k in labels]
    specificity = [sk.recall_score(~own[:, k], y_pred != k) for k in labels]
    overall = {
        "accuracy": sk.accuracy_score(y_true, y_pred),
        "macro_f1": f1.mean(),
        "macro_auroc": np.mean(auroc),
        "macro_auprc": np.mean(auprc),
        "macro_sensitivity": recall.mean(),
        "macro_specificity": np.mean(specificity),
        "ece": sum(abs((confidence - correct)[bins == b].sum()) for b in range(1, 16)) / len(y_true),
        "brier": sk.brier_score_loss(y_true, y_prob, scale_by_half=False),
        "log_loss": sk.log_loss(y_true, y_prob),
        "matthews": sk.matthews_corrcoef(y_true, y_pred),
        "cohen_kappa": sk.cohen_kappa_score(y_true, y_pred),
    }
    by_class = {
        f"{name}_c{k}": values[k]
        for name, values in {
            "precision": precision,
            "recall": recall,
            "specificity": specificity,
            "f1": f1,
            "auroc": auroc,
            "auprc": auprc,
        }.items()
        for k in labels
    }
    return overall | by_class


def main() -> None:
    """Measure both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--draws", type=int, default=2_000)
    parser.add_argument("--peer-draws", type=int, default=20)
    arguments = parser.parse_args()
    predictions = simulated(arguments.records, arguments.classes)

    point, expected = score(predictions, n_bootstrap=0), peer(predictions.y_true, predictions.y_prob)
    names = names_of("", predictions.classes)
    print(f"{arguments.records:,} records, {arguments.classes} classes, {len(names)} metrics")
    print(f"largest difference of a point figure: {max(abs(point[name].value - expected[name]) for name in names):.1e}")

    start = time.perf_counter()
    score(predictions, n_bootstrap=arguments.draws)
    ours_s = time.perf_counter() - start
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    random = np.random.default_rng(0)
    start = time.perf_counter()
    for _ in range(arguments.peer_draws):
        rows = random.integers(arguments.records, size=arguments.records)
        peer(predictions.y_true[rows], predictions.y_prob[rows])
    peer_s = (time.perf_counter() - start) * arguments.draws / arguments.peer_draws

    print(f"ours: {ours_s:.2f} s for {arguments.draws:,} draws; process at its peak {peak_mb:.0f} MB")
    print(f"scikit-learn loop: {peer_s:.1f} s, scaled from {arguments.peer_draws} draws")
    print(f"ratio: {peer_s / ours_s:.0f}")
    if (arguments.records, arguments.classes, arguments.draws) == (10_000, 4, 2_000):
        print(f"bar of {BAR_S:g} s: {'met' if ours_s <= BAR_S else 'missed'}")


if __name__ == "__main__":
    main()
