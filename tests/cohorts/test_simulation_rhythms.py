"""Simulated rhythms are, in numbers, the rhythms that they stand for."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.signal import periodogram

from ecgml.cohorts.simulation.patient import draw_patient
from ecgml.cohorts.simulation.record import SimulatedRecord, simulate_record
from ecgml.cohorts.simulation.sinus import sinus_timeline
from ecgml.records.leads import LEADS

N_RECORDS = 24


@cache
def records(rhythm: str) -> tuple[SimulatedRecord, ...]:
    return tuple(simulate_record(rhythm, np.random.default_rng([7, seed])) for seed in range(N_RECORDS))


def lead(waveform: np.ndarray, name: str) -> np.ndarray:
    return waveform[LEADS.index(name)].astype(np.float64)


def variation(record: SimulatedRecord) -> float:
    """Coefficient of variation of RR."""
    return float(record.rr_s.std() / record.rr_s.mean())


@pytest.mark.parametrize(
    ("rhythm", "low_bpm", "high_bpm"),
    # The 1 and 99 % quantiles of VentricularRate in the Chapman-Shaoxing table, widened by a tenth.
    [
        ("SB", 38, 62),
        ("SR", 58, 104),
        ("SA", 50, 111),
        ("ST", 97, 165),
        ("AFIB", 38, 195),
        ("AF", 38, 190),
        ("SVT", 103, 240),
        ("AT", 65, 210),
        ("AVNRT", 120, 228),
        ("AVRT", 108, 253),
        ("SAAWR", 44, 94),
    ],
)
def test_ventricular_rates_are_those_of_the_rhythm(rhythm: str, low_bpm: float, high_bpm: float) -> None:
    rates = np.array([record.rate_bpm for record in records(rhythm)])
    assert rates.min() > low_bpm
    assert rates.max() < high_bpm


@pytest.mark.parametrize(
    ("rhythm", "low", "high"),
    # Medians in PTB-XL: SR 0.025 (200 records), SARRH 0.105, AFIB 0.186, STACH 0.013. Re-entry is regular to 2 %.
    [("SR", 0.012, 0.05), ("SA", 0.06, 0.14), ("AFIB", 0.12, 0.28), ("ST", 0.006, 0.035), ("SVT", 0.001, 0.02)],
)
def test_rr_intervals_vary_as_the_rhythm_does(rhythm: str, low: float, high: float) -> None:
    assert low < np.median([variation(record) for record in records(rhythm)]) < high


def test_rhythms_overlap_as_in_life() -> None:
    """Some fibrillation is more regular than some sinus irregularity, and rates meet at 60 and at 100."""
    assert min(map(variation, records("AFIB"))) < max(map(variation, records("SA")))
    slow, normal, fast = ([record.rate_bpm for record in records(rhythm)] for rhythm in ("SB", "SR", "ST"))
    assert max(slow) > min(normal) - 2
    assert max(normal) > min(fast) - 4


def test_p_waves_are_there_in_sinus_rhythm_and_not_in_fibrillation() -> None:
    """Averaged over beats, what happens at random cancels; the usual P wave in II is 0.1 mV."""

    def before_qrs_mv(record: SimulatedRecord) -> float:
        starts = [round((beat - 0.26) * record.fs) for beat in record.beat_s[1:]]
        mean = np.mean([lead(record.clean, "II")[start : start + 95] for start in starts], axis=0)
        ramp = np.linspace(mean[0], mean[-1], mean.size)  # the end of the last T wave
        return float(np.ptp(mean - ramp))

    slow = [record for record in records("AFIB") if record.rate_bpm < 90]
    sinus = np.median([before_qrs_mv(record) for record in records("SB")])
    assert 0.06 < sinus < 0.25
    assert np.median([before_qrs_mv(record) for record in slow]) < 0.5 * sinus
    assert all(record.p_s.size == 0 for record in records("AFIB") + records("AF"))


def quiet_power(record: SimulatedRecord, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The mean spectrum between T wave and next QRS complex, to 1/8 Hz by zero padding."""
    power = 0.0
    for beat_s, next_s in zip(record.beat_s, record.beat_s[1:], strict=False):
        start, stop = round((beat_s + record.qt_s) * record.fs), round((next_s - 0.08) * record.fs)
        if stop - start > 0.4 * record.fs:
            segment = lead(record.clean, name)[start:stop]
            frequency_hz, here = periodogram(segment, record.fs, "hann", nfft=4000, detrend="linear")
            power = power + here
    return frequency_hz, power


def test_fibrillatory_waves_peak_between_4_and_9_hz() -> None:
    """Stridh and Sörnmo 2001: 240 to 540 a minute; windows of 0.4 s resolve no better than 1 Hz or so."""
    slow = [record for record in records("AFIB") if record.rate_bpm < 80]
    assert len(slow) >= 3
    for record in slow:
        frequency_hz, power = quiet_power(record, "V1")
        peak_hz = frequency_hz[(frequency_hz > 2.5)][power[frequency_hz > 2.5].argmax()]
        assert 3.5 < peak_hz < 9.5
        assert abs(peak_hz - record.atrial_bpm / 60) < 2.0


