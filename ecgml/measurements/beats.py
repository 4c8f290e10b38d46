"""Where the ventricles beat: QRS complexes over all leads at once.

The first steps are those of Pan and Tompkins (1985, 10.1109/TBME.1985.325532): band-pass, rectify, smooth, compare with
an adaptive threshold, doubt what follows a beat closely. We differ in that all leads vote, the quiet ones most; that
the threshold lies between a local floor and a local crest, so that steady noise raises it; that the recording is there
as a whole, so that nothing is learnt from its first seconds or searched back for; and that a beat is timed by its
likeness to the recording's own median beat instead of by a peak.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import ndimage, signal

from ecgml.measurements.median import median
from ecgml.measurements.zero_phase import forward_backward

BAND_HZ = (8.0, 20.0)
"""Where QRS complexes stand out: below come T waves, above muscle noise."""

WORKING_HZ = 100.0
"""Nothing is left above 20 Hz, so more samples a second than about this many are idle."""

SMOOTHING_S = 0.08
"""Makes one peak of one QRS complex, and leaves two of two at 300/min."""

BLOCK_S = 2.0
"""Floor and crest are taken anew this often: long enough to hold a beat at 30/min."""

QUIET = 0.03
"""A lead whose median between beats is below this share of its QRS height is as good as a lead gets."""

THRESHOLD = 0.3
"""Least height of a beat, above the floor; the crest is 1. T waves and noise lie below, ectopic beats above: of 53,660
peaks in 1,784 recordings (PTB-XL, Georgia, CPSC) 84 lie between 0.2 and 0.4."""

REFRACTORY_S = 0.2
"""No two beats are closer: 300/min."""

T_WAVE_S = 0.36
T_WAVE_SHARE = 0.5
"""A peak this close behind a beat and lower than this share of it is its T wave (Pan and Tompkins 1985)."""

QRS_HALF_S = 0.08
"""Half the stretch over which beats are compared. What is closer to an end of the recording is no whole beat."""

SHIFT_S = 0.05
"""A beat is moved at most this far to match the median beat: half the distance of a wide complex's two slopes."""

_EPSILON = 1e-9
"""Keeps quotients finite where nothing moves; what it is compared with is of order 1."""


@dataclass(frozen=True, eq=False)
class Beats:
    """The QRS complexes of one recording.

    Parameters
    ----------
    positions : ndarray of float64, shape (n_beats,)
        In samples from the start, ascending; between samples where the beat lies there, so that 100 Hz does not round
        RR intervals to 10 ms.
    similarity : ndarray of float64, shape (n_beats,)
        Correlation of each QRS complex with the median one over all leads, -1 to 1.
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
        """Time from each beat to the next, s, shape (n_beats - 1,)."""
        return np.diff(self.positions) / self.fs


def detect_beats(waveform: NDArray[np.floating], fs: float) -> Beats:
    """Find the QRS complexes of a recording.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        Any unit, any polarity. A lead that stands still is ignored, a noisy one counts little.
    fs : float
        Sampling frequency, Hz, above 40.

    Returns
    -------
    beats : Beats
        None where no lead moves or the recording is shorter than half a second.
    """
    moving = waveform[np.ptp(waveform, axis=1) > 0] if waveform.shape[1] >= 0.5 * fs else waveform[:0]
    if not len(moving):
        return Beats(np.empty(0), np.empty(0), fs)
    step = max(1, int(fs / WORKING_HZ))
    qrs = forward_backward(moving, _band(fs), round(0.25 * fs))[:, ::step]
    leads, weights = _level_leads(qrs, fs / step)
    peaks = _pick_peaks(_envelope(leads, weights, fs / step), fs / step)
    if not len(peaks):
        return Beats(np.empty(0), np.empty(0), fs)
    positions, similarity = _align(leads * np.sqrt(weights), peaks, fs / step)
    return Beats(positions * step, similarity, fs)


@functools.lru_cache(maxsize=16)
def _band(fs: float) -> NDArray[np.float64]:
    return signal.butter(2, BAND_HZ, "bandpass", fs=fs, output="sos")


def _block_starts(n_times: int, fs: float) -> NDArray[np.intp]:
    n_blocks = max(1, int(n_times / (BLOCK_S * fs)))
    return np.arange(n_blocks) * n_times // n_blocks


def _level_leads(qrs: NDArray[np.float64], fs: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bring each lead's usual QRS height to 1; weigh it, shape (n_leads, 1), by how quiet it is between beats."""
    crest = median(np.maximum.reduceat(np.abs(qrs), _block_starts(qrs.shape[1], fs), axis=1))
    # What towers above the usual complex of its lead is an artefact and gets no more than a beat's vote.
    leads = np.clip(qrs / np.maximum(crest, _EPSILON * np.abs(qrs).max())[:, None], -1, 1)
    weights = (median(np.abs(leads))[:, None] + QUIET) ** -2
    return leads, weights / weights.sum()


