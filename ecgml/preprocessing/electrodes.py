"""Whether the leads are what they are called: limb leads that contradict each other, electrodes that changed places.

What is found is a suspicion, said in a note, never a reason to leave a record out: dextrocardia turns the heart round
where an exchange turns the wires. How often each is found, and how often wrongly, stands in docs/quality.md.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ecgml.measurements.beat_stack import stack_beats
from ecgml.measurements.beats import Beats
from ecgml.measurements.median import median
from ecgml.records.leads import LEADS

TOLERANCE_MV = 0.01
TOLERANCE_SHARE = 0.05
"""Limb leads agree where what contradicts is below either: 0.001 mV in every raw recording at hand, by rounding."""

CONTRADICTION_SHARE = 0.5
"""Share of the signal that contradicts without one lead to blame before it is said: lead-wise denoising leaves 0.3."""

SAME_GAIN = 0.03
"""A lead is called inverted where its gain is this close to -1."""

P_CONSISTENCY = 0.7
"""P waves are judged where the stretches before the beats are so alike (`ecgml.measurements.p_wave`)."""

QRS_MV, P_MV = 0.1, 0.02
"""Net heights in lead I beyond which QRS complex and P wave count as upside down, mV."""

FLAT_SHARE = 0.08
"""Of the leads I, II and III one below this share of the others is the difference of two right-leg potentials; the
least in 1,784 recordings (PTB-XL, Georgia, CPSC) is 0.115."""

LEAST_SPAN_MV = 0.1
"""What a beat must span in a lead to be compared, mV."""

CHEST_RATIO = 0.8
"""Chest leads change from neighbour to neighbour; where exchanging two shortens the way from V1 to V6 below this share,
they are suspected. So are 0.7 % of PTB-XL's recordings as they are."""

# I and II give all six limb leads (Einthoven 1913; Goldberger 1942).
_FROM_I_II = np.array([[1, 0], [0, 1], [-1, 1], [-0.5, -0.5], [1, -0.5], [-0.5, 1]])
_I, _II, _AVR = 0, 1, 3
_BEAT_S = (-0.3, 0.4)
_CHEST_S = (-0.25, 0.4)
_QRS_HALF_S = 0.05
_BASELINE_S = -0.07
_P_CREST_S = (-0.24, -0.09)
_P_SHOULDER_S = 0.05
_CHEST_PAIRS = tuple(combinations(range(6), 2))
_CHEST_ORDERS = np.array(
    [range(6), *([{one: other, other: one}.get(lead, lead) for lead in range(6)] for one, other in _CHEST_PAIRS)]
)
"""V1 to V6 as they are, and with each pair exchanged."""


