"""One simulated ECG, with what is true of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.simulation.atrial import atrial_tachycardia_timeline, fibrillation_timeline, flutter_timeline
from ecgml.cohorts.simulation.cardiograph import diagnostics_row
from ecgml.cohorts.simulation.complexes import Complexes, blend, draw_complexes
from ecgml.cohorts.simulation.fibrillation import fibrillatory_dipole, flutter_waves
from ecgml.cohorts.simulation.hospital import HOSPITAL
from ecgml.cohorts.simulation.noise import electrode_noise
from ecgml.cohorts.simulation.patient import Patient, draw_patient
from ecgml.cohorts.simulation.reentry import reentry_timeline
from ecgml.cohorts.simulation.sinus import sinus_timeline
from ecgml.cohorts.simulation.timeline import Timeline
from ecgml.cohorts.simulation.torso import LEADS_FROM_ELECTRODES, electrode_field, frontal_axis_deg
from ecgml.cohorts.simulation.waves import Waves, join
from ecgml.config import nearest
from ecgml.errors import CohortError


@dataclass(frozen=True, eq=False)
class SimulatedRecord:
    """A simulated ECG and its ground truth.

    Parameters
    ----------
    waveform : ndarray of float32, shape (12, n_times)
        In mV, leads in the order of `ecgml.records.leads.LEADS`, with noise, not quantised.
    clean : ndarray of float32, shape (12, n_times)
        The same without noise.
    fs : float
        Sampling frequency, Hz.
    rhythm : str
        What was simulated.
    diagnostics : dict
        The columns of the data set's Diagnostics table but FileName.
    beat_s : ndarray, shape (n_beats,)
        Time of each QRS complex within the recording, at its greatest magnitude over the leads, s.
    beat_kind : tuple of str
        ``"usual"``, ``"aberrant"`` or ``"ventricular"`` of each beat.
    p_s : ndarray, shape (n_p,)
        Times of the middle of discrete P waves within the recording, s; empty in fibrillation and flutter.
    atrial_bpm : float
        True atrial rate, 1/min: of the P waves, of the flutter circuit, or 60 times the dominant frequency of
        fibrillation.
    qrs_s, qt_s : float
        True duration of the usual QRS complex and QT interval at the mean RR interval, s.
    """

    waveform: NDArray[np.float32]
    clean: NDArray[np.float32]
    fs: float
    rhythm: str
    diagnostics: dict[str, str | int]
    beat_s: NDArray[np.float64]
    beat_kind: tuple[str, ...]
    p_s: NDArray[np.float64]
    atrial_bpm: float
    qrs_s: float
    qt_s: float

    @property
    def rr_s(self) -> NDArray[np.float64]:
        """RR intervals, s, shape (n_beats - 1,)."""
        return np.diff(self.beat_s)

    @property
    def rate_bpm(self) -> float:
        """True mean ventricular rate, 1/min; NaN when there are fewer than two beats."""
        return 60 / float(self.rr_s.mean()) if self.rr_s.size else math.nan


def simulate_record(
    rhythm: str,
    rng: np.random.Generator,
    *,
    fs: float = 500.0,
    duration_s: float = 10.0,
    noise_rng: np.random.Generator | None = None,
    ectopic_share: float | None = None,
) -> SimulatedRecord:
    """Simulate a 12-lead ECG.

    Parameters
    ----------
    rhythm : str
        One of the eleven of `ecgml.cohorts.simulation.hospital.HOSPITAL`.
    rng : Generator
        Decides everything: the same state gives the same record.
    fs : float
        Sampling frequency, Hz, at least 150 so that muscle noise fits below half of it.
    duration_s : float
        Length, s, at least 2.
    noise_rng : Generator, optional
        Decides the noise instead: the same patient and the same beats recorded once more.
    ectopic_share : float, optional
        Share of patients with many ectopic beats, instead of the hospital's with a few.

    Raises
    ------
    CohortError
        If the rhythm is unknown, or fs or duration is too small.
    """
    if rhythm not in HOSPITAL:
        hint = nearest(rhythm, list(HOSPITAL))
        raise CohortError(f"simulation: rhythm {rhythm!r} is unknown{hint}; one of {', '.join(HOSPITAL)}")
    if fs < 150 or duration_s < 2:
        raise CohortError(f"simulation: {duration_s:g} s at {fs:g} Hz, at least 2 s at 150 Hz are needed")
    n_times = round(fs * duration_s)
    duration_s = n_times / fs
    heart, own_noise, machine = rng.spawn(3)

    patient = draw_patient(rhythm, heart, ectopic_share)
    timeline = _timeline(rhythm, patient, duration_s, heart)
    complexes = draw_complexes(patient, heart)
    field = electrode_field(heart)
    dipole = _dipole(patient, timeline, complexes, fs, n_times, heart)
    potentials = field @ dipole
    # Amplifiers are AC-coupled: what does not change is not recorded.
    potentials -= np.median(potentials, axis=1, keepdims=True)
    noise = electrode_noise(patient, fs, n_times, own_noise if noise_rng is None else noise_rng)

    qrs_deg, t_deg = (frontal_axis_deg(waves["usual"].area(), field) for waves in (complexes.qrs, complexes.t))
    seen = (timeline.beat_s >= 0) & (timeline.beat_s < duration_s)
    beat_s = timeline.beat_s[seen]
    return SimulatedRecord(
        waveform=(LEADS_FROM_ELECTRODES @ (potentials + noise)).astype(np.float32),
        clean=(LEADS_FROM_ELECTRODES @ potentials).astype(np.float32),
        fs=fs,
        rhythm=rhythm,
        diagnostics=diagnostics_row(rhythm, patient, timeline, (qrs_deg, t_deg), duration_s, machine),
        beat_s=beat_s,
        beat_kind=tuple(np.array(timeline.beat_kind)[seen].tolist()),
        p_s=timeline.p_s[(timeline.p_s >= 0) & (timeline.p_s < duration_s)],
        atrial_bpm=timeline.atrial_bpm,
        qrs_s=patient.qrs_s,
        qt_s=float(patient.qt_s(float(np.diff(beat_s).mean()) if beat_s.size > 1 else 60 / patient.rate_bpm)),
    )


def _timeline(rhythm: str, patient: Patient, duration_s: float, rng: np.random.Generator) -> Timeline:
    if rhythm == "AFIB":
        return fibrillation_timeline(patient, duration_s, rng)
    if rhythm == "AF":
        return flutter_timeline(patient, duration_s, rng)
    if rhythm == "AT":
        return atrial_tachycardia_timeline(patient, duration_s, rng)
    if rhythm in ("SVT", "AVNRT", "AVRT"):
        return reentry_timeline(rhythm, patient, duration_s, rng)
    return sinus_timeline(rhythm, patient, duration_s, rng)


def _dipole(
    patient: Patient, timeline: Timeline, complexes: Complexes, fs: float, n_times: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the heart's dipole over the recording, shape (3, n_times), mV."""
    dipole = join(
        [*_ventricles(patient, timeline, complexes, rng), *blend(complexes.p, timeline.p_s, timeline.p_origin)]
    ).dipole(fs, n_times)
    if timeline.fibrillates:
        dipole += fibrillatory_dipole(timeline.atrial_bpm / 60, fs, n_times, rng)
    if timeline.flutter_s.size:
        dipole += flutter_waves(timeline.flutter_s, rng).dipole(fs, n_times)
    return dipole


def _ventricles(patient: Patient, timeline: Timeline, complexes: Complexes, rng: np.random.Generator) -> list[Waves]:
    beat_s, kinds = timeline.beat_s, np.array(timeline.beat_kind)
    rr_s = np.diff(beat_s, prepend=beat_s[0] - 60 / patient.rate_bpm)
    # Repolarisation follows the rate of the last beats with a lag.
    stretch = patient.qt_s(0.7 * rr_s.mean() + 0.3 * rr_s) / patient.qt_corrected_s
    # Breathing turns and fills the heart.
    gains = 1 + 0.05 * patient.breath(beat_s) + rng.normal(0, 0.012, beat_s.size)
    return [
        part
        for kind in np.unique(kinds)
        for here in [kinds == kind]
        for part in (
            complexes.qrs[kind].at(beat_s[here], gains[here]),
            complexes.t[kind].at(beat_s[here], gains[here], stretch[here]),
        )
    ]
