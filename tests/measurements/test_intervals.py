"""PR, QRS, QT, QTc and axes: formulas, waves whose ends are known, and when a value must be missing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ecgml.cohorts.simulation.record import SimulatedRecord, simulate_record
from ecgml.errors import ConfigError
from ecgml.measurements import intervals
from ecgml.measurements.intervals import (
    INTERVALS,
    NO_BEATS,
    corrected_qt_ms,
    intervals_ms,
    measure_beats,
    measure_intervals,
)
from ecgml.perturbations.noise import add_noise, baseline_wander, electrode_motion, mains_hum, muscle_noise
from ecgml.preprocessing.filters import resample
from ecgml.records.record import Record
from tests.measurements.synthetic import atrial_waves, beat_times, ecg, irregular_times
from tests.measurements.synthetic import muscle_noise as noise_of

SPANS = ("pr_interval", "qrs_duration", "qt_interval")


def simulated(rhythm: str, n_records: int = 4) -> list[SimulatedRecord]:
    """Return simulated records of a rhythm."""
    return [simulate_record(rhythm, np.random.default_rng(seed)) for seed in range(n_records)]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("bazett", 400 / np.sqrt(0.64)),
        ("fridericia", 400 / 0.64 ** (1 / 3)),
        ("framingham", 400 + 154 * 0.36),
        ("hodges", 400 + 1.75 * (93.75 - 60)),
    ],
)
def test_qt_is_corrected_by_the_formula_that_is_named(formula: str, expected: float) -> None:
    assert corrected_qt_ms(400, 0.64, formula) == pytest.approx(expected, abs=1e-9)
    assert corrected_qt_ms(400, 1.0, formula) == pytest.approx(400)


def test_an_unknown_formula_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"rautaharju.*bazett, fridericia, framingham, hodges"):
        measure_intervals(ecg(beat_times(60, 10)), 100, qtc="rautaharju")
    with pytest.raises(ConfigError, match="rautaharju"):  # also where nothing beats
        measure_intervals(np.zeros((12, 1000)), 100, qtc="rautaharju")


def test_sinus_rhythm_shows_every_value_and_corrects_qt_by_the_mean_rate() -> None:
    found = measure_intervals(ecg(beat_times(75, 10), fs=500), 500)
    assert tuple(found.values) == INTERVALS
    assert found.reasons == {}
    assert found.values["ventricular_rate"] == pytest.approx(75, abs=0.1)
    assert found.values["qt_corrected"] == pytest.approx(found.values["qt_interval"] / np.sqrt(0.8), rel=1e-3)
    json.dumps(dict(found.values))


def test_uneven_beats_count_by_their_mean_interval_and_the_formula_is_the_one_asked_for() -> None:
    """Of every three RR intervals one is longer: 0.8 s on average, 0.7 s by the median."""
    times_s = np.cumsum(np.tile([0.7, 0.7, 1.0], 4))
    rr_s = float(np.mean(np.diff(times_s)))
    waveform = ecg(times_s, fs=500)
    for formula in ("bazett", "fridericia"):
        found = measure_intervals(waveform, 500, qtc=formula).values
        assert found["ventricular_rate"] == pytest.approx(60 / rr_s, rel=1e-3)
        expected = corrected_qt_ms(found["qt_interval"], rr_s, formula)
        assert found["qt_corrected"] == pytest.approx(expected, rel=1e-3)


def test_pr_follows_the_p_wave_qrs_the_complex_and_qt_the_t_wave() -> None:
    """Waves moved or stretched by a known time move the marks by as much, give or take the smoothing."""
    usual = measure_intervals(ecg(beat_times(60, 10), fs=500), 500).values
    wide = measure_intervals(ecg(beat_times(60, 10), fs=500, qrs_width=1.5), 500).values
    # Gaussians: the complex lasts from its first to its last one, all of it 1.5 times as long.
    assert wide["qrs_duration"] == pytest.approx(1.5 * usual["qrs_duration"], abs=8)
    # At 80/min every wave but the complex is nearer by sqrt(0.75).
    fast = measure_intervals(ecg(beat_times(80, 10), fs=500), 500).values
    t_end, pace = 0.26 + 2.2 * 0.045, np.sqrt(0.75)
    assert usual["qt_interval"] - fast["qt_interval"] == pytest.approx(1000 * t_end * (1 - pace), abs=15)
    assert usual["pr_interval"] - fast["pr_interval"] == pytest.approx(1000 * 0.16 * (1 - pace), abs=8)


def test_axes_are_those_of_the_waves_dipoles() -> None:
    """P (0.08, 0.12), QRS from net amplitude about (0.9 - 0.2, 0.8 - 0.2), T (0.25, 0.2): left, feet."""
    found = measure_intervals(ecg(beat_times(60, 10), fs=500), 500).values
    assert found["p_axis"] == pytest.approx(np.degrees(np.arctan2(0.12, 0.08)), abs=3)
    assert found["t_axis"] == pytest.approx(np.degrees(np.arctan2(0.2, 0.25)), abs=3)
    assert found["r_axis"] == pytest.approx(np.degrees(np.arctan2(0.6, 0.7)), abs=6)


@pytest.mark.parametrize("fs", [250, 1000])
def test_sampling_frequency_moves_no_value_by_1_ms(fs: float) -> None:
    record = simulated("SR", n_records=1)[0]
    at_500 = measure_intervals(record.waveform, 500).values
    other = measure_intervals(resample(record.waveform, 500.0, fs), fs).values
    for name in SPANS:
        assert other[name] == pytest.approx(at_500[name], abs=1.0), name


def test_100_hz_is_coarser_but_within_10_ms() -> None:
    for record in simulated("SR"):
        at_500 = measure_intervals(record.waveform, 500).values
        coarse = measure_intervals(resample(record.waveform, 500.0, 100.0), 100).values
        for name in set(SPANS) & set(at_500):
            assert coarse[name] == pytest.approx(at_500[name], abs=10.0), name


@pytest.mark.parametrize("gone", [(0, 7, 9), (1, 8, 11), (6, 7, 10), (0, 1, 6)])
def test_three_missing_leads_move_qrs_by_less_than_5_and_qt_by_less_than_10_ms(gone: tuple[int, ...]) -> None:
    """Of a lead in which alone the complex begins first nothing is known without it: the median of six records."""
    moved = {"qrs_duration": [], "qt_interval": []}
    for record in simulated("SR", n_records=6):
        waveform = record.clean.copy()
        waveform[list(gone)] = 0
        whole, part = measure_intervals(record.clean, 500).values, measure_intervals(waveform, 500).values
        for name, apart in moved.items():
            apart.append(abs(part[name] - whole[name]))
    assert np.median(moved["qrs_duration"]) < 5
    assert np.median(moved["qt_interval"]) < 10


def test_a_limb_lead_that_is_missing_is_made_of_the_others() -> None:
    """Einthoven: I = II - III, so nothing at all changes without I."""
    waveform = ecg(beat_times(70, 10), fs=500).astype(np.float64)
    one, two = waveform[0].copy(), waveform[1].copy()
    waveform[2:6] = two - one, -(one + two) / 2, one - two / 2, two - one / 2
    without = waveform.copy()
    without[0] = 0
    whole, part = measure_intervals(waveform, 500).values, measure_intervals(without, 500).values
    assert part == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "draw"),
    [
        ("baseline wander", baseline_wander),
        ("muscle noise", muscle_noise),
        ("50 Hz", mains_hum(50)),
        ("60 Hz", mains_hum(60)),
        ("electrode motion", electrode_motion),
    ],
)
def test_noise_at_12_db_moves_qrs_by_less_than_5_and_qt_by_less_than_10_ms(kind: str, draw) -> None:
    """The median of eight records, as is asked of a cohort; muscle noise is the hardest."""
    moved = {"qrs_duration": [], "qt_interval": []}
    for seed, record in enumerate(simulated("SR", n_records=8)):
        noisy = add_noise(Record(record.waveform, 500, kind), draw, 12, np.random.default_rng(seed))
        clean, found = measure_intervals(record.waveform, 500).values, measure_intervals(noisy.waveform, 500).values
        for name, apart in moved.items():
            apart.append(abs(found[name] - clean[name]))
    assert np.median(moved["qrs_duration"]) < 5
    assert np.median(moved["qt_interval"]) < 10


@pytest.mark.parametrize(("condition", "seeds"), [("LBBB", (65, 133)), ("RBBB", (198, 296))])
def test_bundle_branch_block_is_as_wide_as_it_was_made(condition: str, seeds: tuple[int, ...]) -> None:
    """The simulator ends a complex at 5 % of its height, usually 15 ms within ours; 120 ms is the definition."""
    for seed in seeds:
        record = simulate_record("SR", np.random.default_rng(seed))
        assert condition in record.diagnostics["Beat"].split()
        found = measure_intervals(record.waveform, 500).values["qrs_duration"]
        assert found == pytest.approx(1000 * record.qrs_s + 15, abs=20)
        assert found > 115


def test_low_voltage_changes_no_width() -> None:
    for record in simulated("SR"):
        whole = measure_intervals(record.clean, 500).values
        low = measure_intervals(0.4 * record.clean, 500).values
        # Of thresholds that do not fall with the height the complex loses 20 ms.
        assert low["qrs_duration"] == pytest.approx(whole["qrs_duration"], abs=12)
        assert low["qt_interval"] == pytest.approx(whole["qt_interval"], abs=4)


def spiked(waveform: np.ndarray, times_s: np.ndarray, fs: float, before_s: float) -> np.ndarray:
    """Return leads with a pacing spike of 2 ms and 2 mV, seen by all of them, before each beat."""
    waveform = waveform.copy()
    for time_s in times_s:
        at = round((time_s - before_s) * fs)
        waveform[:, at : at + round(0.002 * fs)] += 2.0
    return waveform


def test_a_pacing_spike_before_the_complex_is_not_a_part_of_it() -> None:
    times_s = beat_times(70, 10)
    waveform = ecg(times_s, fs=500, qrs_width=2.0, p_height=0)
    plain = measure_intervals(waveform, 500).values["qrs_duration"]
    paced = measure_intervals(spiked(waveform, times_s, 500, 0.13), 500).values["qrs_duration"]
    # The end of a Gaussian 4 mV/s steep is where the threshold is; the spike's noise raises it a little.
    assert plain - 15 < paced < plain + 5


@pytest.mark.parametrize("u_mv", [0.03, 0.2])
def test_a_u_wave_does_not_lengthen_qt(u_mv: float) -> None:
    """The higher one falls more steeply than the T wave, but not where the rate lets that be expected."""
    times_s = beat_times(55, 10)
    clock = np.arange(5000) / 500
    u_wave = np.exp(-0.5 * ((clock - times_s[:, None] - 0.48) / 0.03) ** 2).sum(axis=0)
    waveform = ecg(times_s, fs=500)
    plain = measure_intervals(waveform, 500).values["qt_interval"]
    with_u = measure_intervals(waveform + u_mv * u_wave, 500).values["qt_interval"]
    assert with_u == pytest.approx(plain, abs=12)


def test_a_t_wave_that_runs_into_the_next_p_wave_ends_before_it() -> None:
    """At 150/min P begins 300 ms after the complex before; the T wave of the formula ends at 227 ms."""
    times_s = beat_times(150, 10)
    found = measure_intervals(ecg(times_s, fs=500), 500).values
    assert found["qt_interval"] == pytest.approx(1000 * (0.26 + 2.2 * 0.045) * np.sqrt(0.4) + 40, abs=30)


def test_ectopic_beats_change_nothing() -> None:
    """Every fifth beat early and wide: 8 of 10 s remain."""
    times_s = beat_times(70, 20)
    usual = ecg(times_s, 20, fs=500)
    plain = measure_intervals(usual, 500)
    early = times_s[4::5] - 0.25
    waveform = usual - ecg(times_s[4::5], 20, fs=500) + 1.5 * ecg(early, 20, fs=500, p_height=0, qrs_width=2.5)
    found = measure_intervals(waveform, 500)
    assert len(found.beat.positions_s) <= len(times_s) - len(early)
    for name in SPANS:
        assert found.values[name] == pytest.approx(plain.values[name], abs=4), name


def test_fibrillation_has_no_pr_and_says_why() -> None:
    times_s = irregular_times(80, 10, cv=0.22, seed=1)
    waveform = ecg(times_s, fs=500, p_height=0) + atrial_waves(6.3, 10, 500, 0.08, wander_hz=0.7)
    found = measure_intervals(waveform, 500)
    assert not {"pr_interval", "p_duration", "p_axis"} & set(found.values)
    assert "no P wave" in found.reasons["pr_interval"]
    assert {"qrs_duration", "qt_interval"} <= set(found.values)


def test_flutter_has_no_pr_and_says_why() -> None:
    waveform = ecg(beat_times(75, 10), fs=500, p_height=0) + atrial_waves(5.0, 10, 500, 0.25)
    found = measure_intervals(waveform, 500)
    assert "pr_interval" not in found.values
    assert "flutter" in found.reasons["pr_interval"]


def test_two_atrial_waves_to_a_beat_have_no_pr_and_say_so() -> None:
    """As high halfway between the beats as before them: every other one is conducted."""
    times_s = beat_times(100, 10)
    half_s = times_s + 0.3
    between = ecg(half_s, fs=500, p_height=1.5, t_height=0) - ecg(half_s, fs=500, p_height=0, t_height=0)
    found = measure_intervals(ecg(times_s, fs=500, p_height=1.5, t_height=0.3) + between, 500)
    assert "two atrial waves to a beat" in found.reasons["pr_interval"]
    assert "pr_interval" not in found.values
    assert "pr_interval" in measure_intervals(ecg(times_s, fs=500, p_height=1.5, t_height=0.3), 500).values


def test_a_wave_that_came_a_flutter_cycle_before_as_well_is_no_p_wave() -> None:
    """Low waves that stand up in I and II as P waves do, every fourth conducted: their share of the power is small."""
    waveform = ecg(beat_times(75, 10), fs=500, p_height=0, t_height=3) + atrial_waves(5.0, 10, 500, -0.12)
    found = measure_intervals(waveform, 500)
    assert "pr_interval" not in found.values
    assert found.reasons["pr_interval"] == "flutter waves instead of P waves"


@pytest.mark.parametrize(("p_height", "why"), [(0.05, "no P wave above 12 µV"), (8.0, "too high for P waves")])
def test_waves_of_no_p_waves_height_have_no_pr_and_say_why(p_height: float, why: str) -> None:
    """What comes before every beat alike need not be a P wave: 0.15 mV of height are usual."""
    found = measure_intervals(ecg(beat_times(60, 10), fs=500, p_height=p_height), 500)
    assert why in found.reasons["pr_interval"]
    assert not {"pr_interval", "p_duration", "p_axis"} & set(found.values)


def test_a_flat_t_wave_has_no_qt_and_says_why() -> None:
    waveform = ecg(beat_times(70, 10), fs=500, t_height=0.0) + noise_of(12, 5000, 500, 0.01)
    found = measure_intervals(waveform, 500)
    assert "T wave lost" in found.reasons["qt_interval"]
    assert found.reasons["qt_corrected"] == found.reasons["qt_interval"]
    assert not {"qt_interval", "qt_corrected", "t_axis"} & set(found.values)
    assert "qrs_duration" in found.values


@pytest.mark.parametrize(
    "waveform",
    [
        np.zeros((12, 5000)),
        np.zeros((12, 0)),
        np.zeros((12, 30)),
        ecg([1.0, 2.0], 3, fs=500),
        noise_of(12, 5000, 500, 1.0),
        np.ones((12, 5000)) * np.nan_to_num(np.inf, posinf=3.0),
    ],
    ids=["all zero", "empty", "a few samples", "two beats", "muscle noise", "constant"],
)
def test_what_does_not_beat_has_no_value_and_a_reason_for_each(waveform: np.ndarray) -> None:
    found = measure_intervals(waveform, 500)
    assert found.values == {}
    assert found.reasons == dict.fromkeys(INTERVALS, NO_BEATS)
    assert found.beat_spread_ms == found.lead_spread_ms == {}
    assert measure_beats(found) == []


def test_one_usable_lead_is_too_few() -> None:
    waveform = np.zeros((12, 5000))
    waveform[1] = ecg(beat_times(70, 10), fs=500)[1]
    assert set(measure_intervals(waveform, 500).reasons.values()) == {"too few usable leads"}


@pytest.mark.parametrize("n_leads", [2, 3, 5, 8])
def test_spread_over_leads_is_numpys_interquartile_range(n_leads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """QRS durations of single leads, out of order, one of them unknown: it does not count."""
    found = measure_intervals(ecg(beat_times(70, 10), fs=500), 500)
    durations_s = np.random.default_rng(n_leads).uniform(0.06, 0.14, n_leads)
    marks = [replace(found.marks, qrs_offset=found.marks.qrs_onset + one) for one in (*durations_s, np.nan)]
    monkeypatch.setattr(intervals, "_delineate", lambda *_: marks)
    expected = np.subtract(*np.percentile(1000 * durations_s, (75, 25)))
    assert found.lead_spread_ms["qrs_duration"] == pytest.approx(expected, rel=1e-9)


def test_spread_is_small_where_beats_are_the_same_and_grows_with_noise() -> None:
    waveform = ecg(beat_times(70, 10), fs=500)
    quiet = measure_intervals(waveform, 500)
    noisy = measure_intervals(waveform + noise_of(12, 5000, 500, 0.08), 500)
    assert set(quiet.beat_spread_ms) == set(quiet.lead_spread_ms) == {*SPANS, "p_duration"}
    assert max(quiet.beat_spread_ms.values()) < 1
    assert sum(noisy.beat_spread_ms.values()) > 4 * sum(quiet.beat_spread_ms.values())


def test_single_beats_are_measured_like_their_median() -> None:
    found = measure_intervals(ecg(beat_times(70, 10), fs=500), 500)
    beats = measure_beats(found)
    assert len(beats) == len(found.beat.positions_s)
    for beat in beats[1:-1]:  # the filter's mirror reaches into the first and last
        for name in SPANS:
            assert beat[name] == pytest.approx(found.values[name], abs=2)


def test_intervals_between_marks_are_in_ms() -> None:
    marks = replace(
        measure_intervals(ecg(beat_times(70, 10), fs=500), 500).marks,
        **{"p_onset": -0.2, "p_offset": -0.1, "qrs_onset": -0.04, "qrs_offset": 0.06, "t_offset": 0.36},
    )
    expected = {"pr_interval": 160, "p_duration": 100, "qrs_duration": 100, "qt_interval": 400}
    assert intervals_ms(marks) == pytest.approx(expected)


@pytest.mark.filterwarnings("error")
def test_whatever_is_no_ecg_gives_values_or_reasons_and_no_error() -> None:
    """Noise of any size, steps, spikes and flat leads, of any length, at every rate: 400 draws."""
    rng = np.random.default_rng(0)
    for kind in list(range(5)) * 80:
        n_times = int(rng.integers(60, 4000))
        waveform = rng.normal(size=(12, n_times)) * 10.0 ** rng.integers(-6, 4)
        if kind == 1:
            waveform[:] = 0
        elif kind == 2:
            waveform[:, :: int(rng.integers(50, 400))] += 1e3
        elif kind == 3:
            waveform[int(rng.integers(0, 12)) :] = 0
        elif kind == 4:
            waveform = waveform.round()
        found = measure_intervals(waveform, float(rng.choice([100, 250, 500, 1000])))
        assert {*found.values, *found.reasons} == set(INTERVALS)
        told = [*found.values.values(), *found.beat_spread_ms.values(), *found.lead_spread_ms.values()]
        assert np.isfinite(told).all()
