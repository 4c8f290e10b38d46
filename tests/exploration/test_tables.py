"""Sections on tables: formulas checked against other libraries, sentences against the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ecgml.exploration.signals.quality import note_kinds, quality_section, without_remarks
from ecgml.exploration.survey import NO_FILE, QUARANTINED, CohortFacts, Repeats, Variable
from ecgml.exploration.tables.classes import classes_section
from ecgml.exploration.tables.correlations import correlations_section, rank_correlations
from ecgml.exploration.tables.intervals import wilson
from ecgml.exploration.tables.missing import missing_section
from ecgml.exploration.tables.patients import patients_section
from ecgml.exploration.tables.repeats import groups_of, repeats_section
from ecgml.exploration.tables.values import separation, values_section
from ecgml.page.sections import Section
from tests.exploration.surveys import make_survey

RNG = np.random.default_rng(0)


def text_of(section: Section) -> str:
    return " ".join([*section.words, *(word for part in section.parts for word in part.words)])


@pytest.mark.parametrize(("n_hits", "n"), [(0, 5), (3, 7), (50, 50), (120, 1000)])
def test_the_interval_of_a_share_is_wilsons(n_hits: int, n: int) -> None:
    """As scipy has it."""
    expected = stats.binomtest(n_hits, n).proportion_ci(method="wilson")
    assert wilson(n_hits, n) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_separation_is_epsilon_squared_of_kruskal_and_wallis() -> None:
    """(H - k + 1) / (n - k), with scipy's H."""
    groups = [RNG.normal(shift, 1, n) for shift, n in ((0, 40), (1, 30), (1.5, 9))]
    values, rhythms = np.concatenate(groups), np.repeat([0, 3, 5], [40, 30, 9])
    h = stats.kruskal(*groups).statistic
    with_gaps = np.append(values, [np.nan, 3.0])
    assert separation(with_gaps, np.append(rhythms, [0, -1])) == pytest.approx((h - 2) / (79 - 3))
    assert separation(rhythms.astype(float), rhythms) == pytest.approx(1)
    assert separation(RNG.normal(size=3000), RNG.integers(0, 3, 3000)) < 0.01


def test_separation_of_next_to_nothing_is_unknown() -> None:
    assert np.isnan(separation(np.array([1.0, 2.0]), np.array([0, 1])))
    assert np.isnan(separation(np.ones(50), np.arange(50) % 2))
    assert np.isnan(separation(np.arange(50.0), np.zeros(50, dtype=int)))


def test_correlations_are_spearmans_on_what_both_have() -> None:
    """As scipy has them."""
    values = RNG.normal(size=(60, 3))
    values[:, 1] += values[:, 0]
    values[:20, 1] = np.nan
    values[15:, 2] = np.nan
    rho, n_pairs = rank_correlations(values)
    assert rho[0, 1] == pytest.approx(stats.spearmanr(values[20:, 0], values[20:, 1]).statistic)
    assert n_pairs.tolist() == [[60, 40, 15], [40, 40, 0], [15, 0, 15]]
    assert np.isnan(rho[1, 2])


def test_bazetts_formula_is_found_out() -> None:
    """QTc = QT / sqrt(60 / rate), rounded to ms as machines write it."""
    survey = make_survey(["SR"] * 100)
    rate, qt = RNG.uniform(50, 150, 100), RNG.uniform(300, 450, 100)
    variables = tuple(Variable(name, name) for name in ("ventricular_rate", "qt_interval", "qt_corrected"))
    values = np.column_stack([rate, qt, np.rint(qt / np.sqrt(60 / rate))])
    section = correlations_section(replace(survey, variables=variables, values=values))
    assert "60·(QTc/QT)²" in section.findings[0]
    values[:, 2] = qt + 0.1 * rate
    assert correlations_section(replace(survey, variables=variables, values=values)).findings == ()


