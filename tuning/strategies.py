"""Samplers and pruners by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

N_STARTUP = 5
"""Trials before samplers use a model and pruners compare."""

SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, n_startup_trials=N_STARTUP),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed, n_startup_trials=N_STARTUP),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    # CMA-ES cannot sample categorical or conditional parameters; they are drawn at random, without a warning each.
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(
        seed=seed, n_startup_trials=N_STARTUP, warn_independent_sampling=False
    ),
}

PRUNERS: dict[str, Callable[[int], BasePruner]] = {
    "median": lambda n_steps: optuna.pruners.MedianPruner(n_startup_trials=N_STARTUP, n_warmup_steps=n_steps // 10),
    "halving": lambda n_steps: optuna.pruners.SuccessiveHalvingPruner(
        min_resource=max(1, n_steps // 9), reduction_factor=3
    ),
    "hyperband": lambda n_steps: optuna.pruners.HyperbandPruner(
        min_resource=max(1, n_steps // 9), max_resource=max(2, n_steps), reduction_factor=3
    ),
    "patient": lambda n_steps: optuna.pruners.PatientPruner(
        optuna.pruners.MedianPruner(n_startup_trials=N_STARTUP), patience=max(1, n_steps // 10)
    ),
    "none": lambda n_steps: optuna.pruners.NopPruner(),
    # Three trainings, each worse than the best trial's, are the fewest that can decide: p = 1/8.
    "wilcoxon": lambda n_steps: optuna.pruners.WilcoxonPruner(p_threshold=0.15),
}

DEFAULT_PRUNER = "hyperband"
"""With TPE the cheapest of those that rarely prune the best trial (benchmarks/pruning.py, docs/tuning.md)."""


def make_sampler(name: str, seed: Sequence[int]) -> BaseSampler:
    """Return a sampler.

    Parameters
    ----------
    name : str
        Of :data:`SAMPLERS`.
    seed : sequence of int
        The study's seed and the number of its next trial: the study of a single worker can be repeated, a resumed one
        does not draw again what it drew before, and workers do not draw the same.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return SAMPLERS[name](int(np.random.SeedSequence(list(seed)).generate_state(1)[0]))


def make_pruner(name: str, n_steps: int) -> BasePruner:
    """Return a pruner for trials of ``n_steps`` epochs or trainings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return PRUNERS[name](n_steps)
