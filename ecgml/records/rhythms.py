"""Rhythms: one row each with codes, names, group and looks, and the statements that sources use for them.

The first eleven and their SNOMED CT codes are those of the Chapman-Shaoxing set (Zheng et al., Scientific Data 7:48,
2020). Mind that AF is atrial *flutter* there, AFIB is fibrillation.

A rhythm is added as a row at the end of :data:`RHYTHMS`, without a group. From then on it is read from files and
manifests, has its colour, mark and name in figures and pages, and may be a member of a user's scheme. What follows for
models that exist:

* The built-in schemes hold the rhythms that have a group, and ``seven`` its seven: their classes stay, and a checkpoint
  keeps its labels. A group would make the row a class of ``rhythms`` and a member of ``groups``: checkpoints of
  ``rhythms`` would be refused, those of ``groups`` judged by labels that they were not trained to.
* A record that states the rhythm beside one of a built-in scheme keeps its class. Beside a sinus rhythm it is no longer
  sinus rhythm alone: ``harmonise=sinus_rate`` leaves it as its source wrote it.
* The cache of preprocessed records is filled anew: it is named after the code of this room.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ecgml.records.words import plain_word


@dataclass(frozen=True)
class Rhythm:
    """One rhythm, all that is known of it."""

    code: str
    name: str
    snomed: tuple[str, ...]
    """SNOMED CT codes, the data set's own first, then those that PhysioNet's challenges use for the same rhythm."""
    group: str | None
    """Its class in the scheme `groups`; None for a rhythm that the published set does not have."""
    colour: str
    """``#rrggbb``, in figures by rhythm. Colours of a family resemble each other, and those of the four groups' first
    members are evaluation's; no two are closer than 17 in CIELAB with normal vision, protanopia, deuteranopia or
    tritanopia (Machado et al. 2009, 10.1109/TVCG.2009.113), and where colours come close marks differ."""
    mark: str
    """Matplotlib's marker, in figures by rhythm."""
    aliases: tuple[str, ...] = ()
    """Statements of other sources, upper case: PTB-XL's SCP codes, RhythmNames.xlsx's spelling."""
    words: tuple[str, ...] = ()
    """What people call it in English, German and French: for suggestions."""


RHYTHMS = (
    Rhythm(
        "SB", "Sinus Bradycardia", ("426177001",), "SB", "#009E73", "o", ("SBRAD",),
        ("Sinus brady", "Sinusbradykardie", "Bradycardie sinusale"),
    ),
    Rhythm(
        "SR", "Sinus Rhythm", ("426783006",), "SR", "#CC79A7", "s", ("NSR",),
        ("Normal sinus rhythm", "Sinusrhythmus", "Normaler Sinusrhythmus", "Rythme sinusal", "Rythme sinusal normal"),
    ),
    # Diagnostics writes SA, RhythmNames writes SI; both are sinus irregularity.
    Rhythm(
        "SA", "Sinus Irregularity", ("427393009",), "SR", "#882255", "D", ("SI", "SARRH"),
        ("Sinus arrhythmia", "Sinusarrhythmie", "Arythmie sinusale"),
    ),
    Rhythm(
        "AFIB", "Atrial Fibrillation", ("164889003", "282825002", "426749004", "314208002"), "AFIB", "#0072B2", "^", (),
        ("Vorhofflimmern", "VHF", "Fibrillation auriculaire", "Fibrillation atriale"),
    ),
    Rhythm(
        "AF", "Atrial Flutter", ("164890007",), "AFIB", "#71A7FF", "v", ("AFLT", "AFL"),
        ("A flutter", "Vorhofflattern", "Flutter auriculaire", "Flutter atrial"),
    ),
    Rhythm(
        "ST", "Sinus Tachycardia", ("427084000",), "GSVT", "#D55E00", "P", ("STACH",),
        ("Sinus tachy", "Sinustachykardie", "Tachycardie sinusale"),
    ),
    Rhythm(
        "SVT", "Supraventricular Tachycardia", ("426761007", "67198005"), "GSVT", "#E8C20E", "X", ("SVTAC", "PSVT"),
        ("Supraventrikuläre Tachykardie", "Tachycardie supraventriculaire"),
    ),
    Rhythm(
        "AT", "Atrial Tachycardia", ("713422000",), "GSVT", "#7A5230", "*", (),
        ("Vorhoftachykardie", "Atriale Tachykardie", "Tachycardie atriale", "Tachycardie auriculaire"),
    ),
    Rhythm(
        "AVNRT", "AV Node Reentrant Tachycardia", ("233896004", "251166008"), "GSVT", "#111111", "<", (),
        ("AV nodal reentrant tachycardia", "AV-Knoten-Reentrytachykardie"),
    ),
    Rhythm(
        "AVRT", "AV Reentrant Tachycardia", ("233897008",), "GSVT", "#5DDAFD", ">", (),
        ("Atrioventricular reentrant tachycardia", "AV-Reentrytachykardie"),
    ),
    Rhythm(
        "SAAWR", "Sinus Atrium to Atrial Wandering Rhythm", ("195101003",), "GSVT", "#88B35F", "h", (),
        ("Wandering atrial pacemaker", "Wandernder Schrittmacher"),
    ),
)  # fmt: skip

RHYTHM_CODES = tuple(rhythm.code for rhythm in RHYTHMS)

RHYTHM_NAMES = {rhythm.code: rhythm.name for rhythm in RHYTHMS}

SINUS_RHYTHMS = frozenset({"SB", "SR", "SA", "ST"})
"""Rhythms that differ from each other by rate and regularity only: the four that ``harmonise=sinus_rate`` knows."""

_BY_STATEMENT = {
    statement: rhythm.code for rhythm in RHYTHMS for statement in (rhythm.code, *rhythm.snomed, *rhythm.aliases)
}

_BY_WORD = {
    plain_word(word): rhythm.code
    for rhythm in RHYTHMS
    for word in (rhythm.code, rhythm.name, *rhythm.snomed, *rhythm.aliases, *rhythm.words)
}


def rhythm_of(statement: str) -> str | None:
    """Return the rhythm code of a code, SNOMED CT code or alias, or None if it states no rhythm of :data:`RHYTHMS`."""
    return _BY_STATEMENT.get(statement.strip().upper())


def rhythm_named(word: str) -> str | None:
    """Return the rhythm code that a person probably means by a word, or None.

    More tolerant than :func:`rhythm_of`: names too, in three languages, whatever their case, accents and punctuation.
    For suggestions only: a label is what its source wrote or what a person confirmed.
    """
    return _BY_WORD.get(plain_word(word))


def rhythms_among(statements: Iterable[str]) -> tuple[str, ...]:
    """Return the rhythm codes among a record's statements, each once, in the order of :data:`RHYTHMS`."""
    found = {rhythm_of(statement) for statement in statements}
    return tuple(code for code in RHYTHM_CODES if code in found)
