"""The representative beat: median and mean of a recording's usual beats, aligned at full resolution.

Electrocardiographs measure such a beat and not single ones (Kligfield et al. 2007, 10.1016/j.jacc.2007.01.024): noise
falls with the number of beats, and an interval is a global one, over all leads. We take the median, which passes over
an odd beat, and leave ectopic and odd beats out before; T waves are measured on the mean, in which less is left of
fibrillatory waves. The recording is measured as it was made, before any denoiser,
and brought to 500 Hz, so that 250, 500 and 1000 Hz show the same marks.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ecgml.measurements.beats import Beats, detect_beats
from ecgml.measurements.conditioning import Conditioned, condition, independent_leads, twelve_leads
from ecgml.measurements.median import median

QRS_HALF_S = 0.1
"""Half the stretch by which beats are aligned, s: the widest complex."""

SHIFT_S = 0.03
"""A beat is moved at most this far at a time, s."""

ROUNDS = 2
"""How often beats are moved to match their median: a third moves none by 1 ms."""

ALIKE = 0.8
ALIKE_BELOW_MEDIAN = 0.1
"""A beat is odd where its likeness to the median beat is below the first, and this far below the median likeness."""

STRETCH_S = (-0.42, 0.72)
"""What is kept around a beat, s: a PR interval of 360 ms and a QT interval of 660 ms."""

NEIGHBOUR_BEFORE_S, NEIGHBOUR_AFTER_S = 0.07, 0.09
"""The complexes before and after are left out from this before their middle to this after it, s."""


@dataclass(frozen=True, eq=False)
class RepresentativeBeat:
    """A recording's usual beats and their median.

    Parameters
    ----------
    waveform : ndarray, shape (n_rows, n_times)
        The median beat in mV; rows are I and II (where two limb leads are usable) and the usable chest leads.
    stack : ndarray of float32, shape (n_rows, n_beats, n_times)
        The beats of which it is the median.
    clear : ndarray of bool, shape (n_beats, n_times)
        False where a neighbouring complex or an end of the recording lies.
    times_s : ndarray, shape (n_times,)
        s after the middle of the QRS complex.
    fs : float
        Of these, about 500 Hz.
    leads : tuple of int
        Which of the twelve leads the rows are.
    slow : ndarray, shape (12, n_slow)
        The recording at about 100 Hz, 0 where a lead is not usable.
    slow_beats : Beats
        All its beats, odd ones too.
    positions_s : ndarray, shape (n_beats,)
        Where in the recording the beats of the stack are, s.
    noise_mv : float
        Standard deviation of the noise that is left in the median beat, by what tells its halves apart.
    """

    waveform: NDArray[np.float64]
    stack: NDArray[np.float32]
    clear: NDArray[np.bool_]
    times_s: NDArray[np.float64]
    fs: float
    leads: tuple[int, ...]
    slow: NDArray[np.float64]
    slow_beats: Beats
    positions_s: NDArray[np.float64]
    noise_mv: float

    @functools.cached_property
    def rr_s(self) -> float:
        """Median time from beat to beat, s."""
        return float(median(self.slow_beats.rr_s))

    @property
    def has_limbs(self) -> bool:
        """Whether the first two rows are I and II."""
        return self.leads[:2] == (0, 1)

    @functools.cached_property
    def mean(self) -> NDArray[np.float64]:
        """Mean of the stack, as `waveform`."""
        return _mean(self.stack, self.clear)

    @property
    def halves(self) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]:
        """Median and mean of every other beat, and of those between, each as `waveform`."""
        each = ((self.stack[:, half::2], self.clear[half::2]) for half in (0, 1))
        return tuple((_median(stack, clear), _mean(stack, clear)) for stack, clear in each)


def representative_beat(waveform: NDArray[np.floating], fs: float) -> RepresentativeBeat | None:
    """Find the representative beat of a recording.

    Parameters
    ----------
    waveform : ndarray, shape (12, n_times)
        In mV, finite, as recorded: leads in the order of `ecgml.records.leads.LEADS`, an unusable one 0 throughout.
    fs : float
        Sampling frequency, Hz, 100 to 1000.

    Returns
    -------
    beat : RepresentativeBeat or None
        None where fewer than two beats are alike.
    """
    rows, leads = independent_leads(waveform)
    if not len(rows) or waveform.shape[1] < 0.5 * fs:
        return None
    recording = condition(rows, fs)
    beats = detect_beats(recording.slow, recording.slow_fs)
    if len(beats) < 2:
        return None
    positions, is_usual = _align(recording.qrs, recording.qrs_fs, beats.positions * (recording.qrs_fs / beats.fs))
    positions *= recording.fs / recording.qrs_fs
    if is_usual.sum() < 2:
        return None
    stack, clear, times_s = _cut(recording, positions, is_usual)
    return RepresentativeBeat(
        waveform=_median(stack, clear),
        stack=stack,
        clear=clear,
        times_s=times_s,
        fs=recording.fs,
        leads=leads,
        slow=twelve_leads(recording.slow, leads),
        slow_beats=beats,
        positions_s=positions[is_usual] / recording.fs,
        noise_mv=_noise_mv(stack, clear),
    )


def _align(
    qrs: NDArray[np.float32], fs: float, positions: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Move beats, in samples, to where they match their median best; say which are like it."""
    half, reach = round(QRS_HALF_S * fs), round(SHIFT_S * fs)
    positions = positions.copy()
    margin = half + 2 * reach + 2
    whole = np.flatnonzero((positions >= margin) & (positions < qrs.shape[1] - margin))
    is_usual = np.zeros(len(positions), dtype=np.bool_)
    is_usual[whole] = True
    n_fast = fft.next_fast_len(2 * (half + reach) + 1, real=True)
    for _ in range(ROUNDS if len(whole) else 0):
        middles = np.rint(positions[whole]).astype(np.intp)
        segments = qrs[:, middles[:, None] + np.arange(-half - reach, half + reach + 1)]  # (rows, beats, T)
        # Sorting so few beats is three times as fast as NumPy's median.
        ordered = np.sort(segments[:, is_usual[whole], reach:-reach], axis=1)
        n_usual = ordered.shape[1]
        template = (ordered[:, (n_usual - 1) // 2] + ordered[:, n_usual // 2]) / 2
        spectra = fft.rfft(segments, n_fast, axis=2) * np.conj(fft.rfft(template, n_fast, axis=1))[:, None]
        match = fft.irfft(spectra.sum(axis=0), n_fast, axis=1)[:, : 2 * reach + 1]  # (beats, shifts)
        shift = np.clip(match.argmax(axis=1), 1, 2 * reach - 1)
        each = np.arange(len(whole))
        before, at, after = (match[each, shift + step] for step in (-1, 0, 1))
        energy = np.cumsum(np.pad(np.square(segments).sum(axis=0), ((0, 0), (1, 0))), axis=1)
        energy = energy[each, shift + 2 * half + 1] - energy[each, shift]
        likeness = at / np.sqrt(np.maximum(energy * np.square(template).sum(), _TINY))
        # The vertex of the parabola through the best match and its neighbours.
        vertex = np.clip((before - after) / np.minimum(before - 2 * at + after, -_TINY) / 2, -1, 1)
        positions[whole] = middles + np.clip(shift - reach + vertex, -reach, reach)
        typical = float(median(likeness))
        is_usual[whole] = likeness >= min(typical, max(ALIKE, typical - ALIKE_BELOW_MEDIAN))
    return positions, is_usual


_TINY = 1e-12


def _cut(
    recording: Conditioned, positions: NDArray[np.float64], is_usual: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64]]:
    """Cut the usual beats out, (rows, beats, times); say where they are clear of others; times, s."""
    offsets = np.arange(round(STRETCH_S[0] * recording.fs), round(STRETCH_S[1] * recording.fs) + 1)
    usual = positions[is_usual]
    first = np.floor(usual).astype(np.intp) + offsets[0] - 1
    n_times = recording.waveform.shape[1]
    floor = first[:, None] + 1 + np.arange(len(offsets))
    inside = (floor >= 1) & (floor <= n_times - 3)
    f = (usual - np.floor(usual))[:, None].astype(recording.waveform.dtype)
    # Cubic convolution (Keys 1981, 10.1109/TASSP.1981.1163711), as in `beat_stack`.
    kernel = (f * (-1 + f * (2 - f)), 2 + f**2 * (-5 + 3 * f), f * (1 + f * (4 - 3 * f)), f**2 * (f - 1))
    # Cut once, with a sample before and two after; a beat's other times are as far from a sample as its first.
    wide = recording.waveform[:, np.clip(first[:, None] + np.arange(len(offsets) + 3), 0, n_times - 1)]
    shifted = (np.multiply(weight / 2, wide[:, :, step : step + len(offsets)]) for step, weight in enumerate(kernel))
    stack = functools.reduce(np.add, shifted)
    times_s = offsets / recording.fs
    padded = np.concatenate(([-np.inf], positions, [np.inf]))
    index = np.flatnonzero(is_usual) + 1
    last_s, next_s = ((padded[index + step] - usual) / recording.fs for step in (-1, 1))
    clear = inside & (times_s > last_s[:, None] + NEIGHBOUR_AFTER_S) & (times_s < next_s[:, None] - NEIGHBOUR_BEFORE_S)
    return stack, clear, times_s


def _noise_mv(stack: NDArray[np.float32], clear: NDArray[np.bool_]) -> float:
    weights = clear.astype(stack.dtype)
    one, other = (
        np.einsum("rbt,bt->rt", stack[:, half::2], weights[half::2]) / np.maximum(weights[half::2].sum(axis=0), 1)
        for half in (0, 1)
    )
    # A difference of halves has twice the noise of the whole, and from sample to sample sqrt(2) times that; a median
    # has sqrt(pi / 2) times the noise of a mean.
    steps = np.diff(one - other, axis=1)
    return float(1.4826 * median(np.abs(steps).ravel()) * np.sqrt(np.pi / 2) / np.sqrt(8))


def _median(stack: NDArray[np.float32], clear: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the median over the beats that are clear at each time; where none is, the nearest time's value."""
    ordered = np.where(clear, stack, stack.dtype.type(np.inf))
    ordered.sort(axis=1)
    count = clear.sum(axis=0)
    nearest = _nearest(count)
    if nearest is None:
        return np.zeros((len(stack), stack.shape[2]))
    lower, upper = (count[nearest] - 1) // 2, count[nearest] // 2
    return (ordered[:, lower, nearest].astype(np.float64) + ordered[:, upper, nearest]) / 2


def _mean(stack: NDArray[np.float32], clear: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mean over the beats that are clear at each time; where none is, the nearest time's value."""
    count = clear.sum(axis=0)
    nearest = _nearest(count)
    if nearest is None:
        return np.zeros((len(stack), stack.shape[2]))
    total = np.einsum("rbt,bt->rt", stack, clear.astype(stack.dtype)).astype(np.float64)
    return total[:, nearest] / count[nearest]


def _nearest(count: NDArray[np.intp]) -> NDArray[np.intp] | None:
    """Return which time with a clear beat is nearest to each time, or None where there is none."""
    known = np.flatnonzero(count)
    if not len(known):
        return None
    return known[np.searchsorted(known, np.arange(len(count))).clip(0, len(known) - 1)]
