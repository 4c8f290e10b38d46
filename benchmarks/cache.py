"""The cache: filling, memory, opening, gathering a batch: ``python -m benchmarks.cache [--denoise zheng2020]``.

Simulated records in the Chapman layout are written to a temporary folder (375 kB each), read, preprocessed and cached
with one process a core; then the cache is opened and batches of 64 are gathered at random from a warm page cache.
Beside it the usual way: one .npy file a record, loaded when a batch needs it. Times are of the clock, medians.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import torch

from ecgml.cohorts.opening import open_cohort
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.datasets.cache import open_or_fill
from ecgml.datasets.parallel import n_cores
from ecgml.datasets.store import WindowStore
from ecgml.preprocessing.settings import PreprocessingSettings

WHOLE_SET = 10_646
BATCH = 64
N_BATCHES = 200


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--fs", type=float, default=PreprocessingSettings().fs)
    parser.add_argument("--denoise", default=PreprocessingSettings().denoise)
    arguments = parser.parse_args()
    settings = PreprocessingSettings(fs=arguments.fs, denoise=arguments.denoise)
    n_jobs = n_cores()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_demo(folder / "demo", n_records=arguments.records)
        cohort = open_cohort(folder / "demo")
        with PeakMemory() as peak:
            seconds = _timed(lambda: open_or_fill(cohort, settings, folder / "cache", n_jobs=n_jobs))
        each = seconds / arguments.records
        print(
            f"filling {arguments.records:,} records with {n_jobs} processes: {seconds:.1f} s, "
            f"{1000 * each:.1f} ms a record"
        )
        print(f"  the whole set ({WHOLE_SET:,}), extrapolated: {each * WHOLE_SET:.0f} s")
        print(f"  peak memory of all processes together: {peak.bytes / 2**20:.0f} MiB")
        again = _timed(lambda: open_or_fill(cohort, settings, folder / "cache"))
        print(f"filling again (does nothing but look at {arguments.records:,} files and open): {1000 * again:.0f} ms")
        cached = open_or_fill(cohort, settings, folder / "cache")
        print(f"  {cached.windows.nbytes / 2**20:.0f} MiB of windows")

        store = WindowStore([cached], torch.device("cpu"))
        files = folder / "files"
        files.mkdir()
        for number, window in enumerate(cached.windows):
            np.save(files / f"{number}.npy", window)
        rng = np.random.default_rng(0)
        batches = [rng.integers(0, len(cached.windows), BATCH) for _ in range(N_BATCHES)]

        def load_files(batch: np.ndarray) -> torch.Tensor:
            loaded = [np.load(files / f"{number}.npy").astype(np.float32) / 1000 for number in batch]
            return torch.from_numpy(np.stack(loaded))

        ours = [_timed(lambda batch=batch: store.take(batch)) for batch in batches]
        theirs = [_timed(lambda batch=batch: load_files(batch)) for batch in batches]
        first, second = 1000 * statistics.median(ours), 1000 * statistics.median(theirs)
        print(
            f"gathering {BATCH} windows as float32 mV: ours {first:.2f} ms, one .npy a record {second:.2f} ms, "
            f"ratio {second / first:.1f}"
        )


class PeakMemory:
    """The largest sum of what this process and its children hold for themselves, looked at every 50 ms."""

    def __enter__(self) -> PeakMemory:
        self.bytes, self._done = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        process = psutil.Process()
        while not self._done.wait(0.05):
            total = 0
            for one in (process, *process.children(recursive=True)):
                try:
                    total += one.memory_full_info().pss
                except (psutil.Error, OSError):
                    continue
            self.bytes = max(self.bytes, total)


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
