"""Timelines of supraventricular tachycardias that turn around in or near the AV node.

The atria are activated from the AV node upwards: within the QRS complex when the circuit lies in the node (a pseudo r'
in V1, a pseudo S in the inferior leads), about 100 ms after it when it returns over an accessory pathway (Page et al.,
2015 ACC/AHA/HRS guideline, 10.1161/CIR.0000000000000311). SVT is what could not be told apart: either of them, or a
focus whose P waves hide in the T waves.
"""

from __future__ import annotations

import numpy as np

from ecgml.cohorts.simulation.patient import Patient
from ecgml.cohorts.simulation.timeline import ECTOPIC, LEAD_IN_S, LEAD_OUT_S, RETROGRADE, Timeline, TimelineBuilder


def reentry_timeline(rhythm: str, patient: Patient, duration_s: float, rng: np.random.Generator) -> Timeline:
    """Return the timeline of SVT, AVNRT or AVRT.

    Parameters
    ----------
    rhythm : str
        Which of them.
    patient : Patient
        Its condition VPB is carried out.
    duration_s : float
        Of the recording, s.
    rng : Generator
        Source of chance.
    """
    rr_s = 60 / patient.rate_bpm
    mechanism = rhythm if rhythm != "SVT" else str(rng.choice(["AVNRT", "AVRT", "focus"], p=[0.5, 0.25, 0.25]))
    if mechanism == "AVNRT":
        p_after_s, origin = patient.qrs_s / 2 + rng.uniform(-0.010, 0.030), RETROGRADE
    elif mechanism == "AVRT":
        p_after_s, origin = patient.qrs_s / 2 + rng.uniform(0.07, 0.11), RETROGRADE
    else:
        p_after_s, origin = rr_s - float(np.clip(patient.pr_s, 0.09, 0.6 * rr_s)), ECTOPIC

    # Some circuits beat in pairs, short and long by a few milliseconds.
    alternans_s = rng.uniform(0, 0.012) * rr_s * (rng.random() < 0.3)
    builder = TimelineBuilder()
    p_ventricular = 0.06 if "VPB" in patient.conditions else 0.0
    time_s, sign = -LEAD_IN_S - rng.random() * rr_s, 1.0
    while time_s < duration_s + LEAD_OUT_S:
        builder.beat(time_s, "ventricular" if rng.random() < p_ventricular else "usual")
        builder.p_wave(time_s + p_after_s + rng.normal(0, 0.001), origin)
        breath_s = 0.008 * rr_s * float(patient.breath(time_s))
        time_s += rr_s + sign * alternans_s + breath_s + rng.normal(0, 0.004 * rr_s)
        sign = -sign
    return builder.build(patient.rate_bpm)
