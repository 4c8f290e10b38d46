"""What one record costs from file to answer, stage by stage, beside another checkout of this repository.

    OMP_NUM_THREADS=1 python -m benchmarks.latency [--beside CHECKOUT] [--data DIR] [--model CHECKPOINT]

Records of 12 leads, 10 s and 500 Hz: simulated ones, or the first WFDB records of a folder. Each checkout works in a
process of its own, one thread each, and they take turns record by record, so that a busy machine slows both alike.
Times are of the processor: median over all records and rounds but the first. Without a model it takes the fusion model
as it is before training, which costs as much. To compare with an earlier commit: `git worktree add ../before COMMIT`.
"""

from __future__ import annotations

import argparse
import inspect
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.evaluation import untrained
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.inference.predictor import Predictor
from ecgml.pipeline.predict.predict import predict_files
from ecgml.preprocessing.preprocess import preprocess
from ecgml.records.readers.options import ReadOptions
from ecgml.records.reading import files_of, read_record

N_RECORDS = 40

FILES = "predict, each of many"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path, help="another checkout")
    parser.add_argument("--data", type=Path, help="a folder of WFDB records")
    parser.add_argument("--model", type=Path, help="a checkpoint folder")
    parser.add_argument("--rounds", type=int, default=4, help="over all records; the first does not count")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="ecgml-") as name:
        folder = Path(name)
        if given.data is None:
            write_demo(folder / "demo", n_records=N_RECORDS, layout="wfdb")
        headers = sorted((given.data or folder / "demo").rglob("*.hea"))[:N_RECORDS]
        model = given.model or untrained(folder / "model")
        checkouts = {"here": Path(__file__).parents[1]} | ({"beside": given.beside} if given.beside else {})
        workers = {title: _start(checkout, model) for title, checkout in checkouts.items()}
        taken: dict[str, list[dict[str, float]]] = {title: [] for title in workers}
        for turn in range(given.rounds):
            for header in headers:
                for title, worker in workers.items():
                    stages = _ask(worker, header)
                    if turn:
                        taken[title].append(stages)
        several = folder / "several"
        several.mkdir()
        for header in headers:
            for part in files_of(header):
                shutil.copy(part, several)
        for _ in range(given.rounds):
            for title, worker in workers.items():
                taken[title].append(_ask(worker, several))
        for worker in workers.values():
            worker.communicate()
    print(f"processor time, ms a record: median of {(given.rounds - 1) * len(headers)}")
    for stage in (*taken["here"][0], FILES):
        medians = {title: statistics.median(one[stage] for one in taken[title] if stage in one) for title in taken}
        ratio = f"   {medians['beside'] / medians['here']:.2f} times" if "beside" in medians else ""
        print(f"  {stage:22}" + "".join(f"   {title} {ms:6.2f}" for title, ms in medians.items()) + ratio)


def _start(checkout: Path, model: Path) -> subprocess.Popen[str]:
    """Start a process of a checkout that answers headers with what they cost."""
    # This file is run by its path, whatever the checkout has in its place; its packages are those of the checkout.
    code = f"import sys, runpy; sys.path.insert(0, {str(checkout.resolve())!r}); "
    code += f"runpy.run_path({__file__!r})['work']({str(model)!r})"
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _ask(worker: subprocess.Popen[str], header: Path) -> dict[str, float]:
    if worker.stdin is None or worker.stdout is None:
        raise RuntimeError("a process without pipes")
    worker.stdin.write(f"{header.resolve()}\n")
    worker.stdin.flush()
    return json.loads(worker.stdout.readline())


def work(model: str) -> None:
    """Answer each header of standard input with what its stages cost, ms."""
    torch.set_num_threads(1)
    predictor = Predictor.load(model)
    for line in sys.stdin:
        path = Path(line.strip())
        print(json.dumps(files_ms(predictor, path) if path.is_dir() else stages_ms(predictor, path)), flush=True)


def stages_ms(predictor: Predictor, header: Path) -> dict[str, float]:
    """Return what each stage of one record costs, and all of them once more in one go."""
    taken: dict[str, float] = {}

    def timed(stage: str, call: Callable[[], Any]) -> Any:
        start = time.process_time()
        found = call()
        taken[stage] = 1000 * (time.process_time() - start)
        return found

    record = timed("read", lambda: read_record(header))
    ready = timed("preprocess", lambda: preprocess(record, predictor.checkpoint.preprocessing))
    intervals = timed("intervals", lambda: ready.intervals)
    timed("certainty", lambda: (intervals.beat_spread_ms, intervals.lead_spread_ms))
    prepared = predictor.prepare(record)
    timed("model", lambda: predictor.describe([record.name], [prepared]))
    timed("all", lambda: predictor.predict([read_record(header)]))
    return taken


def files_ms(predictor: Predictor, folder: Path) -> dict[str, float]:
    """Return what a file costs of many, as `ecgml predict FOLDER` reads and answers them."""
    # Other checkouts may know no table without the spread.
    as_table = {"with_spread": False} if "with_spread" in inspect.signature(predict_files).parameters else {}
    start = time.process_time()
    n_files = len(list(predict_files(predictor, [folder], ReadOptions(None, None, None), print, **as_table)))
    return {FILES: 1000 * (time.process_time() - start) / n_files}


if __name__ == "__main__":
    main()
