"""How long reading one record takes, per core, beside the usual way to do it: ``python -m benchmarks.reading``.

Records are made up (10 s, 500 Hz, 12 leads) and written to a temporary folder; with ``ECGML_REAL_DATA`` set, real ones
are read instead. Both ways take turns of some records in one process, so that a busy machine slows both alike; times
are of the processor, not of the clock.
"""

from __future__ import annotations

import itertools
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.csv
from numpy.typing import NDArray

from ecgml.records.leads import LEADS
from ecgml.records.reading import read_record

with warnings.catch_warnings():
    # It uses what pandas deprecates.
    warnings.simplefilter("ignore")
    import wfdb

N_FILES, N_TURNS = 10, 20


def main() -> None:
    """Measure and print both formats."""
    warnings.simplefilter("ignore")
    real = os.environ.get("ECGML_REAL_DATA")
    with tempfile.TemporaryDirectory() as folder:
        csv_files, headers = _real_files(Path(real)) if real else _made_up_files(Path(folder))
        print(f"{'real' if real else 'made-up'} records, processor time per record, median of {N_TURNS * N_FILES}")
        _compare("CSV", csv_files, _ours_csv, {"pandas.read_csv": _pandas, "pyarrow.csv": _pyarrow})
        _compare("WFDB .mat", headers, _ours_wfdb, {"wfdb.rdrecord": _wfdb})


def _ours_csv(path: Path) -> NDArray[np.float32]:
    return read_record(path, fs=500, unit="uV").waveform


def _pandas(path: Path) -> NDArray[np.float32]:
    # What one writes first; the layout that a model needs is part of the job.
    return np.ascontiguousarray(pd.read_csv(path, header=None).to_numpy(dtype=np.float32).T) / 1000


def _pyarrow(path: Path) -> NDArray[np.float32]:
    with path.open() as file:
        has_names = any(map(str.isalpha, file.readline()))
    names = [str(column) for column in range(len(LEADS))]
    table = pyarrow.csv.read_csv(
        path,
        # One thread, as ours; told the types, it need not guess them.
        pyarrow.csv.ReadOptions(use_threads=False, column_names=names, skip_rows=int(has_names)),
        convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pyarrow.float32())),
    )
    return np.stack([column.to_numpy() for column in table.columns]) / np.float32(1000)


def _ours_wfdb(path: Path) -> NDArray[np.float32]:
    return read_record(path).waveform


def _wfdb(path: Path) -> NDArray[np.float32]:
    return np.ascontiguousarray(wfdb.rdrecord(str(path.with_suffix(""))).p_signal.T, dtype=np.float32)


def _compare(
    what: str,
    paths: Sequence[Path],
    ours: Callable[[Path], NDArray[np.float32]],
    peers: Mapping[str, Callable[[Path], NDArray[np.float32]]],
) -> None:
    for path, theirs in itertools.product(paths, peers.values()):
        np.testing.assert_allclose(ours(path), theirs(path), rtol=1e-6, atol=1e-6)
    times: dict[Callable, list[float]] = {read: [] for read in (ours, *peers.values())}
    for _, read, path in itertools.product(range(N_TURNS), times, paths):
        start = time.process_time()
        read(path)
        times[read].append(1e3 * (time.process_time() - start))
    own = statistics.median(times[ours])
    for peer, theirs in peers.items():
        other = statistics.median(times[theirs])
        print(f"{what:10} ours {own:6.2f} ms   {peer} {other:6.2f} ms   ratio {other / own:5.1f}")


def _real_files(folder: Path) -> tuple[list[Path], list[Path]]:
    headers = sorted((folder / "cinc2021" / "cpsc").glob("*.hea"))
    return sorted((folder / "chapman" / "ECGDataDenoised").glob("*.csv"))[:N_FILES], headers[:N_FILES]


def _made_up_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Noise of an ECG's size, with the digits of the denoised files and the steps of the WFDB ones."""
    rng = np.random.default_rng(0)
    for number in range(N_FILES):
        microvolts = rng.normal(0, 200, size=(5000, 12))
        rows = (",".join(f"{value:.5g}" for value in row) for row in microvolts)
        (folder / f"{number}.csv").write_text("\n".join(rows) + "\n")
        _write_wfdb(folder, f"JS{number:05d}", microvolts.astype("<i2"))
    return sorted(folder.glob("*.csv")), sorted(folder.glob("*.hea"))


def _write_wfdb(folder: Path, name: str, steps: NDArray[np.int16]) -> None:
    head = np.array([30, steps.shape[1], len(steps), 0, 4], dtype="<i4").tobytes() + b"val\0"
    (folder / f"{name}.mat").write_bytes(head + steps.tobytes())
    sums = steps.sum(axis=0, dtype=np.int16)
    lines = [f"{name} {len(LEADS)} 500 {len(steps)}"]
    lines += [f"{name}.mat 16+24 1000/mV 16 0 0 {total} 0 {lead}" for total, lead in zip(sums, LEADS, strict=True)]
    (folder / f"{name}.hea").write_text("\n".join([*lines, "#Dx: 426783006"]) + "\n")


if __name__ == "__main__":
    main()
