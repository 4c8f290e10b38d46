"""Smoothing, and the slopes of lines fitted to a stretch: what the ends of waves are found by."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d


@functools.lru_cache(maxsize=32)
def line_slope(fs: float, width_s: float) -> NDArray[np.float64]:
    """Return the kernel of the slope of the line of least squares, per s (Savitzky and Golay 1964)."""
    half = max(1, round(width_s * fs / 2))
    steps = np.arange(-half, half + 1)
    return steps / np.sum(steps**2) * fs


@functools.lru_cache(maxsize=32)
def bell(fs: float, width_s: float) -> NDArray[np.float64]:
    """Return a kernel that smooths over a width."""
    values = np.hanning(2 * round(width_s * fs / 2) + 3)
    return values / values.sum()


@functools.lru_cache(maxsize=32)
def smooth_slope(fs: float, smoothing_s: float, slope_s: float) -> NDArray[np.float64]:
    """Return the kernel that smooths over one width and takes the slope over another, per s."""
    return np.convolve(bell(fs, smoothing_s), line_slope(fs, slope_s))


def filtered(rows: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows under a kernel, continued at their ends by the last value."""
    return correlate1d(rows, kernel, axis=-1, mode="nearest")


def down_to(slopes: NDArray[np.float64], first: NDArray[np.intp], level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many samples after a first one each slope is down to its level: the last one where it never is.

    Parameters
    ----------
    slopes : ndarray, shape (..., n_times)
    first, level : ndarray, shape (...)
    """
    n_times = slopes.shape[-1]
    below = (slopes <= level[..., None]) & (np.arange(n_times) >= first[..., None])
    below[..., -1] = True
    end = below.argmax(axis=-1)
    each = tuple(np.indices(end.shape, sparse=True))
    at, before = slopes[(*each, end)], slopes[(*each, np.maximum(end - 1, first))]
    crosses = (end > first) & (at <= level)
    passed = np.divide(level - at, before - at, out=np.zeros(at.shape), where=crosses)
    return end - first - passed
