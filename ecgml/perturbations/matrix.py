"""Every perturbation by kind and strength: the rows and columns of the robustness matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ecgml.perturbations.clinical import ClinicalValues, changed, measured_only, nothing, of_another_patient, without
from ecgml.perturbations.leads import (
    CHEST_SWAPS,
    LIMB_REVERSALS,
    chest_exchanged,
    limbs_exchanged,
    without_leads,
    without_some_leads,
)
from ecgml.perturbations.noise import DrawNoise, add_noise, baseline_wander, electrode_motion, mains_hum, muscle_noise
from ecgml.perturbations.recording import at_rate, of_duration, with_gain
from ecgml.records.leads import LEADS
from ecgml.records.record import Record

SNR_DB = (24, 18, 12, 6, 0, -6)
GAINS = (0.1, 0.2, 0.5, 2, 5, 10)
RATES_HZ = (100, 125, 250, 500, 1000)
DURATIONS_S = (5, 10, 20, 30)

NOISES = {
    "baseline wander": baseline_wander,
    "muscle": muscle_noise,
    "mains, 50 Hz": mains_hum(50),
    "mains, 60 Hz": mains_hum(60),
    "electrode motion": electrode_motion,
}


@dataclass(frozen=True, eq=False)
class Condition:
    """One perturbation at one strength.

    Parameters
    ----------
    kind : str
        The perturbation.
    strength : str
        For a person: ``"6 dB"``, ``"3 of 12"``.
    of_record : callable or None
        (record, rng) -> record.
    of_clinical : callable or None
        Clinical values -> the row; without it what is given, else measured.
    """

    kind: str
    strength: str
    of_record: Callable[[Record, np.random.Generator], Record] | None = None
    of_clinical: Callable[[ClinicalValues], NDArray[np.float32]] | None = None


UNPERTURBED = Condition("as recorded", "")


def all_conditions(columns: Sequence[str]) -> list[Condition]:
    """Return all of them, kind by kind, from weak to strong.

    Parameters
    ----------
    columns : sequence of str
        Clinical columns that records have, of which each is taken away once.
    """
    conditions = [
        Condition(kind, f"{snr_db:g} dB", partial(_with_noise, draw=draw, snr_db=snr_db))
        for kind, draw in NOISES.items()
        for snr_db in SNR_DB
    ]
    conditions += [
        Condition("leads missing by chance", f"{n} of 12", partial(_without_some, n_missing=n)) for n in range(1, 12)
    ]
    conditions += [
        Condition("leads missing", "limb leads", partial(_without, names=LEADS[:6])),
        Condition("leads missing", "chest leads", partial(_without, names=LEADS[6:])),
    ]
    conditions += [
        Condition("limb electrodes exchanged", name, partial(_limbs, electrodes=name)) for name in LIMB_REVERSALS
    ]
    conditions += [Condition("chest leads exchanged", name, partial(_chest, leads=name)) for name in CHEST_SWAPS]
    conditions += [Condition("gain", f"×{factor:g}", partial(_gain, factor=factor)) for factor in GAINS]
    conditions += [Condition("sampling frequency", f"{fs} Hz", partial(_rate, fs=fs)) for fs in RATES_HZ]
    conditions += [
        Condition("duration", f"{length} s", partial(_duration, duration_s=length)) for length in DURATIONS_S
    ]
    conditions += [
        Condition("clinical values missing", "all", of_clinical=nothing),
        Condition("clinical values missing", "the table's", of_clinical=measured_only),
    ]
    conditions += [Condition("clinical value missing", name, of_clinical=without(name)) for name in columns]
    wrong = {
        "of another patient": of_another_patient,
        "age ± 30": changed("age", lambda age: age + 30 if age < 60 else age - 30),
        "other sex": changed("sex", lambda sex: 1 - sex),
        "rate doubled": changed("ventricular_rate", lambda rate: 2 * rate),
        "rate halved": changed("ventricular_rate", lambda rate: rate / 2),
    }
    return conditions + [Condition("clinical values wrong", name, of_clinical=how) for name, how in wrong.items()]


def _with_noise(record: Record, rng: np.random.Generator, draw: DrawNoise, snr_db: float) -> Record:
    return add_noise(record, draw, snr_db, rng)


def _without_some(record: Record, rng: np.random.Generator, n_missing: int) -> Record:
    return without_some_leads(record, n_missing, rng)


def _without(record: Record, rng: np.random.Generator, names: Sequence[str]) -> Record:
    return without_leads(record, names)


def _limbs(record: Record, rng: np.random.Generator, electrodes: str) -> Record:
    return limbs_exchanged(record, electrodes)


def _chest(record: Record, rng: np.random.Generator, leads: str) -> Record:
    return chest_exchanged(record, leads)


def _gain(record: Record, rng: np.random.Generator, factor: float) -> Record:
    return with_gain(record, factor)


def _rate(record: Record, rng: np.random.Generator, fs: float) -> Record:
    return at_rate(record, fs)


def _duration(record: Record, rng: np.random.Generator, duration_s: float) -> Record:
    return of_duration(record, duration_s)