def test_classes_are_counted_with_what_there_is_of_them() -> None:
    survey = make_survey(["SB"] * 60 + ["SR"] * 20 + [""] * 3)
    survey = replace(survey, states=np.where(np.arange(83) < 50, survey.states, NO_FILE))
    section = classes_section(survey, seed=0)
    assert section.metrics["rhythm_SB"] == 60
    assert section.metrics["class_none"] == 3
    assert section.metrics["signals"] == 50
    assert "Largest class: SB, 75.0%" in text_of(section)
    assert "3.0 times as large as the smallest class, SR. No record of AFIB and GSVT." in text_of(section)
    assert "SR (20) is too few" in text_of(section)
    assert section.parts[-1].columns["rows"] == [83]


def test_cohorts_of_different_rhythms_predict_the_class() -> None:
    survey = make_survey(["SB"] * 60 + ["SR"] * 60)
    cohorts = np.repeat(["here", "there"], 60)
    facts = (CohortFacts("here", "manifest", False), CohortFacts("there", "ptbxl", False))
    section = classes_section(replace(survey, cohorts=cohorts, facts=facts), seed=0)
    assert "The cohort alone predicts the class: macro-F1 1.000" in section.findings[1]
    mixed = replace(survey, cohorts=np.tile(["here", "there"], 60), facts=facts)
    assert len(classes_section(mixed, seed=0).findings) == 1


def test_age_and_sex_are_compared_where_there_are_enough() -> None:
    survey = make_survey(["SA"] * 40 + ["AFIB"] * 40 + ["AVRT"])
    survey.values[:, 0] = np.where(survey.rhythms == 2, 20.0, 75.0)
    survey.values[:, 1] = np.where(survey.rhythms == 2, 1.0, 0.0)
    words = text_of(patients_section(survey))
    assert "20 years (SA) to 75 (AFIB)" in words
    assert "40 of 81 are women (49%)" in words
    assert "differ significantly: SA (100%), AFIB (0%)" in words


def test_without_age_or_sex_there_is_a_sentence() -> None:
    survey = make_survey(["SR"] * 9)
    survey.values[:, 1] = np.nan
    section = patients_section(survey)
    assert "No record has the patient's sex." in section.words
    assert len(section.parts) == 1
    survey.values[:, 0] = np.nan
    assert patients_section(survey).words == ("No record has the patient's age or sex.",)


def test_a_value_that_is_missing_for_one_rhythm_only_is_named() -> None:
    survey = make_survey(["SR"] * 40 + ["AFIB"] * 40)
    survey.values[:30, 2] = np.nan
    words = text_of(missing_section(survey))
    assert "Most often missing: Ventricular rate (37.50%)" in words
    assert "Ventricular rate (AFIB 0%, SR 75%)" in words


def test_what_cannot_be_measured_without_a_file_is_not_missing() -> None:
    survey = make_survey(["SR"] * 40)
    survey.values[20:, 4:] = np.nan
    survey = replace(survey, states=np.where(np.arange(40) < 20, survey.states, NO_FILE))
    section = missing_section(survey)
    assert section.words == ("No value is missing in 40 rows and 7 variables.",)
    assert section.metrics["missing_share"] == 0


def test_two_missing_of_three_prove_nothing() -> None:
    survey = make_survey(["SR"] * 3 + ["AFIB"] * 3)
    survey.values[:2, 2] = np.nan
    assert "No missing share differs significantly" in text_of(missing_section(survey))


def test_values_outside_the_dictionarys_range_are_counted() -> None:
    survey = make_survey(["SR"] * 40 + ["SB"] * 40)
    survey.values[:5, 0] = 110
    words = text_of(values_section(survey))
    assert "Age 5 (stated 0 to 99)" in words
    assert "(80 records)" in words


def test_groups_are_of_two_and_more() -> None:
    groups = groups_of(np.array([5, -1, 2, 5, 2, 5, 9, -1]))
    assert [group.tolist() for group in groups] == [[0, 3, 5], [2, 4]]
    assert groups_of(np.array([-1, -1])) == []


