"""Real recordings: QRS and QT against the electrocardiograph's, PR, QRS and QT against cardiologists'.

The bands are those that the measurements are built to keep; docs/intervals.md says what was found, and
`python -m benchmarks.intervals` finds it anew.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import interval_robustness as robustness
from benchmarks import intervals as bench

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def held_out(real_data: Path) -> list[bench.Measured]:
    """Return the third of `chapman-raw` by which no setting was chosen."""
    if not (real_data / "chapman-raw").is_dir():
        pytest.skip("no chapman-raw")
    return [measured for measured in bench.chapman_raw(real_data) if not measured.is_tuning]


@pytest.fixture(scope="module")
def marked(real_data: Path) -> list[bench.Measured]:
    """Return LUDB."""
    if not (real_data / "ludb").is_dir():
        pytest.skip("no ludb")
    return bench.ludb(real_data)


def test_qrs_duration_is_the_electrocardiographs(held_out: list[bench.Measured]) -> None:
    error = bench.errors(held_out, "qrs_duration")
    assert np.isfinite(error).mean() >= 0.98
    error = error[np.isfinite(error)]
    assert np.median(np.abs(error)) <= 3
    assert np.percentile(np.abs(error), 90) <= 9
    assert error.std() <= 6
    assert abs(error.mean()) <= 2


def test_qt_interval_is_the_electrocardiographs(held_out: list[bench.Measured]) -> None:
    error = bench.errors(held_out, "qt_interval")
    assert np.isfinite(error).mean() >= 0.98
    error = error[np.isfinite(error)]
    assert np.median(np.abs(error)) <= 5
    assert np.percentile(np.abs(error), 90) <= 17
    assert abs(error.mean()) <= 3
    assert np.mean(np.abs(error) > 30) <= 0.04


def test_p_waves_are_measured_in_sinus_rhythm_and_not_in_fibrillation(held_out: list[bench.Measured]) -> None:
    def share(*rhythms: str) -> float:
        return float(np.mean(["pr_interval" in m.intervals.values for m in held_out if m.rhythm in rhythms]))

    assert share("SB", "SR", "ST", "SA") >= 0.98
    assert share("AFIB") <= 0.02


def test_pr_and_qrs_are_the_cardiologists(marked: list[bench.Measured]) -> None:
    pr_interval = np.abs(bench.errors(marked, "pr_interval", "pr_interval median_lead"))
    assert np.isfinite(pr_interval).mean() >= 0.98
    assert np.nanmedian(pr_interval) <= 8
    assert np.nanpercentile(pr_interval, 90) <= 22
    assert np.nanstd(bench.errors(marked, "qrs_duration", "qrs_duration median_lead")) <= 12


@pytest.fixture(scope="module")
def some(real_data: Path) -> list[bench.Measured]:
    """Return 25 of the recordings by which settings were chosen."""
    if not (real_data / "chapman-raw").is_dir():
        pytest.skip("no chapman-raw")
    return robustness.tuning_records(real_data, 16)


@pytest.mark.parametrize("alteration", list(robustness.alterations(12.0)))
def test_noise_rates_and_missing_leads_move_the_median_qrs_by_5_and_qt_by_10_ms_at_most(
    some: list[bench.Measured], alteration: str
) -> None:
    """And lose neither; at 100 Hz as well."""
    apart = robustness.differences(some, robustness.alterations(12.0)[alteration])
    for name, most_ms in (("qrs_duration", 5), ("qt_interval", 10)):
        assert np.isfinite(apart[name]).all(), name
        assert np.median(apart[name]) <= most_ms, name
