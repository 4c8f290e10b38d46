"""Leads that are missing or exchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ecgml.records.leads import LEADS
from ecgml.records.record import Record

LIMB_REVERSALS = {
    "RA–LA": (("I", -1, "I"), ("II", 1, "III"), ("III", 1, "II"), ("aVR", 1, "aVL"), ("aVL", 1, "aVR")),
    "RA–LL": (("I", -1, "III"), ("II", -1, "II"), ("III", -1, "I"), ("aVR", 1, "aVF"), ("aVF", 1, "aVR")),
    "LA–LL": (("I", 1, "II"), ("II", 1, "I"), ("III", -1, "III"), ("aVL", 1, "aVF"), ("aVF", 1, "aVL")),
}
"""Exchanged limb electrodes: lead, sign, the lead that it shows. Wilson's terminal, and with it V1 to V6, stays.

From Einthoven's I = LA - RA, II = LL - RA, III = LL - LA and Goldberger's leads with the two potentials exchanged.
"""

CHEST_SWAPS = {
    "V1–V2": ("V2", "V1", "V3", "V4", "V5", "V6"),
    "V2–V3": ("V1", "V3", "V2", "V4", "V5", "V6"),
    "V3–V4": ("V1", "V2", "V4", "V3", "V5", "V6"),
    "V1–V3": ("V3", "V2", "V1", "V4", "V5", "V6"),
    "V6 to V1": ("V6", "V5", "V4", "V3", "V2", "V1"),
}
"""What V1 to V6 show."""


LIMB_MIRRORS = {"RA–LA": (180.0, 0.0), "RA–LL": (300.0, -1.0), "LA–LL": (60.0, 1.0)}
"""What an exchange of limb electrodes makes of numbers measured from the limb leads.

An axis of a degrees becomes the first number minus a: the exchange mirrors the frontal plane. A height towards
I + II - aVR, that is towards 30 degrees, is about the second number as high, for a P axis of 60 degrees.
"""


def exchange_matrix(name: str) -> NDArray[np.float64]:
    """Return what an exchange makes of the leads as a matrix, shape (12, 12).

    Parameters
    ----------
    name : str
        Of :data:`LIMB_REVERSALS` or :data:`CHEST_SWAPS`.
    """
    matrix = np.eye(len(LEADS))
    shown = LIMB_REVERSALS.get(name) or [
        (lead, 1, other) for lead, other in zip(LEADS[6:], CHEST_SWAPS[name], strict=True)
    ]
    for lead, sign, other in shown:
        matrix[LEADS.index(lead)] = sign * np.eye(len(LEADS))[LEADS.index(other)]
    return matrix


def without_leads(record: Record, names: Sequence[str]) -> Record:
    """Return a record of which some leads were not recorded."""
    waveform = record.waveform.copy()
    waveform[[LEADS.index(name) for name in names]] = np.nan
    return replace(record, waveform=waveform)


def without_some_leads(record: Record, n_missing: int, rng: np.random.Generator) -> Record:
    """Return a record of which so many leads, drawn by chance, were not recorded."""
    return without_leads(record, [LEADS[place] for place in rng.permutation(len(LEADS))[:n_missing]])


def limbs_exchanged(record: Record, electrodes: str) -> Record:
    """Return a record as it were with two limb electrodes exchanged: one of :data:`LIMB_REVERSALS`."""
    waveform = record.waveform.copy()
    for lead, sign, shown in LIMB_REVERSALS[electrodes]:
        waveform[LEADS.index(lead)] = sign * record.waveform[LEADS.index(shown)]
    return replace(record, waveform=waveform)


def chest_exchanged(record: Record, leads: str) -> Record:
    """Return a record with chest electrodes exchanged: one of :data:`CHEST_SWAPS`."""
    order = [*LEADS[:6], *CHEST_SWAPS[leads]]
    return replace(record, waveform=record.waveform[[LEADS.index(name) for name in order]])
