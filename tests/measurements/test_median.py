"""The median beside NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.measurements.median import median


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("n_values", [1, 2, 7, 10, 101])
def test_median_is_that_of_numpy_to_the_last_bit(dtype: type, axis: int, n_values: int) -> None:
    shape = [3, 4, 5]
    shape[axis] = n_values
    values = np.random.default_rng(0).normal(0, 1, shape).astype(dtype)
    found = median(values, axis)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.median(values, axis=axis))
