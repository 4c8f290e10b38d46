"""Search spaces of these tests' own: small models, and ones that fail."""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial


def small(trial: BaseTrial) -> dict[str, Any]:
    """Models that train in a second."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 2e-2, log=True),
        "batch_size": trial.suggest_int("batch_size", 8, 24, log=True),
        "gru_width": trial.suggest_int("gru_width", 4, 8, log=True),
    }


def by_exponent(trial: BaseTrial) -> dict[str, Any]:
    """A space whose parameters are not the settings themselves."""
    return {"learning_rate": 10.0 ** trial.suggest_int("exponent", -4, -2), "gru_width": 4}


def diverging(trial: BaseTrial) -> dict[str, Any]:
    """A decay that multiplies every weight by 1 - 10 · 10 = -99 in a step: the loss is soon not finite."""
    return {
        "weight_decay": trial.suggest_categorical("weight_decay", [0.05, 10.0]),
        "learning_rate": 10.0,
        "batch_size": 4,
        "gru_width": 4,
    }


def misspelt(trial: BaseTrial) -> dict[str, Any]:
    """A space that sets what is no setting."""
    return {"learnin_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2)}


def out_of_bounds(trial: BaseTrial) -> dict[str, Any]:
    """A space that goes beyond what a setting may be."""
    return {"dropout": trial.suggest_float("dropout", 0.95, 0.99)}


def empty(trial: BaseTrial) -> dict[str, Any]:
    """A space that searches nothing."""
    return {"dropout": 0.1}