def _envelope(leads: NDArray[np.float64], weights: NDArray[np.float64], fs: float) -> NDArray[np.float64]:
    """Add the rectified leads up, smooth, and scale so that 0 is the local floor and 1 the local crest; (n_times,)."""
    bell = np.hanning(2 * round(SMOOTHING_S * fs / 2) + 3)
    envelope = np.convolve((weights.T @ np.abs(leads))[0], bell / bell.sum(), "same")
    n_times = len(envelope)
    starts = _block_starts(n_times, fs)
    middles = starts + n_times / len(starts) / 2
    floor = [median(block) for block in np.split(envelope, starts[1:])]
    envelope -= np.interp(np.arange(n_times), middles, floor)
    # The median of five blocks passes over two that hold an artefact, or no beat.
    crest = ndimage.median_filter(np.maximum.reduceat(envelope, starts), 5)
    return envelope / np.maximum(np.interp(np.arange(n_times), middles, crest), _EPSILON)


def _pick_peaks(envelope: NDArray[np.float64], fs: float) -> NDArray[np.intp]:
    """Return the samples at which QRS complexes stand."""
    peaks: list[int] = []
    candidates, _ = signal.find_peaks(envelope, height=THRESHOLD, distance=max(1, round(REFRACTORY_S * fs)))
    for peak in candidates.tolist():
        is_close = peaks and peak - peaks[-1] < T_WAVE_S * fs
        if not (is_close and envelope[peak] < T_WAVE_SHARE * min(1.0, envelope[peaks[-1]])):
            peaks.append(peak)
    half = round(QRS_HALF_S * fs)
    return np.array([peak for peak in peaks if half <= peak < len(envelope) - half], dtype=np.intp)


def _align(
    leads: NDArray[np.float64], peaks: NDArray[np.intp], fs: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Move each beat to where it matches the median beat best; return positions and the correlation there."""
    half, reach = round(QRS_HALF_S * fs), round(SHIFT_S * fs)
    padded = np.pad(leads, ((0, 0), (reach, reach)))
    stretches = sliding_window_view(padded, 2 * (half + reach) + 1, axis=1)  # (leads, starts, stretch)
    beats = stretches[:, peaks - half].swapaxes(0, 1)  # (beats, leads, stretch)
    median_beat = median(beats[:, :, reach:-reach], axis=0)
    windows = sliding_window_view(beats, 2 * half + 1, axis=2)  # (beats, leads, shifts, times)
    match = np.einsum("blst,lt->bs", windows, median_beat)
    shift = np.clip(match.argmax(axis=1), 1, 2 * reach - 1)

    each = np.arange(len(peaks))
    before, at, after = (match[each, shift + step] for step in (-1, 0, 1))
    energy = np.square(windows[each, :, shift]).sum(axis=(1, 2)) * np.square(median_beat).sum()
    # The vertex of the parabola through the best match and its neighbours.
    vertex = (before - after) / np.minimum(before - 2 * at + after, -_EPSILON) / 2
    return peaks + shift - reach + np.clip(vertex, -1, 1), at / np.sqrt(np.maximum(energy, _EPSILON))
