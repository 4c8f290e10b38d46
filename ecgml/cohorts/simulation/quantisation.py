"""The source's analogue-digital converter: 16 bits, 4.88 µV a step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LSB_UV = 4.88
MISSING = -(2**15)
"""The count that stands for a value that is not there."""


def quantise(waveform: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return a waveform's counts.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        In mV; NaN where there is no value.

    Returns
    -------
    counts : ndarray of int16, shape (n_leads, n_times)
        In steps of 4.88 µV; :data:`MISSING` where there is no value.
    """
    there = np.isfinite(waveform)
    counts = np.rint(np.where(there, waveform, 0) * (1000 / LSB_UV)).clip(MISSING + 1, -MISSING - 1)
    return np.where(there, counts, MISSING).astype(np.int16)
