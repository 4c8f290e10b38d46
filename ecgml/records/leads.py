"""The twelve leads: order, names in the wild, and how the limb leads follow from each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""The order of every waveform inside ecgml."""

_CANONICAL = {lead.lower(): lead for lead in LEADS}


def canonical_lead(name: str) -> str | None:
    """Return the canonical name of a lead, or None if it is none of the twelve.

    Case, blanks, underscores and the words that files put before a lead's name ("Lead II", "MDC_ECG_LEAD_aVR",
    "ECG V1") do not matter.
    """
    word = name.strip().lower().replace("_", " ").replace("-", " ").split()
    return _CANONICAL.get(word[-1]) if word else None


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
    arranged = np.full((len(LEADS), waveform.shape[1]), np.nan, dtype=np.float32)
    seen: set[str] = set()
    for row, name in zip(waveform, names, strict=True):
        lead = canonical_lead(name)
        if lead is None:
            continue
        if lead in seen:
            raise RecordError(f"{where}: lead {lead} is there twice", "duplicate lead")
        seen.add(lead)
        arranged[LEADS.index(lead)] = row
    if not seen:
        shown = ", ".join(list(names)[:6])
        raise RecordError(f"{where}: none of the twelve leads among the channels ({shown})", "no leads")
    return _derive_limb_leads(arranged, seen)


def _derive_limb_leads(waveform: NDArray[np.float32], present: set[str]) -> NDArray[np.float32]:
    """Fill absent limb leads from any two of I, II, III (Einthoven 1912; Goldberger 1942)."""
    one, two, three = waveform[:3]
    if len({"I", "II", "III"} & present) < 2:
        return waveform
    if "I" not in present:
        one[:] = two - three
    if "II" not in present:
        two[:] = one + three
    derived = {"III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2}
    for lead, row in derived.items():
        if lead not in present:
            waveform[LEADS.index(lead)] = row
    return waveform
