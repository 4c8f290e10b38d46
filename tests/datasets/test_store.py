"""Windows of several caches under one numbering, in mV."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from ecgml.datasets.store import WindowStore


def test_windows_of_several_caches_come_back_in_mv_with_their_lengths() -> None:
    rng = np.random.default_rng(0)
    caches = [
        SimpleNamespace(
            windows=rng.integers(-3000, 3000, (n, 12, 20)).astype(np.int16), n_valid=np.arange(first, first + n)
        )
        for n, first in ((3, 1), (2, 11))
    ]
    store = WindowStore(caches, torch.device("cpu"))
    rows = np.array([4, 0, 2, 3])
    waveform, n_valid = store.take(rows)
    together = np.concatenate([cache.windows for cache in caches])
    np.testing.assert_allclose(waveform.numpy(), together[rows] / 1000, rtol=1e-6)
    assert n_valid.tolist() == [12, 1, 3, 11]
    np.testing.assert_array_equal(store.steps(rows), together[rows])
