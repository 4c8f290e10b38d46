"""How long `ecgml evaluate` takes on 1,000 records, from files, with an empty cache.

    python -m benchmarks.evaluation [--model MODEL] [--data DIR]

Without data it simulates the records (not counted); without a model it takes the fusion model as it is before training,
which costs as much. The bar is for two cores.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ecgml.calibration.abstention import fit_abstention
from ecgml.calibration.calibration import Calibration
from ecgml.calibration.scaling import Scaling
from ecgml.cohorts.simulation.demo import write_demo
from ecgml.datasets.encoder import ClinicalEncoder
from ecgml.datasets.parallel import n_cores
from ecgml.models.build import build_model
from ecgml.models.settings import ModelSettings
from ecgml.pipeline.evaluate.evaluate import evaluate
from ecgml.pipeline.job.console import Console
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.leads import LEADS
from ecgml.records.schemes import scheme_named
from ecgml.training.checkpoint import Checkpoint, save_checkpoint

BAR_S = 60.0
"""What 1,000 records may take on two cores, seconds."""


def untrained(folder: Path) -> Path:
    """Write the fusion model as it is before training."""
    rows = np.random.default_rng(0).normal(size=(50, len(CLINICAL_NAMES))).astype(np.float32)
    encoder, settings, scheme = ClinicalEncoder.fit(rows), ModelSettings(), scheme_named("groups")
    random = np.random.default_rng(1)
    abstention = fit_abstention(random.normal(size=(200, 4)), np.full(200, 12), random.normal(size=(200, 2)), 0.95)
    calibration = Calibration(Scaling.of_temperature(1.0, len(scheme.classes)), None, abstention)
    model = build_model("fusion", len(LEADS), encoder.n_out, len(scheme.classes), settings)
    save_checkpoint(
        Checkpoint(
            "fusion",
            settings,
            PreprocessingSettings(),
            scheme.name,
            scheme.classes,
            encoder,
            model.state_dict(),
            calibration,
        ),
        folder,
    )
    return folder


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="", help="a checkpoint folder, runs:/… or models:/…")
    parser.add_argument("--data", default="", help="a folder of records; by default simulated ones")
    parser.add_argument("--records", type=int, default=1000, help="simulated records")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="ecgml-") as temporary:
        folder = Path(temporary)
        if not arguments.model:
            os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
            os.chdir(folder)
        model = arguments.model or str(untrained(folder / "checkpoint"))
        data = arguments.data
        if not data:
            data = str(folder / "demo")
            write_demo(Path(data), n_records=arguments.records, seed=0)
        start, cpu = time.perf_counter(), os.times()
        said = evaluate(
            model, {"data_dir": data, "cache_dir": str(folder / "cache")}, Console(), out=str(folder / "out")
        )
        wall_s, after = time.perf_counter() - start, os.times()
        cpu_s = sum(after[:4]) - sum(cpu[:4])
    print(next((line for line in said.splitlines() if "records (" in line), said))
    print(f"evaluate: {wall_s:.1f} s wall, {cpu_s:.1f} s of CPU on {n_cores()} cores")
    print(f"bar of {BAR_S:g} s for 1,000 records on two cores: {'met' if wall_s <= BAR_S else 'missed'}")


if __name__ == "__main__":
    main()
