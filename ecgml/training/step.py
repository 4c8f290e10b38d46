"""One step of gradient descent, on a CUDA device replayed as a graph."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgml.datasets.augmentation import AugmentedBatch, augment
from ecgml.datasets.batch import upload
from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.datasets.settings import AugmentationSettings
from ecgml.training.data import TrainingData
from ecgml.training.device import choose_precision
from ecgml.training.settings import FitSettings

EAGER_STEPS = 3
"""Steps before a graph is recorded: cuDNN and the optimiser allocate what they keep."""


class _Inputs(NamedTuple):
    """What a step reads; legend of shapes in :class:`AugmentedBatch`."""

    source: Tensor
    timing: Tensor
    n_valid: Tensor
    exchange: Tensor | None
    clinical: Tensor
    labels: Tensor


class TrainingStep:
    """Load, augment, forward, backward and optimiser step of batches that are all of one size.

    On a CPU a step runs as it is written. On a CUDA device the first ones do, then one is recorded as a CUDA graph and
    replayed: some 600 kernels of a few microseconds each, which Python could not launch as fast as the device ends them
    (10 times as long an epoch, ``benchmarks/gpu.py``). Nothing in a step waits for the device.

    Parameters
    ----------
    model : Module
        In training mode whenever a step is taken.
    optimiser : Optimizer
        See :func:`make_optimiser`.
    data : TrainingData
    encoder : ClinicalEncoder
    settings : FitSettings
    augmentation : AugmentationSettings

    Attributes
    ----------
    loss_sum, n_right : Tensor, shape ()
        Sum of the records' losses and number of right answers, each before its step, since :meth:`reset`; on the
        device.
    """

    def __init__(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        data: TrainingData,
        encoder: ClinicalEncoder,
        settings: FitSettings,
        augmentation: AugmentationSettings,
    ) -> None:
        self._model, self._optimiser, self._data, self._encoder = model, optimiser, data, encoder
        self._settings, self._augmentation = settings, augmentation
        self._device = data.store.device
        self._precision = choose_precision(settings.precision, self._device)
        self._forward = torch.compile(model, dynamic=False) if settings.compile else model
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=self._device)
        self.n_right = torch.zeros((), dtype=torch.int64, device=self._device)
        self._n_steps = 0
        self._recorded: tuple[torch.cuda.CUDAGraph, _Inputs, Tensor] | None = None

    def reset(self) -> None:
        """Begin an epoch."""
        self.loss_sum.zero_()
        self.n_right.zero_()

    def __call__(self, learning_rate: float, batch: AugmentedBatch) -> Tensor:
        """Take a step; return the batch's mean loss before it, shape (), on the device, valid until the next step."""
        for group in self._optimiser.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(learning_rate)
            else:
                group["lr"] = learning_rate
        inputs = self._upload(batch)
        if self._device.type != "cuda":
            return self._step(inputs, torch.Generator(self._device).manual_seed(batch.seed))
        self._n_steps += 1
        if self._n_steps <= EAGER_STEPS:
            return self._beside(inputs)
        if self._recorded is None:
            self._recorded = self._record(inputs)
        graph, static, loss = self._recorded
        for own, value in zip(static, inputs, strict=True):
            if own is not None and value is not None:
                own.copy_(value, non_blocking=True)
        graph.replay()
        return loss

    def _upload(self, batch: AugmentedBatch) -> _Inputs:
        source, clinical = self._data.store.source(batch.windows), self._encoder.encode(batch.clinical)
        arrays = (source, batch.timing, batch.n_valid, batch.exchange, clinical, batch.labels)
        return _Inputs._make(None if array is None else upload(array, self._device) for array in arrays)

    def _step(self, inputs: _Inputs, generator: torch.Generator | None = None) -> Tensor:
        settings, labels = self._settings, inputs.labels
        waveform, mask = augment(
            self._data.store.waveforms(inputs.source), inputs.timing, inputs.n_valid, inputs.exchange,
            self._data.fs, self._augmentation, generator,
        )  # fmt: skip
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._precision == torch.bfloat16):
            logits = self._forward(waveform, mask, inputs.clinical)
        loss = functional.cross_entropy(logits, labels, label_smoothing=settings.label_smoothing)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._model.parameters(), settings.clip_norm)
        self._optimiser.step()
        self.loss_sum += loss.detach().double() * len(labels)
        self.n_right += (logits.argmax(dim=1) == labels).sum()
        return loss.detach()

    def _beside(self, inputs: _Inputs) -> Tensor:
        """Take a step on a stream of its own, as recording asks of the steps before it."""
        stream, current = torch.cuda.Stream(self._device), torch.cuda.current_stream(self._device)
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            loss = self._step(inputs)
        current.wait_stream(stream)
        return loss

    def _record(self, inputs: _Inputs) -> tuple[torch.cuda.CUDAGraph, _Inputs, Tensor]:
        """Record a step, its inputs and its loss; nothing is computed yet."""
        static = _Inputs._make(None if value is None else value.clone() for value in inputs)
        self._optimiser.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = self._step(static)
        return graph, static, loss


def make_optimiser(model: nn.Module, settings: FitSettings) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101); biases and norms are not decayed."""
    matrices = [value for value in model.parameters() if value.ndim >= 2]
    vectors = [value for value in model.parameters() if value.ndim < 2]
    groups = [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    device = matrices[0].device
    if device.type == "cuda":
        # A recorded step reads the learning rate anew: a tensor, and the count of steps on the device.
        rate = torch.tensor(settings.learning_rate, device=device)
        return torch.optim.AdamW(groups, lr=rate, fused=True, capturable=True)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=device.type == "cpu")
