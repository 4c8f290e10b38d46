"""Whether a record is as large as ECGs are: a wrong gain in a file's header makes every lead too large or too small.

The limits are those of 2,387 recordings of Chapman-Shaoxing, PTB-XL, Georgia and CPSC as the model sees them
(docs/quality.md): low voltage and hypertrophy are among them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgml.measurements.median import median

USUAL_MV = 0.92
"""What the typical lead of the typical record spans: 0.81 to 1.01 mV by source, 0.95 over all of them."""

RECORD_MV = (0.35, 2.7)
"""Outside these a record is suspect: 0.2 % of the recordings above are, and 97 % of them with a gain five times off."""


def amplitude_mv(steps: NDArray[np.int16], step_mv: float) -> float:
    """Return what the typical lead of a model waveform spans: the median over its leads of the 1st to 99th percentile.

    Parameters
    ----------
    steps : ndarray of int16, shape (n_leads, n_times)
        In steps of `step_mv`; an unusable lead is 0 throughout and does not count.
    step_mv : float

    Returns
    -------
    amplitude : float
        In mV; NaN where no lead moves.
    """
    ordered = np.sort(steps, axis=1)  # of int16 a tenth of the time of np.percentile
    margin = round(0.01 * (steps.shape[1] - 1))
    spans = ordered[:, -1 - margin].astype(np.int32) - ordered[:, margin]
    spans = spans[spans > 0]
    return float(median(spans.astype(np.float64))) * step_mv if len(spans) else float("nan")


def implausible_amplitude(amplitude: float) -> str | None:
    """Say that a record is too large or too small for an ECG, or return None.

    Parameters
    ----------
    amplitude : float
        By :func:`amplitude_mv`, mV.
    """
    low, high = RECORD_MV
    if np.isnan(amplitude) or low <= amplitude <= high:
        return None
    way = "large" if amplitude > high else "small"
    times = amplitude / USUAL_MV if amplitude > high else USUAL_MV / amplitude
    return (
        f"amplitude {amplitude:.2g} mV, {times:.2g} times too {way} for a usual ECG ({USUAL_MV:g} mV): "
        f"a wrong gain or unit, or {'high' if way == 'large' else 'low'} voltage"
    )
