"""Lead names in the wild, lead order, and limb leads derived from each other."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.errors import RecordError
from ecgml.records.leads import LEADS, arrange, canonical_lead, derived_leads, numbering


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
        ("DI", "I"),
        ("D2", "II"),
        ("DIII", "III"),
        ("LI", "I"),
        ("L3", "III"),
        ("Lead 1", "I"),
        ("lead_3", "III"),
        ("leadII", "II"),
        ("LeadV1", "V1"),
        ("C1", "V1"),
        ("c 6", "V6"),
        ("V 2", "V2"),
        ("v_3", "V3"),
        ("a-VR", "aVR"),
        ("a VL", "aVL"),
        ("aV F", "aVF"),
        ("ECG.I", "I"),
        ("I lead", "I"),
        ("I in µV", "I"),
        ("V1 (mV)", "V1"),
        ("'II'", "II"),
        ("Ableitung III", "III"),
        ("\N{ROMAN NUMERAL TWO}", "II"),
        ("\N{MINUS SIGN}aVR", "aVR"),
    ],
)
def test_a_lead_is_known_by_the_names_that_files_give_it(written, lead):
    assert canonical_lead(written) == lead


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "V7",
        "V3R",
        "V 7",
        "V3 R",
        "MLII",
        "time",
        "Resp",
        "X",
        "V1-V2",
        "I II",
        "I-aVR",
        "aVR-",
        "VR",
        "VL",
        "Lead 4",
        "ECG1",
        "Channel 1",
        "1",
        "D4",
        "C7",
        "L4",
        "I raw",
    ],
)
def test_other_channels_and_combinations_of_leads_are_no_lead(written):
    assert canonical_lead(written) is None


@pytest.mark.parametrize(
    ("names", "word"),
    [
        ([f"V{number}" for number in range(1, 13)], "V"),
        ([f"V{number}" for number in range(1, 10)], "V"),
        ([f"C{number}" for number in range(1, 7)], "C"),
        ([f"Lead {number}" for number in range(1, 13)], "Lead"),
        ([f"ch_{number}" for number in range(12)], "ch"),
        ([str(number) for number in range(12)], ""),
        ([f"{number}.0" for number in range(12)], ""),
        ([f"V{number}" for number in range(1, 7)], None),
        (["Lead 1", "Lead 2", "Lead 3"], None),
        (["D1", "D2"], None),
        ([*LEADS[:6], *(f"C{number}" for number in range(1, 7))], None),
        (["V1", "V3", "V5"], None),
        (["V2"], None),
        (list(LEADS), None),
    ],
)
def test_names_that_only_number_the_channels_are_known(names, word):
    assert numbering(names) == word


@pytest.mark.parametrize("names", [[f"V{number}" for number in range(1, 13)], [f"Lead {n}" for n in range(1, 13)]])
def test_channels_that_are_only_numbered_are_refused(names):
    """V1 to V6 of twelve would be I to aVF under the names of the chest leads."""
    with pytest.raises(
        RecordError, match=rf"a.csv: the channels are only numbered \({names[0]} to {names[-1]}\)"
    ) as caught:
        arrange(np.ones((12, 3)), names, "a.csv")
    assert caught.value.reason == "no leads"


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
