"""Simulated records without files, to train on beside real ones.

Real sets are short of just the rhythms that are hard to tell apart: flutter, tachycardias, sinus rhythm with many
ectopic beats. Simulated records of these are added to training, never to what is selected or tested on. What that is
worth stands in docs/log.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ecgml.cohorts.cohort import Cohort, Entry
from ecgml.cohorts.simulation.demo import GENERATOR_VERSION

NAME = "simulated-pool"

SHARES = {
    "AFIB": 8,
    "SR": 8,
    "AF": 6,
    "ST": 10,
    "SB": 4,
    "SVT": 4,
    "SA": 3,
    "AT": 3,
    "AVNRT": 1,
    "AVRT": 1,
    "SAAWR": 1,
}
"""Rhythms by how much there is to learn from them, not by how often they occur."""

ECTOPIC_SHARE = 0.75
"""Share of records with many ectopic beats: irregular, and yet no fibrillation."""


def simulated_pool(n_records: int, seed: int = 0) -> Cohort:
    """Return a cohort whose records are simulated when they are read.

    Parameters
    ----------
    n_records : int
    seed : int
        Same seed, same records; a smaller pool is the beginning of a larger one.
    """
    rng = np.random.default_rng(seed)
    rhythms = list(SHARES)
    drawn = rng.choice(len(rhythms), n_records, p=np.array(list(SHARES.values())) / sum(SHARES.values()))
    entries = [
        Entry(
            record_id=f"{number:06d}",
            path=Path(f"{number:06d}"),
            rhythms=(rhythms[rhythm],),
            source="simulated",
            simulated=(rhythms[rhythm], int(np.random.SeedSequence((seed, number)).generate_state(1)[0])),
            read_options={"generator": GENERATOR_VERSION, "ectopic_share": ECTOPIC_SHARE},
        )
        for number, rhythm in enumerate(drawn)
    ]
    return Cohort(name=NAME, kind="pool", root=Path(NAME), entries=tuple(entries), simulated=True)
