"""Label schemes: groups as published, precedence, ambiguity, harmonising by rate."""

from __future__ import annotations

import math

import pytest

from ecgml.errors import ConfigError
from ecgml.records.rhythms import RHYTHM_CODES
from ecgml.records.schemes import HARMONISE_RULES, SCHEMES, harmonise, scheme_named

# Zheng et al. 2020, tables of rhythms and of the merged groups.
COUNTS = {
    "SB": 3889, "SR": 1826, "SA": 399, "AFIB": 1780, "AF": 445, "ST": 1568, "SVT": 587, "AT": 121, "AVNRT": 16,
    "AVRT": 8, "SAAWR": 7,
}  # fmt: skip
GROUPS = {"SB": 3889, "GSVT": 2307, "AFIB": 2225, "SR": 2225}


def test_the_four_groups_have_the_published_sizes():
    groups = SCHEMES["groups"]
    assert {name: sum(COUNTS[code] for code in members) for name, members in groups.members.items()} == GROUPS


@pytest.mark.parametrize("name", ["groups", "rhythms"])
def test_every_rhythm_has_exactly_one_class(name):
    members = [code for codes in SCHEMES[name].members.values() for code in codes]
    assert sorted(members) == sorted(RHYTHM_CODES)


def test_a_class_lists_the_snomed_codes_of_its_members():
    assert SCHEMES["groups"].snomed("AFIB") == ("164889003", "164890007")


@pytest.mark.parametrize(
    ("rhythms", "expected"),
    [
        (("SB",), "SB"),
        (("SR", "AFIB"), "AFIB"),  # a rhythm beats a co-listed SR
        (("AFIB", "AF"), "AFIB"),  # two rhythms of one group
        (("SB", "SA"), "SB"),  # SARRH+SBRAD of PTB-XL
        (("SR", "SA"), "SR"),
        (("ST", "AT"), "GSVT"),
    ],
)
def test_several_rhythms_of_one_group_have_its_class(rhythms, expected):
    assert SCHEMES["groups"].class_of(rhythms) == (expected, "")


def test_two_groups_beside_sr_are_ambiguous():
    assert SCHEMES["groups"].class_of(("AF", "SVT")) == (None, "ambiguous: AFIB and GSVT")


def test_no_rhythm_of_the_scheme_is_told_apart_from_ambiguity():
    assert SCHEMES["groups"].class_of(()) == (None, "no rhythm of the scheme")
    assert SCHEMES["seven"].class_of(("AVRT",)) == (None, "no rhythm of the scheme")


def test_an_unknown_scheme_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="scheme: 'group' is unknown, did you mean 'groups'"):
        scheme_named("group")


@pytest.mark.parametrize(
    ("rhythms", "rate_bpm", "expected"),
    [
        (("SR",), 55.0, ("SB",)),  # what PTB-XL's readers call SR
        (("SR",), 60.0, ("SR",)),  # the bounds themselves are normal
        (("SR",), 100.0, ("SR",)),
        (("SB",), 62.0, ("SR",)),
        (("SA",), 75.0, ("SA",)),
        (("SA",), 50.0, ("SB",)),
        (("SR",), 101.0, ("ST",)),
        (("AFIB",), 50.0, ("AFIB",)),
        (("SVT",), 90.0, ("SVT",)),
        (("SR", "AF"), 50.0, ("SR", "AF")),
        (("SR",), math.nan, ("SR",)),
        ((), 50.0, ()),
    ],
)
def test_sinus_rhythms_are_called_by_their_rate_and_others_stay(rhythms, rate_bpm, expected):
    assert harmonise(rhythms, rate_bpm, "sinus_rate") == expected
    assert harmonise(rhythms, rate_bpm, "none") == rhythms


def test_the_rules_are_those_that_the_settings_offer():
    assert HARMONISE_RULES == ("none", "sinus_rate")
