"""Settings of a study and the plan that its workers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ecgml.config import Configuration, setting, validate
from ecgml.errors import ConfigError
from ecgml.evaluation.metric_table import monitors
from ecgml.models.registry import DEFAULT_MODELS, model_names
from ecgml.pipeline.job.settings import JobSettings, TrainConfiguration
from tuning.spaces import SPACES
from tuning.strategies import DEFAULT_PRUNER, PRUNERS, SAMPLERS


@dataclass(frozen=True)
class TuneSettings:
    """Settings of a study."""

    study: str = setting("ecg-rhythm", "Name of the study; a study of that name is resumed")
    n_trials: int = setting(30, "Total number of trials, over all workers, hosts and restarts", low=1, high=1_000_000)
    space: str = setting("default", f"Search space: {', '.join(SPACES)}, or your own as package.module:function")
    metric: str = setting("val_macro_f1", "Validation metric to optimise", choices=monitors)
    sampler: str = setting(
        "tpe", "Sampler that proposes parameters (compared in docs/tuning.md)", choices=tuple(SAMPLERS)
    )
    pruner: str = setting(
        "auto",
        f"Ends unpromising trials; auto: {DEFAULT_PRUNER} within a training, wilcoxon between seeds or folds",
        choices=("auto", *PRUNERS),
    )
    storage: str = setting(
        "",
        "Storage of the study: a file (journal), sqlite:///… or postgresql://…; by default studies/<study>.journal",
    )
    jobs: int = setting(1, "Processes on this machine, for trials and for preprocessing", low=0, high=1024)
    seeds: int = setting(1, "Number of seeds to train each trial with; its value is the mean", low=1, high=100)
    folds: int = setting(
        1, "Number of folds of train and val to train each trial on; its value is the mean", low=1, high=20
    )
    finalise: int = setting(
        0,
        "Train the winner on this many seeds, test the best once, register it as challenger; 0 for none",
        low=0,
        high=50,
    )

    def __post_init__(self) -> None:
        validate(self)
        if not self.study.strip() or "/" in self.study:
            raise ConfigError(f"study: {self.study!r} is not a valid name; use letters, digits, dots and dashes")
        if self.seeds > 1 and self.folds > 1:
            raise ConfigError(f"folds: {self.folds} and seeds {self.seeds}; set only one of them above 1")
        if self.pruner == "wilcoxon" and self.n_repeats < 3:
            raise ConfigError(
                "pruner: wilcoxon compares repeated trainings of a trial; give --seeds or --folds of 3 or more"
            )

    @property
    def n_repeats(self) -> int:
        """Number of trainings of a trial."""
        return max(self.seeds, self.folds)

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """``"maximize"`` or ``"minimize"``."""
        return "minimize" if monitors()[self.metric] else "maximize"

    @property
    def pruner_name(self) -> str:
        """Name of the pruner, with ``auto`` resolved."""
        if self.pruner != "auto":
            return self.pruner
        return DEFAULT_PRUNER if self.n_repeats == 1 else "wilcoxon" if self.n_repeats > 2 else "none"


@dataclass(frozen=True)
class TrialSettings(JobSettings):
    """Settings of a trial's model, which starts untrained."""

    models: tuple[str, ...] = setting(DEFAULT_MODELS[:1], "Model to tune", choices=model_names)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.models) > 1:
            raise ConfigError(f"models: {','.join(self.models)}; a study tunes one model, choose one")
        if self.init_from:
            raise ConfigError(f"init_from: {self.init_from}; trials of a study start untrained, leave it out")


@dataclass(frozen=True, kw_only=True)
class _Study(Configuration):
    tune: TuneSettings


@dataclass(frozen=True, kw_only=True)
class TuneConfiguration(TrainConfiguration, _Study):
    """Settings of `python -m tuning`: the study's and all of `ecgml train`."""

    job: TrialSettings


@dataclass(frozen=True)
class StudyPlan:
    """Everything that a worker needs; passed between processes.

    Parameters
    ----------
    configuration : TuneConfiguration
        Its ``storage`` has no password.
    address : str
        Of the storage.
    digest : str
        Of the data.
    experiment_id, run_id : str
        Of the study's run.
    """

    configuration: TuneConfiguration
    address: str
    digest: str
    experiment_id: str
    run_id: str

    @property
    def tune(self) -> TuneSettings:
        """The study's own settings."""
        return self.configuration.tune
