"""Which leads of a record carry a signal, and why the others do not.

The limits are wide: of 1,784 recordings of PTB-XL, Georgia and CPSC none is called noisy or of wrong gain.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from ecgml.measurements.median import median

FLAT_MV = 0.01
"""Peak-to-peak amplitude below which a lead is flat: about two steps of the Chapman-Shaoxing source (4.88 µV)."""

FLAT_SHARE = 0.5
"""A lead that stands still (the same value as before) for longer than this share in one run has lost its electrode."""

MAX_GAP_S = 0.04
"""Missing values are bridged over gaps no longer than this: shorter than any wave of the ECG."""

CLIPPED_SHARE = 0.05
"""A lead that sits on its own extreme, three samples and more at once, for more than this share of the time is clipped.

Two equal samples are what a round peak gives."""

SATURATED_S = 0.2
"""Held there longer than this at a time it is not its peaks that are cut off: the amplifier is at its end, s."""

NOISY_MV = 0.1
"""Standard deviation of the noise between 20 and 40 Hz above which P waves (0.1 mV) are lost in it.

The median over the recordings above is 0.0045 mV, their noisiest lead has 0.053."""

NOISE_ABOVE_HZ = 20.0
"""Above P and T waves; QRS complexes reach there too, for a tenth of the time."""

PLAUSIBLE_MV = (0.05, 20.0)
"""Between these the typical lead of a record spans 98 % of its values; 0.2 to 3.5 mV in the recordings above."""

STRANGE_RATIO = 50.0
"""A lead that is so many times larger or smaller than the record's typical one has another gain; 14 occurs."""

_MAD_TO_SD = 1.4826
_LEAST_LEVELS = 8
_ENOUGH = 1000  # values of a lead for its percentiles
_GOLDEN = (np.sqrt(5) - 1) / 2


def lead_faults(waveform: NDArray[np.float32], fs: float, max_amplitude_mv: float) -> list[str | None]:
    """Name what is wrong with each lead.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        In mV, as read: before any filter, which would hide what is looked for.
    fs : float
        Hz.
    max_amplitude_mv : float
        Largest plausible distance from the lead's median, mV.

    Returns
    -------
    faults : list of str or None, length n_leads
        ``"missing"``, ``"flat"``, ``"wrong gain"``, ``"over amplitude"``, ``"clipped"``, ``"saturated"``, or None where
        the lead is usable.
    """
    faults: list[str | None] = [None] * len(waveform)
    for place in np.flatnonzero(_doubtful(waveform, max_amplitude_mv)):
        faults[place] = _fault(waveform[place], fs, max_amplitude_mv)
    for index, fault in enumerate(faults):
        if fault in ("flat", "over amplitude") and _has_other_gain(waveform[index], typical_mv(waveform)):
            faults[index] = "wrong gain"
    return faults


def typical_mv(waveform: NDArray[np.floating]) -> float:
    """Return what the typical lead spans, mV: the median over the leads that move of their 1st to 99th percentile.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        In mV; missing values are NaN.

    Returns
    -------
    span : float
        In mV; NaN where no lead moves.
    """
    spans = _spans(waveform)
    spans = spans[spans > 0]
    return float(np.median(spans)) if len(spans) else float("nan")


def gain_error(waveform: NDArray[np.floating]) -> float | None:
    """Return by which power of ten a record's amplitude is implausible, or None where it is not.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        In mV as read.

    Returns
    -------
    factor : float or None
        1000 where values are a thousand times too large (µV read as mV), 0.001 where they are as much too small. A
        record that is nearly constant is flat, not small.
    """
    typical = typical_mv(waveform)
    if np.isnan(typical) or PLAUSIBLE_MV[0] <= typical <= PLAUSIBLE_MV[1]:
        return None
    if typical < PLAUSIBLE_MV[0] and not sum(map(_has_shape, waveform)) > len(waveform) / 2:
        return None
    return float(10.0 ** round(np.log10(typical)))


def noise_mv(waveform: NDArray[np.floating], fs: float) -> NDArray[np.floating]:
    """Return the standard deviation of the noise above 20 Hz.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        In mV, finite, without mains: as the model sees it, whatever its denoiser left.
    fs : float
        Hz.

    Returns
    -------
    noise : ndarray, shape (n_leads,)
        In mV, by the median absolute value, which passes over the QRS complexes; 0 where `fs` does not reach 40 Hz.
    """
    if fs <= 2 * NOISE_ABOVE_HZ:
        return np.zeros(len(waveform))
    return _MAD_TO_SD * median(np.abs(signal.sosfilt(_noise_filter(fs), waveform, axis=1)))


