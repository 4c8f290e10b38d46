"""One trial: the training of `ecgml train`, on data shared by all trials of a process."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.trial import BaseTrial
from sklearn.model_selection import StratifiedGroupKFold

from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable
from ecgml.errors import TrainingError
from ecgml.pipeline.job.data import JobData
from ecgml.pipeline.job.fitting import training_data
from ecgml.pipeline.job.start import initial_model
from ecgml.training.data import TrainingData, fit_encoder
from ecgml.training.fit import fit
from tuning.settings import TuneConfiguration, TuneSettings
from tuning.spaces import Space

Record = Callable[[Mapping[str, float], int], None]
"""Called with (metrics, step from 1)."""


@dataclass(frozen=True, eq=False)
class Repeat:
    """One of a trial's trainings: its data, encoder and seed offset."""

    data: TrainingData
    encoder: ClinicalEncoder
    seed_offset: int


def make_repeats(
    tune: TuneSettings, configuration: TuneConfiguration, job: JobData, store: WindowStore
) -> list[Repeat]:
    """Return the trainings of each trial: one, or one for each seed or fold.

    They contain train and val only.

    Parameters
    ----------
    tune : TuneSettings
    configuration : TuneConfiguration
    job : JobData
    store : WindowStore

    Raises
    ------
    TrainingError
        If there are too few records to train on or to divide into folds.
    """
    data = training_data(configuration, job, store)
    if tune.folds == 1:
        encoder = fit_encoder(data.train)
        return [Repeat(data, encoder, offset) for offset in range(tune.seeds)]
    both = RecordTable.join([data.train, data.val])
    n_groups = len(np.unique(both.blocks))
    if n_groups < tune.folds:
        raise TrainingError(f"folds: {tune.folds} of {n_groups} independent groups of records; reduce folds")
    divided = StratifiedGroupKFold(tune.folds, shuffle=True, random_state=configuration.split.split_seed)
    repeats = []
    for inner, outer in divided.split(both.y_harmonised, both.y_harmonised, both.blocks):
        fold = TrainingData(store, both[inner], both[outer], data.simulated, data.n_classes, data.fs)
        repeats.append(Repeat(fold, fit_encoder(fold.train), 0))
    return repeats


class Objective:
    """Train a trial and return its value: the metric at the epoch whose weights are kept, averaged over trainings.

    Parameters
    ----------
    tune : TuneSettings
    configuration : TuneConfiguration
        Settings that the space's values override.
    space : callable
    repeats : sequence of Repeat
    """

    def __init__(
        self, tune: TuneSettings, configuration: TuneConfiguration, space: Space, repeats: Sequence[Repeat]
    ) -> None:
        self._tune = tune
        self._configuration = configuration
        self._space = space
        self._repeats = repeats

    def parameters(self, trial: BaseTrial) -> dict[str, Any]:
        """Return the settings that the space proposes for a trial."""
        return dict(self._space(trial))

    def __call__(self, trial: BaseTrial, parameters: Mapping[str, Any], record: Record = lambda *_: None) -> float:
        """Train a trial and return its value.

        Parameters
        ----------
        trial : Trial
        parameters : mapping
            Settings by name.
        record : callable, optional
            Called with every epoch's metrics.

        Raises
        ------
        optuna.TrialPruned
            If the pruner ends it.
        EcgmlError
            If the settings are invalid or the loss is not finite.
        """
        configuration = self._configuration.changed(parameters)
        values: list[float] = []
        for index, repeat in enumerate(self._repeats):
            values.append(self._train(trial, configuration, index, repeat, record))
            if len(self._repeats) > 1:
                # Wilcoxon pairs the trainings of two trials; other pruners compare running means.
                is_paired = self._tune.pruner_name == "wilcoxon"
                trial.report(values[-1] if is_paired else float(np.mean(values)), index)
                if index + 1 < len(self._repeats) and trial.should_prune():
                    raise optuna.TrialPruned(f"after {index + 1} of {len(self._repeats)} trainings")
        if len(values) > 1:
            record({f"{self._tune.metric}_sd": float(np.std(values, ddof=1))}, len(values))
        return float(np.mean(values))

    def _train(
        self, trial: BaseTrial, configuration: TuneConfiguration, index: int, repeat: Repeat, record: Record
    ) -> float:
        configuration = configuration.changed({"seed": configuration.fit.seed + repeat.seed_offset})
        settings, metric = configuration.fit, self._tune.metric

        def on_epoch(epoch: int, metrics: dict[str, float]) -> bool:
            record(metrics, index * settings.epochs + epoch + 1)
            if len(self._repeats) > 1 or not math.isfinite(metrics[metric]):
                return False
            trial.report(metrics[metric], epoch)
            return epoch + 1 < settings.epochs and trial.should_prune()  # after the last epoch pruning saves nothing

        name = configuration.job.models[0]
        model = initial_model(name, configuration, repeat.encoder, repeat.data, None).to(repeat.data.store.device)
        fitted = fit(model, repeat.data, repeat.encoder, settings, configuration.augmentation, on_epoch=on_epoch)
        if fitted.stopped == "callback":
            raise optuna.TrialPruned(f"after {len(fitted.history)} of {settings.epochs} epochs")
        value = fitted.history[fitted.best_epoch][metric]
        if not math.isfinite(value):
            raise TrainingError(
                f"{metric} is {value}: a class is absent from the validation part, or the model diverged"
            )
        return value
