"""Rhythms: codes, names, SNOMED CT codes, and the statements that other sources use for them.

The eleven rhythms and their SNOMED CT codes are those of the Chapman-Shaoxing set (Zheng et al., Scientific Data 7:48,
2020). Mind that AF is atrial *flutter* there, AFIB is fibrillation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


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


def rhythm_of(statement: str) -> str | None:
    """Return the rhythm code of a code, SNOMED CT code or alias, or None if it states none of the eleven."""
    return _BY_STATEMENT.get(statement.strip().upper())


def rhythms_among(statements: Iterable[str]) -> tuple[str, ...]:
    """Return the rhythm codes among a record's statements, each once, in the order of :data:`RHYTHMS`."""
    found = {rhythm_of(statement) for statement in statements}
    return tuple(code for code in RHYTHM_CODES if code in found)
