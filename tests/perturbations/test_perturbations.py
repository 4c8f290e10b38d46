"""Leads, recording and clinical values: what a perturbation does, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ecgml.cohorts.simulation.record import simulate_record
from ecgml.cohorts.simulation.torso import ELECTRODES, LEADS_FROM_ELECTRODES
from ecgml.measurements.beats import detect_beats
from ecgml.perturbations.clinical import ClinicalValues
from ecgml.perturbations.leads import (
    CHEST_SWAPS,
    LIMB_MIRRORS,
    LIMB_REVERSALS,
    chest_exchanged,
    exchange_matrix,
    limbs_exchanged,
    without_leads,
    without_some_leads,
)
from ecgml.perturbations.matrix import Condition, all_conditions
from ecgml.perturbations.recording import at_rate, of_duration, with_gain
from ecgml.records.clinical import CLINICAL_NAMES
from ecgml.records.leads import LEADS
from ecgml.records.record import Record


def made(rhythm: str = "SR", seed: int = 3) -> Record:
    own = simulate_record(rhythm, np.random.default_rng(seed))
    return Record(own.waveform, own.fs, "made")


def conditions(kind: str) -> dict[str, Condition]:
    return {one.strength: one for one in all_conditions(CLINICAL_NAMES) if one.kind == kind}


@pytest.mark.parametrize("electrodes", LIMB_REVERSALS)
def test_a_limb_reversal_is_what_exchanged_potentials_give(electrodes: str) -> None:
    potentials = np.random.default_rng(0).normal(size=(9, 400))
    record = Record((LEADS_FROM_ELECTRODES @ potentials).astype(np.float32), 500.0, "potentials")
    one, other = (ELECTRODES.index(name) for name in electrodes.split("–"))
    order = list(range(9))
    order[one], order[other] = other, one
    expected = LEADS_FROM_ELECTRODES @ potentials[order]
    found = limbs_exchanged(record, electrodes)
    np.testing.assert_allclose(found.waveform, expected, atol=1e-6)
    np.testing.assert_array_equal(limbs_exchanged(found, electrodes).waveform, record.waveform)


@pytest.mark.parametrize("leads", CHEST_SWAPS)
def test_a_chest_swap_moves_chest_leads_alone_and_undoes_itself(leads: str) -> None:
    record = made()
    found = chest_exchanged(record, leads)
    np.testing.assert_array_equal(found.waveform[:6], record.waveform[:6])
    assert (found.waveform[6:] != record.waveform[6:]).any()
    np.testing.assert_array_equal(chest_exchanged(found, leads).waveform, record.waveform)


@pytest.mark.parametrize("name", [*LIMB_REVERSALS, *CHEST_SWAPS])
def test_the_matrix_of_an_exchange_does_the_same(name: str) -> None:
    record = made()
    exchange = limbs_exchanged if name in LIMB_REVERSALS else chest_exchanged
    np.testing.assert_allclose(exchange_matrix(name) @ record.waveform, exchange(record, name).waveform, atol=1e-6)


@pytest.mark.parametrize("name", LIMB_REVERSALS)
def test_a_limb_reversal_mirrors_axes_and_heights(name: str) -> None:
    def leads(axis_deg: float) -> np.ndarray:
        """Einthoven's triangle: I, II, III lie at 0, 60 and 120 degrees, the augmented leads between them."""
        directions = np.array([0, 60, 120, -150, -30, 90])
        heights = np.cos(np.deg2rad(axis_deg - directions)) * np.array([1, 1, 1, *[np.sqrt(3) / 2] * 3])
        return np.concatenate([heights, np.zeros(6)])

    mirror, share = LIMB_MIRRORS[name]
    for axis_deg in (-80, 0, 45, 60, 130, 200):
        found = exchange_matrix(name) @ leads(axis_deg)
        np.testing.assert_allclose(found, leads(mirror - axis_deg), atol=1e-12)
    before, after = leads(60), exchange_matrix(name) @ leads(60)
    height = [one[0] + one[1] - one[3] for one in (before, after)]
    assert height[1] / height[0] == pytest.approx(share, abs=0.02)


def test_missing_leads_are_as_many_as_asked_and_the_others_stay() -> None:
    record = made()
    for n_missing in range(1, 12):
        found = without_some_leads(record, n_missing, np.random.default_rng(n_missing)).waveform
        gone = np.isnan(found).all(axis=1)
        assert gone.sum() == n_missing
        np.testing.assert_array_equal(found[~gone], record.waveform[~gone])
    limb = np.isnan(without_leads(record, LEADS[:6]).waveform).all(axis=1)
    assert limb.tolist() == [True] * 6 + [False] * 6


