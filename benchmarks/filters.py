"""Does denoising help? The same model trained with each filter: ``python -m benchmarks.filters DATA[,DATA…]``.

Records are divided into folds by what belongs together (patients, the source's own folds); each is predicted by models
that saw none of its fold, and selected by none of it. Filters share folds, seeds, initial weights and order of batches,
so that they differ in nothing else. Scored against the harmonised labels, which they are trained on: macro-F1 and macro
AUROC over all records, the mean over the seeds; intervals by a bootstrap of patients, of the difference to ``none``
pair by pair. The table is printed anew after each seed.
"""

from __future__ import annotations

import argparse
import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from ecgml.config import resolve
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable
from ecgml.evaluation.bootstrap import bootstrap, percentile_interval
from ecgml.evaluation.metrics import Metrics
from ecgml.evaluation.predictions import Predictions
from ecgml.models.build import build_model
from ecgml.models.registry import model_names
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import JobData, load_data
from ecgml.pipeline.job.scoring import fit_probabilities, to_predictions, window_logits
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.preprocessing.settings import DENOISERS
from ecgml.records.leads import LEADS
from ecgml.training.data import TrainingData, fit_encoder
from ecgml.training.fit import fit

SHOWN = ("macro_f1", "macro_auroc")


def main() -> None:
    """Train, score and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", help="folders, comma-separated")
    parser.add_argument("--filters", default=",".join(DENOISERS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--model", default="fusion", choices=model_names())
    parser.add_argument("--cache-dir", default="")
    words = parser.parse_args()
    options = {
        "data_dir": words.data,
        "epochs": words.epochs,
        "patience": words.epochs,
        "simulated_records": 0,
        "cache_dir": words.cache_dir,
    }
    jobs = {}
    for name in words.filters.split(","):
        configuration = resolve(TrainConfiguration, {**options, "denoise": name}, "")
        jobs[name] = (configuration, load_data(configuration, Console()))
    predictions: dict[str, list[Predictions]] = {name: [] for name in jobs}
    for seed in range(words.seeds):
        for name, (configuration, job) in jobs.items():
            predictions[name].append(out_of_fold(words.model, configuration, job, words.folds, seed))
            print(f"{name}, seed {seed}: {_figures(predictions[name][-1])}", flush=True)
        print(f"\n{table_of(predictions)}\n", flush=True)


def out_of_fold(
    model_name: str, configuration: TrainConfiguration, job: JobData, n_folds: int, seed: int
) -> Predictions:
    """Return each record's prediction by a model that did not see its fold."""
    table = job.table[job.table.usable]
    folds = list(
        StratifiedGroupKFold(n_folds, shuffle=True, random_state=0).split(
            table.y_harmonised, table.y_harmonised, table.blocks
        )
    )
    store = WindowStore(job.caches, torch.device("cpu"))
    y_prob = np.full((len(table), len(job.scheme.classes)), np.nan)
    for number, (rest, test) in enumerate(folds):
        inner = StratifiedGroupKFold(5, shuffle=True, random_state=0)
        blocks, labels = table.blocks[rest], table.y_harmonised[rest]
        if len(np.unique(blocks)) < 5:
            raise SystemExit(f"{len(np.unique(blocks))} independent groups are too few for {n_folds} folds")
        train, val = next(inner.split(labels, labels, blocks))
        y_prob[test] = _fit_and_predict(
            model_name,
            configuration,
            job,
            store,
            table[rest[train]],
            table[rest[val]],
            table[test],
            100 * seed + number,
        )
    return to_predictions(table, y_prob, job.scheme.classes, harmonised=True)


def _fit_and_predict(
    model_name: str,
    configuration: TrainConfiguration,
    job: JobData,
    store: WindowStore,
    train: RecordTable,
    val: RecordTable,
    test: RecordTable,
    seed: int,
) -> NDArray[np.float64]:
    data = TrainingData(store, train, val, job.pool, len(job.scheme.classes), configuration.preprocessing.fs)
    encoder = fit_encoder(train)
    torch.manual_seed(seed)
    model = build_model(model_name, len(LEADS), encoder.n_out, data.n_classes, configuration.model)
    fit(model, data, encoder, dataclasses.replace(configuration.fit, seed=seed), configuration.augmentation)
    own = window_logits(model, store, val, encoder, data.n_classes)
    calibration = fit_probabilities(own, train, val, data.n_classes, configuration.calibration)
    return window_logits(model, store, test, encoder, data.n_classes).y_prob(calibration)


def table_of(predictions: dict[str, list[Predictions]], n_draws: int = 2000) -> str:
    """Return the figures of each filter, and its differences to the first, as a Markdown table."""
    names = list(predictions)
    first = predictions[names[0]]
    ready = {name: [Metrics(one) for one in runs] for name, runs in predictions.items()}
    places = [ready[names[0]][0].names.index(metric) for metric in SHOWN]

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.hstack([np.mean([one.at(weights)[:, places] for one in ready[name]], axis=0) for name in names])

    point = statistic(np.ones((1, first[0].n_records)))[0].reshape(len(names), len(SHOWN))
    draws = bootstrap(statistic, first[0].groups, n_draws, 0).reshape(n_draws, len(names), len(SHOWN))
    low, high = (end.reshape(point.shape) for end in percentile_interval(draws.reshape(n_draws, -1)))
    apart = draws - draws[:, :1]
    apart_low, apart_high = (end.reshape(point.shape) for end in percentile_interval(apart.reshape(n_draws, -1)))
    spread = {
        name: np.std(
            [one.at(np.ones((1, first[0].n_records)))[0, places] for one in ready[name]], axis=0, ddof=len(first) > 1
        )
        for name in names
    }
    lines = [
        f"| filter | macro-F1 | SD of seeds | less {names[0]} | macro AUROC | SD of seeds | less {names[0]} |",
        "|---|---|---|---|---|---|---|",
    ]
    for row, name in enumerate(names):
        cells = []
        for place in range(len(SHOWN)):
            cells.append(f"{point[row, place]:.3f} ({low[row, place]:.3f} to {high[row, place]:.3f})")
            cells.append(f"{spread[name][place]:.3f}")
            difference = point[row, place] - point[0, place]
            cells.append(
                f"{difference:+.3f} ({apart_low[row, place]:+.3f} to {apart_high[row, place]:+.3f})" if row else ""
            )
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _figures(predictions: Predictions) -> str:
    metrics = Metrics(predictions)
    values = dict(zip(metrics.names, metrics.point(), strict=True))
    return ", ".join(f"{name} {values[name]:.3f}" for name in SHOWN)


if __name__ == "__main__":
    main()
