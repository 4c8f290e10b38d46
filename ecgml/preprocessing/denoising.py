"""The named denoisers, applied to a record at its own sampling rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from ecgml.preprocessing.filters import butterworth, zero_phase

MAINS_HZ = (50.0, 60.0)
NOTCH_Q = 30.0


def denoise(waveform: NDArray[np.floating], fs: float, name: str) -> tuple[NDArray[np.floating], tuple[str, ...]]:
    """Denoise a waveform.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        In mV, finite.
    fs : float
        Hz.
    name : str
        ``"none"``; ``"bandpass"``: zero-phase Butterworth of order 3, 0.5–45 Hz; ``"notch"``: zero-phase notches of
        quality 30 at both mains frequencies; ``"wavelet"``: :func:`~ecgml.preprocessing.wavelet.shrink_wavelets`;
        ``"zheng2020"``, ``"zheng2020-fast"``, ``"zheng2020-fixed"``:
        :func:`~ecgml.preprocessing.zheng2020.denoise_zheng2020` as published, that nearly, and as it was meant.

    Returns
    -------
    denoised : ndarray, shape (n_leads, n_times)
        In mV.
    skipped : tuple of str
        What could not be done at this sampling rate.
    """
    if name == "bandpass":
        if fs <= 2 * 45.0:
            return zero_phase(waveform, butterworth(3, 0.5, None, fs), fs), ("no low-pass at 45 Hz",)
        return zero_phase(waveform, butterworth(3, 0.5, 45.0, fs), fs), ()
    if name == "notch":
        possible = [mains for mains in MAINS_HZ if mains < 0.95 * fs / 2]
        for mains in possible:
            waveform = zero_phase(waveform, signal.tf2sos(*signal.iirnotch(mains, NOTCH_Q, fs)), fs)
        return waveform, tuple(f"no notch at {mains:g} Hz" for mains in MAINS_HZ if mains not in possible)
    if name == "wavelet":
        from ecgml.preprocessing.wavelet import shrink_wavelets

        return shrink_wavelets(waveform, fs), ()
    if name.startswith("zheng2020"):
        # Compiled code: nobody who denoises otherwise waits for it.
        from ecgml.preprocessing.zheng2020 import STOP_HZ, can_lowpass, denoise_zheng2020

        denoised = denoise_zheng2020(
            waveform, fs, as_published=name != "zheng2020-fixed", is_fast=name == "zheng2020-fast"
        )
        return denoised, () if can_lowpass(fs) else (f"no low-pass below {STOP_HZ:g} Hz",)
    return waveform, ()