@functools.lru_cache(maxsize=16)
def _noise_filter(fs: float) -> NDArray[np.float64]:
    return signal.butter(4, NOISE_ABOVE_HZ, "highpass", fs=fs, output="sos")


def _spans(waveform: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return from the 1st to the 99th percentile of each lead; 0 of a lead without any value."""
    if waveform.shape[1] > _ENOUGH:  # golden steps: regular ones could meet every mains wave at its zero
        waveform = waveform[:, (np.arange(_ENOUGH) * _GOLDEN % 1 * waveform.shape[1]).astype(np.intp)]
    absent = np.isnan(waveform).any(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers near the end of float32 span infinity
        spans = _span(np.sort(waveform, axis=1))
        for index in np.flatnonzero(absent):
            there = waveform[index][np.isfinite(waveform[index])]
            spans[index] = _span(np.sort(there)) if there.size else 0.0
        return spans


def _span(ordered: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return from the 1st to the 99th percentile of ascending values, by straight lines between them."""
    from_end = 0.01 * (ordered.shape[-1] - 1)
    whole, part = int(from_end), from_end % 1
    following = min(whole + 1, ordered.shape[-1] - 1)
    low = ordered[..., whole] + part * (ordered[..., following] - ordered[..., whole])
    high = ordered[..., -1 - whole] - part * (ordered[..., -1 - whole] - ordered[..., -1 - following])
    return np.asarray(high - low)


def _has_shape(lead: NDArray[np.floating]) -> bool:
    """Whether a small lead is more than the flicker of a converter's last digit."""
    return len(np.unique(lead[np.isfinite(lead)])) >= _LEAST_LEVELS


def _has_other_gain(lead: NDArray[np.floating], typical: float) -> bool:
    span = float(_spans(lead[None])[0])
    if not span > 0 or np.isnan(typical):
        return False
    if not PLAUSIBLE_MV[0] <= typical <= PLAUSIBLE_MV[1]:
        return span > PLAUSIBLE_MV[1] or (span < PLAUSIBLE_MV[0] and _has_shape(lead))
    return span > STRANGE_RATIO * typical or (span * STRANGE_RATIO < typical and _has_shape(lead))


def _doubtful(waveform: NDArray[np.floating], max_amplitude_mv: float) -> NDArray[np.bool_]:
    """Return which leads may have a fault, by what is quick to see of all of them at once."""
    with np.errstate(invalid="ignore"):  # infinite values
        low, high = waveform.min(axis=1).astype(np.float64), waveform.max(axis=1).astype(np.float64)
        moves = (high - low >= FLAT_MV) & (np.maximum(high, -low) <= max_amplitude_mv)  # False of missing values
    n_still = np.count_nonzero(waveform[:, 1:] == waveform[:, :-1], axis=1)
    return ~moves | (n_still > min(FLAT_SHARE, CLIPPED_SHARE) * waveform.shape[1])


def _fault(lead: NDArray[np.floating], fs: float, max_amplitude_mv: float) -> str | None:
    absent = ~np.isfinite(lead)
    if absent.any():
        if absent.all() or _longest_run(absent) > max(1.0, MAX_GAP_S * fs):
            return "missing"
        lead = lead[~absent]
    low, high = float(lead.min()), float(lead.max())
    if high - low < FLAT_MV:
        return "flat"
    if max(high, -low) > max_amplitude_mv:
        # A constant offset is no fault, and the median costs more than all the rest: only looked at when it matters.
        middle = float(np.median(lead))
        if max(high - middle, middle - low) > max_amplitude_mv:
            return "over amplitude"
    still = lead[1:] == lead[:-1]
    n_still = np.count_nonzero(still)
    if n_still > FLAT_SHARE * lead.size and _longest_run(still) > FLAT_SHARE * lead.size:
        return "flat"
    if n_still > CLIPPED_SHARE * lead.size:
        held = still & ((lead[1:] == low) | (lead[1:] == high))
        if np.count_nonzero(held[1:] & held[:-1]) > CLIPPED_SHARE * lead.size:
            return "saturated" if _longest_run(held) > SATURATED_S * fs else "clipped"
    return None


def bridge_gaps(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Interpolate missing values linearly within each lead; a lead without any value becomes 0.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        In mV.

    Returns
    -------
    bridged : ndarray, shape (n_leads, n_times)
        In mV, finite; the input itself when nothing was missing.
    """
    absent = ~np.isfinite(waveform)
    if not absent.any():
        return waveform
    bridged = waveform.copy()
    times = np.arange(waveform.shape[1])
    for lead, gaps in zip(bridged, absent, strict=True):
        if gaps.all():
            lead[:] = 0
        elif gaps.any():
            lead[gaps] = np.interp(times[gaps], times[~gaps], lead[~gaps])
    return bridged


def _longest_run(flags: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))