def test_gain_is_exact() -> None:
    record = made()
    np.testing.assert_allclose(with_gain(record, 0.2).waveform, 0.2 * record.waveform, rtol=1e-6)


@pytest.mark.parametrize("fs", [100, 125, 250, 1000])
def test_another_rate_keeps_a_sine(fs: float) -> None:
    times = np.arange(5000) / 500
    record = Record(np.tile(np.sin(2 * np.pi * 5 * times), (12, 1)).astype(np.float32), 500.0, "sine")
    record.waveform[2] = np.nan
    found = at_rate(record, fs)
    assert found.fs == fs
    assert found.duration_s == pytest.approx(10, abs=1 / fs)
    inner = slice(round(fs), round(9 * fs))
    expected = np.sin(2 * np.pi * 5 * np.arange(found.waveform.shape[1]) / fs)
    np.testing.assert_allclose(found.waveform[0, inner], expected[inner], atol=0.01)
    assert np.isnan(found.waveform[2]).all()


def test_a_shorter_record_is_the_beginning() -> None:
    record = made()
    np.testing.assert_array_equal(of_duration(record, 5).waveform, record.waveform[:, : round(5 * record.fs)])


@pytest.mark.parametrize("rhythm", ["SR", "AFIB", "SB", "SVT"])
def test_a_longer_record_has_the_same_intervals_and_no_steps(rhythm: str) -> None:
    record = made(rhythm)
    found = of_duration(record, 30)
    assert found.duration_s == pytest.approx(30, abs=0.01)
    own, longer = (detect_beats(one.waveform, one.fs).rr_s for one in (record, found))
    assert own.min() - 0.03 < longer.min()
    assert longer.max() < own.max() + 0.03
    assert 60 / np.mean(longer) == pytest.approx(60 / np.mean(own), rel=0.05)
    steepest = np.abs(np.diff(record.waveform, axis=1)).max()
    assert np.abs(np.diff(found.waveform, axis=1)).max() <= 1.05 * steepest


def test_a_record_without_beats_is_repeated_whole() -> None:
    silent = Record(np.zeros((12, 1000), dtype=np.float32), 500.0, "silent")
    assert of_duration(silent, 5).waveform.shape == (12, 2500)


def test_chance_is_of_the_seed_alone() -> None:
    record = made()
    for one in all_conditions(()):
        if one.of_record:
            first, again = (one.of_record(record, np.random.default_rng(7)) for _ in range(2))
            np.testing.assert_array_equal(first.waveform, again.waveform)
            assert first.fs == again.fs


def values(**given: float) -> ClinicalValues:
    rows = np.full((3, len(CLINICAL_NAMES)), np.nan, dtype=np.float32)
    for name, value in given.items():
        rows[0, CLINICAL_NAMES.index(name)] = value
    rows[1, CLINICAL_NAMES.index("ventricular_rate")] = 72
    rows[2, CLINICAL_NAMES.index("age")] = 20
    return ClinicalValues(*rows)


def told(row: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(CLINICAL_NAMES, row, strict=True) if np.isfinite(value)}


def test_clinical_values_are_withheld_and_wrong_as_named() -> None:
    missing, wrong = conditions("clinical values missing"), conditions("clinical values wrong")
    own = values(age=70, sex=1)
    assert told(missing["all"].of_clinical(own)) == {}
    assert told(missing["the table's"].of_clinical(own)) == {"ventricular_rate": 72}
    one = conditions("clinical value missing")["age"].of_clinical(own)
    assert told(one) == {"sex": 1, "ventricular_rate": 72}
    assert told(wrong["of another patient"].of_clinical(own)) == {"age": 20, "ventricular_rate": 72}
    assert told(wrong["age ± 30"].of_clinical(own))["age"] == 40
    assert told(wrong["other sex"].of_clinical(own))["sex"] == 0
    assert told(wrong["rate doubled"].of_clinical(own))["ventricular_rate"] == 144
    fast = replace(own, measured=own.measured * 4)
    assert "ventricular_rate" not in told(wrong["rate doubled"].of_clinical(fast))
    assert told(own.row) == {"age": 70, "sex": 1, "ventricular_rate": 72}


def test_every_kind_and_strength_is_there_once() -> None:
    found = [(one.kind, one.strength) for one in all_conditions(("age", "sex"))]
    assert len(found) == len(set(found))
    assert [strength for kind, strength in found if kind == "clinical value missing"] == ["age", "sex"]
    assert [strength for kind, strength in found if kind == "leads missing by chance"] == [
        f"{n} of 12" for n in range(1, 12)
    ]
