"""Non-local means of one dimension over the whole record (Tracey and Miller 2012, 10.1109/TBME.2012.2208964)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_FAST = {"reassoc", "contract", "nsz", "arcp", "nnan", "ninf"}
_LAGS = 64
"""Lags that are worked on together: their running sums fit the fastest memory."""

_LOG2E = 1.4426950408889634
_LEAST = -120.0
"""Weights below 2 ** this count as that: nothing beside the weight 1 that a point has for itself."""


def nonlocal_means(x: NDArray[np.float64], half_width: int, bandwidth: float) -> NDArray[np.float64]:
    """Replace each point by the mean of all points, weighted by how alike their surroundings are.

    The weight of points s and t is exp(-sum((x[s + d] - x[t + d])**2) / bandwidth), d from -half_width to half_width;
    terms beyond the record are left out. The sums of a lag are updated from point to point, as Darbon et al. 2008
    (10.1109/ISBI.2008.4541250) propose, and each pair is weighed once for both of its points. As in the implementation
    that the published files were made with, the first half_width + 1 and the last half_width points stay as they are,
    and the very first point is no one's neighbour.

    Parameters
    ----------
    x : ndarray of float64, shape (n_times,)
    half_width : int
        Of a patch, points.
    bandwidth : float
        In the square of x's unit; positive.

    Returns
    -------
    denoised : ndarray of float64, shape (n_times,)
    """
    if x.size < 4 * half_width + 4:
        return x.copy()
    total, weight = x.copy(), np.ones_like(x)  # each point is its own neighbour, with weight 1
    _add_inner(x, half_width, -_LOG2E / bandwidth, total, weight)
    _add_ends(x, half_width, -_LOG2E / bandwidth, total, weight)
    denoised = x.copy()
    inner = slice(half_width + 1, x.size - half_width)
    denoised[inner] = total[inner] / weight[inner]
    return denoised


@njit(fastmath=_FAST, nogil=True, cache=True, error_model="numpy", boundscheck=False)
def _add_inner(x, half_width, factor, total, weight):
    """Add what points that are changed give each other."""
    n, first = x.size, half_width + 1
    last = n - half_width - 1
    sums = np.empty(_LAGS)
    powers = np.empty(_LAGS)
    exponents = np.empty(_LAGS, dtype=np.int64)
    scales = exponents.view(np.float64)
    for lag in range(1, last - first + 1, _LAGS):
        n_lags = min(_LAGS, last - first + 1 - lag)
        for k in range(n_lags):
            # Of the patch one point to the left: the first step of the loop below brings it to its place.
            total_k = 0.0
            for j in range(first - 1 - half_width, first + half_width):
                difference = x[j] - x[j + lag + k]
                total_k += difference * difference
            sums[k] = total_k
        for i in range(first, last - lag + 1):
            n_here = min(n_lags, last - lag - i + 1)
            new, old, here = x[i + half_width], x[i - half_width - 1], x[i]
            # Slices, whose indices cannot be negative: only they are turned into vector instructions.
            ahead = x[i + half_width + lag : i + half_width + lag + n_here]
            behind = x[i - half_width - 1 + lag : i - half_width - 1 + lag + n_here]
            there = x[i + lag : i + lag + n_here]
            total_there, weight_there = total[i + lag : i + lag + n_here], weight[i + lag : i + lag + n_here]
            for k in range(n_here):
                gained, lost = new - ahead[k], old - behind[k]
                value = sums[k] + (gained * gained - lost * lost)
                sums[k] = value
                # exp by hand, for a compiler that has no vector exp: 2**(whole + part), part within half of zero.
                exponent = max(value * factor, _LEAST)
                exponent = min(exponent, 0.0)
                whole = np.int32(exponent - 0.5)
                part = (exponent - whole) * 0.6931471805599453
                powers[k] = 1 + part * (
                    1 + part * (1 / 2 + part * (1 / 6 + part * (1 / 24 + part * (1 / 120 + part / 720))))
                )
                exponents[k] = (np.int64(whole) + 1023) << 52
            seen_total = seen_weight = 0.0
            for k in range(n_here):
                w = powers[k] * scales[k]
                seen_total += w * there[k]
                seen_weight += w
                total_there[k] += w * here
                weight_there[k] += w
            total[i] += seen_total
            weight[i] += seen_weight


@njit(nogil=True, cache=True, error_model="numpy")
def _add_ends(x, half_width, factor, total, weight):
    """Add what the unchanged points at both ends give the others; their patches reach beyond the record."""
    n = x.size
    for i in range(half_width + 1, n - half_width):
        for end in range(2 * half_width):
            t = end + 1 if end < half_width else n - 1 - (end - half_width)
            distance = 0.0
            for d in range(-half_width, half_width + 1):
                if 0 <= t + d < n:
                    difference = x[i + d] - x[t + d]
                    distance += difference * difference
            w = 2.0 ** (distance * factor)
            total[i] += w * x[t]
            weight[i] += w
