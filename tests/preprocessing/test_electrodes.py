"""Wires changed on purpose, in simulated and real recordings, and what is said of recordings as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgml.cohorts.cohort import read_entry
from ecgml.cohorts.opening import open_cohort
from ecgml.cohorts.simulation.record import simulate_record
from ecgml.preprocessing.electrodes import limb_contradiction
from ecgml.preprocessing.preprocess import SUSPECT, preprocess
from ecgml.preprocessing.settings import PreprocessingSettings
from ecgml.records.leads import LEADS
from ecgml.records.record import Record

SETTINGS = PreprocessingSettings()
ALL = [True] * 12


@pytest.fixture
def waveform() -> np.ndarray:
    """Ten seconds of sinus rhythm, mV, the heart's axis neither upright nor flat."""
    return np.round(simulate_record("SR", np.random.default_rng(6)).waveform.astype(np.float64), 3)


def suspicions(waveform: np.ndarray, fs: float = 500.0) -> list[str]:
    notes = preprocess(Record(waveform.astype(np.float32), fs, "file.csv"), SETTINGS).notes
    return [note.removeprefix(SUSPECT) for note in notes if note.startswith(SUSPECT)]


def exchanged(waveform: np.ndarray, one: int, other: int) -> np.ndarray:
    swapped = waveform.copy()
    swapped[[one, other]] = waveform[[other, one]]
    return swapped


def arms_exchanged(waveform: np.ndarray) -> np.ndarray:
    """Left wire on the right arm: I turns over, II and III, aVR and aVL change names (Goldberger's equations)."""
    swapped = waveform[[0, 2, 1, 4, 3, *range(5, 12)]].copy()
    swapped[0] *= -1
    return swapped


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda leads: leads, None),
        (lambda leads: exchanged(leads, 0, 2), "I and III exchanged"),
        (lambda leads: exchanged(leads, 3, 5), "aVR and aVF exchanged"),
        (lambda leads: leads * np.where(np.arange(12) == 4, -1, 1)[:, None], "aVL inverted"),
        (lambda leads: leads * np.where(np.arange(12) == 1, 2, 1)[:, None], "II 2 times what"),
        (lambda leads: np.concatenate([leads[:2], leads[8:9], leads[3:]]), "III is not what the other limb leads"),
        (lambda leads: np.concatenate([leads[6:12], leads[6:]]), "limb leads contradict each other by"),
        (lambda leads: leads + np.where(np.arange(12) == 1, 3, 0)[:, None], None),
    ],
)
def test_limb_lead_that_contradicts_the_others_is_named(waveform: np.ndarray, change, expected: str | None) -> None:
    found = limb_contradiction(change(waveform), ALL)
    assert (found is None) if expected is None else found.startswith(expected)


def test_missing_leads_and_values_are_no_contradiction(waveform: np.ndarray) -> None:
    waveform[2], waveform[4, 100:200] = 0, np.nan
    assert limb_contradiction(waveform, [True, True, False, *ALL[3:]]) is None
    assert limb_contradiction(waveform, [True, True, False, False, False, True, *ALL[6:]]) is None
    waveform[3] *= -1
    assert limb_contradiction(waveform, [True, True, False, *ALL[3:]]) == "aVR inverted"


def test_exchanged_arm_electrodes_are_suspected_and_agree_with_einthoven(waveform: np.ndarray) -> None:
    assert suspicions(waveform) == []
    swapped = arms_exchanged(waveform)
    assert limb_contradiction(swapped, ALL) is None
    assert [text[:23] for text in suspicions(swapped)] == ["arm electrodes exchange"]


def test_right_leg_electrode_on_an_arm_leaves_a_lead_flat(waveform: np.ndarray) -> None:
    """With the right arm's wire on the right leg, whose potential is the left leg's, II is zero and III is -I."""
    one = waveform[0].copy()
    waveform[1], waveform[2] = 0.02 * one, -one
    waveform[3], waveform[4], waveform[5] = -0.51 * one, 0.99 * one, -0.48 * one
    assert suspicions(waveform) == ["an arm and a leg electrode exchanged: II is nearly flat"]


@pytest.mark.slow
@pytest.mark.real
def test_real_recordings_as_they_are_and_with_wires_changed(real_data: Path) -> None:
    """Shares found of Georgia's and CPSC's recordings; docs/quality.md has PTB-XL's."""
    waveforms = []
    for folder in ("cinc2021/georgia", "cinc2021/cpsc"):
        for entry in open_cohort(real_data / folder).entries:
            record = read_entry(entry)
            waveforms.append((record.waveform.astype(np.float64), record.fs))
    as_they_are = [suspicions(waveform, fs) for waveform, fs in waveforms]
    assert sum(map(bool, as_they_are)) <= 1
    for one, other, least in ((6, 9, 0.8), (7, 10, 0.8), (7, 8, 0.4)):
        pair = f"{LEADS[one]} and {LEADS[other]} exchanged"
        found = [suspicions(exchanged(waveform, one, other), fs) for waveform, fs in waveforms]
        assert np.mean([any(pair in text for text in texts) for texts in found]) > least, pair
    for one in range(6):
        turned = np.where(np.arange(12) == one, -1, 1)[:, None]
        found = [f"{LEADS[one]} inverted" in suspicions(waveform * turned, fs) for waveform, fs in waveforms]
        assert np.mean(found) > 0.95, LEADS[one]
