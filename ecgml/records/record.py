"""A record: one ECG as it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Record:
    """One ECG.

    Parameters
    ----------
    waveform : ndarray of float32, shape (12, n_times)
        In mV, leads in the order of `ecgml.records.leads.LEADS`; NaN where the file has no value.
    fs : float
        Sampling frequency, Hz.
    name : str
        What messages call it: the file's name.
    statements : tuple of str
        Diagnostic statements beside the waveform as the file writes them (SNOMED CT codes in a WFDB header).
    given : mapping of str to float
        Clinical values beside the waveform, by the names of `ecgml.records.clinical`.
    unit : str, optional
        What the file's values were taken for, where all are of one unit; the waveform is in mV whatever it was.
    notes : tuple of str
        What of the file was not taken, and what was taken other than as it is written: one line each.
    derived : tuple of str
        Limb leads that the file does not hold: they were computed from others and measure nothing of their own.
    """

    waveform: NDArray[np.float32]
    fs: float
    name: str
    statements: tuple[str, ...] = ()
    given: Mapping[str, float] = field(default_factory=dict)
    unit: str | None = None
    notes: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length, seconds."""
        return float(self.waveform.shape[1] / self.fs)
