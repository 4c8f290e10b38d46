"""Who is recorded: age, sex, rate, intervals, axes and conditions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.simulation.hospital import CONDITIONS, HOSPITAL, draw_quantile

_EXCLUSIVE = (
    ("RBBB", "LBBB", "IVB"),
    ("TWC", "TWO"),
    ("STTC", "STDD", "STTU", "ERV"),
    ("LVHV", "LVQRSAL"),
)
"""Conditions of which a patient has one at most."""

_ECTOPIC = frozenset({"APB", "VPB"})


@dataclass(frozen=True)
class Patient:
    """One patient at the time of the recording."""

    age_years: int
    female: bool
    rate_bpm: float
    """Mean ventricular rate that the rhythm aims at."""
    pr_s: float
    """From the peak of the P wave to the peak of the QRS complex."""
    qrs_s: float
    """Duration of a QRS complex conducted as usual."""
    qt_corrected_s: float
    """QT interval at 60/min; at other rates it goes with the cube root of RR (Fridericia 1920)."""
    qrs_axis_deg: float
    t_axis_deg: float
    respiration_hz: float
    respiration_rad: float
    """Phase at time zero. One breath moves the rate, the heart's axis and the baseline."""
    conditions: frozenset[str]
    """Codes of the data set's Beat column."""
    often_ectopic: bool = False
    """Whether ectopic beats, if any, come in numbers."""

    def breath(self, times_s: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return the respiration, -1 … 1, at given times."""
        return np.sin(2 * np.pi * self.respiration_hz * times_s + self.respiration_rad)

    def qt_s(self, rr_s: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return the QT interval that goes with an RR interval; repolarisation ends before the next beat is due."""
        return np.minimum(self.qt_corrected_s * np.cbrt(rr_s), 0.82 * np.asarray(rr_s))


def draw_patient(rhythm: str, rng: np.random.Generator, ectopic_share: float | None = None) -> Patient:
    """Draw a patient of a rhythm.

    Age, sex and conditions depend on the rhythm as they do in the hospital; nothing else does beyond its rate.

    Parameters
    ----------
    rhythm : str
        Code of `ecgml.records.rhythms`.
    rng : Generator
        Source of chance.
    ectopic_share : float, optional
        This share of patients, not the hospital's, has premature atrial or ventricular beats or both, in numbers.
    """
    population = HOSPITAL[rhythm]
    age = round(draw_quantile(rng, population.age_years, 4, 98))
    female = rng.random() < population.female
    low, high = population.rate_bpm[0], population.rate_bpm[-1]
    # The machine's rate, by which a label is given, is off by a beat or so.
    rate_bpm = draw_quantile(rng, population.rate_bpm, 0.85 * low, 1.1 * high) + rng.normal(0.0, 0.5)
    conditions = _draw_conditions(CONDITIONS[population.conditions], rng)
    if ectopic_share is not None:
        conditions -= _ECTOPIC
        if rng.random() < ectopic_share:
            conditions |= (frozenset({"APB"}), frozenset({"VPB"}), _ECTOPIC)[int(rng.integers(3))]

    # Frontal axes turn left with age until 75 (medians of the table by decade) and stray to the left more than to the
    # right.
    qrs_axis = max(85 - 0.78 * (max(age, 15) - 15), 39) + 18 + rng.normal(0, 14) - rng.exponential(26)
    if qrs_axis < -30:
        conditions |= {"ALS"}
    if qrs_axis > 95:
        conditions |= {"ARS"}
    return Patient(
        age_years=age,
        female=female,
        rate_bpm=rate_bpm,
        pr_s=_draw_pr(rng, age, rate_bpm, "1AVB" in conditions),
        qrs_s=_draw_qrs(rng, age, female, conditions),
        qt_corrected_s=rng.normal(0.412 + 0.008 * female, 0.020) + 0.07 * ("QTIE" in conditions),
        qrs_axis_deg=qrs_axis,
        t_axis_deg=0.4 * qrs_axis + 14 + rng.normal(0, 20),
        respiration_hz=float(np.clip(rng.normal(0.27, 0.05), 0.15, 0.45)) * (1.3 if age < 12 else 1.0),
        respiration_rad=rng.uniform(0, 2 * np.pi),
        conditions=frozenset(conditions),
        often_ectopic=ectopic_share is not None,
    )


def _draw_conditions(percent: dict[str, float], rng: np.random.Generator) -> set[str]:
    exclusive = {code for group in _EXCLUSIVE for code in group}
    drawn = {code for code, value in percent.items() if code not in exclusive and rng.random() < value / 100}
    for group in _EXCLUSIVE:
        share = np.array([percent.get(code, 0.0) for code in group]) / 100
        index = int(np.searchsorted(np.cumsum(share), rng.random()))
        drawn |= set(group[index : index + 1])
    return drawn


def _draw_pr(rng: np.random.Generator, age: int, rate_bpm: float, blocked: bool) -> float:
    if blocked:
        return rng.uniform(0.215, 0.30)
    # The AV node conducts faster at fast sinus rates, slower with age.
    return float(np.clip(rng.normal(0.150 + 0.0003 * (age - 55) - 0.0004 * (rate_bpm - 70), 0.020), 0.10, 0.20))


def _draw_qrs(rng: np.random.Generator, age: int, female: bool, conditions: set[str]) -> float:
    if "LBBB" in conditions:
        return rng.uniform(0.128, 0.170)
    if "RBBB" in conditions:
        return rng.uniform(0.118, 0.158)
    if "IVB" in conditions:
        return rng.uniform(0.112, 0.135)
    mean = (0.084 if female else 0.094) - 0.010 * (age < 12)
    return float(np.clip(rng.normal(mean, 0.009), 0.062, 0.115))
