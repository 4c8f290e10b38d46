"""The shapes of P, QRS, ST, T and U of a patient.

The normal heart's vectors follow the order of activation (Durrer et al. 1970, 10.1161/01.CIR.41.6.899): septum to the
right and front, apex, free wall to the left and down, base to the back. What departs from it, block, hypertrophy,
infarction, departs by its own vectors, so that the leads show what a reader expects of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.simulation.patient import Patient
from ecgml.cohorts.simulation.torso import rotation_about, rotation_to_axis
from ecgml.cohorts.simulation.waves import Waves

# (peak ms, rise ms, fall ms, (x left, y down, z back) mV)
_SEPTUM = Waves.table((-28, 6, 6.5, (-0.12, 0.00, -0.12)))
_APEX = Waves.table((-12, 7, 6.5, (0.28, 0.26, -0.24)))
_FREE_WALL = Waves.table((0, 6.5, 6.5, (0.92, 0.52, 0.12)), (9, 7, 7.5, (0.26, 0.12, 0.58)))
_BASE = Waves.table((22, 7, 8, (-0.10, -0.10, 0.20)), (34, 7, 9, (-0.04, -0.06, 0.05)))
_NORMAL = _SEPTUM + _APEX + _FREE_WALL + _BASE

_RIGHT_BUNDLE_BLOCK = Waves.table((44, 13, 14, (-0.38, -0.02, -0.50)), (66, 15, 18, (-0.34, -0.04, -0.36)))
_LEFT_BUNDLE_BLOCK = Waves.table(
    (-36, 14, 16, (0.30, 0.22, 0.20)),
    (-8, 18, 18, (0.62, 0.34, 0.75)),
    (22, 18, 18, (0.72, 0.18, 0.80)),
    (48, 14, 16, (0.34, -0.06, 0.42)),
)
_T = Waves.table((0, 52, 33, (0.26, 0.18, -0.27)))
_U = Waves.table((95, 28, 34, (0.03, 0.02, -0.05)))

_SINUS_P = Waves.table((-16, 17, 17, (0.050, 0.065, -0.035)), (16, 18, 18, (0.080, 0.050, 0.040)))
_RETROGRADE_P = Waves.table((0, 18, 18, (0.000, -0.115, -0.075)))


@dataclass(frozen=True, eq=False)
class Complexes:
    """A patient's complexes, each with its own time zero."""

    p: tuple[Waves, Waves, Waves]
    """From sinus node, atrial focus and AV node; zero is the P wave's middle."""
    qrs: dict[str, Waves]
    """By kind of beat; zero is the greatest magnitude."""
    t: dict[str, Waves]
    """ST segment, T and U wave by kind of beat, of an RR interval of 1 s; zero is the QRS complex's."""


def draw_complexes(patient: Patient, rng: np.random.Generator) -> Complexes:
    """Draw a patient's complexes.

    Parameters
    ----------
    patient : Patient
        Its intervals, axes and conditions shape them.
    rng : Generator
        Source of chance.
    """
    usual = _usual_qrs(patient, rng)
    voltage = _voltage(patient, rng)
    aberrant = _blocked("RBBB" if rng.random() < 0.8 else "LBBB", usual, rng).fitted(
        max(patient.qrs_s, rng.uniform(0.12, 0.15))
    )
    qrs = {"usual": usual.scaled(voltage), "aberrant": aberrant.scaled(voltage), "ventricular": _ventricular(rng)}
    repolarisation = {"usual": _usual_t(patient, qrs["usual"], np.sqrt(voltage), rng)}
    for kind in ("aberrant", "ventricular"):
        repolarisation[kind] = _discordant_t(patient, qrs[kind], -0.2 * qrs[kind].vector_mv.sum(axis=0))
    return Complexes(_p_waves(patient, rng), qrs, repolarisation)


