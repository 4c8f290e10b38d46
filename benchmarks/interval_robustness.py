"""How far measured intervals move from their own clean values: noise, sampling frequencies, missing leads.

    ECGML_REAL_DATA=../shared/data OMP_NUM_THREADS=1 python -m benchmarks.interval_robustness [--every N] [--snr-db DB]

Every N-th recording of the two thirds of `chapman-raw` by which settings were chosen is measured as it is and altered
in each way, noise as the audit has it (`ecgml.perturbations.noise`), each recording with a seed of its own. Median and
90 % of the absolute differences, ms, and in how many of those that had the value it is missing.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.intervals import Measured, chapman_raw
from ecgml.measurements.intervals import measure_intervals
from ecgml.perturbations.leads import without_leads
from ecgml.perturbations.matrix import NOISES
from ecgml.perturbations.noise import add_noise
from ecgml.perturbations.recording import at_rate
from ecgml.preprocessing.preprocess import usable_waveform
from ecgml.records.record import Record

INTERVALS = ("qrs_duration", "qt_interval", "pr_interval")

RATES_HZ = (250.0, 1000.0, 100.0)

MISSING = (("I", "V2", "V4"), ("II", "V3", "V6"), ("V1", "V2", "V5"), ("I", "II", "V1"))

Alteration = Callable[[Record, np.random.Generator], Record]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ECGML_REAL_DATA", "../shared/data")))
    parser.add_argument("--every", type=int, default=4, help="take every so many-th recording")
    parser.add_argument("--snr-db", type=float, default=12.0)
    arguments = parser.parse_args()
    measured = tuning_records(arguments.data, arguments.every)
    print(f"{len(measured)} recordings; |difference| in ms: median, 90 %, missing")
    print(f"{'':22}" + "".join(f"{name:>24}" for name in INTERVALS))
    for title, alter in alterations(arguments.snr_db).items():
        apart = differences(measured, alter)
        print(f"{title:22}" + "".join(f"{_cell(apart[name]):>24}" for name in INTERVALS))


def tuning_records(data: Path, every: int) -> list[Measured]:
    """Return every so many-th recording of `chapman-raw` that is not held out."""
    return [measured for measured in chapman_raw(data) if measured.is_tuning][::every]


def alterations(snr_db: float) -> dict[str, Alteration]:
    """Return what is done to a recording, by name."""

    def noise(draw: Callable) -> Alteration:
        return lambda record, rng: add_noise(record, draw, snr_db, rng)

    def rate(fs: float) -> Alteration:
        return lambda record, rng: at_rate(record, fs)

    def missing(leads: Sequence[str]) -> Alteration:
        return lambda record, rng: without_leads(record, leads)

    return {
        **{f"{name}, {snr_db:g} dB": noise(draw) for name, draw in NOISES.items()},
        **{f"{fs:g} Hz": rate(fs) for fs in RATES_HZ},
        **{f"without {', '.join(leads)}": missing(leads) for leads in MISSING},
    }


def differences(measured: Sequence[Measured], alter: Alteration) -> Mapping[str, NDArray[np.float64]]:
    """Return by interval how far each recording's value moves, ms; NaN where it is no longer measured."""
    apart: dict[str, list[float]] = {name: [] for name in INTERVALS}
    for seed, one in enumerate(measured):
        altered = alter(one.record, np.random.default_rng(seed))
        values = measure_intervals(usable_waveform(altered), altered.fs).values
        for name, moved in apart.items():
            if name in one.intervals.values:
                moved.append(abs(values.get(name, np.nan) - one.intervals.values[name]))
    return {name: np.array(moved) for name, moved in apart.items()}


def _cell(apart: NDArray[np.float64]) -> str:
    known = apart[np.isfinite(apart)]
    if not len(known):
        return f"–, {len(apart)} of {len(apart)}"
    missing = len(apart) - len(known)
    return f"{np.median(known):.1f}, {np.percentile(known, 90):.1f}, {missing} of {len(apart)}"


if __name__ == "__main__":
    main()
