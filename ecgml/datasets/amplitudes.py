"""Plausibility of a cohort's amplitudes, and its outlying records."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgml.preprocessing.amplitude import USUAL_MV

COHORT_RATIO = 2.2
"""A cohort whose median is so many times above or below the usual is off: halfway (of factors) to a gain 4.88 times
off. The medians of four sources lie within 0.88 and 1.10 of the usual."""

LEAST_RECORDS = 4
"""A cohort is judged from so many records on."""

RECORD_RATIOS = (0.36, 3.2)
"""A record so far from its cohort's median does not fit in."""

LEAST_FOR_RECORDS = 10
"""… where the cohort has so many."""

COMMON_GAINS = (100.0, 200.0, 500.0, 1000.0, 2000.0)
"""Steps a mV that converters have; a factor of two and more apart."""

GAIN_TOLERANCE = 1.4
"""A common gain explains an amplitude where it brings the median this close to the usual."""


def misfits(amplitudes: NDArray[np.floating]) -> list[str | None]:
    """Return a remark on each record whose amplitude is far from its cohort's.

    Parameters
    ----------
    amplitudes : ndarray, shape (n_records,)
        In mV, by `ecgml.preprocessing.amplitude.amplitude_mv`; NaN where there is none.

    Returns
    -------
    suspicions : list of str or None, length n_records
    """
    known = amplitudes[np.isfinite(amplitudes)]
    if len(known) < LEAST_FOR_RECORDS:
        return [None] * len(amplitudes)
    median = float(np.median(known))
    low, high = RECORD_RATIOS
    return [
        f"amplitude {value:.2g} mV, {value / median:.2g} times its cohort's median ({median:.2g} mV): "
        f"a wrong gain or unit, or {'high' if value > median else 'low'} voltage"
        if value < low * median or value > high * median
        else None
        for value in amplitudes.tolist()
    ]


def cohort_fault(amplitudes: NDArray[np.floating], gain: float | None = None) -> str | None:
    """Return by which factor a cohort's amplitudes are too large or too small for ECGs, or None.

    Parameters
    ----------
    amplitudes : ndarray, shape (n_records,)
        In mV, as for :func:`misfits`.
    gain : float, optional
        Steps a mV that all of its headers state.
    """
    known = amplitudes[np.isfinite(amplitudes)]
    if len(known) < LEAST_RECORDS:
        return None
    median = float(np.median(known))
    if USUAL_MV / COHORT_RATIO <= median <= USUAL_MV * COHORT_RATIO:
        return None
    factor, cause = median / USUAL_MV, "the unit or gain is probably wrong"
    if gain and (common := _likely_gain(gain * factor)):
        factor, cause = common / gain, f"the header's gain {gain:g}/mV is probably {common:g}/mV"
    size = f"{factor:,.2g} times too large" if factor > 1 else f"{1 / factor:,.2g} times too small"
    return (
        f"amplitudes are about {size} for ECGs: the typical lead of {len(known):,} records spans {median:.2g} mV, "
        f"usual is {USUAL_MV:g} mV; {cause}"
    )


def _likely_gain(estimate: float) -> float | None:
    nearest = min(COMMON_GAINS, key=lambda gain: abs(np.log(gain / estimate)))
    return nearest if max(nearest / estimate, estimate / nearest) <= GAIN_TOLERANCE else None