def _p_waves(patient: Patient, rng: np.random.Generator) -> tuple[Waves, Waves, Waves]:
    # In a few patients P waves are next to invisible.
    gain = np.exp(rng.normal(0, 0.30)) * (0.3 if rng.random() < 0.05 else 1.0)
    sinus = _SINUS_P.turned(rotation_about("z", np.radians(rng.normal(0, 12)))).stretched(np.exp(rng.normal(0, 0.1)))
    direction = rng.normal(0, 1, 3) * (1, 1, 0.7)
    focus = Waves.table((0, 17, 17, tuple(0.11 * direction / np.linalg.norm(direction))))
    return sinus.scaled(gain), focus.scaled(gain), _RETROGRADE_P.scaled(gain)


def _usual_qrs(patient: Patient, rng: np.random.Generator) -> Waves:
    conditions = patient.conditions
    # Every heart activates a little differently: parts grow or shrink, the first and the last most, and turn to the
    # back or the front; a small notch may fall anywhere.
    waves = _NORMAL.scaled(np.exp(rng.normal(0, (0.6, 0.4, 0.15, 0.3, 0.6, 0.6))))
    waves = replace(waves, vector_mv=waves.vector_mv + rng.normal(0, 0.05, waves.vector_mv.shape))
    waves += Waves.table((rng.uniform(-25, 30), 5, 5, tuple(rng.normal(0, 0.06, 3))))
    if "LVHV" in conditions:
        waves += _FREE_WALL.scaled(rng.uniform(0.2, 0.5))
    if "AQW" in conditions:
        waves += _infarct(rng)
    if "LBBB" in conditions:
        waves = _blocked("LBBB", waves, rng)
    waves = waves.turned(rotation_to_axis(waves.area(), patient.qrs_axis_deg))
    if "RBBB" in conditions:
        # The left ventricle keeps its axis; what the right one adds comes after it.
        waves = _blocked("RBBB", waves, rng)
    # A heart turned about the long axis of the body moves the zone of transition.
    return waves.turned(rotation_about("y", np.radians(rng.normal(0, 13)))).fitted(patient.qrs_s)


def _infarct(rng: np.random.Generator) -> Waves:
    """A scar does not pull: the initial vector points away from the lower or the front wall."""
    if rng.random() < 0.6:
        return Waves.table((-22, 9, 9, (0.02, -0.45, 0.0)))
    return Waves.table((-22, 9, 9, (0.0, 0.0, 0.40)), (-10, 9, 9, (-0.1, 0.0, 0.35)))


def _blocked(bundle: str, waves: Waves, rng: np.random.Generator) -> Waves:
    """Return the complex with a bundle branch blocked: the ventricle on that side is activated late and slowly."""
    late = _RIGHT_BUNDLE_BLOCK if bundle == "RBBB" else _LEFT_BUNDLE_BLOCK
    late = late.scaled(np.exp(rng.normal(0, 0.2, late.peak_s.size)))
    # The left bundle's fibres start all of it; without them nothing of the usual course is left.
    return waves.scaled(np.where(waves.peak_s > 0.008, 0.6, 1.0)) + late if bundle == "RBBB" else late


def _voltage(patient: Patient, rng: np.random.Generator) -> float:
    voltage = float(np.exp(rng.normal(0, 0.22))) * (1.2 if patient.age_years < 30 else 1.0)
    if "LVQRSAL" in patient.conditions:
        return 0.40
    return max(voltage, 1.05) * 1.1 if "LVHV" in patient.conditions else voltage


def _ventricular(rng: np.random.Generator) -> Waves:
    """A beat from the ventricle: wide, from the outflow tract downwards or from the left ventricle to the right."""
    outflow = np.array([0.25, 0.9, 0.45])
    left = np.array([-0.55, rng.choice([-0.6, 0.6]), -0.65])
    main = (outflow if rng.random() < 0.55 else left) * rng.uniform(1.1, 1.9) + rng.normal(0, 0.15, 3)
    start, end = 0.35 * main + rng.normal(0, 0.12, 3), 0.3 * main + rng.normal(0, 0.18, 3)
    return Waves.table((-38, 16, 18, tuple(start)), (0, 22, 24, tuple(main)), (42, 18, 20, tuple(end))).fitted(
        rng.uniform(0.13, 0.17)
    )


