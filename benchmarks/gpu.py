"""Training on one GPU: ours beside eager PyTorch: ``python -m benchmarks.gpu [--n-times 1000 5000] [--processes 4]``.

Epochs of the default fusion model over windows of noise (10,646 unless ``--records`` says otherwise), resident on the
device: the loop as PyTorch runs it eagerly, the loop with its step recorded as a CUDA graph (what ``ecgml train``
does), and the same compiled. Each epoch's figure is its training part, loading and augmentation included. Shares are of
a matrix product's rate in the same precision and of a copy's bandwidth, both measured in the same run: the step's
multiplications by PyTorch's own counter, its bytes as what every operation of the eager step reads and writes.
``--processes`` trains so many models at once on the same GPU, as trials of a study do.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from ecgml.datasets.settings import AugmentationSettings
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable
from ecgml.models.build import build_model
from ecgml.models.settings import ModelSettings
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.leads import LEADS
from ecgml.training import step
from ecgml.training.data import TrainingData, fit_encoder
from ecgml.training.fit import fit
from ecgml.training.settings import FitSettings

BATCH = 64
N_CLASSES = 4
WAYS = {"eager": (10**9, False), "graph": (step.EAGER_STEPS, False), "graph, compiled": (step.EAGER_STEPS, True)}
"""Eager steps before recording, and whether the network is compiled."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=10_646)
    parser.add_argument("--n-times", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--processes", type=int, default=4)
    arguments = parser.parse_args()
    device = torch.device("cuda")
    matrix_rate, bandwidth = _matrix_rate(device), _bandwidth(device)
    name = torch.cuda.get_device_name()
    print(f"{name}: {matrix_rate / 1e12:.0f} TFLOP/s in bfloat16, {bandwidth / 1e12:.2f} TB/s", flush=True)
    for n_times in arguments.n_times:
        data = make_data(arguments.records, n_times, device)
        n_steps = arguments.records // BATCH
        flops, n_bytes = _step_cost(n_times, device)
        for way in arguments.ways:
            seconds, first_s, val_s = _epoch_seconds(data, way, arguments.epochs)
            step_s = seconds / n_steps
            print(
                f"12×{n_times}, {way}: epoch {seconds:.2f} s ({arguments.records / seconds:,.0f} records/s; first "
                f"{first_s:.1f} s; validation {val_s:.2f} s), step {1000 * step_s:.2f} ms, "
                f"{flops / step_s / matrix_rate:.1%} of the matrix rate, {n_bytes / step_s / bandwidth:.0%} of the "
                f"bandwidth, {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB",
                flush=True,
            )
        if arguments.processes > 1:
            alone = _together(1, arguments.records, n_times, arguments.epochs)
            together = _together(arguments.processes, arguments.records, n_times, arguments.epochs)
            print(
                f"12×{n_times}: {arguments.processes} processes {together:,.0f} records/s, one {alone:,.0f}, ratio "
                f"{together / alone:.2f}",
                flush=True,
            )


def make_data(n_records: int, n_times: int, device: torch.device) -> TrainingData:
    """Windows of noise, labels and clinical values at random."""
    rng = np.random.default_rng(0)
    windows = rng.integers(-500, 500, (n_records, len(LEADS), n_times), dtype=np.int16)
    cache = SimpleNamespace(windows=windows, n_valid=np.full(n_records, n_times, dtype=np.int32))
    numbers, labels = np.arange(n_records), rng.integers(N_CLASSES, size=n_records)
    text = np.full(n_records, "SR")
    clinical = rng.uniform(50, 110, (n_records, len(CLINICAL_NAMES))).astype(np.float32)
    table = RecordTable(
        record_ids=numbers.astype(str), sources=text, dates=text, rhythms=text, notes=text,
        folds=-np.ones_like(numbers), usable=np.ones(n_records, dtype=bool), y_written=labels, y_harmonised=labels,
        y_by_band=np.tile(labels[:, None], (1, 3)), sinus=np.ones(n_records, dtype=bool), given=clinical,
        measured=clinical, ecgs=numbers, patients=numbers, blocks=numbers, first_window=numbers,
        n_windows=np.ones_like(numbers),
    )  # fmt: skip
    return TrainingData(WindowStore([cache], device), table, table[:1024], table[:0], N_CLASSES, n_times / 10)


def _epoch_seconds(data: TrainingData, way: str, n_epochs: int) -> tuple[float, float, float]:
    """Return the median epoch's training seconds, the first epoch's, and the median epoch's validation."""
    step.EAGER_STEPS, compiled = WAYS[way]
    settings = FitSettings(epochs=n_epochs, min_epochs=n_epochs, batch_size=BATCH, compile=compiled)
    encoder, ends = fit_encoder(data.train), [time.perf_counter()]
    torch.cuda.reset_peak_memory_stats()
    model = build_model("fusion", len(LEADS), encoder.n_out, N_CLASSES, ModelSettings()).to(data.store.device)
    history = fit(
        model, data, encoder, settings, AugmentationSettings(), on_epoch=lambda *_: ends.append(time.perf_counter())
    ).history
    n_seen = len(data.train) // BATCH * BATCH
    seconds = [n_seen / metrics["records_per_second"] for metrics in history]
    whole = np.diff(ends)
    return statistics.median(seconds[1:]), seconds[0], float(np.median(whole[1:] - np.array(seconds[1:])))


def _together(n_processes: int, n_records: int, n_times: int, n_epochs: int) -> float:
    """Return records a second of processes that train at the same time."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(n_processes)
    with context.Pool(n_processes, _share, (barrier,)) as pool:
        rates = pool.starmap(_one_of_many, [(n_records, n_times, n_epochs)] * n_processes, chunksize=1)
    return sum(rates)


def _share(barrier: object) -> None:
    global _BARRIER
    _BARRIER = barrier


def _one_of_many(n_records: int, n_times: int, n_epochs: int) -> float:
    data = make_data(n_records, n_times, torch.device("cuda"))
    torch.set_num_threads(1)
    _epoch_seconds(data, "graph", 2)
    _BARRIER.wait()
    return n_records / _epoch_seconds(data, "graph", n_epochs)[0]


class _Bytes(TorchDispatchMode):
    """Adds up what every operation reads and writes."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Callable, types: object, args: tuple = (), kwargs: dict | None = None) -> object:
        result = func(*args, **(kwargs or {}))
        if func.is_view or func._schema.name.startswith(("aten::detach", "aten::empty")):
            return result
        for value in torch.utils._pytree.tree_leaves((args, kwargs, result)):
            if isinstance(value, Tensor):
                self.total += value.numel() * value.element_size()
        return result


def _step_cost(n_times: int, device: torch.device) -> tuple[float, float]:
    """Return floating-point operations and bytes of an eager step, forward and backward."""
    model = build_model("fusion", len(LEADS), 34, N_CLASSES, replace(ModelSettings(), dropout=0.0)).to(device).train()
    waveform, labels = torch.randn(BATCH, len(LEADS), n_times, device=device), torch.zeros(BATCH, dtype=torch.long)

    def take() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            logits = model(waveform, torch.ones(BATCH, n_times, device=device), torch.zeros(BATCH, 34, device=device))
        functional.cross_entropy(logits, labels.to(device)).backward()

    take()
    with FlopCounterMode(display=False) as counter:
        take()
    with _Bytes() as counted:
        take()
    recurrent = next(module for module in model.modules() if isinstance(module, nn.GRU))
    n_sequence = -(-n_times // 2 ** (ModelSettings().trunk_stages + 1))
    weights = sum(value.numel() for name, value in recurrent.named_parameters() if "weight" in name)
    # The counter knows no GRU: a product and a sum a weight and moment, three times with the backward pass.
    return counter.get_total_flops() + 3 * 2 * weights * BATCH * n_sequence, counted.total


def _matrix_rate(device: torch.device, size: int = 8192) -> float:
    matrix = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    return 2 * size**3 / _seconds(lambda: matrix @ matrix)


def _bandwidth(device: torch.device, n_bytes: int = 2**31) -> float:
    source = torch.empty(n_bytes, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * n_bytes / _seconds(lambda: target.copy_(source))


def _seconds(action: Callable[[], object], n_times: int = 10) -> float:
    for _ in range(3):
        action()
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(n_times):
        action()
    torch.cuda.synchronize()
    return (time.perf_counter() - started) / n_times


if __name__ == "__main__":
    main()
