"""Where the ventricles beat: QRS complexes over all leads at once.

The first steps are those of Pan and Tompkins (1985, 10.1109/TBME.1985.325532): band-pass, rectify, smooth, compare
with an adaptive threshold, look twice at what follows a beat closely. We differ in that all leads vote, the quiet ones
most; that the threshold lies between a local floor and a local crest, so that steady noise raises it; that the whole
recording is there, so that nothing has to be learnt from the first seconds or searched back; and that beats are timed
by their likeness to the recording's own median beat instead of by a peak.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import ndimage, signal

BAND_HZ = (8.0, 20.0)
"""Where QRS complexes stand out. Below 8 Hz T waves come in, above 20 Hz muscle noise."""

SMOOTHING_S = 0.08
"""One QRS complex becomes one peak, and at 300/min two stay two."""

BLOCK_S = 2.0
"""Floor and crest are taken anew this often: long enough to hold a beat at 30/min."""

THRESHOLD = 0.3
"""Share of the way from floor to crest. In 1,784 recordings few peaks lie between 0.2 and 0.4: T waves and noise stay
below, QRS complexes and nearly all ectopic ones above."""

REFRACTORY_S = 0.2
"""No two beats are closer: 300/min."""

T_WAVE_S = 0.36
T_WAVE_SHARE = 0.5
"""A peak this close behind a beat and lower than this share of it is its T wave (Pan and Tompkins 1985)."""

QRS_HALF_S = 0.08
"""Half the stretch by which beats are compared; a beat closer to an end of the recording is not whole and left out."""

UNREST_OF_A_CLEAN_LEAD = 0.03

WORKING_HZ = 100.0

_TINY = np.finfo(float).tiny

SHIFT_S = 0.05
"""Beats are shifted at most this far to match the median beat: the two slopes of a wide complex lie that far apart."""


@dataclass(frozen=True, eq=False)
class Beats:
    """QRS complexes of one recording.

    Parameters
    ----------
    positions : ndarray of float64, shape (n_beats,)
        In samples from the start, ascending, between samples where the beat lies there: RR intervals are good to about
        a millisecond at 100 Hz.
    similarity : ndarray of float64, shape (n_beats,)
        Correlation of each QRS complex with the recording's median one, over all leads, −1 to 1.
    fs : float
        Sampling frequency, Hz.
    """

    positions: NDArray[np.float64]
    similarity: NDArray[np.float64]
    fs: float

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def rr_s(self) -> NDArray[np.float64]:
        """Time from each beat to the next, s, shape (n_beats − 1,)."""
        return np.diff(self.positions) / self.fs


def detect_beats(waveform: NDArray[np.floating], fs: float) -> Beats:
    """Find the QRS complexes of a recording.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        Any unit and polarity; a lead that stands still is ignored, and one that is noisy counts little.
    fs : float
        Sampling frequency, Hz, at least 50.

    Returns
    -------
    beats : Beats
        None where no lead moves or the recording is shorter than half a second.
    """
    nothing = Beats(np.empty(0), np.empty(0), fs)
    moving = waveform[np.ptp(waveform, axis=1) > 0] if waveform.shape[1] >= 0.5 * fs else waveform[:0]
    if not len(moving):
        return nothing
    qrs = signal.sosfiltfilt(_band(fs), moving, axis=1, padlen=round(0.25 * fs))
    step = max(1, int(fs / WORKING_HZ))
    qrs, weights = _level_leads(qrs[:, ::step], fs / step)
    peaks = _pick_peaks(_envelope(qrs, weights, fs / step), fs / step)
    if not len(peaks):
        return nothing
    positions, similarity = _align(qrs * np.sqrt(weights), peaks, fs / step)
    return Beats(positions * step, similarity, fs)


@functools.lru_cache(maxsize=8)
def _band(fs: float) -> NDArray[np.float64]:
    return signal.butter(2, BAND_HZ, "bandpass", fs=fs, output="sos")


def _block_starts(n_times: int, fs: float) -> NDArray[np.intp]:
    n_blocks = max(1, int(n_times / (BLOCK_S * fs)))
    return np.arange(n_blocks) * n_times // n_blocks


def _level_leads(qrs: NDArray[np.float64], fs: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bring every lead's usual QRS height to 1 and weigh the leads, shape (n_leads, 1), by how quiet they are between."""
    starts = _block_starts(qrs.shape[1], fs)
    crest = np.median(np.maximum.reduceat(np.abs(qrs), starts, axis=1), axis=1, keepdims=True)
    lively = crest[:, 0] > 0
    # What towers above the lead's usual complex is an artefact: it may not vote for more than one beat would.
    qrs = np.clip(qrs[lively] / crest[lively], -1, 1)
    unrest = np.median(np.abs(qrs), axis=1, keepdims=True)
    weights = (unrest + UNREST_OF_A_CLEAN_LEAD) ** -2
    return qrs, weights / weights.sum()


