"""A representative beat and where its waves begin and end, as it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class MarkedBeat:
    """A beat, its onsets and offsets, and its intervals in words.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        In mV, from the level before the QRS complex.
    times_s : ndarray, shape (n_times,)
        s after the middle of the QRS complex.
    marks : mapping of str to float
        By name, such as ``QRS onset``: s after the middle of the QRS complex.
    words : tuple of str
        A line for each interval measured, and for each reason why others were not.
    """

    waveform: NDArray[np.float64]
    times_s: NDArray[np.float64]
    marks: Mapping[str, float]
    words: tuple[str, ...] = ()
