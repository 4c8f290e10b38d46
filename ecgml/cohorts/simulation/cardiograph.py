"""What the machine prints: a row of the data set's Diagnostics table.

Measurements are what the simulation knows, with the errors and the arithmetic of an electrocardiograph: durations are
even because the machine counts 2 ms samples, QTc is Bazett's and cut off, the atrial rate is the ventricular one in
sinus rhythm and a guess elsewhere.
"""

from __future__ import annotations

import numpy as np

from ecgml.cohorts.simulation.patient import Patient
from ecgml.cohorts.simulation.timeline import ECTOPIC, Timeline

DIAGNOSTICS_COLUMNS = (
    *("FileName", "Rhythm", "Beat", "PatientAge", "Gender", "VentricularRate", "AtrialRate", "QRSDuration"),
    *("QTInterval", "QTCorrected", "RAxis", "TAxis", "QRSCount", "QOnset", "QOffset", "TOffset"),
)

_CARRIED_OUT = frozenset({"APB", "VPB", "IDC", "JEB"})
"""Conditions that beats show; they are coded when they did."""


def diagnostics_row(
    rhythm: str,
    patient: Patient,
    timeline: Timeline,
    axes_deg: tuple[float, float],
    duration_s: float,
    rng: np.random.Generator,
) -> dict[str, str | int]:
    """Return the row, without FileName.

    Parameters
    ----------
    rhythm : str
        What is known to be recorded.
    patient : Patient
        Age, sex, intervals and conditions.
    timeline : Timeline
        The beats.
    axes_deg : (float, float)
        Of QRS complex and T wave, degrees.
    duration_s : float
        Length of the recording, s.
    rng : Generator
        Source of chance.
    """
    beats_s = timeline.beat_s[(timeline.beat_s >= 0) & (timeline.beat_s < duration_s)]
    rr_s = float(np.diff(beats_s).mean()) if beats_s.size > 1 else 60 / patient.rate_bpm
    rate = round(60 / rr_s + rng.normal(0, 0.3))
    q_onset = round(rng.normal(219, 5))
    q_offset = q_onset + round((1000 * patient.qrs_s + rng.normal(0, 4)) / 2)
    t_offset = q_onset + round((1000 * float(patient.qt_s(rr_s)) + rng.normal(0, 9)) / 2)
    qt_ms = 2 * (t_offset - q_onset)
    beat_codes = (patient.conditions - _CARRIED_OUT) | timeline.codes | _ectopic_codes(timeline, duration_s)
    return {
        "Rhythm": rhythm,
        "Beat": " ".join(sorted(beat_codes)) or "NONE",
        "PatientAge": patient.age_years,
        "Gender": "FEMALE" if patient.female else "MALE",
        "VentricularRate": rate,
        "AtrialRate": _atrial_rate(rhythm, rate, timeline.atrial_bpm, rng),
        "QRSDuration": 2 * (q_offset - q_onset),
        "QTInterval": qt_ms,
        "QTCorrected": int(qt_ms * np.sqrt(rate / 60) - 0.4),
        "RAxis": _printed_axis(axes_deg[0] + rng.normal(0, 2)),
        "TAxis": _printed_axis(axes_deg[1] + rng.normal(0, 3)),
        # Complexes cut by the recording's ends are not counted.
        "QRSCount": int(np.sum((beats_s > 0.06) & (beats_s < duration_s - 0.06))),
        "QOnset": q_onset,
        "QOffset": q_offset,
        "TOffset": t_offset,
    }


def _atrial_rate(rhythm: str, rate: int, atrial_bpm: float, rng: np.random.Generator) -> int:
    """Return what the machine takes for the atrial rate; where P waves are not plain it mostly errs."""
    if rhythm in ("AFIB", "AF"):
        found = rng.choice(["beats", "atria", "something"], p=[0.55, 0.2, 0.25])
    elif rhythm in ("SVT", "AVNRT", "AVRT", "AT"):
        found = rng.choice(["beats", "atria", "something"], p=[0.45, 0.15, 0.4])
    else:
        return rate if rng.random() < 0.98 else round(atrial_bpm)
    if found == "atria":
        return round(atrial_bpm * rng.normal(1, 0.05))
    spread = 0.12 if found == "beats" else 0.45
    return round(float(np.clip(rate * np.exp(rng.normal(0, spread)), 33, 450)))


def _ectopic_codes(timeline: Timeline, duration_s: float) -> set[str]:
    seen = (timeline.beat_s >= 0) & (timeline.beat_s < duration_s)
    kinds = np.array(timeline.beat_kind)
    n_beats, n_ventricular = int(seen.sum()), int(np.sum(seen & (kinds == "ventricular")))
    codes = {"IDC"} if np.any(seen & (kinds == "aberrant")) else set()
    if n_ventricular:
        codes.add("VB" if n_ventricular > 0.4 * n_beats else "VPB")
    premature = (timeline.p_origin == ECTOPIC).all(axis=1) & (timeline.p_s >= 0) & (timeline.p_s < duration_s)
    # Where every P wave comes from a focus, none is premature.
    if premature.any() and (timeline.p_origin[:, 0] > 0).any():
        codes.add("ABI" if premature.sum() > 0.4 * n_beats else "APB")
    return codes


def _printed_axis(axis_deg: float) -> int:
    """Return an axis as the machine prints it, -89 … 270 degrees."""
    return (round(axis_deg) + 89) % 360 - 89
