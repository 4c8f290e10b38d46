"""Cut waveforms into windows of one length."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def cut_windows(waveform: NDArray[Any], n_times: int) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Cut a waveform into windows that cover it; pad a shorter one.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_in)
        Any unit.
    n_times : int
        Time points of a window.

    Returns
    -------
    windows : ndarray, shape (n_windows, n_leads, n_times)
        Evenly spaced, as few as cover the waveform, hence overlapping where its length is no multiple; zero behind the
        end of a shorter one.
    n_valid : ndarray of int32, shape (n_windows,)
        Time points of each window that were recorded.
    """
    n_leads, n_in = waveform.shape
    if n_in <= n_times:
        window = np.zeros((1, n_leads, n_times), dtype=waveform.dtype)
        window[0, :, :n_in] = waveform
        return window, np.array([n_in], dtype=np.int32)
    n_windows = -(-n_in // n_times)
    starts = np.linspace(0, n_in - n_times, n_windows).round().astype(int)
    windows = np.stack([waveform[:, start : start + n_times] for start in starts])
    return windows, np.full(n_windows, n_times, dtype=np.int32)
