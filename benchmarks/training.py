"""Training: ours beside a plain PyTorch loop over the same model: ``python -m benchmarks.training [--records 400]``.

The plain loop is what most published code does: a Dataset that reads a record's file with pandas, filters and resamples
it, a DataLoader with a process a core, float32 throughout. Ours takes windows from the cache, augments them, and trains
in the precision that the machine gains by. Both train the default fusion model on the same simulated records (CSV, in a
temporary folder); epochs take turns, so that a busy machine slows both alike. The share of the machine's matrix rate
counts the step's multiplications (forward and backward, by PyTorch's own counter) against a square matrix product in
the same precision, measured in the same run.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import signal
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from ecgml.cohorts.cohort import Cohort
from ecgml.cohorts.opening import open_cohort
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.datasets.augmentation import augment
from ecgml.datasets.cache import open_or_fill
from ecgml.datasets.settings import AugmentationSettings
from ecgml.datasets.store import WindowStore
from ecgml.datasets.table import RecordTable, build_table
from ecgml.models.build import build_model
from ecgml.models.settings import ModelSettings
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.leads import LEADS
from ecgml.records.schemes import SCHEMES
from ecgml.training.data import TrainingData, fit_encoder, training_batches
from ecgml.training.device import choose_precision
from ecgml.training.fit import fit
from ecgml.training.settings import FitSettings

BATCH = 64
DEVICE = torch.device("cpu")
PREPROCESSING = PreprocessingSettings()


class FileDataset(Dataset):
    """Reads and preprocesses a file each time it is asked for a record."""

    def __init__(self, cohort: Cohort, table: RecordTable) -> None:
        paths = {f"{cohort.name}/{entry.record_id}": entry.path for entry in cohort.entries}
        self._paths = [paths[record_id] for record_id in table.record_ids]
        self._labels = table.y_harmonised

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        waveform = pd.read_csv(self._paths[index]).to_numpy(dtype=np.float32).T / 1000
        band = signal.butter(3, (PREPROCESSING.highpass_hz, PREPROCESSING.lowpass_hz), "bandpass", fs=500, output="sos")
        waveform = signal.resample_poly(signal.sosfiltfilt(band, waveform, axis=1), 1, 5, axis=1)
        return torch.from_numpy(waveform.astype(np.float32)), int(self._labels[index])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=400)
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_demo(folder / "demo", n_records=arguments.records)
        cohort = open_cohort(folder / "demo")
        cached = open_or_fill(cohort, PREPROCESSING, folder / "cache")
        table, _ = build_table([cohort], [cached], SCHEMES["groups"], "sinus_rate")
        table = table[table.usable]
        data = TrainingData(WindowStore([cached], DEVICE), table, table[:BATCH], table[:0], 4, PREPROCESSING.fs)
        encoder = fit_encoder(table)

        def model() -> nn.Module:
            return build_model("fusion", len(LEADS), encoder.n_out, 4, ModelSettings())

        settings = FitSettings(epochs=1, batch_size=BATCH)
        ours, plain = [], []
        for _ in range(arguments.turns):
            history = fit(model(), data, encoder, settings, AugmentationSettings()).history
            ours.append(history[0]["records_per_second"])
            plain.append(_plain_epoch(model(), FileDataset(cohort, table), encoder.n_out))
        first, second = statistics.median(ours), statistics.median(plain)
        print(f"records a second: ours {first:.0f}, plain loop {second:.0f}, ratio {first / second:.2f}")
        _report_step(model(), data, encoder, settings)


def _plain_epoch(model: nn.Module, dataset: Dataset, n_features: int) -> float:
    """Train one epoch the plain way; return records a second."""
    loader = DataLoader(dataset, BATCH, shuffle=True, num_workers=torch.get_num_threads(), drop_last=True)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.train()
    started, n_records = time.perf_counter(), 0
    for waveform, labels in loader:
        mask, clinical = torch.ones(len(labels), waveform.shape[2]), torch.zeros(len(labels), n_features)
        loss = functional.cross_entropy(model(waveform, mask, clinical), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        n_records += len(labels)
    return n_records / (time.perf_counter() - started)


def _report_step(model: nn.Module, data: TrainingData, encoder: object, settings: FitSettings) -> None:
    """Print where a step's time goes, and its share of the machine's matrix rate."""
    precision = choose_precision(settings.precision, DEVICE)
    augmentation, loaded = AugmentationSettings(), []
    started = time.perf_counter()
    for batch in training_batches(data, augmentation, BATCH, 1.0, np.random.default_rng(0)):
        waveform, _ = data.store.take(batch.windows)
        timing, n_valid = torch.from_numpy(batch.timing), torch.from_numpy(batch.n_valid)
        generator = torch.Generator().manual_seed(batch.seed)
        loaded.append((batch, *augment(waveform, timing, n_valid, None, data.fs, augmentation, generator)))
    data_s = (time.perf_counter() - started) / len(loaded)
    batch, waveform, mask = loaded[0]
    windows = np.arange(BATCH)
    load_s = statistics.median(_timed(lambda: data.store.take(windows)) for _ in range(20))

    def step() -> None:
        clinical = torch.from_numpy(encoder.encode(batch.clinical))
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            logits = model(waveform, mask, clinical)
        functional.cross_entropy(logits, torch.from_numpy(batch.labels)).backward()

    model.train()
    with FlopCounterMode(display=False) as counter:
        step()
    step_s = statistics.median(_timed(step) for _ in range(10))
    rate = counter.get_total_flops() / step_s / 1e9
    peak = _matrix_rate(precision)
    print(
        f"step of {BATCH} in {precision}: {1000 * step_s:.0f} ms, {rate:.0f} GFLOP/s, {rate / peak:.0%} of a matrix "
        f"product's {peak:.0f} (float32: {_matrix_rate(torch.float32):.0f})"
    )
    print(
        f"loading {1000 * load_s:.1f} ms ({load_s / step_s:.1%} of a step), loading and augmenting "
        f"{1000 * data_s:.1f} ms ({data_s / step_s:.1%})"
    )


def _matrix_rate(precision: torch.dtype, size: int = 2048) -> float:
    """Return GFLOP/s of a square matrix product."""
    matrix = torch.randn(size, size).to(precision)
    seconds = min(_timed(lambda: matrix @ matrix) for _ in range(8))
    return 2 * size**3 / seconds / 1e9


def _timed(action: object) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
