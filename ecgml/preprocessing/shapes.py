"""The beats' shape and the usable leads of a model's windows, as cached ones have them and as they are served."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecgml.measurements.beats import Beats
from ecgml.measurements.shape import shape_measurements
from ecgml.preprocessing.preprocess import to_mv


def window_shapes(
    windows: Sequence[NDArray[np.int16]] | NDArray[np.int16],
    n_valid: NDArray[np.integer],
    fs: float,
    beats: Beats | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Measure windows; the padding is not looked at.

    Parameters
    ----------
    windows : sequence of ndarray of int16, shape (n_leads, n_times)
        In steps of `ecgml.preprocessing.preprocess.STEP_MV`.
    n_valid : ndarray of int, shape (n_windows,)
        Time points recorded.
    fs : float
        Hz.
    beats : Beats, optional
        Of the recording, where they are known already: those of its window, if that is the only one.

    Returns
    -------
    shapes : ndarray, shape (n_windows, 2)
        QRS width (ms) and share of odd beats, see `ecgml.measurements.shape`; NaN where there are too few beats.
    n_leads : ndarray of int64, shape (n_windows,)
        Leads that are not 0 throughout.
    """
    measured = [
        shape_measurements(to_mv(window[:, :valid]), fs, beats if len(windows) == 1 else None)
        for window, valid in zip(windows, n_valid, strict=True)
    ]
    n_leads = [np.count_nonzero(window.any(axis=1)) for window in windows]
    return np.array(measured, dtype=np.float64).reshape(-1, 2), np.array(n_leads, dtype=np.int64)