def limb_contradiction(waveform: NDArray[np.floating], usable: Sequence[bool]) -> str | None:
    """Say which limb lead contradicts Einthoven's and Goldberger's equations, and how.

    Parameters
    ----------
    waveform : ndarray, shape (12, n_times)
        As read, mV: leads denoised one by one no longer add up. Missing values are NaN.
    usable : sequence of bool, length 12

    Returns
    -------
    suspicion : str or None
        None where the leads agree, or there are fewer than four.
    """
    leads = [index for index in range(6) if usable[index]]
    if len(leads) < 4:
        return None
    values = waveform[leads].astype(np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        values = values[:, finite.all(axis=0)]
    covariance = np.cov(values) if values.shape[1] > 1 else np.zeros((len(leads), len(leads)))
    power = np.trace(covariance) / len(leads)

    def agree(left: Sequence[int], covariance: NDArray[np.float64]) -> bool:
        return _contradiction(left, leads, covariance) <= max(TOLERANCE_MV**2, TOLERANCE_SHARE**2 * power)

    everyone = range(len(leads))
    if agree(everyone, covariance):
        return None
    for pair in combinations(everyone, 2):
        order = list(everyone)
        order[pair[0]], order[pair[1]] = order[pair[1]], order[pair[0]]
        if agree(everyone, covariance[np.ix_(order, order)]):
            return f"{' and '.join(LEADS[leads[one]] for one in pair)} exchanged"
    if len(leads) > 4:
        for one in everyone:
            rest = [other for other in everyone if other != one]
            if agree(rest, covariance):
                return _blame(one, rest, leads, covariance)
    share = np.sqrt(_contradiction(everyone, leads, covariance) / power)
    return f"limb leads contradict each other by {share:.0%}" if share > CONTRADICTION_SHARE else None


def _contradiction(left: Sequence[int], leads: Sequence[int], covariance: NDArray[np.float64]) -> float:
    """Return the mean power, mV², that some limb leads have beyond what two leads explain."""
    beyond = _beyond(tuple(leads[one] for one in left))
    return float(np.trace(beyond @ covariance[np.ix_(left, left)])) / len(left)


@functools.lru_cache(maxsize=64)
def _beyond(leads: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the projection that takes what two leads explain out of limb leads."""
    basis = _FROM_I_II[list(leads)]
    return np.eye(len(leads)) - basis @ np.linalg.pinv(basis)


def _blame(one: int, rest: Sequence[int], leads: Sequence[int], covariance: NDArray[np.float64]) -> str:
    """Say how a lead differs from what the rest make of it."""
    weights = _FROM_I_II[leads[one]] @ np.linalg.pinv(_FROM_I_II[[leads[other] for other in rest]])
    expected_power = weights @ covariance[np.ix_(rest, rest)] @ weights
    shared = covariance[one, rest] @ weights
    gain = shared / expected_power if expected_power > 0 else 0.0
    unexplained = covariance[one, one] - gain * shared
    if unexplained > max(TOLERANCE_MV**2, TOLERANCE_SHARE**2 * covariance[one, one]):
        return f"{LEADS[leads[one]]} is not what the other limb leads add up to"
    if abs(gain + 1) < SAME_GAIN:
        return f"{LEADS[leads[one]]} inverted"
    return f"{LEADS[leads[one]]} {gain:.3g} times what the other limb leads add up to"


def exchanged_electrodes(
    waveform: NDArray[np.floating], beats: Beats, measured: Mapping[str, float]
) -> tuple[str, ...]:
    """Say which electrodes probably changed places.

    Exchanged arm electrodes turn P wave and QRS complex upside down in I and upright in aVR (Batchvarov, Malik and Camm
    2007, 10.1093/europace/eum172); with the right-leg electrode on an arm one of I, II, III is nearly flat.
    Left arm and left leg exchanged look like another healthy heart and are not looked for.

    Parameters
    ----------
    waveform : ndarray, shape (12, n_times)
        In mV, as preprocessed; an unusable lead is 0 throughout.
    beats : Beats
        Of that waveform.
    measured : mapping of str to float
        By `ecgml.measurements.measure`: empty where the beats are none to speak of.

    Returns
    -------
    suspicions : tuple of str
    """
    if not measured:
        return ()
    stack, times = stack_beats(waveform, beats, *_BEAT_S)
    if not len(stack):
        return ()
    beat = median(stack, axis=0)
    spans = np.ptp(beat, axis=1)
    suspicions = []
    if (spans[:3] > 0).all():
        others = np.sort(spans[:3])
        if others[1] > LEAST_SPAN_MV and others[0] < FLAT_SHARE * others[1]:
            suspicions.append(f"an arm and a leg electrode exchanged: {LEADS[spans[:3].argmin()]} is nearly flat")
    if (spans[[_I, _II, _AVR]] > 0).all() and measured.get("p_consistency", 0) > P_CONSISTENCY:
        qrs, p = _net_qrs(beat, times), _p_crest(beat, times, beats.fs)
        if qrs[_I] < -QRS_MV and p[_I] < -P_MV and qrs[_AVR] > 0 and p[_AVR] > 0:
            suspicions.append("arm electrodes exchanged, or dextrocardia: P and QRS upside down in I, upright in aVR")
    if (spans[6:] > LEAST_SPAN_MV).all() and (pair := _chest_exchange(beat[6:, (times >= _CHEST_S[0])])):
        suspicions.append(f"{pair[0]} and {pair[1]} exchanged: the R wave grows from lead to lead without it")
    return tuple(suspicions)


def _net_qrs(beat: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    qrs = beat[:, np.abs(times) <= _QRS_HALF_S] - beat[:, [np.abs(times - _BASELINE_S).argmin()]]
    return qrs.max(axis=1) + qrs.min(axis=1)


def _p_crest(beat: NDArray[np.float64], times: NDArray[np.float64], fs: float) -> NDArray[np.float64]:
    """Return each lead's height, mV, where the P wave is highest in I, II and -aVR together."""
    shoulder = round(_P_SHOULDER_S * fs)
    reach = (times >= _P_CREST_S[0] - _P_SHOULDER_S) & (times <= _P_CREST_S[1] + _P_SHOULDER_S)
    stretch = beat[:, reach]
    height = stretch[:, shoulder:-shoulder] - (stretch[:, : -2 * shoulder] + stretch[:, 2 * shoulder :]) / 2
    return height[:, np.abs(height[_I] + height[_II] - height[_AVR]).argmax()]


def _chest_exchange(beat: NDArray[np.float64]) -> tuple[str, str] | None:
    """Return the two chest leads whose exchange shortens the way from V1 to V6 most, if by enough."""
    leads = beat - beat.mean(axis=1, keepdims=True)
    # Scaled by the root of its size, a tall lead in the middle does not drown the others.
    leads /= np.sqrt(np.linalg.norm(leads, axis=1, keepdims=True))
    apart = np.linalg.norm(leads[:, None] - leads[None], axis=2)

    ways = apart[_CHEST_ORDERS[:, :-1], _CHEST_ORDERS[:, 1:]].sum(axis=1)
    one, other = _CHEST_PAIRS[ways[1:].argmin()]
    return (LEADS[6 + one], LEADS[6 + other]) if ways[1:].min() < CHEST_RATIO * ways[0] else None
