"""What samplers and pruners save: learning curves recorded once, every strategy replayed over them.

    python -m benchmarks.pruning record DATA… --out benchmarks/curves.csv
    python -m benchmarks.pruning replay
    python -m benchmarks.pruning live DATA…

`record` trains configurations of the default search space, spread evenly over it (Sobol), on a part of a cohort with a
small model, and writes each epoch's validation macro-F1 and loss. `replay` lets each sampler and pruner run studies
over that table: a trial takes the curve of one of the three configurations nearest to what is proposed (`--neighbours
1`: of the nearest), and costs the epochs that it was let run. Printed is how many epochs a study spends until a trial
that ran to its end is as good as the best of 30 random trials without pruning typically is (the median over seeds):
median and quartiles. `live` does the same with real trainings, for one strategy and for random search without pruning.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import torch
from numpy.typing import NDArray
from optuna.trial import TrialState

from ecgml.config import resolve
from ecgml.datasets.store import WindowStore
from ecgml.errors import TrainingError
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import load_data
from tuning.objective import Objective, Repeat, make_repeats
from tuning.settings import TuneConfiguration
from tuning.spaces import default
from tuning.strategies import PRUNERS, SAMPLERS, make_pruner, make_sampler

CURVES = Path(__file__).with_name("curves.csv")

NAMES = ("learning_rate", "batch_size", "gru_width")

RANDOM_TRIALS = 30

SMALL = {
    "trunk_width": 8,
    "clinical_width": 8,
    "simulated_records": 0,
    "calibration_fraction": 0.0,
    "val_fraction": 0.45,
    "device": "cpu",
    "models": "fusion",
    "ema_decay": 0.9,
}
"""A model and a split that train in seconds."""


def small_objective(folders: list[str], n_epochs: int, n_train: int, cache: str) -> Objective:
    """Return the objective that curves are recorded of: a small model, `n_train` records, one thread."""
    torch.set_num_threads(1)
    options = {**SMALL, "data_dir": ",".join(folders), "epochs": n_epochs, "cache_dir": cache}
    configuration = resolve(TuneConfiguration, options)
    job = load_data(configuration, Console())
    store = WindowStore(job.caches, torch.device("cpu"))
    (whole,) = make_repeats(configuration.tune, configuration, job, store)
    chosen = np.random.default_rng(0).permutation(len(whole.data.train))[:n_train]
    repeat = Repeat(_with_train(whole, chosen), whole.encoder, 0)
    return Objective(configuration.tune, configuration, default, [repeat])


def record(folders: list[str], out: Path, n_configurations: int, n_epochs: int, n_train: int, cache: str) -> None:
    """Train the configurations; one that is in the file already is not trained again."""
    objective = small_objective(folders, n_epochs, n_train, cache)
    study = optuna.create_study(sampler=optuna.samplers.QMCSampler(seed=0), pruner=optuna.pruners.NopPruner())
    done = sum(1 for _ in out.open()) - 1 if out.exists() else 0
    if not done:
        header = [
            *NAMES,
            *(f"f1_{epoch}" for epoch in range(n_epochs)),
            *(f"loss_{epoch}" for epoch in range(n_epochs)),
        ]
        out.write_text(",".join(header) + "\n")
    for index in range(n_configurations):
        trial = study.ask()
        parameters = default(trial)
        if index >= done:
            history: list[dict] = []
            started = time.perf_counter()
            objective(trial, parameters, lambda metrics, step, history=history: history.append(dict(metrics)))
            row = [parameters[name] for name in NAMES]
            row += [f"{one['val_macro_f1']:.5f}" for one in history] + [f"{one['val_loss']:.5f}" for one in history]
            with out.open("a", newline="") as file:
                csv.writer(file, lineterminator="\n").writerow(row)
            print(f"{index + 1} of {n_configurations}: {time.perf_counter() - started:.0f} s", flush=True)
        study.tell(trial, 0.0)


def _with_train(repeat: Repeat, rows: NDArray[np.int64]) -> object:
    return replace(repeat.data, train=repeat.data.train[rows])


class Table:
    """The recorded curves."""

    def __init__(self, path: Path) -> None:
        with path.open() as file:
            rows = list(csv.DictReader(file))
        self.n_epochs = sum(name.startswith("f1_") for name in rows[0])
        self._places = np.log([[float(row[name]) for name in NAMES] for row in rows])
        self._low, self._span = self._places.min(axis=0), np.ptp(self._places, axis=0)
        self.f1 = np.array([[float(row[f"f1_{epoch}"]) for epoch in range(self.n_epochs)] for row in rows])
        loss = np.array([[float(row[f"loss_{epoch}"]) for epoch in range(self.n_epochs)] for row in rows])
        # As in a training: the weights of the epoch of lowest validation loss are kept.
        self.values = self.f1[np.arange(len(rows)), loss.argmin(axis=1)]

    def draw(self, parameters: dict, n_neighbours: int, rng: np.random.Generator) -> int:
        """Return one of the configurations nearest to what is proposed, each range taken as one on a log scale.

        Of several any may come: a training done again has another curve, which the nearest alone would never show.
        """
        place = np.log([parameters[name] for name in NAMES])
        distances = (((self._places - place) / self._span) ** 2).sum(axis=1)
        return int(rng.choice(np.argsort(distances, kind="stable")[:n_neighbours]))


def run_study(
    table: Table, sampler: str, pruner: str, seed: int, n_trials: int, target: float | None, n_neighbours: int
) -> tuple[float, int]:
    """Run a study over the table; return its best value and the epochs spent, until the target where there is one."""
    study = optuna.create_study(direction="maximize", pruner=make_pruner(pruner, table.n_epochs))
    rng = np.random.default_rng(seed)
    best, n_spent = -np.inf, 0
    for number in range(n_trials):
        study.sampler = make_sampler(sampler, (seed, number))
        trial = study.ask()
        row = table.draw(default(trial), n_neighbours, rng)
        for epoch in range(table.n_epochs):
            n_spent += 1
            trial.report(float(table.f1[row, epoch]), epoch)
            if trial.should_prune():
                study.tell(trial, state=TrialState.PRUNED)
                break
        else:
            study.tell(trial, float(table.values[row]))
            best = max(best, float(table.values[row]))
            if target is not None and best >= target:
                break
    return best, n_spent


def run_live(objective: Objective, sampler: str, pruner: str, n_epochs: int, seed: int, target: float) -> int:
    """Run a study of real trainings until one that ran to its end reaches the target; return the epochs spent."""
    study = optuna.create_study(direction="maximize", pruner=make_pruner(pruner, n_epochs))
    n_spent, best = 0, -np.inf

    def count(metrics: dict, step: int) -> None:
        nonlocal n_spent
        n_spent += "val_macro_f1" in metrics

    while best < target:
        study.sampler = make_sampler(sampler, (seed, len(study.trials)))
        trial = study.ask()
        try:
            value = objective(trial, default(trial), count)
        except optuna.TrialPruned:
            study.tell(trial, state=TrialState.PRUNED)
        except TrainingError:
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, value)
            best = max(best, value)
    return n_spent


def live(
    folders: list[str],
    path: Path,
    n_epochs: int,
    n_train: int,
    cache: str,
    seeds: list[int],
    n_neighbours: int,
    strategy: str,
) -> None:
    """Print what a strategy and random search spend on real trainings until the target of `replay`."""
    table = Table(path)
    target = target_of(table, 50, n_neighbours)
    objective = small_objective(folders, n_epochs, n_train, cache)
    print(f"target: {target:.4f}")
    for seed in seeds:
        spent = {
            name: run_live(objective, sampler, pruner, n_epochs, seed, target)
            for name, (sampler, pruner) in {strategy: strategy.split(","), "random,none": ("random", "none")}.items()
        }
        words = "; ".join(f"{name} {n} epochs" for name, n in spent.items())
        print(f"seed {seed}: {words}; ratio {spent['random,none'] / spent[strategy]:.1f}", flush=True)


def target_of(table: Table, n_seeds: int, n_neighbours: int) -> float:
    """Return what 30 random trials without pruning typically reach."""
    return float(
        np.median(
            [run_study(table, "random", "none", seed, RANDOM_TRIALS, None, n_neighbours)[0] for seed in range(n_seeds)]
        )
    )


def replay(path: Path, n_seeds: int, n_trials: int, n_neighbours: int, strategies: list[tuple[str, str]]) -> None:
    """Print a line a strategy."""
    table = Table(path)
    target = target_of(table, n_seeds, n_neighbours)
    print(f"{len(table.values)} configurations of {table.n_epochs} epochs, best value {table.values.max():.4f}")
    print(
        f"target: {target:.4f}, what {RANDOM_TRIALS} random trials without pruning reach (median of {n_seeds} seeds)\n"
    )
    print("| sampler | pruner | epochs to the target: median (quartiles) | cheaper than random, none | reached |")
    print("|---|---|---|---|---|")
    reference = None
    for sampler, pruner in strategies:
        outcomes = [
            run_study(table, sampler, pruner, 1000 + seed, n_trials, target, n_neighbours) for seed in range(n_seeds)
        ]
        spent = np.array([n for _, n in outcomes])
        low, middle, high = np.percentile(spent, [25, 50, 75])
        reference = middle if reference is None else reference
        n_reached = sum(best >= target for best, _ in outcomes)
        print(
            f"| {sampler} | {pruner} | {middle:.0f} ({low:.0f} to {high:.0f}) | {reference / middle:.1f}× | "
            f"{n_reached} of {n_seeds} |",
            flush=True,
        )


def main() -> None:
    """Record or replay."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record")
    recording.add_argument("--out", type=Path, default=CURVES)
    recording.add_argument("--configurations", type=int, default=100)
    living = commands.add_parser("live")
    living.add_argument("--curves", type=Path, default=CURVES)
    living.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    living.add_argument("--strategy", default="tpe,hyperband", help="Sampler and pruner beside random search.")
    for command in (recording, living):
        command.add_argument("data", nargs="+")
        command.add_argument("--epochs", type=int, default=12)
        command.add_argument("--train", type=int, default=400)
        command.add_argument("--cache", default="")
    replaying = commands.add_parser("replay")
    replaying.add_argument("--curves", type=Path, default=CURVES)
    replaying.add_argument("--seeds", type=int, default=50)
    replaying.add_argument("--trials", type=int, default=150, help="At most, in a study.")
    for command in (living, replaying):
        command.add_argument("--neighbours", type=int, default=3, help="Recorded curves that a proposal may take.")
    replaying.add_argument("--samplers", default=",".join(["random", *(name for name in SAMPLERS if name != "random")]))
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    if arguments.command == "record":
        record(
            arguments.data, arguments.out, arguments.configurations, arguments.epochs, arguments.train, arguments.cache
        )
        return
    if arguments.command == "live":
        live(
            arguments.data,
            arguments.curves,
            arguments.epochs,
            arguments.train,
            arguments.cache,
            arguments.seeds,
            arguments.neighbours,
            arguments.strategy,
        )
        return
    pruners = ["none", *(name for name in PRUNERS if name not in ("none", "wilcoxon"))]
    strategies = [(sampler, pruner) for sampler in arguments.samplers.split(",") for pruner in pruners]
    replay(arguments.curves, arguments.seeds, arguments.trials, arguments.neighbours, strategies)


if __name__ == "__main__":
    main()