def test_flutter_has_a_line_at_its_circuits_rate() -> None:
    """Over 10 s a regular circuit stands out to 0.2 Hz in III, where typical flutter is largest."""
    found = 0
    for record in records("AF"):
        frequency_hz, power = periodogram(lead(record.clean, "III"), record.fs, "hann", nfft=40_000)
        atrial_hz = record.atrial_bpm / 60
        near = np.abs(frequency_hz - atrial_hz) < 0.2
        around = (np.abs(frequency_hz - atrial_hz) < 1.0) & ~(np.abs(frequency_hz - atrial_hz) < 0.35)
        found += power[near].max() > 5 * np.median(power[around])
    assert found >= 0.85 * N_RECORDS  # the rest has low waves or none in III


def test_flutter_conducts_whole_numbers_of_cycles() -> None:
    """Where the ratio is constant, to the node's jitter of 3 ms a beat: four deviations of a difference, 17 ms of a
    cycle of about 210. Where it changes by turns, never fewer than two but for the change of delay."""
    steady = 0
    for record in records("AF"):
        cycles = record.rr_s * record.atrial_bpm / 60
        if set(record.beat_kind) == {"usual"} and variation(record) < 0.03:
            assert np.abs(cycles - np.rint(cycles)).max() < 0.12
            steady += 1
        assert cycles.min() > 1.4
    assert steady >= 6


def test_retrograde_p_waves_follow_the_complex_as_the_circuit_has_it() -> None:
    """In the node: within 90 ms of the complex's peak, most of them in or at its end. Over a pathway: later."""

    def after_s(record: SimulatedRecord) -> float:
        p_s = record.p_s[record.p_s > record.beat_s[0]]
        return float(np.median(p_s - record.beat_s[np.searchsorted(record.beat_s, p_s) - 1]))

    assert max(map(after_s, records("AVNRT"))) < 0.115
    assert min(map(after_s, records("AVRT"))) > 0.10
    assert np.median([after_s(record) for record in records("AVNRT")]) < 0.07


def test_wandering_changes_p_waves_from_beat_to_beat() -> None:
    """P waves in III, averaged over nothing, differ more than in sinus rhythm."""

    def spread_mv(record: SimulatedRecord) -> float:
        areas = [
            lead(record.clean, "III")[round((p - 0.03) * record.fs) : round((p + 0.03) * record.fs)].mean()
            - lead(record.clean, "III")[round((p - 0.07) * record.fs)]
            for p in record.p_s
            if 0.1 < p < 9.9
        ]
        return float(np.std(areas))

    wandering, sinus = (np.median([spread_mv(record) for record in records(r)]) for r in ("SAAWR", "SR"))
    assert wandering > 3 * sinus


def test_the_pause_after_a_ventricular_beat_is_compensatory() -> None:
    """The sinus node is not reset: from the beat before to the beat after are two sinus intervals."""
    rng = np.random.default_rng(3)
    patient = replace(draw_patient("SR", rng), conditions=frozenset({"VPB"}), age_years=80)
    seen = 0
    for _ in range(20):
        timeline = sinus_timeline("SR", patient, 30.0, rng)
        beat_s, kinds = timeline.beat_s, timeline.beat_kind
        for index in range(2, len(kinds) - 2):
            if kinds[index - 2 : index + 2] == ("usual", "usual", "ventricular", "usual"):
                usual_s = beat_s[index - 1] - beat_s[index - 2]
                assert beat_s[index + 1] - beat_s[index - 1] == pytest.approx(2 * usual_s, rel=0.2)
                assert beat_s[index] - beat_s[index - 1] < 0.8 * usual_s * 1.1
                seen += 1
    assert seen > 10


def test_atria_and_ventricles_part_ways_in_a_junctional_rhythm() -> None:
    rng = np.random.default_rng(4)
    patient = replace(draw_patient("SB", rng), conditions=frozenset({"JEB"}))
    timeline = sinus_timeline("SB", patient, 30.0, rng)
    assert timeline.codes == {"JEB"}
    assert timeline.p_s.size < timeline.beat_s.size
    before = [beat - timeline.p_s[timeline.p_s <= beat].max() for beat in timeline.beat_s[3:]]
    assert np.ptp(before) > 0.3


def test_ectopic_share_makes_sinus_rhythms_irregular_and_leaves_the_rate() -> None:
    """What the training pool is for: as irregular as fibrillation, and yet with P waves."""

    def drawn(share: float | None) -> list[SimulatedRecord]:
        return [simulate_record("ST", np.random.default_rng([5, seed]), ectopic_share=share) for seed in range(40)]

    none, all_of_them = drawn(0.0), drawn(1.0)
    assert max(map(variation, none)) < 0.07
    assert np.mean([variation(record) > 0.1 for record in all_of_them]) > 0.5
    assert all("ventricular" not in record.beat_kind for record in none)
    assert np.mean(["ventricular" in record.beat_kind for record in all_of_them]) == pytest.approx(2 / 3, abs=0.2)
    assert min(record.rate_bpm for record in all_of_them) > 97
