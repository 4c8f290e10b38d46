"""Which of the winner's trainings is handed over: the best by validation, and it alone is tested."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest
import torch

from ecgml.config import resolve
from ecgml.errors import EcgmlError
from ecgml.pipeline.job.console import Console
from ecgml.training.fit import Fitted
from tuning import winner
from tuning.queue import SETTINGS
from tuning.settings import StudyPlan, TuneConfiguration

LOSSES = (0.5, 0.3, 0.9)
"""Of three seeds, at the epoch that was kept."""


class Handed:
    """What was tested and registered."""

    def __init__(self) -> None:
        self.tested: list[int] = []
        self.registered: list[str] = []
        self.metrics: dict[str, float] = {}
        self.seeds: list[int] = []
        self.rates: list[float] = []


class Job:
    """Data whose test part nobody but the judge may ask for."""

    caches = ()

    def part(self, name: str, *, usable: bool = True) -> None:
        raise EcgmlError(f"the {name} part was asked for")


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Handed:
    """Put made-up trainings in place of the real ones, and note what becomes of them."""
    done = Handed()

    def fit_model(name: str, own: object, *_: object) -> tuple[object, object]:
        number = len(done.seeds)
        done.seeds.append(own.fit.seed)
        done.rates.append(own.fit.learning_rate)
        history = [{"val_loss": loss, "val_macro_f1": 1 - loss} for loss in (0.01, LOSSES[number], 0.02)]
        trained = winner.Trained(name, torch.nn.Identity(), None, None, Fitted(history, best_epoch=1))
        trained.model.number = number
        return trained, tmp_path / "state"

    def judge_model(trained: winner.Trained, *_: object) -> tuple[object, str]:
        done.tested.append(trained.model.number)
        return SimpleNamespace(scores={"test": SimpleNamespace(flat=lambda prefix: {})}), f"m-{trained.model.number}"

    def register(model_id: str, *_: object) -> str:
        done.registered.append(model_id)
        return "1"

    @contextlib.contextmanager
    def open_run(experiment: str, name: str | None = None, run_id: str | None = None, **_: object) -> Iterator[object]:
        yield SimpleNamespace(info=SimpleNamespace(run_id=run_id or f"run {len(done.seeds)}"))

    def tracker(run_id: str) -> object:
        return SimpleNamespace(run_id=run_id, metrics=done.metrics.update, tags=lambda tags: None)

    study_run = SimpleNamespace(data=SimpleNamespace(tags={}))
    for name, value in {
        "fit_model": fit_model,
        "judge_model": judge_model,
        "register": register,
        "open_run": open_run,
        "Tracker": tracker,
        "read_run": lambda run_id: study_run,
        "WindowStore": lambda *_: None,
        "best_of": lambda study: SimpleNamespace(
            number=4, params={"exponent": -3}, user_attrs={SETTINGS: {"learning_rate": 1e-3}}
        ),
    }.items():
        monkeypatch.setattr(winner, name, value)
    return done


@pytest.mark.parametrize("metric", ["val_loss", "val_macro_f1"])
def test_the_best_by_validation_is_handed_over_and_it_alone_is_tested(handed: Handed, metric: str) -> None:
    """By the kept epoch's value, not by a better one that was not kept, and whichever way the metric goes."""
    options = {"metric": metric, "finalise": "3", "seed": "20", "models": "fusion"}
    configuration = resolve(TuneConfiguration, options)
    plan = StudyPlan(configuration, address="", digest="", experiment_id="0", run_id="study")
    winner.finalise(optuna.create_study(), plan, Job(), torch.device("cpu"), Console(io.StringIO()))
    assert handed.tested == [1]
    assert handed.registered == ["m-1"]
    assert handed.seeds == [20, 21, 22]
    assert handed.rates == [1e-3] * 3  # as the trial ran
    values = LOSSES if metric == "val_loss" else [1 - loss for loss in LOSSES]
    assert handed.metrics[f"winner_{metric}_mean"] == pytest.approx(sum(values) / 3)
    assert handed.metrics[f"winner_{metric}_low"] == pytest.approx(min(values))
    assert handed.metrics[f"winner_{metric}_high"] == pytest.approx(max(values))
