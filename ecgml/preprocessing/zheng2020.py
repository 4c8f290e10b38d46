"""The denoising of the Chapman-Shaoxing set (Zheng et al., Scientific Data 7:48, 2020, 10.1038/s41597-020-0386-x).

Low-pass, robust-LOESS baseline, non-local means, each lead by itself. With what is fixed here the published file of the
one ECG at hand in both forms comes out of its raw form to the published digits; docs/denoising.md says how each
choice was found.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import signal
from scipy.interpolate import CubicSpline

from ecgml.preprocessing.loess import robust_loess
from ecgml.preprocessing.nonlocal_means import nonlocal_means

PASS_HZ, STOP_HZ = 40.0, 50.0
"""Corners of the low-pass: at most 1 dB lost at the first, at least 2.5 dB at the second, in each direction."""

SPAN_S = 1.0
"""Points of a baseline fit, s: a tenth of the data set's records."""

N_ROBUST = 5
HALF_WIDTH_S = 0.02
"""Half a patch of the non-local means, s: 10 points at 500 Hz."""

NOISE_SCALE = 1.5
"""Width of the non-local means in standard deviations of the noise."""

FAST_BASELINE_S = 0.032
"""The fast form fits the baseline this often, s, with splines between …"""

FAST_HZ = 250.0
"""… and averages at a whole fraction of the sampling frequency, this or the next above: five times the low-pass."""

_MAD_TO_SD = 1.4826


def denoise_zheng2020(
    waveform: NDArray[np.floating],
    fs: float,
    *,
    as_published: bool,
    is_fast: bool = False,
    n_threads: int | None = None,
) -> NDArray[np.float64]:
    """Denoise a waveform.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        Any unit, finite.
    fs : float
        Hz. Above 100 the low-pass is applied; the recipe is defined at 500 and carried over to others by time.
    as_published : bool
        With the noise estimate of the reference, a second difference computed in place and so recursive: 5 to 22 times
        too large. False computes what was meant.
    is_fast : bool
        Four times as fast, and not quite the same: docs/denoising.md has the difference.
    n_threads : int, optional
        At most one a lead is used; as many as numba may use if not given.

    Returns
    -------
    denoised : ndarray of float64, shape (n_leads, n_times)
        The input's unit, around zero.
    """
    leads = np.asarray(waveform, dtype=np.float64)
    if can_lowpass(fs):
        leads = _lowpass(leads, fs)

    baseline_stride = max(1, round(FAST_BASELINE_S * fs)) if is_fast else 1
    stride = max(1, int(fs / FAST_HZ)) if is_fast else 1
    times = np.arange(leads.shape[1])

    def finish(lead: NDArray[np.float64]) -> NDArray[np.float64]:
        level = lead - robust_loess(lead, round(SPAN_S * fs), N_ROBUST, baseline_stride)
        noise = NOISE_SCALE * noise_sd(level, in_place=as_published)
        if noise <= 0:
            return level
        half_width = max(1, round(HALF_WIDTH_S * fs / stride))
        few = np.ascontiguousarray(level[::stride])
        few = nonlocal_means(few, half_width, 2 * (2 * half_width + 1) * noise**2)
        return few if stride == 1 else CubicSpline(times[::stride], few)(times)

    # numba.get_num_threads() starts numba's own threads and, with them, changes the number that torch uses.
    n_threads = n_threads or numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]  # numba sets it at import
    with ThreadPoolExecutor(min(n_threads, len(leads))) as threads:
        return np.array(list(threads.map(finish, leads)))


def can_lowpass(fs: float) -> bool:
    """Whether the low-pass exists at a sampling frequency in Hz."""
    return fs > 2 * STOP_HZ


def noise_sd(level: NDArray[np.float64], *, in_place: bool) -> float:
    """Return the standard deviation of the noise from second differences, by their median absolute deviation.

    Parameters
    ----------
    level : ndarray, shape (n_times,)
        Without its baseline.
    in_place : bool
        As the reference has it: each difference takes the difference before it for the sample before it.
    """
    if in_place:
        # d[k] = (2 x[k] - d[k-1] - x[k+1]) / sqrt(6), from d[0] = x[0]: a recursive filter. The ends stay samples.
        scale = 1 / np.sqrt(6)
        forced = (2 * level[1:-1] - level[2:]) * scale
        inner, _ = signal.lfilter([1.0], [1.0, scale], forced, zi=[-scale * level[0]])
        differences = np.concatenate([level[:1], inner, level[-1:]])
    else:
        differences = (2 * level[1:-1] - level[:-2] - level[2:]) / np.sqrt(6)
    return _MAD_TO_SD * float(np.median(np.abs(differences - np.median(differences))))


def _lowpass(leads: NDArray[np.float64], fs: float) -> NDArray[np.float64]:
    """Filter forward and backward with the Butterworth filter that MATLAB's `buttord` gives: it fits the stop band."""
    order, _ = signal.buttord(PASS_HZ, STOP_HZ, 1, 2.5, fs=fs)
    warped = np.tan(np.pi * STOP_HZ / fs) / (10 ** (0.1 * 2.5) - 1) ** (1 / (2 * order))
    b, a = signal.butter(order, 2 / np.pi * np.arctan(warped))
    return signal.filtfilt(b, a, leads, axis=-1, padlen=min(3 * order, leads.shape[-1] - 1))
