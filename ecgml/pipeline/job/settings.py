"""Settings of each command."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ecgml.calibration.settings import CalibrationSettings
from ecgml.config import Configuration, setting, validate
from ecgml.datasets.parallel import BACKENDS, n_cores
from ecgml.datasets.settings import AugmentationSettings, SplitSettings
from ecgml.errors import ConfigError
from ecgml.evaluation.settings import GateSettings
from ecgml.exploration.settings import ExplorationSettings
from ecgml.models.registry import DEFAULT_MODELS, model_names
from ecgml.models.settings import ModelSettings
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.schemes import HARMONISE_RULES, SCHEMES, scheme_named
from ecgml.service.address import is_local
from ecgml.training.settings import FitSettings

PROTOCOLS = ("kfold", "date", "source", "published")


@dataclass(frozen=True)
class DataSettings:
    """Which records to use, and how they are labelled."""

    data_dir: tuple[str, ...] = setting(
        (), "Folders to train on, comma-separated; by default the simulated demo cohort", metavar="DIR"
    )
    external_dir: tuple[str, ...] = setting(
        (), "Folders of a second cohort that is only ever tested on, comma-separated", metavar="DIR"
    )
    cache_dir: str = setting(
        "", "Folder of preprocessed records; by default ecgml in the user's cache folder", metavar="DIR"
    )
    scheme: str = setting(
        "groups", "Label scheme: a built-in one, or a YAML file of your own", metavar="|".join((*SCHEMES, "FILE.yaml"))
    )
    harmonise: str = setting(
        "sinus_rate",
        "Rule that harmonises labels of different sources, in training and validation",
        choices=HARMONISE_RULES,
    )
    demo_records: int = setting(1000, "Records of the simulated demo cohort", low=40, high=100_000)
    max_quarantined: float = setting(
        0.25, "Share of unusable files at which a cohort of 20 or more stops the job", low=0, high=1
    )
    jobs: int = setting(0, "Processes that read and preprocess; 0: one per core", low=0, high=1024)
    backend: str = setting(
        "loky",
        "Where those run: this machine's processes, or a Dask cluster (DASK_SCHEDULER_ADDRESS) on shared files",
        choices=BACKENDS,
    )

    def __post_init__(self) -> None:
        validate(self)
        # Its whole definition, not the path of a file that another machine does not have.
        object.__setattr__(self, "scheme", scheme_named(self.scheme).text)
        # A job may be resumed or read from another working directory.
        for name in ("data_dir", "external_dir"):
            object.__setattr__(
                self, name, tuple(str(Path(path).expanduser().absolute()) for path in getattr(self, name))
            )

    @property
    def cache_path(self) -> Path:
        """The cache folder."""
        if self.cache_dir:
            return Path(self.cache_dir).expanduser().absolute()
        base = os.environ.get("XDG_CACHE_HOME")
        return (Path(base) if base else Path.home() / ".cache") / "ecgml"

    @property
    def n_jobs(self) -> int:
        """Processes, at least one."""
        return self.jobs or n_cores()


@dataclass(frozen=True)
class JobSettings:
    """Which models to train, and their initial weights."""

    models: tuple[str, ...] = setting(DEFAULT_MODELS, "Models to train, comma-separated", choices=model_names)
    init_from: str = setting(
        "",
        "Earlier model to start from: a checkpoint folder, runs:/<a model's run id> or models:/<name>@<alias>; by "
        "default none",
        metavar="MODEL",
    )
    bootstrap: int = setting(2000, "Draws of the 95 % intervals", low=100, high=100_000)

    def __post_init__(self) -> None:
        validate(self)
        if self.init_from and is_local(self.init_from):
            # A job may be resumed or read from another working directory.
            object.__setattr__(self, "init_from", str(Path(self.init_from).expanduser().absolute()))
        if not self.models:
            raise ConfigError(f"models: none given; one or more of {', '.join(model_names())}")
        if len(set(self.models)) != len(self.models):
            raise ConfigError(f"models: {','.join(self.models)} names a model twice")


AUDIT_PARTS = ("shortcuts", "robustness")


@dataclass(frozen=True)
class AuditSettings:
    """Settings of an audit."""

    parts: tuple[str, ...] = setting(
        AUDIT_PARTS, "What to audit: shortcuts without an ECG; robustness of a model", choices=AUDIT_PARTS
    )

    folds: int = setting(10, "Folds of the cross-validation of shortcuts", low=2, high=50)
    bootstrap: int = setting(2000, "Draws of the 95 % intervals", low=100, high=100_000)
    seed: int = setting(0, "Seed of folds, shortcuts and perturbations", low=0)
    perturbed: int = setting(
        100, "Number of records of the model's test part to perturb, of all classes in turn", low=10, high=100_000
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class EvaluationSettings:
    """Settings of an evaluation."""

    bootstrap: int = setting(2000, "Draws of the 95 % intervals", low=100, high=100_000)
    seed: int = setting(0, "Seed of the draws", low=0)
    device: str = setting("auto", "auto, cpu, cuda, cuda:N or mps", metavar="DEVICE")
    explained: int = setting(32, "Number of records to explain (about 0.5 s each); 0: none", low=0, high=1000)

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class ProtocolSettings:
    """Settings of retraining on other splits."""

    splits: tuple[str, ...] = setting(
        (),
        "Retrain and test on other splits, comma-separated: k folds by patient, acquisition days held out, each "
        "source held out, published folds",
        choices=PROTOCOLS,
    )
    folds: int = setting(5, "Number of folds of kfold and date", low=2, high=50)
    epochs: int = setting(0, "Epochs of each retrained model; 0: as in the model's settings", low=0)
    folds_file: str = setting(
        "", "Published folds: a CSV file with records and fold (1-10), as ECGBench's; by default PTB-XL's own",
        metavar="FILE",
    )  # fmt: skip

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class PromotionSettings:
    """Settings of the comparison of challenger and champion."""

    on: str = setting("", "Compare on this data set instead of the challenger's test part", metavar="DIR")
    cache_dir: str = setting("", "Folder of preprocessed records; by default the challenger's own", metavar="DIR")
    jobs: int = setting(0, "Processes that read and preprocess; 0: one per core", low=0, high=1024)
    device: str = setting("auto", "auto, cpu, cuda, cuda:N or mps", metavar="DEVICE")

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True, kw_only=True)
class TrainConfiguration(Configuration):
    """The settings of `ecgml train`."""

    data: DataSettings
    job: JobSettings
    preprocessing: PreprocessingSettings
    split: SplitSettings
    model: ModelSettings
    augmentation: AugmentationSettings
    fit: FitSettings
    calibration: CalibrationSettings


@dataclass(frozen=True, kw_only=True)
class PrepareConfiguration(Configuration):
    """The settings of `ecgml prepare`."""

    data: DataSettings
    preprocessing: PreprocessingSettings


@dataclass(frozen=True, kw_only=True)
class ExploreConfiguration(PrepareConfiguration):
    """The settings of `ecgml explore`."""

    exploration: ExplorationSettings


@dataclass(frozen=True, kw_only=True)
class AuditConfiguration(PrepareConfiguration):
    """The settings of `ecgml audit`."""

    audit: AuditSettings


@dataclass(frozen=True, kw_only=True)
class EvaluateConfiguration(Configuration):
    """The settings of `ecgml evaluate`; preprocessing is the model's."""

    data: DataSettings
    evaluation: EvaluationSettings


@dataclass(frozen=True, kw_only=True)
class ProtocolConfiguration(EvaluateConfiguration):
    """The settings of `ecgml evaluate --splits`; everything else is the model's."""

    protocols: ProtocolSettings


@dataclass(frozen=True, kw_only=True)
class PromoteConfiguration(Configuration):
    """The settings of `ecgml promote`."""

    gate: GateSettings
    promotion: PromotionSettings
