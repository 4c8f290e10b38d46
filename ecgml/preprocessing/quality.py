"""Which leads of a record carry a signal, and why the others do not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FLAT_MV = 0.01
"""Peak-to-peak amplitude below which a lead is flat: about two steps of the Chapman-Shaoxing source (4.88 µV)."""

FLAT_SHARE = 0.5
"""A lead that stands still (the same value as before) for longer than this share in one run has lost its electrode."""

MAX_GAP_S = 0.04
"""Missing values are bridged over gaps no longer than this: shorter than any wave of the ECG."""

CLIPPED_SHARE = 0.05
"""A lead that sits on its own extreme, three samples and more at once, for more than this share of the time is clipped.

Two equal samples are what a round peak gives."""


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
        ``"missing"``, ``"flat"``, ``"over amplitude"``, ``"clipped"``, or None where the lead is usable.
    """
    return [_fault(lead, fs, max_amplitude_mv) for lead in waveform]


def _fault(lead: NDArray[np.float32], fs: float, max_amplitude_mv: float) -> str | None:
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
            return "clipped"
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
