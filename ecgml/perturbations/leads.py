"""Leads that are missing or exchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

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
