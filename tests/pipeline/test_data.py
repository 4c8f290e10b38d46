"""What a person is told of the data before training begins."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from ecgml.cohorts.simulation.record import simulate_record
from ecgml.config import resolve
from ecgml.pipeline.console import Console
from ecgml.pipeline.data import load_data
from ecgml.pipeline.settings import TRAIN_SECTIONS


def test_validation_of_a_single_class_is_warned_of(tmp_path: Path) -> None:
    rows = ["path,rhythm,fs"]
    for number, rhythm in enumerate(["AFIB", "SR"] * 3):
        made = simulate_record(rhythm, np.random.default_rng(number))
        np.save(tmp_path / f"{number}.npy", made.waveform)
        rows.append(f"{number}.npy,{rhythm},{made.fs}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    options = {
        "data_dir": str(tmp_path),
        "cache_dir": str(tmp_path / "cache"),
        "simulated_records": "0",
        "calibration_fraction": "0",
        "jobs": "1",
    }
    stream = io.StringIO()
    job = load_data(resolve(TRAIN_SECTIONS, options), Console(stream))
    assert len(job.part("val")) == 1
    assert "warning: the val part has a single class: its AUROC is undefined" in stream.getvalue()
