"""From a row of the roster to a waveform and a table row, defects included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecgml.cohorts.simulation.record import simulate_record
from ecgml.cohorts.simulation.roster import Admission

_SATURATION_MV = 32.767
"""What a 16-bit file of 1 µV steps can hold."""


def admit(admission: Admission, seed: int) -> tuple[NDArray[np.float32], dict[str, str | int]]:
    """Simulate a record of the demo cohort.

    Parameters
    ----------
    admission : Admission
        Which.
    seed : int
        Of the cohort.

    Returns
    -------
    waveform : ndarray of float32, shape (12, 5000)
        In mV, at 500 Hz; as the recording, with its defect, has it.
    row : dict
        The row of the Diagnostics table.
    """
    heart = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(admission.patient_number, 1)))
    noise = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(admission.number, 2)))
    record = simulate_record(admission.rhythm, heart, noise_rng=noise)
    row = {"FileName": admission.name, **record.diagnostics, "Rhythm": admission.label}
    if admission.defect == "atrial rate":
        row["AtrialRate"] = 0
    return _spoil(record.waveform, admission.defect, noise), row


def _spoil(waveform: NDArray[np.float32], defect: str | None, rng: np.random.Generator) -> NDArray[np.float32]:
    if defect == "zeros":
        return np.zeros_like(waveform)
    spoilt = waveform.copy()
    start, lead = int(rng.integers(500, 3500)), int(rng.integers(6, 12))
    if defect == "nan":
        spoilt[:, start : start + 400] = np.nan
    if defect == "saturated":
        # A chest electrode comes off: its lead swings to what the converter can show.
        spoilt[lead, start : start + 900] = _SATURATION_MV * rng.choice([-1, 1])
    return spoilt
