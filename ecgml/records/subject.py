"""Who was recorded: age and sex as files and tables write them.

Ages are read here and nowhere else: ``63``, ``63 years``, ``63 J.``, ``6,5``, DICOM's ``045Y``, ``18M``, ``003W`` and
``010D``, ``1 year 6 months``, and ``>89`` or ``90+``, by which sets hide the age of the very old.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import NamedTuple

from ecgml.records.clinical import CLINICAL_COLUMNS, accepted, is_plausible, parse_sex

OLDEST_AGE = 90.0
"""What ``>89`` counts as: in the United States ages above 89 identify a person and are hidden so (45 CFR 164.514)."""

_AGE_COLUMN = next(column for column in CLINICAL_COLUMNS if column.name == "age")
_SHOWN = 24

# J is a year (German Jahr), not a day (French jour): ages are seldom told in days.
_PER_YEAR = {
    **dict.fromkeys(("", "y", "yr", "yrs", "year", "years", "yo", "yearold", "yearsold"), 1.0),
    **dict.fromkeys(("j", "jahr", "jahre", "a", "an", "ans", "ano", "anos", "anni"), 1.0),
    **dict.fromkeys(("m", "mo", "mos", "mon", "mth", "mths", "month", "months", "monat", "monate", "mois"), 12.0),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks", "woche", "wochen", "semaine", "semaines"), 52.18),
    **dict.fromkeys(("d", "day", "days", "tag", "tage", "jour", "jours"), 365.25),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "stunde", "stunden", "heure", "heures"), 365.25 * 24),
}
_PART = re.compile(r"(\d{1,6}(?:\.\d{1,12}|,\d{1,2})?)([^\W\d_]*)", re.ASCII)
_BLANKS = re.compile(r"[\s.]+(?!\d)|(?<=\D)\s+")
# "63 M" and "63 w" are a man and a woman (German weiblich); months and weeks are "18M" and "003W".
_SEX_BEHIND = re.compile(r"\d\s+[mw]\b")
_AGE_STRING = re.compile(r"\d{3}[DWMY]")
_ABOVE = (">", "over", "olderthan", "above", "über", "ueber", "plusde")
_AT_LEAST = (">=", "=>", "≥")
_OR_OLDER = ("+", "andover", "andolder", "andabove", "orover", "orolder")
_UNKNOWN = frozenset(
    {"", "nan", "none", "null", "na", "n/a", "nd", "unknown", "unk", "u", "un", "?", "-", "--", "missing", "not known"}
    | {"other", "o", "unbekannt", "unb", "inconnu", "inconnue", "x", "d", "divers"}
)


class Age(NamedTuple):
    """An age that was read."""

    years: float
    """NaN where it is unknown."""
    note: str = ""
    """What was made of a text that does not state one plain age; ``""`` where there is nothing to say."""


def read_age(text: object) -> Age:
    """Read an age.

    Parameters
    ----------
    text : object
        As a file or table writes it: a number of years, or numbers with their units.

    Returns
    -------
    age : Age
        In years. Unknown without a note where the text says so (empty, ``NaN``, ``unknown``), with one where it cannot
        be read or no one is so old.
    """
    return _age_of(str(text).strip())


# The records of a data set share few ages.
@lru_cache(maxsize=1024)
def _age_of(written: str) -> Age:
    if written.casefold() in _UNKNOWN:
        return Age(math.nan)
    shown = _shown(written)
    years, is_plain = _years(written.casefold())
    if not is_plausible(_AGE_COLUMN, years):
        return Age(math.nan, f"age {shown} is not understood or implausible, so missing; accepted: {accepted('age')}")
    return Age(years, "" if is_plain or _AGE_STRING.fullmatch(written) else f"age {shown} counts as {years:.3g} years")


def read_subject(age: object = "", sex: object = "") -> tuple[dict[str, float], tuple[str, ...]]:
    """Read age and sex as a file writes them.

    Returns
    -------
    given : dict
        Those that are known, by the names of `ecgml.records.clinical`.
    notes : tuple of str
        What could not be read, and what was read other than as written.
    """
    given, notes = {}, []
    years, note = read_age(age)
    if not math.isnan(years):
        given["age"] = years
    if note:
        notes.append(note)
    code = parse_sex(sex)
    if not math.isnan(code):
        given["sex"] = code
    elif str(sex).strip().casefold() not in _UNKNOWN:
        notes.append(f"sex {_shown(str(sex).strip())} is neither male nor female, so missing")
    return given, tuple(notes)


def _years(text: str) -> tuple[float, bool]:
    """Return years, NaN where they cannot be read, and whether the text states them plainly.

    A bound does not; nor does a single letter that may be a sex.
    """
    if _SEX_BEHIND.search(text):
        return math.nan, False
    word = _BLANKS.sub("", text.replace("y/o", "yo").replace("-year-old", " yearold"))
    for marks, is_above in ((_AT_LEAST, False), (_ABOVE, True)):
        for mark in marks:
            if word.startswith(mark):
                return _least(word.removeprefix(mark), is_above), False
    for mark in _OR_OLDER:
        if mark in word:
            return _least(word.replace(mark, "", 1), False), False
    return _sum(word), word[-1:] not in ("m", "w")


def _least(word: str, is_above: bool) -> float:
    """Return the least whole age that a bound allows: above 89 is 90."""
    years = _sum(word)
    return years + 1 if is_above and years.is_integer() else years


def _sum(word: str) -> float:
    """Return the years of one or several numbers with units, the larger first: ``1year6months``."""
    parts = _PART.findall(word)
    scales = [_PER_YEAR.get(unit, math.nan) for _, unit in parts]
    is_whole = "".join(map("".join, parts)) == word
    if not parts or not is_whole or scales != sorted(set(scales)) or (len(parts) > 1 and "" in dict(parts).values()):
        return math.nan
    return sum(float(number.replace(",", ".")) / scale for (number, _), scale in zip(parts, scales, strict=True))


def _shown(text: str) -> str:
    """Return a text for a note: on one line, and not too long."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return repr(plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}…")
