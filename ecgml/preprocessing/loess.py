"""Robust local regression on equally spaced points, as MATLAB's `smooth(y, span, 'rloess')` does it."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

_FAST = {"reassoc", "contract", "nsz", "arcp"}
_OUTLIER = 6.0
"""Residuals beyond this many median absolute residuals have no weight (Cleveland 1979)."""


def robust_loess(y: NDArray[np.float64], span: int, n_iterations: int, stride: int = 1) -> NDArray[np.float64]:
    """Smooth by local quadratic regression, refitted with bisquare weights (Cleveland 1979, 10.2307/2286407).

    Each point is fitted to its `span` nearest points *that still have weight*: where QRS complexes have lost theirs the
    neighbourhood reaches further. That is how MATLAB does it, and what the published denoised files follow.

    Parameters
    ----------
    y : ndarray of float64, shape (n_times,)
    span : int
        Points a fit; an even number counts as the next odd one.
    n_iterations : int
        Robust refits after the first fit.
    stride : int
        Every so many points are fitted, cubic splines lie between: 1 is exact.

    Returns
    -------
    smooth : ndarray of float64, shape (n_times,)
    """
    span = min(2 * (span // 2) + 1, y.size)
    weights = np.ones_like(y)
    smooth = _smooth(y, weights, span, stride) if stride > 1 else _smooth_evenly(y, span)
    for _ in range(n_iterations):
        residuals = np.abs(y - smooth)
        scale = _OUTLIER * float(np.median(residuals))
        if scale <= 0:
            break
        weights = np.maximum(1 - (residuals / scale) ** 2, 0) ** 2
        smooth = _smooth(y, weights, span, stride)
    return smooth


def _smooth_evenly(y: NDArray[np.float64], span: int) -> NDArray[np.float64]:
    """Return the fit where all points weigh the same: one kernel, but for half a span at both ends."""
    reach = span // 2
    if span % 2 == 0 or reach < 1:
        return _fit(y, np.ones_like(y), span, np.arange(y.size))
    u = np.arange(-reach, reach + 1) / reach
    tricube = (1 - np.abs(u) ** 3) ** 3
    s0, s2, s4 = tricube.sum(), (tricube * u**2).sum(), (tricube * u**4).sum()
    kernel = tricube * (s4 - s2 * u**2) / (s0 * s4 - s2**2)  # odd sums are 0
    ends = np.concatenate([np.arange(reach), np.arange(y.size - reach, y.size)])
    smooth = np.empty_like(y)
    smooth[reach : y.size - reach] = np.correlate(y, kernel, "valid")
    smooth[ends] = _fit(y, np.ones_like(y), span, ends)
    return smooth


def _smooth(y: NDArray[np.float64], weights: NDArray[np.float64], span: int, stride: int) -> NDArray[np.float64]:
    places = np.unique(np.append(np.arange(0, y.size, stride), y.size - 1))
    smooth = _fit(y, weights, span, places)
    return smooth if stride == 1 or len(places) < 4 else CubicSpline(places, smooth)(np.arange(y.size))


@njit(fastmath=_FAST, nogil=True, cache=True, error_model="numpy")
def _fit(
    y: NDArray[np.float64], weights: NDArray[np.float64], span: int, at: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return the local quadratic fit at some points, ascending; tricube weights times `weights`."""
    n = y.size
    weighted = weights * y
    places = np.arange(n).astype(np.float64)
    good = np.flatnonzero(weights > 0)
    span = min(span, good.size)
    smooth = np.empty(at.size)
    first = 0
    for number in range(at.size):
        i = at[number]
        while first + span < good.size and good[first + span] - i < i - good[first]:
            first += 1
        low, high = good[first], good[first + span - 1]
        middle, scale = places[i], 1.0 / max(i - low, high - i, 1)
        s0 = s1 = s2 = s3 = s4 = t0 = t1 = t2 = 0.0
        # All points in between, those without weight too: a run of memory is quicker than a list of places, and only
        # slices, whose indices cannot be negative, are turned into vector instructions.
        here, weights_here, weighted_here = places[low : high + 1], weights[low : high + 1], weighted[low : high + 1]
        for j in range(here.size):
            u = (here[j] - middle) * scale
            distance = abs(u)
            tricube = 1 - distance * distance * distance
            tricube = tricube * tricube * tricube
            w = tricube * weights_here[j]
            v = tricube * weighted_here[j]
            wu, vu = w * u, v * u
            wu2 = wu * u
            wu3 = wu2 * u
            s0 += w
            s1 += wu
            s2 += wu2
            s3 += wu3
            s4 += wu3 * u
            t0 += v
            t1 += vu
            t2 += vu * u
        c0, c1, c2 = s2 * s4 - s3 * s3, s2 * s3 - s1 * s4, s1 * s3 - s2 * s2
        determinant = s0 * c0 + s1 * c1 + s2 * c2
        if abs(determinant) > 1e-14 * s0 * s2 * s4:
            smooth[number] = (t0 * c0 + t1 * c1 + t2 * c2) / determinant
        else:
            smooth[number] = t0 / s0
    return smooth
