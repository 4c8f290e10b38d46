"""Zero-phase filters and resampling, along the last axis."""

from __future__ import annotations

import functools
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy import signal

EDGE_S = 1.0
"""Signals are continued by point reflection over this long before they are filtered, s."""


@functools.lru_cache(maxsize=64)
def butterworth(order: int, low_hz: float | None, high_hz: float | None, fs: float) -> NDArray[np.float64]:
    """Return second-order sections of a Butterworth filter (Butterworth 1930); one bound None: high- or low-pass."""
    if low_hz is not None and high_hz is not None:
        return signal.butter(order, (low_hz, high_hz), "bandpass", fs=fs, output="sos")
    if low_hz is not None:
        return signal.butter(order, low_hz, "highpass", fs=fs, output="sos")
    if high_hz is not None:
        return signal.butter(order, high_hz, "lowpass", fs=fs, output="sos")
    raise ValueError("a filter without bounds")


def zero_phase(waveform: NDArray[np.floating], sos: NDArray[np.float64], fs: float) -> NDArray[np.floating]:
    """Filter forward and backward (Gustafsson 1996, 10.1109/78.492552): no peak moves, the gain is applied twice.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        Any unit; at least two time points.
    sos : ndarray, shape (n_sections, 6)
        From :func:`butterworth`.
    fs : float
        Hz.

    Returns
    -------
    filtered : ndarray, shape (n_leads, n_times)
        The input's unit.
    """
    padding = min(round(EDGE_S * fs), waveform.shape[-1] - 1)
    return signal.sosfiltfilt(sos, waveform, axis=-1, padtype="odd", padlen=padding)


def resample(waveform: NDArray[np.floating], fs: float, fs_out: float) -> NDArray[np.floating]:
    """Change the sampling frequency by a polyphase filter.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        Any unit.
    fs, fs_out : float
        Sampling frequencies before and after, Hz.

    Returns
    -------
    resampled : ndarray, shape (n_leads, round-up of n_times * fs_out / fs)
        The input's unit.
    """
    if fs == fs_out:
        return waveform
    ratio = Fraction(fs_out / fs).limit_denominator(2000)
    # A straight line through the ends is taken out first: the filter would ring on the step to zero beyond them.
    return signal.resample_poly(waveform, ratio.numerator, ratio.denominator, axis=-1, padtype="line")
