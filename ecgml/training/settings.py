"""Settings of fitting."""

from __future__ import annotations

from dataclasses import dataclass

from ecgml.config import setting, validate
from ecgml.evaluation.metric_table import monitors


@dataclass(frozen=True)
class FitSettings:
    """How a model is fitted."""

    epochs: int = setting(50, "Most passes over the training records", low=1, high=100_000)
    min_epochs: int = setting(15, "Epochs before early stopping may stop", low=1)
    patience: int = setting(12, "Epochs without improvement before training stops", low=1)
    monitor: str = setting("val_loss", "Metric of early stopping and of the best checkpoint", choices=monitors)
    batch_size: int = setting(64, "Records per step", low=1, high=65_536)
    learning_rate: float = setting(2e-3, "Peak learning rate of AdamW", above=0, high=10)
    weight_decay: float = setting(0.05, "Weight decay of AdamW, on weight matrices only", low=0, high=10)
    warmup: float = setting(0.1, "Share of the steps in which the learning rate rises", low=0, high=0.9)
    balance: float = setting(1.0, "Weighted sampling: 0 as the classes are, 1 every class equally often", low=0, high=1)
    label_smoothing: float = setting(
        0.05, "Label smoothing: share of the target spread over all classes", low=0, high=0.5
    )
    clip_norm: float = setting(1.0, "Largest norm of the gradient", above=0)
    ema_decay: float = setting(
        0.995, "Decay a step of the averaged weights that are kept; 0 keeps the last", low=0, high=0.99999
    )
    seed: int = setting(0, "Seed of weights, sampling, augmentation and dropout", low=0, high=2**31)
    device: str = setting("auto", "auto, cpu, cuda, cuda:N or mps", metavar="DEVICE")
    precision: str = setting("auto", "auto: bfloat16 if the device benefits", choices=("auto", "float32", "bfloat16"))

    compile: bool = setting(False, "Compile the network (torch.compile): worth it in long trainings on a GPU")

    def __post_init__(self) -> None:
        validate(self)
