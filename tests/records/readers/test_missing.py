"""Numbers that mark a missing sample: known by their value, and never a number that may be one of the signal's."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.records.readers.missing import is_missing

WAVE = np.rint(1000 * np.sin(np.arange(400) / 9))


@pytest.mark.parametrize(
    ("dtype", "mark"),
    [
        ("int8", -(2**7)),
        ("int16", -(2**15)),
        (">i2", -(2**15)),
        ("int32", -(2**31)),
        ("int32", -(2**23)),
        ("int64", -(2**15)),
        ("float32", -(2.0**15)),
        ("float64", -(2.0**31)),
        ("uint16", 2**15),
        ("uint16", 2**16 - 1),
        ("uint32", 2**32 - 1),
    ],
)
def test_the_mark_is_found_and_nothing_else(dtype, mark):
    offset = 1100 if np.dtype(dtype).kind == "u" else 0
    steps = (WAVE / (10 if dtype == "int8" else 1) + offset).astype(dtype)
    steps[[3, 200, 201]] = mark
    missing = is_missing(steps)
    assert missing is not None
    assert np.flatnonzero(missing).tolist() == [3, 200, 201]


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        (WAVE.astype(np.int16), "no mark"),
        ((WAVE * 40).astype(np.int32), "-32768 or so may be a sample where smaller ones are"),
        (np.append(WAVE * 40, -(2**15)).astype(np.int32), "the same, exactly"),
        ((WAVE + 2**15).astype(np.uint16), "0x8000 is the zero of what is centred there"),
        (np.append(WAVE + 2**15 - 1000, 2**15).astype(np.uint16), "0x8000 next to the signal"),
        (np.full(400, 2**15, np.uint16), "flat at the centre"),
        (WAVE * 1e-3, "fractions in mV"),
        (np.full(400, np.nan), "missing already"),
        (np.zeros(0, np.int16), "nothing"),
        (np.zeros(9, bool), "no numbers"),
    ],
)
def test_a_number_that_may_be_a_sample_stays(steps, why):
    missing = is_missing(steps)
    assert missing is None or not missing.any(), why


def test_missing_values_beside_a_mark_do_not_hide_it():
    steps = np.array([np.nan, 5.0, -32768.0, 7.0])
    assert is_missing(steps).tolist() == [False, False, True, False]
