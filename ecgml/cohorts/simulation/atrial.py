"""Timelines of atrial rhythms: fibrillation, flutter, tachycardia."""

from __future__ import annotations

import numpy as np

from ecgml.cohorts.simulation.patient import Patient
from ecgml.cohorts.simulation.timeline import ECTOPIC, LEAD_IN_S, LEAD_OUT_S, SINUS, Timeline, TimelineBuilder


def fibrillation_timeline(patient: Patient, duration_s: float, rng: np.random.Generator) -> Timeline:
    """Return the timeline of atrial fibrillation.

    Impulses reach the AV node at random; it conducts the first that finds it recovered. So RR is a refractory time plus
    a waiting time (Lian, Clifford et al. 2007, 10.1186/1475-925X-6-9; Corino et al. 2011, 10.1109/TBME.2011.2166262),
    here a gamma variable: irregularly irregular, without memory but for a drift of the node's tone. Fast rates are the
    more regular ones, as in patients. A short interval after a long one may find a bundle branch refractory (Gouaux and
    Ashman 1947).

    Parameters
    ----------
    patient : Patient
        Its conditions VPB and IDC are carried out.
    duration_s : float
        Of the recording, s.
    rng : Generator
        Source of chance.
    """
    rr_s = 60 / patient.rate_bpm
    variation = float(np.clip(0.215 * rr_s**0.35 / 0.87 * np.exp(rng.normal(0, 0.30)), 0.05, 0.40))
    refractory = float(np.clip(rng.normal(0.58, 0.06), 0.40, 1 - 1.1 * variation)) * rr_s
    shape = ((rr_s - refractory) / (variation * rr_s)) ** 2

    n_drawn = int((duration_s + LEAD_OUT_S + LEAD_IN_S) / (0.5 * rr_s)) + 8
    intervals_s = refractory + rng.gamma(shape, (rr_s - refractory) / shape, n_drawn)
    tone = 0.06 * np.sin(2 * np.pi * (rng.uniform(0.06, 0.14) * np.cumsum(intervals_s) + rng.random()))
    intervals_s = np.maximum(intervals_s * (1 + tone), 0.24)
    beats_s = -LEAD_IN_S - rng.random() * rr_s + np.concatenate(([0.0], np.cumsum(intervals_s)))

    builder = TimelineBuilder()
    aberrant, p_ventricular = "IDC" in patient.conditions, 0.08 if "VPB" in patient.conditions else 0.0
    for index, beat_s in enumerate(beats_s[beats_s < duration_s + LEAD_OUT_S]):
        long_short = index > 1 and intervals_s[index - 1] < 0.75 * intervals_s[index - 2]
        if rng.random() < p_ventricular:
            builder.beat(beat_s, "ventricular")
        else:
            builder.beat(beat_s, "aberrant" if aberrant and long_short and rng.random() < 0.6 else "usual")
    # Dominant atrial frequency of untreated fibrillation (Bollmann et al. 2006, 10.1093/europace/eul113).
    atrial_hz = float(np.clip(rng.normal(6.2, 0.8), 4.2, 8.8))
    return builder.build(60 * atrial_hz, fibrillates=True)


def flutter_timeline(patient: Patient, duration_s: float, rng: np.random.Generator) -> Timeline:
    """Return the timeline of atrial flutter.

    A macro-re-entry turns 240 to 340 times a minute and the AV node lets every second, third or fourth cycle pass,
    in some patients by turns (Saoudi et al. 2001, 10.1053/euhj.2001.2658).

    Parameters
    ----------
    patient : Patient
        Its condition VPB is carried out.
    duration_s : float
        Of the recording, s.
    rng : Generator
        Source of chance.
    """
    atrial_bpm = float(np.clip(rng.normal(285, 26), 236, 344))
    wanted = atrial_bpm / patient.rate_bpm
    ratio = int(np.clip(round(wanted), 2, 6))
    # The rate that this patient came with decides the ratio, then the circuit's rate gives way within its range.
    atrial_bpm = float(np.clip(0.5 * (atrial_bpm + ratio * patient.rate_bpm), 225, 350))
    cycle_s = 60 / atrial_bpm
    cycles_s = np.arange(-LEAD_IN_S - rng.random() * cycle_s, duration_s + LEAD_OUT_S + 1, cycle_s)
    cycles_s = cycles_s + rng.normal(0, 0.0015, cycles_s.size).cumsum()

    delay_s, builder = rng.uniform(0.12, 0.30), TimelineBuilder()
    by_turns, p_ventricular = rng.random() < 0.45, 0.08 if "VPB" in patient.conditions else 0.0
    index, conducted_delay = int(rng.integers(ratio)), 0.0
    while index < cycles_s.size and cycles_s[index] < duration_s + LEAD_OUT_S:
        builder.beat(
            cycles_s[index] + delay_s + conducted_delay + rng.normal(0, 0.003),
            "ventricular" if rng.random() < p_ventricular else "usual",
        )
        step = ratio + (int(rng.choice([-1, 0, 1], p=[0.25, 0.45, 0.30])) if by_turns else 0)
        step = max(step, 2)
        # After a short wait the node conducts with more delay, as in Wenckebach's periods.
        conducted_delay = 0.04 * (ratio - step) if by_turns else 0.0
        index += step
    if ratio > 3:
        builder.codes.add("AVB")
    return builder.build(atrial_bpm, flutter_s=cycles_s)


def atrial_tachycardia_timeline(patient: Patient, duration_s: float, rng: np.random.Generator) -> Timeline:
    """Return the timeline of atrial tachycardia.

    A focus fires regularly; some warm up first, and some, with rates to match, conduct every second time only (Saoudi
    et al. 2001, 10.1053/euhj.2001.2658).

    Parameters
    ----------
    patient : Patient
        Its condition VPB is carried out.
    duration_s : float
        Of the recording, s.
    rng : Generator
        Source of chance.
    """
    rr_s = 60 / patient.rate_bpm
    blocked = patient.rate_bpm < 115 and rng.random() < 0.25
    cycle_s = rr_s / 2 if blocked else rr_s
    warm_up = rng.uniform(0.0, 0.06)
    builder = TimelineBuilder()
    if blocked:
        builder.codes.add("2AVB")
    p_ventricular = 0.08 if "VPB" in patient.conditions else 0.0
    # A focus has its own way to the node; at a high rate the node delays.
    pr_s = float(np.clip(patient.pr_s + rng.normal(0.0, 0.02), 0.09, 0.55 * cycle_s + 0.05))
    focus = ECTOPIC * rng.uniform(0.75, 1.0) + SINUS * rng.uniform(0.0, 0.25)
    time_s, conducts = -LEAD_IN_S - rng.random() * rr_s, True
    while time_s < duration_s + LEAD_OUT_S:
        builder.p_wave(time_s, focus)
        if conducts:
            kind = "ventricular" if rng.random() < p_ventricular else "usual"
            builder.beat(time_s + pr_s + rng.normal(0, 0.003), kind)
        conducts = not conducts or not blocked
        time_s += cycle_s * (1 + warm_up * np.exp(-(time_s + LEAD_IN_S) / 4)) + rng.normal(0, 0.004)
    return builder.build(60 / cycle_s)
