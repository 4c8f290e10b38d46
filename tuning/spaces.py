"""Search spaces: pure functions from a trial to settings of `ecgml train`.

Users add their own as ``package.module:function``. A function that suggests numbers only (integers on a log scale, no
categories) serves every sampler, CMA-ES too.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.trial import BaseTrial

from ecgml.config import Configuration, nearest
from ecgml.errors import ConfigError

Space = Callable[[BaseTrial], dict[str, Any]]

N_PROBES = 16
"""Draws used to learn a space's parameters; enough to reach its branches."""


def default(trial: BaseTrial) -> dict[str, Any]:
    """Vary learning rate, batch size and GRU width by one or two orders of magnitude around the defaults."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 2e-2, log=True),
        "batch_size": trial.suggest_int("batch_size", 16, 256, log=True),
        "gru_width": trial.suggest_int("gru_width", 16, 256, log=True),
    }


def wide(trial: BaseTrial) -> dict[str, Any]:
    """Vary also the regularisation: dropout, weight decay, augmentation, clinical branch, label smoothing."""
    return default(trial) | {
        "dropout": trial.suggest_float("dropout", 0.0, 0.6),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 0.5, log=True),
        "augmentation": trial.suggest_float("augmentation", 0.0, 2.0),
        "clinical_width": trial.suggest_int("clinical_width", 8, 128, log=True),
        "label_smoothing": trial.suggest_float("label_smoothing", 0.0, 0.2),
    }


SPACES: dict[str, Space] = {"default": default, "wide": wide}


def space_named(name: str) -> Space:
    """Return a space by name, or a user's own by ``package.module:function``.

    Raises
    ------
    ConfigError
        If it does not exist.
    """
    if name in SPACES:
        return SPACES[name]
    module, separator, function = name.partition(":")
    if not separator:
        raise ConfigError(
            f"space: {name!r} is unknown{nearest(name, list(SPACES))}; one of {', '.join(SPACES)}, or your own as "
            "package.module:function"
        )
    try:
        space: Space = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"space: {name} cannot be imported: {error}") from None
    if not callable(space):
        raise ConfigError(f"space: {name} is not a function")
    return space


@dataclass(frozen=True)
class Probed:
    """A search space, learnt from draws.

    Parameters
    ----------
    parameters : mapping of str to BaseDistribution
        Distribution of each suggested parameter.
    draws : tuple of (mapping, mapping)
        Parameters, and the settings that the space makes of them, constants included; JSON values only.
    """

    parameters: Mapping[str, BaseDistribution]
    draws: tuple[tuple[dict[str, Any], dict[str, Any]], ...]


def probe(space: Space, configuration: Configuration) -> Probed:
    """Draw from a space to learn its parameters and settings, and check them.

    Parameters
    ----------
    space : callable
    configuration : Configuration
        Settings that the space's values override.

    Raises
    ------
    ConfigError
        If it returns no settings, or values out of bounds.
    """
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    parameters: dict[str, BaseDistribution] = {}
    draws = []
    for _ in range(N_PROBES):
        trial = study.ask()
        values = space(trial)
        if not isinstance(values, Mapping) or not values:
            raise ConfigError(f"space: returns {values!r}, expected a mapping of settings to values")
        try:
            settings = plain_settings(configuration, values)
        except ConfigError as error:
            raise ConfigError(f"space: {error}") from None
        parameters |= trial.distributions
        draws.append((dict(trial.params), settings))
    if not parameters:
        raise ConfigError("space: suggests nothing; call trial.suggest_float, suggest_int or suggest_categorical in it")
    return Probed(parameters, tuple(draws))


def plain_settings(configuration: Configuration, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a space's values as validated settings, in JSON types.

    Raises
    ------
    ConfigError
        If a name is not a setting or a value is out of bounds.
    """
    settings = configuration.changed(values).values_of(values)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


def describe_space(parameters: Mapping[str, BaseDistribution]) -> dict[str, str]:
    """Return each parameter's distribution as Optuna's JSON; equal for equal spaces."""
    return {name: distribution_to_json(parameters[name]) for name in sorted(parameters)}


def settings_of(space: Space, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a space's settings for given parameters.

    Raises
    ------
    ValueError
        If the space asks for another parameter.
    """
    return space(optuna.trial.FixedTrial(dict(params)))


def changed_settings(
    space: Space, configuration: Configuration, draws: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]
) -> dict[str, tuple[Any, Any]]:
    """Return the settings whose constants or formulas in a space have changed.

    Parameters
    ----------
    space : callable
        The current space.
    configuration : Configuration
    draws : sequence of (mapping, mapping)
        Of an earlier :class:`Probed`.

    Returns
    -------
    changed : dict of str to (Any, Any)
        Old and new value by setting, of the first draw that differs; None for an absent setting.
    """
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for params, before in draws:
        study.enqueue_trial(dict(params))  # parameters of another branch are drawn
        current = plain_settings(configuration, space(study.ask()))
        names = [name for name in sorted({*before, *current}) if before.get(name) != current.get(name)]
        if names:
            return {name: (before.get(name), current.get(name)) for name in names}
    return {}
