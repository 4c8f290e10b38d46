"""What Optuna and MLflow add to a trial: ours against MLflow's own MlflowStorage, and storages against each other.

    python -m benchmarks.tuning_overhead

Trials train nothing: what is timed is claiming, proposing three parameters, reporting every epoch, asking the pruner,
ending; and in MLflow a run a trial with its parameters and eight metrics an epoch. Each is run with few and with many
epochs, whence the cost of a trial and that of an epoch. Medians over trials, everything in one process on this machine.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import mlflow
import optuna
from mlflow.optuna.storage import MlflowStorage
from optuna.trial import Trial

from ecgml.service.trials import TrialRun
from tuning.queue import Queue
from tuning.spaces import default
from tuning.storage import StudyStorage
from tuning.strategies import make_pruner, make_sampler

FEW, MANY = 1, 21

METRICS = (
    "train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_macro_f1", "val_macro_auroc", "learning_rate",
    "records_per_second",
)  # fmt: skip

BARS = {"Optuna": (20, 10), "MLflow": (100, 2)}
"""What each may cost, ms a trial and ms a reported epoch."""


def with_queue(address: str) -> Callable[[int, int], list[float]]:
    """Return a function that times our trials, Optuna's part alone, in a storage."""

    def run(n_trials: int, n_epochs: int) -> list[float]:
        storage = StudyStorage(address)
        study = optuna.create_study(
            storage=storage.storage, study_name=f"{n_epochs}", direction="maximize", pruner=make_pruner("median", 50)
        )
        queue = Queue(study, storage, n_trials, lambda number: make_sampler("tpe", (0, number)))
        times = []
        for _ in range(n_trials):
            started = time.perf_counter()
            trial = queue.claim()
            default(trial)
            trial.set_user_attr("run_id", "0" * 32)
            _report(trial, n_epochs)
            study.tell(trial, 0.5)
            times.append(time.perf_counter() - started)
        storage.close()
        return times

    return run


def with_runs(experiment: str, parent: str) -> Callable[[int, int], list[float]]:
    """Return a function that times our runs of trials, MLflow's part alone."""

    def run(n_trials: int, n_epochs: int) -> list[float]:
        times = []
        for number in range(n_trials):
            started = time.perf_counter()
            trial_run = TrialRun(experiment, parent, f"trial {number}", {"learning_rate": 1e-3, "batch_size": 64}, {})
            for epoch in range(n_epochs):
                trial_run.metrics(dict.fromkeys(METRICS, 0.5), epoch + 1)
            trial_run.close("FINISHED", {"ecgml.trial_state": "COMPLETE"})
            times.append(time.perf_counter() - started)
        return times

    return run


def with_mlflow_storage(experiment: str) -> Callable[[int, int], list[float]]:
    """Return a function that times MLflow's storage, which does both parts; it logs one metric an epoch."""

    def run(n_trials: int, n_epochs: int) -> list[float]:
        study = optuna.create_study(
            storage=MlflowStorage(experiment), study_name=f"peer {n_epochs}", direction="maximize",
            pruner=make_pruner("median", 50),
        )  # fmt: skip
        times = []
        for number in range(n_trials):
            started = time.perf_counter()
            study.sampler = make_sampler("tpe", (0, number))
            trial = study.ask()
            default(trial)
            _report(trial, n_epochs)
            study.tell(trial, 0.5)
            times.append(time.perf_counter() - started)
        return times

    return run


def _report(trial: Trial, n_epochs: int) -> None:
    for epoch in range(n_epochs):
        trial.report(0.5, epoch)
        trial.should_prune()


def cost(run: Callable[[int, int], list[float]], n_trials: int) -> tuple[float, float]:
    """Return what a trial costs without its epochs, and what an epoch costs, ms."""
    few, many = (1000 * statistics.median(run(n_trials, n_epochs)) for n_epochs in (FEW, MANY))
    per_epoch = (many - few) / (MANY - FEW)
    return few - FEW * per_epoch, per_epoch


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--peer-trials", type=int, default=4)
    parser.add_argument("--postgres", default="", help="Address of a PostgreSQL to measure too.")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        experiment = mlflow.create_experiment("overhead")
        parent = mlflow.MlflowClient().create_run(experiment).info.run_id
        addresses = {"journal": str(folder / "s.journal"), "sqlite": f"sqlite:///{folder}/s.db"}
        if arguments.postgres:
            addresses["PostgreSQL"] = arguments.postgres
        costs = {f"Optuna, {kind}": cost(with_queue(one), arguments.trials) for kind, one in addresses.items()}
        costs["MLflow, our runs"] = cost(with_runs(experiment, parent), arguments.trials)
        costs["MlflowStorage (both)"] = cost(with_mlflow_storage(experiment), arguments.peer_trials)
    print("| | ms a trial | ms a reported epoch |\n|---|---|---|")
    for what, (per_trial, per_epoch) in costs.items():
        print(f"| {what} | {per_trial:.1f} | {per_epoch:.2f} |")
    for n_epochs in (10, 50):
        ours, peer = (
            sum(costs[what][0] + n_epochs * costs[what][1] for what in whose)
            for whose in (("Optuna, journal", "MLflow, our runs"), ("MlflowStorage (both)",))
        )
        print(f"a trial of {n_epochs} epochs: ours {ours:.0f} ms, MlflowStorage {peer:.0f} ms, {peer / ours:.0f}×")
    for what, key in (("Optuna", "Optuna, journal"), ("MLflow", "MLflow, our runs")):
        verdict = "within" if all(own <= bar for own, bar in zip(costs[key], BARS[what], strict=True)) else "beyond"
        print(f"{what}: {verdict} {BARS[what][0]} ms a trial and {BARS[what][1]} ms an epoch")


if __name__ == "__main__":
    main()