def test_repeats_that_contradict_each_other_are_counted_and_listed_first() -> None:
    survey = make_survey(["SR", "SR", "SB", "AFIB", "SR"])
    repeats = (
        Repeats("the same ECG", "by its name", "no names", np.array([0, 0, 1, 1, 2])),
        Repeats("the same patient", "by number", "no table identifies patients", np.full(5, -1)),
    )
    section = repeats_section(replace(survey, repeats=repeats))
    assert section.words == ("The same patient: no table identifies patients.",)
    assert "The same ECG (by its name): 4 records in 2 groups; in 1 the rhythms differ." in text_of(section)
    assert section.parts[1].columns["rhythms"] == ["SB and AFIB", "SR"]
    assert section.metrics["repeats_the_same_ecg"] == 4


@pytest.mark.parametrize(
    ("note", "kinds"),
    [
        ("V1 left out: flat", [("lead left out: flat", ("V1",))]),
        ("aVR left out: x; III left out: x", [("lead left out: x", ("aVR",)), ("lead left out: x", ("III",))]),
        ("limb leads swapped (I, II)", [("limb leads swapped (lead, lead)", ("I", "II"))]),
        (
            "measured leads: I, II; derived: III, aVR; missing: V1, V2",
            [("lead derived", ("III", "aVR")), ("lead missing", ("V1", "V2"))],
        ),
        (
            "suspect: amplitude 0.19 mV, 4.9 times too small for a usual ECG (0.92 mV): its gain may be wrong",
            [("suspect: amplitude …: its gain may be wrong", ())],
        ),
        (
            "suspect: aVL 0.726 times what the other limb leads add up to",
            [("suspect: lead … times what the other limb leads add up to", ("aVL",))],
        ),
        ("clipped at 32.767 mV", [("clipped at 32.767 mV", ())]),
        ("VI is no lead, nor V12", [("VI is no lead, nor V12", ())]),
        ("", []),
    ],
)
def test_any_note_is_taken_apart(note: str, kinds: list) -> None:
    assert note_kinds(note) == kinds


def test_a_remark_on_most_recordings_is_no_fault_of_one() -> None:
    survey = make_survey(["SR"] * 9)
    notes = np.full(9, "no notch at 50 Hz", dtype="<U80")
    notes[3] = "V1 left out: flat; no notch at 50 Hz"
    notes[4] = ""
    assert np.flatnonzero(~without_remarks(replace(survey, notes=notes))).tolist() == [3]


def test_a_defect_that_goes_with_a_rhythm_is_named() -> None:
    survey = make_survey(["SVT"] * 40 + ["SB"] * 400)
    bad = np.arange(440) < 20
    survey = replace(
        survey,
        states=np.where(bad, QUARANTINED, survey.states),
        reasons=np.where(bad, "a reason never seen", ""),
        notes=np.where(np.arange(440) == 100, "V2 left out: noisy; V3 left out: noisy", ""),
    )
    section = quality_section(survey)
    assert "SVT (20 of 40 files, 0 of 400 of the others)" in section.findings[0]
    assert section.metrics["quarantined_a_reason_never_seen"] == 20
    assert section.metrics["mended"] == 1
    assert "20 files of 440 (4.5%) are unusable; 1 other is used with remarks" in text_of(section)
    assert len(section.parts[1].columns["record"]) == 20


def test_defects_at_random_are_not_blamed_on_a_rhythm() -> None:
    survey = make_survey(["SVT", "SB"] * 200)
    bad = np.arange(400) < 20
    section = quality_section(
        replace(survey, states=np.where(bad, QUARANTINED, survey.states), reasons=np.where(bad, "flat", ""))
    )
    assert section.findings == ()


def test_what_is_wrong_with_a_cohort_as_a_whole_is_said_on_top() -> None:
    facts = (CohortFacts("made", "manifest", False, faults=("amplitudes are about 5 times too small",)),)
    section = quality_section(make_survey(["SR"] * 40, facts=facts))
    assert section.findings[0] == "made: amplitudes are about 5 times too small."


def test_a_cohort_that_training_would_stop_at_is_said_on_top() -> None:
    facts = (CohortFacts("made", "manifest", False, stop="30 of 40 files are unusable"),)
    section = quality_section(make_survey(["SR"] * 40, facts=facts))
    assert section.findings[0] == "Training would stop here: 30 of 40 files are unusable."
