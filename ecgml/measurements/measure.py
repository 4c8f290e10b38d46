"""All measurements of one recording."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgml.measurements.axes import axis_measurements
from ecgml.measurements.beats import Beats, detect_beats
from ecgml.measurements.flutter import flutter_measurements
from ecgml.measurements.median import median
from ecgml.measurements.p_wave import p_wave_measurements
from ecgml.measurements.rr import rr_measurements

LEAST_BEATS = 3

LEAST_SIMILARITY = 0.5
"""Median likeness of beats to their median below which they are none: noise of twelve leads stays below 0.45, 1,784
real recordings above 0.55."""


def measure(waveform: NDArray[np.floating], fs: float, beats: Beats | None = None) -> dict[str, float]:
    """Measure a recording.

    Parameters
    ----------
    waveform : ndarray, shape (12, n_times)
        In mV, finite, as preprocessed: leads in the order of `ecgml.records.leads.LEADS`, an unusable one 0 throughout.
    fs : float
        Sampling frequency, Hz, 100 to 1000.
    beats : Beats, optional
        Of that waveform, where they are known already.

    Returns
    -------
    measured : dict of str to float
        By the names of `ecgml.measurements.table.MEASUREMENTS`. What the recording does not show is absent: all of it
        with fewer than three beats, or with beats that do not resemble each other.
    """
    beats = detect_beats(waveform, fs) if beats is None else beats
    if len(beats) < LEAST_BEATS or median(beats.similarity) < LEAST_SIMILARITY:
        return {}
    return {
        **rr_measurements(beats.rr_s),
        **p_wave_measurements(waveform, beats),
        **flutter_measurements(waveform, beats),
        **axis_measurements(waveform, beats),
    }
