"""The fusion model on one record by plain torch, torch.compile, torch.export and ONNX Runtime: one thread, one run.

    OMP_NUM_THREADS=1 python -m benchmarks.runtimes [--model CHECKPOINT] [--batch N]

Windows of 12 x 1000; the runtimes take turns. For each: processor time (median), how far its logits are from plain
torch's, and what it takes to make it ready. torch.compile needs a C++ compiler; ONNX Runtime needs onnxruntime, onnx
and onnxscript, which this project does not. What is not there is left out and said.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.evaluation import untrained
from ecgml.training.checkpoint import load_checkpoint

N_TURNS, N_CALLS = 20, 10

Call = Callable[[], Tensor]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a checkpoint folder")
    parser.add_argument("--batch", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with TemporaryDirectory(prefix="ecgml-") as name:
        folder = Path(name)
        checkpoint = load_checkpoint(given.model or untrained(folder / "model"))
        model = checkpoint.build(torch.device("cpu"))
        inputs = (
            torch.randn(given.batch, 12, 1000),
            torch.ones(given.batch, 1000),
            torch.randn(given.batch, checkpoint.encoder.n_out),
        )
        calls: dict[str, Call] = {}
        ready_s: dict[str, float] = {}
        for title, prepare in RUNTIMES.items():
            start = time.perf_counter()
            try:
                calls[title] = prepare(model, inputs, folder)
                calls[title]()
            except Exception as error:  # whatever a runtime that is not wholly there raises
                calls.pop(title, None)
                print(f"{title}: not measured ({type(error).__name__}: {str(error).splitlines()[0][:100]})")
            ready_s[title] = time.perf_counter() - start
        measure(calls, ready_s)


def measure(calls: dict[str, Call], ready_s: dict[str, float]) -> None:
    """Take turns, and print."""
    plain = calls["plain torch"]()
    taken: dict[str, list[float]] = {title: [] for title in calls}
    with torch.inference_mode():
        for _ in range(N_TURNS):
            for title, call in calls.items():
                call()
                for _ in range(N_CALLS):
                    start = time.process_time()
                    call()
                    taken[title].append(1000 * (time.process_time() - start))
    for title, call in calls.items():
        apart = float((call() - plain).abs().max())
        cost = f"{statistics.median(taken[title]):6.2f} ms"
        print(f"{title:16} {cost}   logits {apart:.1e} apart   ready {ready_s[title]:5.1f} s")


def _plain(model: nn.Module, inputs: tuple[Tensor, ...], folder: Path) -> Call:
    return torch.inference_mode()(lambda: model(*inputs))


def _compiled(model: nn.Module, inputs: tuple[Tensor, ...], folder: Path) -> Call:
    compiled = torch.compile(model)
    return torch.inference_mode()(lambda: compiled(*inputs))


def _exported(model: nn.Module, inputs: tuple[Tensor, ...], folder: Path) -> Call:
    exported = torch.export.export(model, inputs).module()
    return torch.inference_mode()(lambda: exported(*inputs))


def _onnx(model: nn.Module, inputs: tuple[Tensor, ...], folder: Path) -> Call:
    for package in ("onnxruntime", "onnx", "onnxscript"):
        if importlib.util.find_spec(package) is None:
            raise ModuleNotFoundError(f"no {package} here")
    import onnxruntime

    path = folder / "model.onnx"
    torch.onnx.export(model, inputs, str(path), input_names=["waveform", "mask", "clinical"], dynamo=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options)
    names = [one.name for one in session.get_inputs()]
    arrays = dict(zip(names, (one.numpy() for one in inputs), strict=True))
    return lambda: torch.from_numpy(np.asarray(session.run(None, arrays)[0]))


RUNTIMES: dict[str, Callable[[nn.Module, tuple[Tensor, ...], Path], Call]] = {
    "plain torch": _plain,
    "torch.export": _exported,
    "torch.compile": _compiled,
    "ONNX Runtime": _onnx,
}


if __name__ == "__main__":
    main()
