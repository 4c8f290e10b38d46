"""The data set's denoising, ours beside its recipe written plainly: ``python -m benchmarks.denoising``.

Both compiled, one thread each, the same records by turns; then ours on the cores that numba may use. Records are made
up, or real ones (Chapman-Shaoxing and CinC 2021, 500 Hz) with ``ECGML_REAL_DATA`` set.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.simulation.record import simulate_record
from ecgml.preprocessing.zheng2020 import HALF_WIDTH_S, N_ROBUST, NOISE_SCALE, SPAN_S, _lowpass, noise_sd
from ecgml.preprocessing.zheng2020 import denoise_zheng2020 as ours
from ecgml.records.reading import read_record

FS = 500.0
N_RECORDS = 10


def main() -> None:
    """Measure and print."""
    waveforms = _waveforms()
    threads = numba.config.NUMBA_NUM_THREADS
    plain(waveforms[0][:1])
    ours(waveforms[0][:1], FS, as_published=True, n_threads=1)
    times: dict[str, list[float]] = {"ours": [], "plain": []}
    apart = 0.0
    for waveform in waveforms:
        one = _timed(times["ours"], lambda waveform=waveform: ours(waveform, FS, as_published=True, n_threads=1))
        other = _timed(times["plain"], lambda waveform=waveform: plain(waveform))
        apart = max(apart, float(np.abs(one - other).max()))
    own, theirs = (statistics.median(times[name]) for name in ("ours", "plain"))
    print(
        f"12 leads, 10 s, one thread, median of {len(waveforms)}: ours {own * 1e3:.0f} ms, plain {theirs * 1e3:.0f} ms"
    )
    print(f"ratio {theirs / own:.1f}; largest difference {1e3 * apart:.6f} µV")
    both: list[float] = []
    for waveform in waveforms * 3:
        _timed(both, lambda waveform=waveform: ours(waveform, FS, as_published=True))
    print(f"on {threads} threads: {statistics.median(both) * 1e3:.0f} ms a record")
    fast(waveforms)


def fast(waveforms: list[NDArray[np.float64]]) -> None:
    """Measure the fast form: how fast, and how far from the exact one."""
    times: dict[str, list[float]] = {"exact": [], "fast": []}
    errors = []
    for waveform in waveforms:
        exact = _timed(times["exact"], lambda waveform=waveform: ours(waveform, FS, as_published=True, n_threads=1))
        near = _timed(
            times["fast"], lambda waveform=waveform: ours(waveform, FS, as_published=True, is_fast=True, n_threads=1)
        )
        errors += (1e3 * np.sqrt(((near - exact) ** 2).mean(axis=1))).tolist()
    own, exactly = (statistics.median(times[name]) for name in ("fast", "exact"))
    print(
        f"fast form, one thread: {own * 1e3:.0f} ms, {exactly / own:.1f} times the exact one; its RMS difference in "
        f"{len(errors)} leads: median {np.median(errors):.2f}, 95 % below {np.quantile(errors, 0.95):.2f}, "
        f"largest {max(errors):.2f} µV"
    )


def _timed(times: list[float], work: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
    started = time.perf_counter()
    result = work()
    times.append(time.perf_counter() - started)
    return result


def _waveforms() -> list[NDArray[np.float64]]:
    real = os.environ.get("ECGML_REAL_DATA")
    if not real:
        return [simulate_record("SR", np.random.default_rng(seed)).waveform.astype(float) for seed in range(N_RECORDS)]
    headers = sorted((Path(real) / "cinc2021" / "chapman_ningbo").glob("JS0*.hea"))[:N_RECORDS]
    return [read_record(header).waveform.astype(float) for header in headers]


def plain(waveform: NDArray[np.float64]) -> NDArray[np.float64]:
    """The recipe, step by step, in mV."""
    half_width, span = round(HALF_WIDTH_S * FS), 2 * (round(SPAN_S * FS) // 2) + 1
    denoised = []
    for lead in _lowpass(waveform, FS):
        level = lead - _plain_loess(lead, span, N_ROBUST)
        denoised.append(_plain_means(level, half_width, NOISE_SCALE * noise_sd(level, in_place=True)))
    return np.array(denoised)


@numba.njit(cache=True)
def _plain_loess(y, span, n_iterations):
    n, smooth, weights = y.size, np.empty(y.size), np.ones(y.size)
    for iteration in range(n_iterations + 1):
        good = np.flatnonzero(weights > 0)
        first = 0
        for i in range(n):
            while first + span < good.size and good[first + span] - i < i - good[first]:
                first += 1
            near = good[first : first + span]
            scale = max(i - near[0], near[-1] - i)
            s0 = s1 = s2 = s3 = s4 = t0 = t1 = t2 = 0.0
            for j in near:
                u = (j - i) / scale
                w = (1 - abs(u) ** 3) ** 3 * weights[j]
                s0, s1, s2, s3, s4 = s0 + w, s1 + w * u, s2 + w * u**2, s3 + w * u**3, s4 + w * u**4
                t0, t1, t2 = t0 + w * y[j], t1 + w * u * y[j], t2 + w * u**2 * y[j]
            left = np.array([[s0, s1, s2], [s1, s2, s3], [s2, s3, s4]])
            smooth[i] = np.linalg.solve(left, np.array([t0, t1, t2]))[0]
        if iteration < n_iterations:
            residuals = np.abs(y - smooth)
            weights = np.maximum(1 - (residuals / (6 * np.median(residuals))) ** 2, 0.0) ** 2
    return smooth


@numba.njit(cache=True)
def _plain_means(x, half_width, width):
    """Darbon's cumulative sum for each lag in turn, as the published implementations have it."""
    n, bandwidth = x.size, 2 * (2 * half_width + 1) * width**2
    total, weight, sums = np.zeros(n), np.zeros(n), np.zeros(n + 1)
    for lag in range(1 - n, n):
        for k in range(n):
            inside = 0 <= k + lag < n
            sums[k + 1] = sums[k] + ((x[k] - x[k + lag]) ** 2 if inside else 0.0)
        for i in range(half_width + 1, n - half_width):
            t = i + lag
            if 1 <= t < n:
                w = np.exp(-(sums[i + half_width + 1] - sums[i - half_width]) / bandwidth)
                total[i] += w * x[t]
                weight[i] += w
    denoised = x.copy()
    inner = slice(half_width + 1, n - half_width)
    denoised[inner] = total[inner] / weight[inner]
    return denoised


if __name__ == "__main__":
    main()
