"""Search spaces: pure functions that suggest settings."""

from __future__ import annotations

import json
from typing import Any

import optuna
import pytest

from ecgml.config import resolve
from ecgml.errors import ConfigError
from ecgml.pipeline.job.settings import TrainConfiguration
from tests.tuning.spaces import by_exponent
from tuning.spaces import (
    SPACES,
    Space,
    changed_settings,
    default,
    describe_space,
    probe,
    settings_of,
    space_named,
    wide,
)
from tuning.strategies import SAMPLERS, make_sampler

CONFIGURATION = resolve(TrainConfiguration, {})

FIXED = {
    "learning_rate": 3e-3, "batch_size": 32, "gru_width": 48, "dropout": 0.3, "weight_decay": 0.01,
    "augmentation": 1.5, "clinical_width": 16, "label_smoothing": 0.1,
}  # fmt: skip


def test_default_space_is_learning_rate_batch_size_and_gru_width() -> None:
    chosen = {name: FIXED[name] for name in ("learning_rate", "batch_size", "gru_width")}
    assert default(optuna.trial.FixedTrial(chosen)) == chosen


def test_wide_space_adds_what_regularises() -> None:
    assert wide(optuna.trial.FixedTrial(FIXED)) == FIXED


@pytest.mark.parametrize("name", sorted(SPACES))
def test_spaces_give_settings_within_their_bounds(name: str) -> None:
    parameters = probe(SPACES[name], CONFIGURATION).parameters
    corners = [{key: getattr(one, end) for key, one in parameters.items()} for end in ("low", "high")]
    for corner in corners:
        changed = CONFIGURATION.changed(settings_of(SPACES[name], corner))
        assert changed.values_of(corner) == pytest.approx(corner)


def test_learning_rate_is_searched_on_a_log_scale() -> None:
    assert probe(default, CONFIGURATION).parameters["learning_rate"].log


@pytest.mark.parametrize("name", sorted(SPACES))
@pytest.mark.parametrize(
    "sampler", [pytest.param(one, marks=pytest.mark.slow if one == "gp" else ()) for one in sorted(SAMPLERS)]
)
def test_every_sampler_serves_every_space(name: str, sampler: str) -> None:
    study = optuna.create_study(direction="maximize")
    for number in range(12):
        study.sampler = make_sampler(sampler, (0, number))
        trial = study.ask()
        values = SPACES[name](trial)
        study.tell(trial, -abs(values["learning_rate"] - 1e-3))
    # A Gaussian process returns to a corner that it takes for the best.
    assert len({trial.params["learning_rate"] for trial in study.trials}) >= 8


def test_a_users_space_is_found_by_its_name() -> None:
    space = space_named("tests.tuning.spaces:by_exponent")
    assert settings_of(space, {"exponent": -3}) == {"learning_rate": pytest.approx(1e-3), "gru_width": 4}


def test_equal_spaces_are_described_alike_and_others_are_not() -> None:
    described = {name: describe_space(probe(space, CONFIGURATION).parameters) for name, space in SPACES.items()}
    assert described["default"] == describe_space(probe(default, CONFIGURATION).parameters)
    assert described["default"] != described["wide"]


def test_what_a_space_makes_of_the_same_parameters_is_compared() -> None:
    """Distributions of both are equal; a constant or a formula is not."""

    def shifted(trial: optuna.trial.BaseTrial) -> dict[str, Any]:
        return {**by_exponent(trial), "gru_width": 8}

    def halved(trial: optuna.trial.BaseTrial) -> dict[str, Any]:
        return {**by_exponent(trial), "learning_rate": 10.0 ** trial.suggest_int("exponent", -4, -2) / 2}

    probed = probe(by_exponent, CONFIGURATION)
    draws = json.loads(json.dumps(probed.draws))
    assert changed_settings(by_exponent, CONFIGURATION, draws) == {}
    assert changed_settings(shifted, CONFIGURATION, draws) == {"gru_width": (4, 8)}
    params, before = draws[0]
    differing = changed_settings(halved, CONFIGURATION, draws)
    assert differing == {"learning_rate": (before["learning_rate"], 10.0 ** params["exponent"] / 2)}
    assert describe_space(probe(shifted, CONFIGURATION).parameters) == describe_space(probed.parameters)

    def shifted_elsewhere(trial: optuna.trial.BaseTrial) -> dict[str, Any]:
        values = by_exponent(trial)
        return values if trial.params == params else {**values, "gru_width": 8}

    assert changed_settings(shifted_elsewhere, CONFIGURATION, draws) == {"gru_width": (4, 8)}


def test_a_branch_that_is_taken_elsewhere_is_a_change() -> None:
    """Parameters of both are the same; between the two limits one asks for the learning rate, the other does not."""

    def branching(limit: float) -> Space:
        def space(trial: optuna.trial.BaseTrial) -> dict[str, Any]:
            settings = {"dropout": trial.suggest_float("dropout", 0.0, 0.6)}
            if settings["dropout"] > limit:
                settings["learning_rate"] = trial.suggest_float("learning_rate", 1e-4, 1e-2)
            return settings

        return space

    for before, now in ((0.4, 0.2), (0.2, 0.4)):
        draws = json.loads(json.dumps(probe(branching(before), CONFIGURATION).draws))
        assert changed_settings(branching(before), CONFIGURATION, draws) == {}
        assert list(changed_settings(branching(now), CONFIGURATION, draws)) == ["learning_rate"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("defalt", r"space: 'defalt' is unknown, did you mean 'default'\?; one of default, wide"),
        ("tests.nowhere:space", "space: tests.nowhere:space cannot be imported"),
        ("tests.tuning.spaces:nothing", "cannot be imported: .*nothing"),
        ("tests.tuning.spaces:misspelt", "space: unknown setting 'learnin_rate', did you mean 'learning_rate'"),
        ("tests.tuning.spaces:out_of_bounds", "space: dropout: .* is too large, at most 0.9"),
        ("tests.tuning.spaces:empty", "space: suggests nothing"),
    ],
)
def test_bad_spaces_are_refused_before_anything_starts(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        probe(space_named(name), CONFIGURATION)
