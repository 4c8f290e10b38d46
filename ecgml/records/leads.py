"""The twelve leads: order, names in the wild, and how the limb leads follow from each other."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.records.units import is_voltage

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""The order of every waveform inside ecgml."""

_ARABIC = {"I": "1", "II": "2", "III": "3"}
_NAMES = {
    **{lead.lower(): lead for lead in LEADS},
    # Latin America and CODE-15 (DI, D1), others (LI, L1); the chest electrodes of IEC 60601-2-25 (C1).
    **{f"{letter}{name.lower()}": lead for lead, digit in _ARABIC.items() for name in (lead, digit) for letter in "dl"},
    **{f"c{number}": f"V{number}" for number in range(1, 7)},
}
"""What files call the leads, in lower case and without separators. VR, VL and VF are none: Wilson's are smaller by a
third than Goldberger's aVR, aVL and aVF."""

_LEAD_WORDS = frozenset({"lead", "leads", "ableitung", "abl", "dérivation", "derivation", "derivación", "derivacion"})
_WORDS_BEHIND = _LEAD_WORDS | {"ecg", "ekg", "in"}
_SEPARATORS = re.compile(r"[\s_.,:/()\[\]\-\N{MINUS SIGN}]+")
_PARTED = re.compile(
    r"\b(?:(?P<a>a)[\s_.\-]?(?P<v>v)[\s_.\-]?(?P<limb>[rlf])|(?P<chest>[vc])[\s_.\-](?P<number>[1-6]))\b"
)
_GLUED = re.compile(r"^(?:lead|ecg|ekg)(?=[a-z])")
_NUMBERED = re.compile(r"(?P<words>.*?)[\s_.\-#:]*(?P<number>\d+)(?:\.0)?")


@lru_cache(maxsize=4096)
def canonical_lead(name: str) -> str | None:
    """Return the canonical name of a lead, or None if it is none of the twelve.

    Case, separators, a unit behind ("I in µV") and the words that files put beside a lead's name ("Lead II",
    "MDC_ECG_LEAD_aVR", "ECG.V1", "I lead") do not matter. A name of two leads ("V1-V2") is that of neither. "-aVR"
    (Cabrera's) is aVR; :func:`arrange` turns it back.
    """
    # NFKC: Roman numerals are characters of their own, too.
    plain = unicodedata.normalize("NFKC", name).strip(" \t\"'").lower()
    plain = _PARTED.sub(lambda match: "".join(filter(None, match.groups())), plain.replace("_", " "))
    if plain.endswith(("-", "\N{MINUS SIGN}")):
        return None
    words = [word for word in _SEPARATORS.split(plain) if word]
    while len(words) > 1 and (words[-1] in _WORDS_BEHIND or is_voltage(words[-1])):
        words.pop()
    if not words:
        return None
    *before, last = words
    if before and before[-1] in _LEAD_WORDS and last in _ARABIC.values():
        last = f"d{last}"
    last = _GLUED.sub("", last) if last not in _NAMES else last
    return _NAMES.get(last) if not any(word in _NAMES for word in before) else None


def numbering(names: Sequence[str]) -> str | None:
    """Return the word before the number where names only number the channels: ``V`` of V1 to V12, "" of 0 to 11.

    V1 to V6, C1 to C6 beside limb leads, and one to three of Lead 1, D1, L1 name leads.

    Returns
    -------
    word : str or None
        None where the names say more than a number.
    """
    if not _may_be_numbers(names):
        return None
    matches = [match for name in names if (match := _NUMBERED.fullmatch(name.strip()))]
    if len(matches) < len(names) or len({match["words"] for match in matches}) > 1:
        return None
    numbers = [int(match["number"]) for match in matches]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))) or numbers[0] > 1:
        return None
    word = matches[0]["words"].strip()
    leads = [canonical_lead(name) for name in names]
    are_leads = None not in leads and (word.lower() == "v" or len(leads) <= len(_ARABIC))
    return None if are_leads else word


def _may_be_numbers(names: Sequence[str]) -> bool:
    """Whether the last of the names ends in the number that it would have: quick, for every file."""
    return len(names) > 1 and names[-1].strip().removesuffix(".0").endswith((str(len(names)), str(len(names) - 1)))


def require_leads(names: Sequence[str], where: str) -> None:
    """Raise a RecordError unless one of the twelve leads is among the names, and none twice."""
    leads = [lead for name in names if (lead := canonical_lead(name))]
    if (word := numbering(names)) is not None:
        raise RecordError(
            f"{where}: the channels are only numbered ({names[0]} to {names[-1]}), "
            + (f"and {word} need not mean chest leads; " if word.lower() in ("v", "c") else "")
            + "name their leads in the file, or give leads",
            "no leads",
        )
    if not leads:
        shown = ", ".join(list(names)[:6])
        raise RecordError(
            f"{where}: none of the twelve leads among the channels ({shown[:80]!r}); name them", "no leads"
        )
    if len(set(leads)) < len(leads):
        twice = next(lead for lead in leads if leads.count(lead) > 1)
        raise RecordError(f"{where}: lead {twice} is there twice; keep one of them", "duplicate lead")


def arrange(waveform: NDArray[np.floating], names: Sequence[str], where: str) -> NDArray[np.float32]:
    """Bring leads into the canonical order; derive limb leads that are absent.

    Parameters
    ----------
    waveform : ndarray, shape (n_in, n_times)
        In mV, one row per name.
    names : sequence of str
        Lead names as the file writes them; channels that are no lead of the twelve are dropped.
    where : str
        The file, for the message.

    Returns
    -------
    arranged : ndarray of float32, shape (12, n_times)
        In mV; a lead that is neither there nor derivable is NaN throughout.

    Raises
    ------
    RecordError
        If a lead is there twice or none of the twelve is there.
    """
    require_leads(names, where)
    row_of = {lead: row for row, name in enumerate(names) if (lead := canonical_lead(name))}
    if list(row_of) == list(LEADS) and len(names) == len(LEADS) and not any(map(_is_inverted, names)):
        return np.ascontiguousarray(waveform, dtype=np.float32)
    arranged = np.full((len(LEADS), waveform.shape[1]), np.nan, dtype=np.float32)
    for lead, row in row_of.items():
        arranged[LEADS.index(lead)] = -waveform[row] if _is_inverted(names[row]) else waveform[row]
    return _derive_limb_leads(arranged, set(row_of))


def derived_leads(names: Sequence[str]) -> tuple[str, ...]:
    """Return the limb leads that :func:`arrange` derives: those absent beside two of I, II, III."""
    present = {canonical_lead(name) for name in names}
    if len({"I", "II", "III"} & present) < 2:
        return ()
    return tuple(lead for lead in LEADS[:6] if lead not in present)


def _is_inverted(name: str) -> bool:
    return name.lstrip().startswith(("-", "\N{MINUS SIGN}"))


def _derive_limb_leads(waveform: NDArray[np.float32], present: set[str]) -> NDArray[np.float32]:
    """Fill absent limb leads from any two of I, II, III (Einthoven 1912; Goldberger 1942)."""
    absent = derived_leads(tuple(present))
    if not absent:
        return waveform
    one, two, three = waveform[:3]
    if "I" not in present:
        one[:] = two - three
    if "II" not in present:
        two[:] = one + three
    derived = {"III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2}
    for lead, row in derived.items():
        if lead in absent:
            waveform[LEADS.index(lead)] = row
    return waveform
