"""Lead names in the wild, lead order, and limb leads derived from each other."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS, arrange, canonical_lead, derived_leads


@pytest.mark.parametrize(
    ("written", "lead"),
    [
        ("I", "I"),
        ("ii", "II"),
        ("AVR", "aVR"),
        ("aVL", "aVL"),
        (" avf ", "aVF"),
        ("-aVR", "aVR"),
        ("Lead II", "II"),
        ("ECG V1", "V1"),
        ("MDC_ECG_LEAD_aVR", "aVR"),
        ("ECG-V6", "V6"),
    ],
)
def test_a_lead_is_known_by_the_names_that_files_give_it(written, lead):
    assert canonical_lead(written) == lead


@pytest.mark.parametrize("written", ["", " ", "V7", "V3R", "MLII", "time", "Resp", "X", "V1-V2", "I II", "aVR-"])
def test_other_channels_and_combinations_of_leads_are_no_lead(written):
    assert canonical_lead(written) is None


def _limb_leads(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Electrode potentials -> the six limb leads by their definitions (Einthoven 1912, Goldberger 1942)."""
    right_arm, left_arm, foot = rng.normal(size=(3, 50))
    return {
        "I": left_arm - right_arm,
        "II": foot - right_arm,
        "III": foot - left_arm,
        "aVR": right_arm - (left_arm + foot) / 2,
        "aVL": left_arm - (right_arm + foot) / 2,
        "aVF": foot - (right_arm + left_arm) / 2,
    }


@pytest.mark.parametrize("present", [("I", "II"), ("I", "III"), ("II", "III"), ("II", "I", "aVF")])
def test_any_two_of_the_limb_leads_give_the_other_four(present):
    limb = _limb_leads(np.random.default_rng(0))
    arranged = arrange(np.stack([limb[lead] for lead in present]), present, "x")
    for lead, expected in limb.items():
        np.testing.assert_allclose(arranged[LEADS.index(lead)], expected, atol=1e-6, err_msg=lead)
    assert np.isnan(arranged[6:]).all()


def test_leads_that_cannot_be_derived_are_missing():
    arranged = arrange(np.ones((1, 5)), ["II"], "x")
    assert np.isnan(np.delete(arranged, 1, axis=0)).all()
    assert (arranged[1] == 1).all()


def test_a_lead_that_is_there_is_never_derived():
    noisy = np.arange(12 * 4, dtype=float).reshape(12, 4)
    np.testing.assert_array_equal(arrange(noisy, LEADS, "x"), noisy)


def test_any_order_comes_out_in_the_canonical_one():
    order = np.random.default_rng(1).permutation(12)
    waveform = np.arange(12.0)[:, None] * np.ones((1, 3))
    arranged = arrange(waveform[order], [LEADS[index] for index in order], "x")
    np.testing.assert_array_equal(arranged, waveform)
    assert arranged.dtype == np.float32


def test_cabreras_inverted_avr_is_turned_back():
    limb = _limb_leads(np.random.default_rng(0))
    arranged = arrange(np.stack([-limb["aVR"], limb["I"]]), ["-aVR", "I"], "x")
    np.testing.assert_allclose(arranged[3], limb["aVR"], atol=1e-6)


def test_channels_that_are_no_leads_are_dropped():
    arranged = arrange(np.array([[1.0, 1], [2, 2], [3, 3]]), ["Resp", "V1", "ABP"], "x")
    np.testing.assert_array_equal(arranged[6], [2, 2])


def test_a_lead_that_is_there_twice_is_refused():
    with pytest.raises(RecordError, match="lead V1 is there twice") as caught:
        arrange(np.ones((2, 3)), ["V1", "ECG v1"], "a.csv")
    assert caught.value.reason == "duplicate lead"


def test_channels_without_any_lead_are_refused():
    with pytest.raises(RecordError, match=r"a.csv: none of the twelve leads among the channels \('x, y'\)") as caught:
        arrange(np.ones((2, 3)), ["x", "y"], "a.csv")
    assert caught.value.reason == "no leads"


@pytest.mark.parametrize(
    ("names", "derived"),
    [
        (("Lead I", "ii"), ("III", "aVR", "aVL", "aVF")),
        (("II", "III", "V1", "aVR"), ("I", "aVL", "aVF")),
        (LEADS[:6], ()),
        (("II", "aVR", "V1"), ()),
    ],
)
def test_derived_leads_are_those_that_are_computed_from_two_others(names, derived):
    assert derived_leads(names) == derived
    arranged = arrange(np.random.default_rng(0).normal(size=(len(names), 9)), names, "x")
    filled = {lead for lead, row in zip(LEADS, arranged, strict=True) if not np.isnan(row).any()}
    assert filled == {canonical_lead(name) for name in names} | set(derived)
