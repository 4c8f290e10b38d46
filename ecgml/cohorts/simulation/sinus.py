"""Timelines of sinus rhythms: variability, ectopic beats, escape beats, wandering.

Normal RR intervals vary with blood pressure (Mayer waves near 0.1 Hz) and with respiration, as in McSharry et al. 2003
(10.1109/TBME.2003.808805); a premature atrial beat resets the sinus node, a ventricular one does not, so that the pause
after it is compensatory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ecgml.cohorts.simulation.patient import Patient
from ecgml.cohorts.simulation.timeline import (
    ECTOPIC,
    LEAD_IN_S,
    LEAD_OUT_S,
    RETROGRADE,
    SINUS,
    Timeline,
    TimelineBuilder,
)


def sinus_timeline(rhythm: str, patient: Patient, duration_s: float, rng: np.random.Generator) -> Timeline:
    """Return the timeline of SB, SR, ST, SA or SAAWR.

    Parameters
    ----------
    rhythm : str
        Which of them.
    patient : Patient
        Its conditions APB, VPB and JEB are carried out.
    duration_s : float
        Of the recording, s.
    rng : Generator
        Source of chance.
    """
    if "JEB" in patient.conditions:
        return _dissociated(patient, duration_s, rng)
    interval_s = _sinus_node(rhythm, patient, rng)
    origin_at = _pacemaker(rhythm, rng)
    p_premature, p_ventricular = (_ectopy(code, patient, rng) for code in ("APB", "VPB"))
    builder = TimelineBuilder()

    time_s = -LEAD_IN_S - rng.random() * 60 / patient.rate_bpm
    # Far enough beyond the end that it is not bared when the timeline is shrunk to its rate.
    while time_s < 1.25 * duration_s + LEAD_OUT_S:
        low = float(origin_at(time_s))
        # An impulse from low in the atrium reaches the AV node sooner.
        pr_s = patient.pr_s * (1 - 0.35 * low) + rng.normal(0, 0.002)
        rr_s = interval_s(time_s)
        builder.p_wave(time_s, (1 - low) * SINUS + low * RETROGRADE)
        builder.beat(time_s + pr_s)
        if rng.random() < p_premature:
            time_s = _premature_atrial(builder, time_s, rr_s, pr_s, rng)
        elif rng.random() < p_ventricular:
            builder.beat(time_s + pr_s + rr_s * rng.uniform(0.5, 0.75), "ventricular")
            builder.p_wave(time_s + rr_s, SINUS)
            time_s += 2 * rr_s
        else:
            time_s += rr_s
    return _at_rate(builder.build(patient.rate_bpm), patient.rate_bpm, duration_s)


def _at_rate(timeline: Timeline, rate_bpm: float, duration_s: float) -> Timeline:
    """Stretch a timeline to a rate: labels follow what the machine counts, drifts and ectopic beats included."""
    seen_s = timeline.beat_s[(timeline.beat_s >= 0) & (timeline.beat_s < duration_s)]
    counted_s = seen_s if seen_s.size > 2 else timeline.beat_s
    factor = 60 / rate_bpm / float(np.diff(counted_s).mean())
    return replace(timeline, beat_s=timeline.beat_s * factor, p_s=timeline.p_s * factor)


def _sinus_node(rhythm: str, patient: Patient, rng: np.random.Generator) -> Callable[[float], float]:
    """Return the function that gives the interval which starts at a time."""
    mean_s = 60 / patient.rate_bpm
    if rhythm == "SA":
        # Irregular by the usual definition: more than 120 ms or 10 % between longest and shortest.
        respiratory, slow = mean_s * rng.uniform(0.075, 0.17), mean_s * rng.uniform(0.01, 0.05)
    else:
        # Variability falls with age and, steeply, with rate (Monfredi et al. 2014, 10.1161/HYPERTENSIONAHA.114.03782).
        deviation_s = 0.032 * mean_s**2.2 * (1.5 - 0.012 * patient.age_years) * np.exp(rng.normal(0, 0.55))
        share = rng.uniform(0.2, 0.8)
        respiratory, slow = deviation_s * np.sqrt(2 * share), deviation_s * np.sqrt(2 * (1 - share))
    mayer_hz, mayer_rad = rng.normal(0.1, 0.015), rng.uniform(0, 2 * np.pi)
    drift = rng.normal(0, 0.012)

    def interval_s(time_s: float) -> float:
        wave = respiratory * patient.breath(time_s) + slow * np.sin(2 * np.pi * mayer_hz * time_s + mayer_rad)
        jitter = rng.normal(0, 0.004 * mean_s)
        return max(0.25, mean_s * (1 + drift * (time_s - 5) / 5) + float(wave) + jitter)

    return interval_s


def _pacemaker(rhythm: str, rng: np.random.Generator) -> Callable[[float], float]:
    """Return how far down the atrium the impulse starts at a time: 0 sinus node, 1 AV node."""
    if rhythm != "SAAWR":
        return lambda time_s: 0.0
    period_s, phase, depth = rng.uniform(5, 12), rng.uniform(0, 2 * np.pi), rng.uniform(0.7, 1.0)
    return lambda time_s: depth * (0.5 + 0.5 * np.sin(2 * np.pi * time_s / period_s + phase)) ** 1.2


def _ectopy(code: str, patient: Patient, rng: np.random.Generator) -> float:
    """Draw how likely an ectopic beat follows a sinus beat: seldom in most, often in some, always in bigeminy."""
    if code not in patient.conditions:
        return 0.0
    shares = [0.15, 0.30, 0.43, 0.12] if patient.often_ectopic else [0.45, 0.25, 0.22, 0.08]
    return float(rng.choice([0.08, 0.15, 0.30, 0.97], p=shares))


def _premature_atrial(
    builder: TimelineBuilder, time_s: float, rr_s: float, pr_s: float, rng: np.random.Generator
) -> float:
    """Add a premature atrial beat; return when the sinus node, reset by it, fires next."""
    coupling = rng.uniform(0.55, 0.85)
    early_s = time_s + max(coupling * rr_s, 0.26)
    builder.p_wave(early_s, ECTOPIC)
    blocked = coupling < 0.62 and rng.random() < 0.25
    if not blocked:
        aberrant = coupling < 0.68 and rng.random() < 0.25
        # The node, not yet recovered, conducts a premature impulse more slowly.
        builder.beat(early_s + pr_s + 0.08 * (0.85 - coupling), "aberrant" if aberrant else "usual")
    return early_s + rr_s * rng.uniform(1.0, 1.15)


def _dissociated(patient: Patient, duration_s: float, rng: np.random.Generator) -> Timeline:
    """Junctional escape rhythm a little faster than the sinus node, whose P waves wander through it."""
    builder = TimelineBuilder()
    builder.codes.add("JEB")
    rr_s = 60 / patient.rate_bpm
    for time_s in np.arange(-LEAD_IN_S - rng.random() * rr_s, duration_s + LEAD_OUT_S, rr_s):
        builder.beat(time_s + rng.normal(0, 0.006))
    pp_s = rr_s * rng.uniform(1.02, 1.15)
    for time_s in np.arange(-LEAD_IN_S - rng.random() * pp_s, duration_s + LEAD_OUT_S, pp_s):
        builder.p_wave(time_s + rng.normal(0, 0.008) + 0.02 * pp_s * float(patient.breath(time_s)), SINUS)
    return builder.build(60 / pp_s)
