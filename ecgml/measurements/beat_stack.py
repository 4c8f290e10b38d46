"""Every beat's surroundings, cut out and laid over each other."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from ecgml.measurements.beats import Beats


def stack_beats(
    waveform: NDArray[np.floating], beats: Beats, start_s: float, end_s: float, clear_of_last_s: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cut the same stretch out around each beat, to a fraction of a sample.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        Any unit.
    beats : Beats
        Of that waveform.
    start_s, end_s : float
        The stretch, s after the beat; negative before it.
    clear_of_last_s : float
        Beats whose stretch starts earlier than this after the beat before are left out, s.

    Returns
    -------
    stack : ndarray, shape (n_stacked, n_leads, n_stretch)
        The waveform's unit, interpolated by cubic convolution (Keys 1981, 10.1109/TASSP.1981.1163711): at 100 Hz
        straight lines would cut P waves by 6 %. Beats whose stretch leaves the recording are left out.
    times : ndarray, shape (n_stretch,)
        s after the beat.
    """
    offsets = np.arange(round(start_s * beats.fs), round(end_s * beats.fs) + 1)
    since_last_s = np.concatenate(([np.inf], beats.rr_s)) if len(beats) else np.empty(0)
    first, last = beats.positions + offsets[0], beats.positions + offsets[-1]
    # The cubic reaches one sample before and two after.
    fits = (first >= 1) & (last <= waveform.shape[1] - 3) & (since_last_s + start_s >= clear_of_last_s)
    at = beats.positions[fits, None] + offsets
    whole = np.floor(at).astype(np.intp)
    f = at - whole
    kernel = (f * (-1 + f * (2 - f)), 2 + f**2 * (-5 + 3 * f), f * (1 + f * (4 - 3 * f)), f**2 * (f - 1))
    shifted = (weight / 2 * waveform[:, whole + step] for step, weight in enumerate(kernel, start=-1))
    stack = functools.reduce(np.add, shifted)
    return stack.swapaxes(0, 1), offsets / beats.fs