def _envelope(qrs: NDArray[np.float64], weights: NDArray[np.float64], fs: float) -> NDArray[np.float64]:
    """Rectify, add the leads up and smooth; then 0 is the local floor and 1 the local crest, shape (n_times,)."""
    n_times = qrs.shape[1]
    bell = np.hanning(2 * round(SMOOTHING_S * fs / 2) + 3)
    envelope = np.convolve((np.abs(qrs) * weights).sum(axis=0), bell / bell.sum(), "same")
    starts = _block_starts(n_times, fs)
    floor = np.array([np.median(block) for block in np.split(envelope, starts[1:])])
    crest = np.maximum.reduceat(envelope, starts)
    middles = starts + n_times / len(starts) / 2
    # The median of five blocks passes over an artefact in one and a pause in two.
    floor, crest = (np.interp(np.arange(n_times), middles, ndimage.median_filter(x, 5)) for x in (floor, crest))
    return (envelope - floor) / np.maximum(crest - floor, _TINY)


def _pick_peaks(envelope: NDArray[np.float64], fs: float) -> NDArray[np.intp]:
    """Return the samples at which a QRS complex stands, ascending."""
    candidates, _ = signal.find_peaks(envelope, height=THRESHOLD, distance=max(1, round(REFRACTORY_S * fs)))
    margin = QRS_HALF_S * fs
    peaks: list[int] = []
    for peak in candidates:
        if peaks and peak - peaks[-1] < T_WAVE_S * fs and envelope[peak] < T_WAVE_SHARE * min(1, envelope[peaks[-1]]):
            continue
        peaks.append(peak)
    return np.array([peak for peak in peaks if margin <= peak < len(envelope) - margin], dtype=np.intp)


def _align(
    qrs: NDArray[np.float64], peaks: NDArray[np.intp], fs: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shift every beat to where it matches the median beat best; return positions and the correlation there."""
    half, reach = round(QRS_HALF_S * fs), round(SHIFT_S * fs)
    padded = np.pad(qrs, ((0, 0), (reach, reach)))
    stretches = sliding_window_view(padded, 2 * (half + reach) + 1, axis=1)  # (leads, starts, stretch)
    beats = stretches[:, peaks - half].swapaxes(0, 1)  # (beats, leads, stretch)
    template = np.median(beats[:, :, reach:-reach], axis=0)
    windows = sliding_window_view(beats, 2 * half + 1, axis=2)  # (beats, leads, shifts, times)
    match = np.einsum("blst,lt->bs", windows, template)
    shift = np.clip(match.argmax(axis=1), 1, 2 * reach - 1)

    each = np.arange(len(peaks))
    before, at, after = (match[each, shift + step] for step in (-1, 0, 1))
    energy = np.square(windows[each, :, shift]).sum(axis=(1, 2)) * np.square(template).sum()
    similarity = at / np.sqrt(np.maximum(energy, _TINY))
    # The vertex of the parabola through the best match and its neighbours.
    bend = np.minimum(before - 2 * at + after, -_TINY)
    return peaks + shift - reach + np.clip((before - after) / bend / 2, -1, 1), similarity
