"""Rhythms: codes, names, SNOMED CT codes, and the statements that other sources use for them.

The eleven rhythms and their SNOMED CT codes are those of the Chapman-Shaoxing set (Zheng et al., Scientific Data 7:48,
2020). Mind that AF is atrial *flutter* there, AFIB is fibrillation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ecgml.records.words import plain_word


@dataclass(frozen=True)
class Rhythm:
    """One rhythm of the data set."""

    code: str
    name: str
    snomed: tuple[str, ...]
    """SNOMED CT codes, the data set's own first, then those that PhysioNet's challenges use for the same rhythm."""
    aliases: tuple[str, ...] = ()
    """Statements of other sources, upper case: PTB-XL's SCP codes, RhythmNames.xlsx's spelling."""


RHYTHMS = (
    Rhythm("SB", "Sinus Bradycardia", ("426177001",), ("SBRAD",)),
    Rhythm("SR", "Sinus Rhythm", ("426783006",), ("NSR",)),
    # Diagnostics writes SA, RhythmNames writes SI; both are sinus irregularity.
    Rhythm("SA", "Sinus Irregularity", ("427393009",), ("SI", "SARRH")),
    Rhythm("AFIB", "Atrial Fibrillation", ("164889003", "282825002", "426749004", "314208002")),
    Rhythm("AF", "Atrial Flutter", ("164890007",), ("AFLT", "AFL")),
    Rhythm("ST", "Sinus Tachycardia", ("427084000",), ("STACH",)),
    Rhythm("SVT", "Supraventricular Tachycardia", ("426761007", "67198005"), ("SVTAC", "PSVT")),
    Rhythm("AT", "Atrial Tachycardia", ("713422000",)),
    Rhythm("AVNRT", "AV Node Reentrant Tachycardia", ("233896004", "251166008")),
    Rhythm("AVRT", "AV Reentrant Tachycardia", ("233897008",)),
    Rhythm("SAAWR", "Sinus Atrium to Atrial Wandering Rhythm", ("195101003",)),
)

RHYTHM_CODES = tuple(rhythm.code for rhythm in RHYTHMS)

SINUS_RHYTHMS = frozenset({"SB", "SR", "SA", "ST"})
"""Rhythms that differ from each other by rate and regularity only."""

_BY_STATEMENT = {
    statement: rhythm.code for rhythm in RHYTHMS for statement in (rhythm.code, *rhythm.snomed, *rhythm.aliases)
}

_WORDS = {
    "SB": "Sinus brady, Sinusbradykardie, Bradycardie sinusale",
    "SR": "Normal sinus rhythm, Sinusrhythmus, Normaler Sinusrhythmus, Rythme sinusal, Rythme sinusal normal",
    "SA": "Sinus arrhythmia, Sinusarrhythmie, Arythmie sinusale",
    "AFIB": "Vorhofflimmern, VHF, Fibrillation auriculaire, Fibrillation atriale",
    "AF": "A flutter, Vorhofflattern, Flutter auriculaire, Flutter atrial",
    "ST": "Sinus tachy, Sinustachykardie, Tachycardie sinusale",
    "SVT": "Supraventrikuläre Tachykardie, Tachycardie supraventriculaire",
    "AT": "Vorhoftachykardie, Atriale Tachykardie, Tachycardie atriale, Tachycardie auriculaire",
    "AVNRT": "AV nodal reentrant tachycardia, AV-Knoten-Reentrytachykardie",
    "AVRT": "Atrioventricular reentrant tachycardia, AV-Reentrytachykardie",
    "SAAWR": "Wandering atrial pacemaker, Wandernder Schrittmacher",
}
"""What people call them in English, German and French."""

_BY_WORD = {
    plain_word(word): rhythm.code
    for rhythm in RHYTHMS
    for word in (rhythm.code, rhythm.name, *rhythm.snomed, *rhythm.aliases, *_WORDS[rhythm.code].split(", "))
}


def rhythm_of(statement: str) -> str | None:
    """Return the rhythm code of a code, SNOMED CT code or alias, or None if it states none of the eleven."""
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