def _usual_t(patient: Patient, qrs: Waves, voltage: float, rng: np.random.Generator) -> Waves:
    conditions = patient.conditions
    if "LBBB" in conditions:
        return _discordant_t(patient, qrs, -0.15 * qrs.vector_mv.sum(axis=0))
    gain = voltage * float(np.exp(rng.normal(0, 0.30))) * (0.85 if patient.female else 1.1)
    if "TWC" in conditions or "STTC" in conditions:
        gain *= rng.uniform(0.05, 0.45)
    if "TWO" in conditions:
        gain *= -rng.uniform(0.4, 0.8)
    # Women's and the old's T waves point less to the front.
    front = rng.normal(0.7 if patient.female else 1.0, 0.4) * (1.2 if patient.age_years < 40 else 1.0)
    waves = _T.stretched(np.exp(rng.normal(0, 0.08)))
    waves = replace(waves, vector_mv=waves.vector_mv * (1, 1, front))
    waves = waves.turned(rotation_to_axis(waves.area(), patient.t_axis_deg)).scaled(gain)
    waves = waves.moved(_t_peak_s(patient, qrs, float(waves.fall_s[0])))
    if rng.random() < 0.15:
        waves += _U.moved(float(waves.peak_s[0]) + 0.07)
    if "RBBB" in conditions:
        late = qrs.vector_mv[qrs.peak_s > 0.025].sum(axis=0)
        waves += _discordant_t(patient, qrs, -0.15 * late)
    return waves + _st_segment(conditions, qrs, rng)


def _st_segment(conditions: frozenset[str], qrs: Waves, rng: np.random.Generator) -> Waves:
    """A plateau between QRS and T: slightly up in most, down in ischaemia or strain, up in injury."""
    level = rng.normal(0.015, 0.02)
    if "STDD" in conditions or "STTC" in conditions:
        level = -rng.uniform(0.05, 0.15) if "STDD" in conditions else -rng.uniform(0.02, 0.07)
    if conditions & {"STTU", "ERV"}:
        level = rng.uniform(0.08, 0.18)
    j_s = 1000 * qrs.span_s()[2]
    vector = tuple(level * np.array([0.75, 0.5, -0.35]))
    return Waves.table((j_s + 35, 14, 22, vector), (j_s + 85, 30, 40, vector))


def _discordant_t(patient: Patient, qrs: Waves, vector: NDArray[np.float64]) -> Waves:
    """Repolarisation of a ventricle that was activated out of order: ST segment and T wave along a vector."""
    peak_ms, j_ms = 1000 * _t_peak_s(patient, qrs, 0.040), 1000 * qrs.span_s()[2]
    return Waves.table((peak_ms, 58, 40, tuple(vector)), (j_ms + 40, 25, 45, tuple(0.3 * vector)))


def _t_peak_s(patient: Patient, qrs: Waves, fall_s: float) -> float:
    """Return where the T wave peaks so that it ends, 2.2 standard deviations later, a QT interval after the onset."""
    return qrs.span_s()[0] + patient.qt_corrected_s - 2.2 * fall_s


def blend(p: tuple[Waves, Waves, Waves], times_s: NDArray[np.float64], origin: NDArray[np.float64]) -> list[Waves]:
    """Return P waves at given times.

    Parameters
    ----------
    p : tuple of Waves
        As in :class:`Complexes`.
    times_s : ndarray, shape (n_p,)
        Of the waves' middles, s.
    origin : ndarray, shape (n_p, 3)
        Weights of the three shapes in each.
    """
    return [waves.at(times_s, gains=origin[:, index]) for index, waves in enumerate(p) if origin[:, index].any()]
