"""Windows cover a waveform."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.datasets.windows import cut_windows


@pytest.mark.parametrize("n_in", [100, 101, 150, 199, 200, 201, 1000])
def test_windows_cover_the_waveform_and_are_as_few_as_can_be(n_in: int) -> None:
    waveform = np.arange(n_in, dtype=np.int16)[None]
    windows, n_valid = cut_windows(waveform, 100)
    assert len(windows) == -(-n_in // 100)
    assert set(windows.ravel().tolist()) == set(range(n_in))
    assert (n_valid == 100).all()


def test_shorter_waveform_is_padded_with_zeros_and_says_so() -> None:
    windows, n_valid = cut_windows(np.ones((2, 60), dtype=np.int16), 100)
    assert windows.shape == (1, 2, 100)
    assert n_valid.tolist() == [60]
    assert windows[0, :, :60].all()
    assert not windows[0, :, 60:].any()
