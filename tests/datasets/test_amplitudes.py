"""Cohorts whose amplitudes are off as a whole, and records that do not fit in with their cohort."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from ecgml.cohorts.opening import open_cohort
from ecgml.datasets.amplitudes import cohort_fault, misfits
from ecgml.datasets.cache import open_or_fill
from ecgml.datasets.quarantine import common_faults, suspect_amplitudes
from ecgml.preprocessing.amplitude import USUAL_MV
from ecgml.preprocessing.settings import PreprocessingSettings


def amplitudes(n: int, factor: float = 1.0) -> np.ndarray:
    """Return amplitudes as the real ones are distributed: log-normal around the usual one."""
    return factor * USUAL_MV * np.exp(np.random.default_rng(n).normal(0, 0.3, n))


@pytest.mark.parametrize("n", [4, 10, 22, 600])
def test_usual_amplitudes_are_no_fault(n: int) -> None:
    assert cohort_fault(amplitudes(n), 1000.0) is None


@pytest.mark.parametrize("n", [10, 22, 600])
@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (4880.0, "about 4.9 times too small for ECGs"),
        (200.0, "about 5 times too large for ECGs"),
        (5000.0, "about 5 times too small for ECGs"),
        (10000.0, "about 10 times too small for ECGs"),
    ],
)
def test_wrong_gain_of_all_headers_is_named_with_its_factor(n: int, gain: float, said: str) -> None:
    fault = cohort_fault(amplitudes(n, 1000 / gain), gain)
    assert said in fault
    assert fault.endswith(f"the header's gain {gain:g}/mV is probably 1000/mV")


def test_without_a_gain_the_factor_is_that_of_the_amplitudes() -> None:
    fault = cohort_fault(np.full(30, USUAL_MV / 5))
    assert fault.startswith("amplitudes are about 5 times too small for ECGs")
    assert fault.endswith("the unit or gain is probably wrong")


def test_gain_that_no_common_one_explains_is_not_named() -> None:
    assert "header" not in cohort_fault(np.full(30, USUAL_MV * 3), 100.0)


def test_too_few_records_are_not_judged_as_a_cohort() -> None:
    assert cohort_fault(np.full(3, 0.1)) is None
    assert cohort_fault(np.array([0.1, 0.1, 0.1, np.nan])) is None
    assert misfits(np.array([1.0] * 8 + [9.0])) == [None] * 9


def test_record_far_from_its_cohort_does_not_fit_in_whatever_the_cohort_is() -> None:
    """A record five times larger than its cohort is within what ECGs have where the cohort is small."""
    found = misfits(np.array([0.45] * 10 + [2.25, np.nan, 0.09]))
    assert [bool(one) for one in found] == [False] * 10 + [True, False, True]
    assert "5 times its cohort's median (0.45 mV)" in found[10]


def with_gain(source: Path, target: Path, gain: int, names: tuple[str, ...] = ()) -> Path:
    """Copy a WFDB cohort; all its headers, or those named, state another gain."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for header in target.rglob("*.hea"):
        if not names or header.stem in names:
            header.write_text(re.sub(r"1000(?:\.0)?((?:\(-?\d+\))?/mV)", rf"{gain}\1", header.read_text()))
    return target


@pytest.mark.real
@pytest.mark.parametrize("source", ["cinc2021/georgia", "cinc2021/cpsc"])
@pytest.mark.parametrize(("gain", "said"), [(1000, ""), (4880, "about 4.9 times too small"), (200, "about 5 times")])
def test_real_cohort_is_warned_of_only_with_wrong_gain(
    real_data: Path, tmp_path: Path, source: str, gain: int, said: str
) -> None:
    cohort = open_cohort(with_gain(real_data / source, tmp_path / "cohort", gain))
    faults = common_faults(cohort, open_or_fill(cohort, PreprocessingSettings(), tmp_path / "cache"))
    assert [said in fault and "probably 1000/mV" in fault for fault in faults] == ([True] if said else [])


@pytest.mark.real
def test_real_records_of_wrong_gain_are_found_among_others(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "cinc2021" / "georgia"
    wrong = tuple(sorted(path.stem for path in source.rglob("*.hea"))[1:4])
    cohort = open_cohort(with_gain(source, tmp_path / "cohort", 4880, wrong))
    cached = open_or_fill(cohort, PreprocessingSettings(), tmp_path / "cache")
    assert suspect_amplitudes(cached) == list(wrong)
    assert common_faults(cohort, cached) == []
