"""Whether the signal between the beats swings at the rate of atrial flutter.

Cancelling the whole QRST complex, as is done for fibrillation (Stridh and Sörnmo 2001, 10.1109/10.900266), would cancel
the waves of a flutter that conducts 2:1 as well, for they keep time with the beats. We bridge the QRS complex alone and
look at what is left. What QRST cancellation showed of fibrillation added nothing to RR intervals and P waves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ecgml.measurements.beats import Beats

FLUTTER_HZ = (4.0, 6.5)
"""Atrial flutter: 240 to 390/min."""

WHOLE_HZ = (1.0, 20.0)
"""Above baseline wander, below muscle noise."""

QRS_HALF_S = 0.07
"""Half the stretch around a beat that is bridged by a straight line, s."""


def flutter_measurements(waveform: NDArray[np.floating], beats: Beats) -> dict[str, float]:
    """Measure how much of the signal between the beats swings at 240 to 390/min.

    Parameters
    ----------
    waveform : ndarray, shape (n_leads, n_times)
        Any unit; leads that stand still are ignored.
    beats : Beats
        Of that waveform.

    Returns
    -------
    measured : dict of str to float
        ``flutter_share``: power at 4 to 6.5 Hz over power at 1 to 20 Hz, mean over the leads. About 0.15 in sinus
        rhythm, 0.3 to 0.7 in flutter; up to 0.3 in fast tachycardia, whose second harmonic lies there.
    """
    bridged = waveform[np.ptp(waveform, axis=1) > 0].astype(np.float64)
    n_times, half = waveform.shape[1], round(QRS_HALF_S * beats.fs)
    for middle in np.rint(beats.positions).astype(int):
        first, last = max(0, middle - half), min(n_times - 1, middle + half)
        bridged[:, first : last + 1] = np.linspace(bridged[:, first], bridged[:, last], last - first + 1, axis=1)
    n_fast = fft.next_fast_len(n_times, real=True)
    spectrum = fft.rfft(bridged * np.hanning(n_times), n_fast, axis=1)
    power = np.square(np.abs(spectrum[:, : int(WHOLE_HZ[1] * n_fast / beats.fs) + 1]))
    flutter, whole = (_band_power(power, beats.fs / n_fast, band_hz) for band_hz in (FLUTTER_HZ, WHOLE_HZ))
    lively = whole > 0
    return {"flutter_share": float(np.mean(flutter[lively] / whole[lively]))} if lively.any() else {}


def _band_power(power: NDArray[np.float64], step_hz: float, band_hz: tuple[float, float]) -> NDArray[np.float64]:
    frequency_hz = np.arange(power.shape[1]) * step_hz
    return power[:, (frequency_hz >= band_hz[0]) & (frequency_hz < band_hz[1])].sum(axis=1)
