"""Leads that were recorded one after the other, as a print of 3 x 4 shows them, each standing still otherwise.

As leads of the same time they would be an ECG that never was. What a channel writes before its lead begins and after it
has ended (zeros, the last value) is no signal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecgml.records.leads import canonical_lead

_LEAST_S = 1.0
"""A lead is there, and stands still, for at least this long; a print shows it for 2.5 s or 5 s."""

_OVERLAP_S = 0.1
"""By so much one lead may end after the next has begun."""


def mask_print(channels: NDArray[np.floating], names: Sequence[str], fs: float) -> tuple[NDArray[np.floating], str]:
    """Mark as missing what is before and after the leads of a print.

    Parameters
    ----------
    channels : ndarray, shape (n_channels, n_times)
        In mV, one row per name; NaN where missing.
    names : sequence of str
    fs : float
        Hz.

    Returns
    -------
    channels : ndarray
        The same array where no two channels move at different times, as in nearly every file.
    note : str
        Which leads are when; ``""`` where it is no print.
    """
    if not _may_be_print(channels):
        return channels, ""
    spans = [_moving_span(row, least=round(_LEAST_S * fs)) for row in channels]
    moving = [span for span in spans if span[1] - span[0] >= _LEAST_S * fs]
    if not moving or max(start for start, _ in moving) < min(stop for _, stop in moving) - _OVERLAP_S * fs:
        return channels, ""
    channels = channels.copy()
    for row, (start, stop) in zip(channels, spans, strict=True):
        row[:start] = row[stop:] = np.nan
    return channels, _note(names, spans, fs)


def _may_be_print(channels: NDArray[np.floating]) -> bool:
    """Whether some channel seems to stand still at the beginning, and some at the end: from three samples of each."""
    n_times = channels.shape[1]
    third = n_times // 18
    ends = (channels[:, : 2 * third + 1 : third], channels[:, : n_times - 2 * third - 2 : -third]) if third else ()
    return bool(ends) and all(_is_any_still(end) for end in ends)


def _is_any_still(samples: NDArray[np.floating]) -> bool:
    # Of so few numbers, Python is quicker than NumPy.
    return any(
        one == two == three or (one != one and two != two and three != three) for one, two, three in samples.tolist()
    )


def _moving_span(row: NDArray[np.floating], least: int) -> tuple[int, int]:
    """Return from where to where a channel moves, samples, but for still ends shorter than the least."""
    moves = np.flatnonzero((row[1:] != row[:-1]) & np.isfinite(row[1:]) & np.isfinite(row[:-1]))
    if not moves.size:
        return 0, 0
    start, stop = int(moves[0]), int(moves[-1]) + 2
    return start if start >= least else 0, stop if row.size - stop >= least else row.size


def _note(names: Sequence[str], spans: Sequence[tuple[int, int]], fs: float) -> str:
    leads: dict[str, list[str]] = {}
    for name, (start, stop) in zip(names, spans, strict=True):
        if (lead := canonical_lead(name)) and stop:
            leads.setdefault(f"{start / fs:.1f} to {stop / fs:.1f} s", []).append(lead)
    shown = ", ".join(f"{' '.join(of_time)} {time}" for time, of_time in list(leads.items())[:6])
    return f"leads recorded one after the other, as on a print: {shown}"
