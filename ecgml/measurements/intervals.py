"""PR, QRS, QT and QTc of a recording, P duration and axes: measured, or missing with a reason."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import ConfigError
from ecgml.measurements.axes import LEAST_QRS_MV, LEAST_T_MV, frontal_axis
from ecgml.measurements.conditioning import twelve_leads
from ecgml.measurements.fiducials import Marks, delineate
from ecgml.measurements.median import median
from ecgml.measurements.p_presence import p_wave_reason
from ecgml.measurements.representative import RepresentativeBeat, representative_beat
from ecgml.measurements.table import INTERVAL_MEASUREMENTS
from ecgml.records.marked_beat import MarkedBeat

INTERVALS = tuple(one.name for one in INTERVAL_MEASUREMENTS)
"""What is measured: 1/min, ms, and degrees above -180 up to 180."""

QTC_FORMULAS: Mapping[str, Callable[[float, float], float]] = MappingProxyType(
    {
        "bazett": lambda qt_ms, rr_s: qt_ms / np.sqrt(rr_s),
        "fridericia": lambda qt_ms, rr_s: qt_ms / np.cbrt(rr_s),
        "framingham": lambda qt_ms, rr_s: qt_ms + 154 * (1 - rr_s),
        "hodges": lambda qt_ms, rr_s: qt_ms + 1.75 * (60 / rr_s - 60),
    }
)
"""QTc, ms, by QT, ms, and RR interval, s: Bazett 1920 (Heart 7:353), Fridericia 1920 (Acta Med Scand 53:469), Sagie et
al. 1992 (Framingham, 10.1016/0002-9149(92)90562-D), Hodges, Salerno and Erlien 1983 (J Am Coll Cardiol 1:694)."""

LEAST_QRS_MS = 20.0
"""What is narrower is no QRS complex: spikes and steps; see `ecgml.records.clinical` for the plausible range."""

LEAST_HZ = 99.0
"""Below the marks are too coarse: at 50 Hz PR intervals come out half as long."""

LONGEST_S = 120.0
"""Of a longer recording the middle is measured: beats of an hour have no representative one."""

LEAST_BEATS = 3
LEAST_LEADS = 2

LEAST_SIMILARITY = 0.5
"""Median likeness of beats to their median below which they are none; see `ecgml.measurements.measure`."""

LEAST_T_NOISE = 3.0
LEAST_T_HEIGHT_MV = 0.01
"""A T wave is lost where its height, RMS over the leads, is below the first times the noise or below the second."""

P_HEIGHT_MV = (0.012, 0.3)
"""RMS over the leads between which P waves are high: 0.023 to 0.19 in 306 sinus rhythms. Lower ones are not there,
higher ones are flutter or a part of the complex."""

LEAST_P_MV = 0.02
"""A P vector shorter than this in the frontal plane has no direction to speak of, mV."""

_MARKS_OF = {
    "pr_interval": {"p_onset": "P onset", "p_offset": "P offset"},
    "qrs_duration": {"qrs_onset": "QRS onset", "qrs_offset": "QRS offset"},
    "qt_interval": {"t_offset": "T offset"},
}
"""The marks that each interval stands on."""

NO_BEATS = "too few beats that resemble each other"


@dataclass(frozen=True, eq=False)
class Intervals:
    """What a recording shows of its intervals.

    Parameters
    ----------
    values : mapping of str to float
        By the names of :data:`INTERVALS`; absent where not measured.
    reasons : mapping of str to str
        Why each absent value is absent.
    marks : Marks or None
    beat : RepresentativeBeat or None
        What was measured.
    start_s : float
        Where in the recording the stretch begins in which the beats lie, s: 0 but of long recordings.
    """

    values: Mapping[str, float]
    reasons: Mapping[str, str]
    marks: Marks | None = None
    beat: RepresentativeBeat | None = None
    start_s: float = 0.0

    @functools.cached_property
    def beat_spread_ms(self) -> Mapping[str, float]:
        """By how much every other beat and those between differ in each interval, ms: noise, and change over beats."""
        if self.beat is None:
            return {}
        has_p = "pr_interval" in self.values
        medians, means = map(np.stack, zip(*self.beat.halves, strict=True))
        one, other = map(intervals_ms, _delineate(self.beat, medians, means, has_p))
        apart = {name: abs(one[name] - other[name]) for name in one if name in self.values}
        return {name: float(ms) for name, ms in apart.items() if np.isfinite(ms)}

    @functools.cached_property
    def lead_spread_ms(self) -> Mapping[str, float]:
        """Interquartile range of each interval over the leads by themselves, ms."""
        if self.beat is None:
            return {}
        has_p = "pr_interval" in self.values
        leads = _delineate(self.beat, self.beat.waveform[:, None], self.beat.mean[:, None], has_p)
        single = [intervals_ms(marks) for marks in leads]
        spread = {}
        for name in [name for name in single[0] if name in self.values]:
            known = [ms[name] for ms in single if np.isfinite(ms[name])]
            if len(known) >= LEAST_LEADS:
                spread[name] = _interquartile_range(known)
        return spread

    @functools.cached_property
    def marked_beat(self) -> MarkedBeat | None:
        """The representative beat with the marks of what was measured, to be drawn; None where none was."""
        beat, marks = self.beat, self.marks
        if beat is None or marks is None:
            return None
        level = beat.waveform[:, np.abs(beat.times_s - marks.qrs_onset).argmin(), None]
        last_s = min(beat.times_s[-1], max(0.5, np.nan_to_num(marks.t_offset) + 0.12), beat.rr_s - 0.05)
        shown = beat.times_s <= last_s
        leads = twelve_leads((beat.waveform - level)[:, shown], beat.leads)
        places = {
            label: getattr(marks, name)
            for interval, of_interval in _MARKS_OF.items()
            if interval in self.values
            for name, label in of_interval.items()
        }
        return MarkedBeat(leads[leads.any(axis=1)], beat.times_s[shown], places, self.words)

    @property
    def words(self) -> tuple[str, ...]:
        """A line for each interval measured, and one for each reason why others were not."""
        units = {"1/min": "/min", "ms": " ms", "degrees": "°"}
        lines = [
            f"{one.heading} {self.values[one.name]:.0f}{units[one.unit]}"
            for one in INTERVAL_MEASUREMENTS
            if one.name in self.values
        ]
        missing: dict[str, list[str]] = {}
        for one in INTERVAL_MEASUREMENTS:
            if one.name in self.reasons:
                missing.setdefault(self.reasons[one.name], []).append(one.heading)
        return (*lines, *(f"{', '.join(headings)}: {reason}" for reason, headings in missing.items()))


def corrected_qt_ms(qt_ms: float, rr_s: float, formula: str = "bazett") -> float:
    """Correct a QT interval for the rate.

    Parameters
    ----------
    qt_ms : float
    rr_s : float
        Mean RR interval, s.
    formula : str
        One of :data:`QTC_FORMULAS`.

    Raises
    ------
    ConfigError
        If there is no such formula.
    """
    if formula not in QTC_FORMULAS:
        raise ConfigError(f"QTc formula {formula!r} is unknown; one of {', '.join(QTC_FORMULAS)}")
    return float(QTC_FORMULAS[formula](qt_ms, rr_s))


def measure_intervals(waveform: NDArray[np.floating], fs: float, qtc: str = "bazett") -> Intervals:
    """Measure the intervals of a recording.

    Parameters
    ----------
    waveform : ndarray, shape (12, n_times)
        In mV, finite, as recorded, before any denoiser: leads in the order of `ecgml.records.leads.LEADS`, an unusable
        one 0 throughout.
    fs : float
        Sampling frequency, Hz; below 100 nothing is measured.
    qtc : str
        Which of :data:`QTC_FORMULAS` `qt_corrected` follows.

    Raises
    ------
    ConfigError
        If there is no such formula.
    """
    corrected_qt_ms(400.0, 1.0, qtc)
    if fs < LEAST_HZ:
        return Intervals({}, dict.fromkeys(INTERVALS, f"{fs:g} Hz: intervals need 100 Hz or more"))
    n_most = round(LONGEST_S * fs)
    start = max(0, (waveform.shape[1] - n_most) // 2)
    beat = representative_beat(waveform[:, start : start + n_most], fs)
    reason = _no_measurement(beat)
    if beat is None or reason:
        return Intervals({}, dict.fromkeys(INTERVALS, reason or NO_BEATS))
    no_p = p_wave_reason(beat)
    (marks,) = _delineate(beat, beat.waveform[None], beat.mean[None], no_p is None)
    if not 1000 * (marks.qrs_offset - marks.qrs_onset) >= LEAST_QRS_MS:
        return Intervals({}, dict.fromkeys(INTERVALS, f"complexes narrower than {LEAST_QRS_MS:g} ms: no QRS"))
    rr_s = float(np.mean(beat.slow_beats.rr_s))
    values = {"ventricular_rate": 60 / rr_s, **intervals_ms(marks)}
    reasons: dict[str, str] = {}
    if no_p is None:
        no_p = _unlike_a_p_wave(beat, marks)
    no_t = None if values["qt_interval"] > 0 and _t_height(beat, marks) else "T wave lost in noise, or flat"
    for names, why in (
        (("pr_interval", "p_duration", "p_axis"), no_p),
        (("qt_interval", "qt_corrected", "t_axis"), no_t),
    ):
        if why:
            reasons.update(dict.fromkeys(names, why))
    values["qt_corrected"] = corrected_qt_ms(values["qt_interval"], rr_s, qtc)
    for name, axis in _axes(beat, marks).items():
        if axis is None:
            reasons.setdefault(name, "no two limb leads" if not beat.has_limbs else "too small in the limb leads")
        else:
            values[name] = axis
    kept = {name: float(values[name]) for name in INTERVALS if name in values and name not in reasons}
    return Intervals(kept, reasons, marks, beat, start / fs)


def measure_beats(intervals: Intervals) -> list[dict[str, float]]:
    """Return the intervals of each usual beat by itself, in ms: noisier than those of the representative one.

    Parameters
    ----------
    intervals : Intervals
        Of the recording.

    Returns
    -------
    beats : list of dict
        ``at_s``, where the beat is in the recording, and those of ``pr_interval``, ``p_duration``, ``qrs_duration`` and
        ``qt_interval`` that the representative beat has.
    """
    beat = intervals.beat
    if beat is None:
        return []
    rows: list[dict[str, float]] = []
    has_p, noisier = "pr_interval" in intervals.values, float(np.sqrt(len(beat.positions_s)))
    waveforms = beat.stack.swapaxes(0, 1).astype(np.float64)  # (beats, rows, times)
    for waveform, clear in zip(waveforms, beat.clear, strict=True):
        known = np.flatnonzero(clear)
        waveform[:, : known[0]], waveform[:, known[-1] :] = waveform[:, known[:1]], waveform[:, known[-1:]]
    each = _delineate(beat, waveforms, waveforms, has_p, noisier)
    for at_s, found in zip(beat.positions_s, map(intervals_ms, each), strict=True):
        rows.append(
            {
                "at_s": intervals.start_s + float(at_s),
                **{name: ms for name, ms in found.items() if name in intervals.values},
            }
        )
    return rows


def intervals_ms(marks: Marks) -> dict[str, float]:
    """Return PR, P duration, QRS duration and QT between marks, ms; NaN where one of them is not there."""
    return {
        "pr_interval": 1000 * (marks.qrs_onset - marks.p_onset),
        "p_duration": 1000 * (marks.p_offset - marks.p_onset),
        "qrs_duration": 1000 * (marks.qrs_offset - marks.qrs_onset),
        "qt_interval": 1000 * (marks.t_offset - marks.qrs_onset),
    }


def _interquartile_range(values: list[float]) -> float:
    """Return what `numpy.percentile` does, whose checks cost more than a few values."""
    ordered, last = sorted(values), len(values) - 1

    def quantile(share: float) -> float:
        below, part = int(share * last), share * last % 1
        low, high = ordered[below], ordered[min(below + 1, last)]
        return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)

    return quantile(0.75) - quantile(0.25)


def _no_measurement(beat: RepresentativeBeat | None) -> str | None:
    if beat is None or len(beat.slow_beats) < LEAST_BEATS or len(beat.positions_s) < 2:
        return NO_BEATS
    if median(beat.slow_beats.similarity) < LEAST_SIMILARITY:
        return NO_BEATS
    return "too few usable leads" if len(beat.leads) < LEAST_LEADS else None


def _delineate(
    beat: RepresentativeBeat,
    waveforms: NDArray[np.float64],
    means: NDArray[np.float64],
    has_p: bool,
    noisier: float = 1.0,
) -> list[Marks]:
    has_limbs = beat.has_limbs and waveforms.shape[1] > 1
    return delineate(waveforms, means, beat.times_s, beat.rr_s, has_limbs, has_p, noisier * beat.noise_mv)


def _unlike_a_p_wave(beat: RepresentativeBeat, marks: Marks) -> str | None:
    """Say why what was found before the complex is no P wave, or return None."""
    wave = beat.waveform[:, (beat.times_s >= marks.p_onset) & (beat.times_s <= marks.p_offset)]
    if not wave.shape[1]:
        return "P wave not told from what is around it"
    line = np.linspace(wave[:, 0], wave[:, -1], wave.shape[1], axis=1)
    height_mv = float(np.sqrt(np.square(wave - line).mean(axis=0)).max())
    least, most = P_HEIGHT_MV
    if height_mv < least:
        return f"no P wave above {1000 * least:g} µV"
    return f"what precedes the beats is too high for P waves ({height_mv:.1f} mV)" if height_mv > most else None


def _t_height(beat: RepresentativeBeat, marks: Marks) -> bool:
    """Whether the T wave stands out of the noise."""
    wave = beat.waveform[:, (beat.times_s >= marks.qrs_offset + 0.04) & (beat.times_s <= marks.t_offset)]
    if not wave.shape[1]:
        return False
    height = np.sqrt(np.square(wave - wave[:, -1:]).mean(axis=0)).max()
    return bool(height >= max(LEAST_T_HEIGHT_MV, LEAST_T_NOISE * beat.noise_mv))


def _axes(beat: RepresentativeBeat, marks: Marks) -> dict[str, float | None]:
    """Return the axes: of the QRS complex by its net amplitude, of P and T wave by their net area."""
    axes: dict[str, float | None] = dict.fromkeys(("p_axis", "r_axis", "t_axis"))
    if not beat.has_limbs:
        return axes
    limbs = np.array([0, 1])
    times_s, rows = beat.times_s, beat.waveform[:2]

    def between(first_s: float, last_s: float) -> NDArray[np.float64]:
        return rows[:, (times_s >= first_s) & (times_s <= last_s)]

    level = between(marks.qrs_onset - 0.02, marks.qrs_onset).mean(axis=1, keepdims=True)
    qrs = between(marks.qrs_onset, marks.qrs_offset) - level
    axes["r_axis"] = frontal_axis(qrs.max(axis=1) + qrs.min(axis=1), limbs, LEAST_QRS_MV)
    t_wave = between(marks.qrs_offset + 0.06, marks.t_offset) - level
    if t_wave.shape[1]:
        axes["t_axis"] = frontal_axis(t_wave.mean(axis=1), limbs, LEAST_T_MV / 2)
    if marks.p_offset > marks.p_onset:
        p_wave = between(marks.p_onset, marks.p_offset)
        line = np.linspace(p_wave[:, 0], p_wave[:, -1], p_wave.shape[1], axis=1)
        axes["p_axis"] = frontal_axis((p_wave - line).mean(axis=1), limbs, LEAST_P_MV / 2)
    return axes
