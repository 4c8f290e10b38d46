"""What a trial is worth: folds of whole patients, an encoder and a seed for each training, the kept epoch's value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import optuna
import pytest
import torch

from ecgml.config import resolve
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable
from ecgml.errors import TrainingError
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.schemes import scheme_named
from ecgml.training.fit import Fitted
from tests.datasets.tables import make_table
from tuning.objective import Objective, Repeat, make_repeats
from tuning.settings import TuneConfiguration

SMALL = {"trunk_width": "8", "trunk_stages": "1", "gru_width": "4", "clinical_width": "4", "device": "cpu"}
AGE = CLINICAL_NAMES.index("age")


def configuration_of(**options: str) -> TuneConfiguration:
    return resolve(TuneConfiguration, {**SMALL, "models": "baseline", "space": "tests.tuning.spaces:small", **options})


def repeats_of(**options: str) -> list[Repeat]:
    """Return the trainings of a trial on 120 records of 40 patients; half are train, a quarter val, a quarter test."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(40), 3)
    given = np.full((120, len(CLINICAL_NAMES)), np.nan, dtype=np.float32)
    given[:, AGE] = rng.uniform(20, 90, 120)
    table = make_table(rng.integers(0, 4, 120), patients=patients, blocks=patients, given=given)
    parts = np.repeat(["train", "val", "test"], [60, 30, 30])

    def part(name: str, *, usable: bool = True) -> RecordTable:
        assert name != "test"
        return table[parts == name]

    job = SimpleNamespace(part=part, pool=table[:0], scheme=scheme_named("groups"))
    windows = np.zeros((120, 12, 100), dtype=np.int16)
    cache = SimpleNamespace(windows=windows, n_valid=np.full(120, 100, dtype=np.int32))
    configuration = configuration_of(**options)
    return make_repeats(configuration.tune, configuration, job, WindowStore([cache], torch.device("cpu")))


def test_folds_keep_patients_whole_and_validate_every_record_once() -> None:
    repeats = repeats_of(folds="3")
    assert len(repeats) == 3
    for repeat in repeats:
        assert not set(repeat.data.train.blocks) & set(repeat.data.val.blocks)
        assert len(repeat.data.train) + len(repeat.data.val) == 90
    validated = np.concatenate([repeat.data.val.record_ids for repeat in repeats])
    assert sorted(validated) == sorted(f"cohort/{number}" for number in range(90))


@pytest.mark.parametrize("options", [{"folds": "3"}, {"seeds": "2"}, {}])
def test_each_training_has_an_encoder_of_its_own_training_records(options: dict[str, str]) -> None:
    repeats = repeats_of(**options)
    for repeat in repeats:
        ages = repeat.data.train.given[:, AGE].astype(np.float64)
        assert repeat.encoder.center[AGE] == pytest.approx(np.median(ages))
        assert repeat.encoder.scale[AGE] == pytest.approx(ages.std())
    if "folds" in options:
        assert len({repeat.encoder.center[AGE] for repeat in repeats}) > 1


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, torch.Tensor]]:
    """Return what is noted of each training, its seed and first weights, in place of which its history is made up.

    Of four epochs the second is kept; each training's values lie 0.1 above those of the one before.
    """
    noted: list[tuple[int, torch.Tensor]] = []

    def fit(
        model: torch.nn.Module, data: object, encoder: object, settings: object, *_: object, **__: object
    ) -> Fitted:
        above = 0.1 * len(noted)
        noted.append((settings.seed, next(model.parameters()).detach().clone()))
        values = ((0.9, 0.1), (0.2, 0.5), (0.4, 0.6), (0.1, 0.3))
        return Fitted([{"val_loss": loss + above, "val_macro_f1": f1 + above} for loss, f1 in values], best_epoch=1)

    monkeypatch.setattr("tuning.objective.fit", fit)
    return noted


def value_of(repeats: list[Repeat], **options: str) -> float:
    configuration = configuration_of(**options)
    objective = Objective(configuration.tune, configuration, lambda trial: {"gru_width": 4}, repeats)
    trial = optuna.trial.FixedTrial({})
    return objective(trial, objective.parameters(trial))


@pytest.mark.parametrize(("metric", "value"), [("val_loss", 0.2), ("val_macro_f1", 0.5)])
def test_value_is_that_of_the_epoch_whose_weights_are_kept(fitted: list, metric: str, value: float) -> None:
    assert value_of(repeats_of(), metric=metric) == pytest.approx(value)


class WorthlessTrial(optuna.trial.FixedTrial):
    """A trial that a pruner would end at any epoch."""

    def should_prune(self) -> bool:
        return True


@pytest.mark.parametrize("n_epochs", [1, 2, 3])
def test_a_trial_is_pruned_before_its_last_epoch_or_finishes(monkeypatch: pytest.MonkeyPatch, n_epochs: int) -> None:
    """After the last epoch there is nothing left to save, and its value is known."""

    def fit(*_: object, on_epoch: Callable[[int, dict[str, float]], bool]) -> Fitted:
        history: list[dict[str, float]] = []
        while len(history) < n_epochs:
            history.append({"val_macro_f1": 0.5})
            if on_epoch(len(history) - 1, history[-1]):
                return Fitted(history, best_epoch=0, stopped="callback")
        return Fitted(history, best_epoch=0)

    monkeypatch.setattr("tuning.objective.fit", fit)
    configuration = configuration_of(epochs=str(n_epochs))
    objective = Objective(configuration.tune, configuration, lambda trial: {"gru_width": 4}, repeats_of())
    if n_epochs == 1:
        assert objective(WorthlessTrial({}), {"gru_width": 4}) == 0.5
    else:
        with pytest.raises(optuna.TrialPruned, match=f"after 1 of {n_epochs} epochs"):
            objective(WorthlessTrial({}), {"gru_width": 4})


def test_value_of_several_trainings_is_their_mean(fitted: list) -> None:
    assert value_of(repeats_of(seeds="3"), seeds="3", metric="val_loss") == pytest.approx(0.3)
    fitted.clear()
    assert value_of(repeats_of(folds="3"), folds="3", metric="val_macro_f1") == pytest.approx(0.6)


def test_each_seed_begins_with_weights_of_its_own(fitted: list) -> None:
    value_of(repeats_of(seeds="3"), seeds="3", seed="7")
    assert [seed for seed, _ in fitted] == [7, 8, 9]
    assert not any(torch.equal(fitted[0][1], weights) for _, weights in fitted[1:])


def test_folds_begin_alike(fitted: list) -> None:
    """What differs between two folds' values is the data."""
    value_of(repeats_of(folds="3"), folds="3", seed="7")
    assert [seed for seed, _ in fitted] == [7, 7, 7]
    assert all(torch.equal(fitted[0][1], weights) for _, weights in fitted[1:])


def test_a_value_that_is_not_finite_fails_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Fitted([{"val_macro_auroc": float("nan")}], best_epoch=0)
    monkeypatch.setattr("tuning.objective.fit", lambda *_, **__: nothing)
    repeats = repeats_of()
    with pytest.raises(TrainingError, match="val_macro_auroc is nan"):
        value_of([replace(repeats[0])], metric="val_macro_auroc")
