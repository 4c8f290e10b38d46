"""Search spaces: a space is a pure function from a trial to settings of `ecgml train` by name.

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
"""Draws that show a space's parameters; enough to enter the branches of a space that has some."""


def default(trial: BaseTrial) -> dict[str, Any]:
    """Learning rate, batch size and GRU width: an order of magnitude or two around the defaults."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 2e-2, log=True),
        "batch_size": trial.suggest_int("batch_size", 16, 256, log=True),
        "gru_width": trial.suggest_int("gru_width", 16, 256, log=True),
    }


def wide(trial: BaseTrial) -> dict[str, Any]:
    """Those, and what regularises: dropout, weight decay, augmentation, clinical branch, label smoothing."""
    return default(trial) | {
        "dropout": trial.suggest_float("dropout", 0.0, 0.6),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 0.5, log=True),
        "augmentation": trial.suggest_float("augmentation", 0.0, 2.0),
        "clinical_width": trial.suggest_int("clinical_width", 8, 128, log=True),
        "label_smoothing": trial.suggest_float("label_smoothing", 0.0, 0.2),
    }


SPACES: dict[str, Space] = {"default": default, "wide": wide}


def space_named(name: str) -> Space:
    """Return a space by its name, or a user's own by ``package.module:function``.

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
        raise ConfigError(f"space: {name} is no function")
    return space


@dataclass(frozen=True)
class Probed:
    """A space as draws from it show it.

    Parameters
    ----------
    parameters : mapping of str to BaseDistribution
        What it suggests, by name.
    draws : tuple of (mapping, mapping)
        Parameters, and the settings that the space makes of them, constants included; JSON values only.
    """

    parameters: Mapping[str, BaseDistribution]
    draws: tuple[tuple[dict[str, Any], dict[str, Any]], ...]


def probe(space: Space, configuration: Configuration) -> Probed:
    """Draw from a space to learn its parameters and the settings it makes of them; check these.

    Parameters
    ----------
    space : callable
    configuration : Configuration
        What its values are put into.

    Raises
    ------
    ConfigError
        If it returns no settings, or values out of their bounds.
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
    """Return a space's values as the settings they become, as JSON keeps them.

    Raises
    ------
    ConfigError
        If one is no setting, or out of its bounds.
    """
    settings = configuration.changed(values).values_of(values)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


def describe_space(parameters: Mapping[str, BaseDistribution]) -> dict[str, str]:
    """Return each parameter's distribution as Optuna writes it; equal for equal spaces."""
    return {name: distribution_to_json(parameters[name]) for name in sorted(parameters)}


def settings_of(space: Space, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a space makes of a trial's parameters.

    Raises
    ------
    ValueError
        If the space asks for a parameter that is not among them.
    """
    return space(optuna.trial.FixedTrial(dict(params)))


def changed_settings(
    space: Space, configuration: Configuration, draws: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]
) -> dict[str, tuple[Any, Any]]:
    """Return the settings that a space makes otherwise than it did: constants and formulas, not distributions.

    Parameters
    ----------
    space : callable
        As it is now.
    configuration : Configuration
    draws : sequence of (mapping, mapping)
        Of :class:`Probed`, from before.

    Returns
    -------
    changed : dict of str to (Any, Any)
        Value then and now by setting, of the first draw that differs; None where a setting is absent.
    """
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for params, before in draws:
        study.enqueue_trial(dict(params))  # what another branch asks for beside these is drawn
        now = plain_settings(configuration, space(study.ask()))
        names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
        if names:
            return {name: (before.get(name), now.get(name)) for name in names}
    return {}
