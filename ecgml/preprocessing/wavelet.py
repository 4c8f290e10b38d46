"""Wavelet shrinkage."""

from __future__ import annotations

import math

import numpy as np
import pywt
from numpy.typing import NDArray

WAVELET = "sym8"
DRIFT_HZ = 0.5
"""What is slower goes: the approximation is left out at the level that ends nearest to it."""


def shrink_wavelets(waveform: NDArray[np.floating], fs: float) -> NDArray[np.float64]:
    """Remove drift and shrink detail coefficients toward zero.

    The universal threshold (Donoho and Johnstone 1994, 10.1093/biomet/81.3.425) with the non-negative garrote (Gao
    1998, 10.1080/10618600.1998.10474789), which leaves large coefficients, and so R peaks, nearly as they are.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        Any unit, finite.
    fs : float
        Hz.

    Returns
    -------
    denoised : ndarray of float64, shape (n_leads, n_times)
        The input's unit, around zero.
    """
    n_times = waveform.shape[-1]
    level = max(1, round(math.log2(fs / DRIFT_HZ)) - 1)
    leads = np.asarray(waveform, dtype=np.float64)
    # The transform doubles its support at every level: short records are continued to what the last one needs.
    padding = min(n_times - 1, round(fs / DRIFT_HZ))
    extended = np.pad(leads, ((0, 0), (padding, padding)), mode="reflect", reflect_type="odd")
    level = min(level, pywt.dwt_max_level(extended.shape[-1], WAVELET))
    approximation, *details = pywt.wavedec(extended, WAVELET, level=level, axis=-1)
    noise = np.median(np.abs(details[-1]), axis=-1, keepdims=True) / 0.6745
    threshold = np.maximum(noise * math.sqrt(2 * math.log(n_times)), np.finfo(np.float64).tiny)
    shrunk = [
        detail * np.maximum(1 - (threshold / np.maximum(np.abs(detail), threshold)) ** 2, 0) for detail in details
    ]
    denoised = pywt.waverec([np.zeros_like(approximation), *shrunk], WAVELET, axis=-1)
    return denoised[:, padding : padding + n_times]
