"""Non-local means of one dimension over the whole record (Tracey and Miller 2012, 10.1109/TBME.2012.2208964)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_Signal = NDArray[np.float64]

_FAST = {"reassoc", "contract", "nsz", "arcp", "nnan", "ninf"}
_LAGS = 256
"""Lags that are worked on together: their running sums fit the fastest memory."""

_LOG2E = 1.4426950408889634
_LEAST = -1000.0
"""Weights below 2 ** this count as that: nothing beside the weight 1 that a point has for itself."""

_POWER_OF_2 = (
    1.000000000553758,
    0.6931472057375623,
    0.24022646891833632,
    0.0555032877672025,
    0.009618488893999775,
    0.0013399931193757723,
    0.00015345820732859625,
)
"""Of 2**x for x within half of zero, by rising power: 2e-9 off at most (least maximum of the relative error)."""


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
def _add_inner(x: _Signal, half_width: int, factor: float, total: _Signal, weight: _Signal) -> None:
    """Add what points that are changed give each other."""
    n, first = x.size, half_width + 1
    last = n - half_width - 1
    c0, c1, c2, c3, c4, c5, c6 = _POWER_OF_2
    z = x * np.sqrt(-factor)  # squares of its differences are exponents of 2, less their sign
    exponents = np.empty(_LAGS)
    powers, shifts = np.empty(_LAGS), np.empty(_LAGS, dtype=np.int64)
    bits = powers.view(np.int64)
    for lag in range(1, last - first + 1, _LAGS):
        n_lags = min(_LAGS, last - first + 1 - lag)
        for k in range(n_lags):
            # Of the patch one point to the left: the first step of the loop below brings it to its place.
            total_k = 0.0
            for j in range(first - 1 - half_width, first + half_width):
                difference = z[j] - z[j + lag + k]
                total_k += difference * difference
            exponents[k] = -total_k
        for i in range(first, last - lag + 1):
            n_here = min(n_lags, last - lag - i + 1)
            new, old, here = z[i + half_width], z[i - half_width - 1], x[i]
            # Slices, whose indices cannot be negative: only they are turned into vector instructions.
            ahead = z[i + half_width + lag : i + half_width + lag + n_here]
            behind = z[i - half_width - 1 + lag : i - half_width - 1 + lag + n_here]
            there = x[i + lag : i + lag + n_here]
            total_there, weight_there = total[i + lag : i + lag + n_here], weight[i + lag : i + lag + n_here]
            for k in range(n_here):
                gained, lost = new - ahead[k], old - behind[k]
                exponents[k] -= gained * gained - lost * lost
                exponent = max(exponents[k], _LEAST)
                # 2**x by hand, for a compiler that has no vector form of it: 2**(whole + part), part within half of 0.
                whole = np.int32(exponent - 0.5)
                part = exponent - whole
                powers[k] = c0 + part * (c1 + part * (c2 + part * (c3 + part * (c4 + part * (c5 + part * c6)))))
                shifts[k] = np.int64(whole) << 52
            for k in range(n_here):
                bits[k] += shifts[k]
            seen_total = seen_weight = 0.0
            for k in range(n_here):
                w = powers[k]
                seen_total += w * there[k]
                seen_weight += w
                total_there[k] += w * here
                weight_there[k] += w
            total[i] += seen_total
            weight[i] += seen_weight


@njit(nogil=True, cache=True, error_model="numpy")
def _add_ends(x: _Signal, half_width: int, factor: float, total: _Signal, weight: _Signal) -> None:
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
