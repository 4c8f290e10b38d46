"""The twelve leads: order, names in the wild, and how the limb leads follow from each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""The order of every waveform inside ecgml."""

_CANONICAL = {lead.lower(): lead for lead in LEADS}
_SEPARATORS = re.compile(r"[\s_\-\N{MINUS SIGN}]+")


@lru_cache(maxsize=1024)
def canonical_lead(name: str) -> str | None:
    """Return the canonical name of a lead, or None if it is none of the twelve.

    Case, blanks, underscores and the words that files put before a lead's name ("Lead II", "MDC_ECG_LEAD_aVR",
    "ECG V1") do not matter. A name of two leads ("V1-V2") is that of neither. "-aVR" (Cabrera's) is aVR;
    :func:`arrange` turns it back.
    """
    words = _SEPARATORS.split(name.strip().lower())
    return _CANONICAL.get(words[-1]) if not any(word in _CANONICAL for word in words[:-1]) else None


def require_leads(names: Sequence[str], where: str) -> None:
    """Raise a RecordError unless one of the twelve leads is among the names, and none twice."""
    leads = [lead for name in names if (lead := canonical_lead(name))]
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
