"""Threads on a quiet and on a busy machine: ``python -m benchmarks.busy [--seconds 3]``, under three minutes.

Steps of the default fusion model on random windows, each way in a process of its own: as a job chooses, and every
waiting policy of OpenMP with every number of threads; first alone, then beside a process that keeps one core busy. Run
it on a machine that is otherwise quiet.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import torch
from torch.nn import functional

from ecgml.datasets.parallel import n_cores
from ecgml.models.build import build_model
from ecgml.models.settings import ModelSettings
from ecgml.pipeline.job.threads import choose_threads
from ecgml.records.leads import LEADS
from ecgml.training.device import choose_precision

BATCH, N_TIMES, N_FEATURES, N_CLASSES = 64, 1000, 20, 4
DEVICE = torch.device("cpu")
POLICIES = {"default": {}, "passive": {"OMP_WAIT_POLICY": "PASSIVE"}, "short": {"GOMP_SPINCOUNT": "10000"}}
"""Waiting for other threads: as the library does, asleep at once, spinning for a moment only."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of training, each way")
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.threads is not None:
        print(_rate(arguments.threads or choose_threads(DEVICE), arguments.seconds))
        return
    for title, competitor in (("quiet", contextlib.nullcontext()), ("busy", _competitor())):
        with competitor:
            ours = _measured({}, 0, arguments.seconds)
            others = {
                (policy, n_threads): _measured(variables, n_threads, arguments.seconds)
                for policy, variables in POLICIES.items()
                for n_threads in sorted({1, n_cores()})
            }
        best = max(ours, *others.values())
        print(f"{title}: ours {ours:.0f} records/s, {ours / best:.0%} of the best")
        for (policy, n_threads), rate in others.items():
            print(f"  {policy}, {n_threads} threads: {rate:.0f}, {rate / best:.0%}")


@contextlib.contextmanager
def _competitor() -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def _measured(variables: dict[str, str], n_threads: int, seconds: float) -> float:
    """Return records a second of a process of its own; 0 threads: as a job chooses."""
    command = [sys.executable, "-m", "benchmarks.busy", "--threads", str(n_threads), "--seconds", str(seconds)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(command, env={**inherited, **variables}, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _rate(n_threads: int, seconds: float) -> float:
    torch.set_num_threads(n_threads)
    model = build_model("fusion", len(LEADS), N_FEATURES, N_CLASSES, ModelSettings())
    optimiser = torch.optim.AdamW(model.parameters(), fused=True)
    precision = choose_precision("auto", DEVICE)
    waveform, mask = torch.randn(BATCH, len(LEADS), N_TIMES), torch.ones(BATCH, N_TIMES)
    clinical, labels = torch.randn(BATCH, N_FEATURES), torch.randint(N_CLASSES, (BATCH,))

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            logits = model(waveform, mask, clinical)
        optimiser.zero_grad()
        functional.cross_entropy(logits, labels).backward()
        optimiser.step()

    step()
    started, n_records = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        step()
        n_records += BATCH
    return n_records / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
