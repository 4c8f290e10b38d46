"""The job's data: what is told of them before training begins, and that nobody of the external cohort is trained on."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ecgml.cohorts.pool import simulated_pool
from ecgml.cohorts.simulation.record import simulate_record
from ecgml.config import resolve
from ecgml.datasets.store import WindowStore
from ecgml.pipeline.job import data as data_module
from ecgml.pipeline.job.console import Console
from ecgml.pipeline.job.data import JobData, load_data
from ecgml.pipeline.job.fitting import training_data
from ecgml.pipeline.job.settings import TrainConfiguration


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
    job = load_data(resolve(TrainConfiguration, options), Console(stream))
    assert len(job.part("val")) == 1
    assert "warning: the val part has a single class: its AUROC is undefined" in stream.getvalue()


def write_cohort(folder: Path, rows: list[tuple[int, str, str]]) -> Path:
    """Write records (seed, rhythm, patient) with a manifest; of one seed and rhythm the recording is the same."""
    folder.mkdir()
    lines = ["path,rhythm,fs,unit,patient_id,source"]
    for number, (seed, rhythm, patient) in enumerate(rows):
        made = simulate_record(rhythm, np.random.default_rng(seed))
        np.save(folder / f"{number}.npy", made.waveform if seed else np.zeros_like(made.waveform))
        lines.append(f"{number}.npy,{rhythm},{made.fs},mV,{patient},{folder.name}")
    (folder / "manifest.csv").write_text("\n".join(lines))
    return folder


@pytest.mark.parametrize(("asked", "prepared"), [(0, 0), (5, 12), (2500, 6000), (9000, 6000)])
def test_no_more_records_are_simulated_than_epochs_need(
    asked: int, prepared: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2,500 of 6,000 is the default; nothing is simulated here."""
    folder = write_cohort(tmp_path / "mine", [(10 + n, ("AFIB", "SR", "SB")[n % 3], f"p{n}") for n in range(12)])
    made = []
    monkeypatch.setattr(data_module, "simulated_pool", lambda n_records: made.append(n_records) or simulated_pool(1))
    options = {"data_dir": str(folder), "cache_dir": str(tmp_path / "cache"), "jobs": "1"}
    stream = io.StringIO()
    load_data(resolve(TrainConfiguration, {**options, "simulated_records": str(asked)}), Console(stream))
    assert made == ([prepared] if asked else [])
    assert (
        f"trains on {asked:,} simulated records beside the real ones, drawn from {prepared:,}" in stream.getvalue()
    ) == (asked > 0)


@pytest.fixture(scope="module")
def divided(tmp_path_factory: pytest.TempPathFactory) -> JobData:
    """Return a job of twelve patients; of p1, two records, one is in the external cohort too. Seed 0 is a flat file."""
    folder = tmp_path_factory.mktemp("cohorts")
    inner = [(10 + n, ("AFIB", "SR", "SB")[n % 3], f"p{n}") for n in range(12)]
    inner += [(50, "SR", "p1"), (51, "SB", "p2"), (0, "SR", "p3")]
    outer = [(11, "SR", "x1"), (61, "AFIB", "x2")]
    options = {
        "data_dir": str(write_cohort(folder / "inner", inner)),
        "external_dir": str(write_cohort(folder / "outer", outer)),
        "cache_dir": str(folder / "cache"),
        "simulated_records": "0",
        "max_quarantined": "0.5",
        "jobs": "1",
    }
    return load_data(resolve(TrainConfiguration, options), Console(io.StringIO()))


def test_all_records_of_an_external_patient_are_left_out(divided: JobData) -> None:
    """The same ECG (record 1) and that patient's other one (record 12), which nothing but the patient connects."""
    reasons = {str(one.record_id): one.reason for one in divided.left_out}
    assert reasons == {
        "inner/1": "the same ECG is present in another format",
        "inner/12": "its patient is in the external cohort",
    }
    assert not {"inner/1", "inner/12"} & set(divided.table.record_ids.tolist())
    assert not set(divided.table.patients) & set(divided.external.patients)
    assert set(divided.external.record_ids.tolist()) == {"outer/0", "outer/1"}
    assert len(divided.table) == 13


def test_parts_hold_usable_records_unless_all_are_asked_for(divided: JobData) -> None:
    parts = ("train", "val", "calibration", "test")
    usable, every = (
        np.concatenate([divided.part(part, usable=usable).record_ids for part in parts]) for usable in (True, False)
    )
    assert set(every) - set(usable) == {"inner/14"}
    assert sorted(every) == sorted(divided.table.record_ids)


def test_training_sees_train_and_validates_on_val(divided: JobData) -> None:
    configuration = resolve(TrainConfiguration, {})
    data = training_data(configuration, divided, WindowStore(divided.caches, torch.device("cpu")))
    for name in ("train", "val"):
        assert getattr(data, name).record_ids.tolist() == divided.part(name).record_ids.tolist()


def test_digest_tells_other_parts_labels_and_records(divided: JobData) -> None:
    """A job goes on, and two models are compared, by its word."""
    moved = divided.parts.copy()
    moved[[0, -1]] = moved[[-1, 0]] if moved[0] != moved[-1] else ("test", "train")
    relabelled = replace(divided.table, y_written=divided.table.y_written[::-1].copy())
    harmonised = replace(divided.table, y_harmonised=divided.table.y_harmonised[::-1].copy())
    jobs = [divided, *(replace(divided, table=table) for table in (relabelled, harmonised, divided.table[:-1]))]
    digests = {job.divided(job.parts[: len(job.table)]).digest for job in jobs} | {divided.divided(moved).digest}
    assert len(digests) == 5
    assert divided.divided(divided.parts).digest != divided.digest  # without the external cohort
