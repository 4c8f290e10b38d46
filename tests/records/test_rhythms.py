"""Rhythm codes against the tables that the data sets publish."""

from __future__ import annotations

import pytest

from ecgml.records.rhythms import RHYTHM_CODES, RHYTHMS, rhythm_named, rhythm_of, rhythms_among


def test_every_statement_means_one_rhythm():
    statements = [word for rhythm in RHYTHMS for word in (rhythm.code, *rhythm.snomed, *rhythm.aliases)]
    assert len(set(statements)) == len(statements)


@pytest.mark.parametrize(
    ("statement", "code"),
    # SNOMED CT codes: ConditionNames_SNOMED-CT.csv of ecg-arrhythmia 1.0.0; SCP codes: scp_statements.csv of PTB-XL.
    [
        ("426177001", "SB"),
        ("426783006", "SR"),
        ("164889003", "AFIB"),
        ("164890007", "AF"),
        ("427084000", "ST"),
        ("427393009", "SA"),
        ("426761007", "SVT"),
        ("713422000", "AT"),
        ("233896004", "AVNRT"),
        ("233897008", "AVRT"),
        ("195101003", "SAAWR"),
        ("SBRAD", "SB"),
        ("STACH", "ST"),
        ("SARRH", "SA"),
        ("AFLT", "AF"),
        ("SVTAC", "SVT"),
        ("PSVT", "SVT"),
        ("SI", "SA"),
        (" sr ", "SR"),
    ],
)
def test_codes_of_all_sources_mean_the_published_rhythm(statement, code):
    assert rhythm_of(statement) == code


@pytest.mark.parametrize("statement", ["", "NORM", "164934002", "PACE", "BIGU", "NONE"])
def test_statements_that_are_no_rhythm_of_the_eleven_mean_none(statement):
    assert rhythm_of(statement) is None


def test_af_is_flutter_and_afib_is_fibrillation():
    names = {rhythm.code: rhythm.name for rhythm in RHYTHMS}
    assert names["AF"] == "Atrial Flutter"
    assert names["AFIB"] == "Atrial Fibrillation"


def test_rhythms_come_out_once_and_in_one_order():
    assert rhythms_among(["SVTAC", "PSVT", "426783006", "TWC", "SB"]) == ("SB", "SR", "SVT")
    assert rhythms_among(reversed(RHYTHM_CODES)) == RHYTHM_CODES


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("atrial fibrillation", "AFIB"),
        ("A-Fib", "AFIB"),
        ("Vorhofflimmern", "AFIB"),
        ("Fibrillation  auriculaire", "AFIB"),
        ("SINUSRHYTHMUS", "SR"),
        ("Supraventrikuläre Tachykardie", "SVT"),
        ("AV-Knoten-Reentry-Tachykardie", "AVNRT"),
        ("164890007.0", "AF"),
    ],
)
def test_a_name_means_its_rhythm_whatever_its_case_accents_and_punctuation(word, code):
    assert rhythm_named(word) == code
    assert rhythm_of(word) is None


@pytest.mark.parametrize("word", ["", "-", "pacemaker", "sinus", "flutter", "no atrial fibrillation", "LBBB", "SRX"])
def test_a_word_that_only_resembles_a_name_means_none(word):
    assert rhythm_named(word) is None


def test_every_name_means_one_rhythm():
    for rhythm in RHYTHMS:
        assert [rhythm_named(word) for word in rhythm.words] == [rhythm.code] * len(rhythm.words)
    assert [rhythm_named(rhythm.name) for rhythm in RHYTHMS] == list(RHYTHM_CODES)
