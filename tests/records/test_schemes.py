"""Label schemes: groups as published, precedence, ambiguity, harmonising by rate."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from ecgml.errors import ConfigError
from ecgml.records.rhythms import RHYTHM_CODES
from ecgml.records.schemes import HARMONISE_RULES, SCHEMES, applicable_rule, harmonise, scheme_named

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


def test_built_in_schemes_have_the_classes_that_checkpoints_were_trained_to():
    assert {name: scheme.classes for name, scheme in SCHEMES.items()} == {
        "groups": ("AFIB", "GSVT", "SB", "SR"),
        "rhythms": ("SB", "SR", "SA", "AFIB", "AF", "ST", "SVT", "AT", "AVNRT", "AVRT", "SAAWR"),
        "seven": ("SR", "AFIB", "ST", "SB", "AF", "SVT", "SA"),
    }
    assert SCHEMES["groups"].members == {
        "AFIB": ("AFIB", "AF"),
        "GSVT": ("ST", "SVT", "AT", "AVNRT", "AVRT", "SAAWR"),
        "SB": ("SB",),
        "SR": ("SR", "SA"),
    }


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
        (("SB",), 59.5, ("SR",)),  # a rate is stated as an integer
        (("SR",), 59.4, ("SB",)),
        (("ST",), 100.4, ("SR",)),
        (("SR",), 100.5, ("ST",)),
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


OWN = """
classes:
  AFIB: [afib]
  flutter: [164890007]
  "NO": [SR, SB, ST, SA]
colours: {flutter: "#D55E00"}
consequences: {AFIB: {"NO": fibrillation missed}}
"""


def write(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text)
    return str(path)


def test_an_own_scheme_is_read_and_its_text_needs_no_file(tmp_path: Path) -> None:
    path = write(tmp_path, OWN)
    scheme = scheme_named(path)
    assert scheme.members == {"AFIB": ("AFIB",), "flutter": ("AF",), "NO": ("SR", "SB", "ST", "SA")}
    Path(path).unlink()
    again = scheme_named(scheme.text)
    assert again == scheme
    assert again.colours == {"flutter": "#D55E00"}
    assert again.consequences == {"AFIB": {"NO": "fibrillation missed"}}
    assert scheme_named(again.text).text == scheme.text
    assert again.class_of(("SR", "AF")) == ("flutter", "")
    assert again.snomed("flutter") == ("164890007",)


def test_a_built_in_scheme_is_its_name() -> None:
    assert [scheme.text for scheme in SCHEMES.values()] == list(SCHEMES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classes: {A: [AFIB]}", "two classes or more"),
        ("classes: [A, B]", "two classes or more"),
        ("classes: {A: [AFIBB], B: [SR]}", "'AFIBB' is no rhythm, did you mean 'AFIB'"),
        ("classes: {A: [164889004], B: [SR]}", "'164889004' is no rhythm, did you mean '164889003'"),
        ("classes: {A: [AFIB, SR], B: [SR]}", "SR is in A and in B"),
        ("classes: {A: [], B: [SR]}", "A: no rhythm"),
        ("classes: {A b: [AFIB], B: [SR]}", "no name for a class"),
        ("classes: {none: [AFIB], B: [SR]}", "no name for a class"),
        ("classes: {a: [AFIB], A: [SR]}", "upper and lower case"),
        ("clases: {A: [AFIB], B: [SR]}", "'clases', did you mean 'classes'"),
        ("classes: {A: [AFIB], B: [SR]}\ncolours: {A: red}", "'red' is no colour"),
        ("classes: {A: [AFIB], B: [SR]}\ncolours: {C: '#000000'}", "'C' is no class"),
        ("classes: {A: [AFIB], B: [SR]}\nconsequences: {A: {C: bad}}", "texts by class predicted"),
        ("classes: {A: [AFIB], B", "mine.yaml"),
        ("- 1", "mine.yaml"),
    ],
)
def test_a_scheme_of_no_use_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        scheme_named(write(tmp_path, text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["groups", "Groups", "rhythms", "seven"])
def test_a_built_in_scheme_s_name_is_refused(name: str, tmp_path: Path) -> None:
    """Whether the file states it or is called so: pages and tables would show two schemes under one name."""
    with pytest.raises(ConfigError, match=rf"mine\.yaml: name: '{name}' is a built-in .* another \(name: my-{name}\)"):
        scheme_named(write(tmp_path, f"name: {name}\n{OWN}"))
    path = tmp_path / f"{name}.yaml"
    path.write_text(OWN)
    with pytest.raises(ConfigError, match=f"name: '{name}' is a built-in"):
        scheme_named(str(path))
    path.write_text(f"name: mine\n{OWN}")
    assert scheme_named(str(path)).name == "mine"


def test_a_missing_or_damaged_definition_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        scheme_named(str(tmp_path / "none.yaml"))
    with pytest.raises(ConfigError, match="damaged"):
        scheme_named('{"classes": ')


def test_schemes_are_the_same_by_their_labels_not_by_their_name(tmp_path: Path) -> None:
    groups = SCHEMES["groups"]
    lines = [f"  {name}: [{', '.join(reversed(codes))}]" for name, codes in groups.members.items()]
    renamed = scheme_named(write(tmp_path, "\n".join(["name: other", "classes:", *lines])))
    assert renamed.same_labels(groups)
    moved = scheme_named(write(tmp_path, "\n".join(["classes:", *lines]).replace("AF, AFIB", "AFIB")))
    assert moved.classes == groups.classes
    assert not moved.same_labels(groups)


def test_sinus_rhythms_are_named_by_rate_only_where_each_has_a_class(tmp_path: Path) -> None:
    for scheme in (*SCHEMES.values(), scheme_named(write(tmp_path, OWN))):
        assert applicable_rule(scheme, "sinus_rate") == ("sinus_rate", "")
    without = scheme_named(write(tmp_path, "classes: {AFIB: [AFIB], flutter: [AF]}"))
    assert applicable_rule(without, "sinus_rate") == ("sinus_rate", "")
    some = scheme_named(write(tmp_path, "classes: {AFIB: [AFIB], SR: [SR, SA]}"))
    rule, reason = applicable_rule(some, "sinus_rate")
    assert rule == "none"
    assert "has no class for SB, ST: labels stay" in reason


def test_a_rhythm_that_shares_a_class_with_sr_still_counts(tmp_path: Path) -> None:
    scheme = scheme_named(write(tmp_path, "classes: {AFIB: [AFIB], rest: [SR, SVT]}"))
    assert scheme.class_of(("AFIB", "SR")) == ("AFIB", "")
    assert scheme.class_of(("AFIB", "SVT")) == (None, "ambiguous: AFIB and rest")
