"""Channels in mV -> Record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.records.leads import arrange, derived_leads
from ecgml.records.record import Record

MAX_DURATION_S = 2 * 3600.0
"""Longer recordings are monitoring, not a 12-lead ECG: their rhythm has no one label."""


def assemble(
    channels: NDArray[np.floating],
    names: Sequence[str],
    fs: float,
    where: str,
    *,
    statements: tuple[str, ...] = (),
    given: Mapping[str, float] | None = None,
    unit: str | None = None,
) -> Record:
    """Bring channels into the canonical lead order and check that there is something to read.

    Parameters
    ----------
    channels : ndarray, shape (n_channels, n_times)
        In mV, one row per name.
    names : sequence of str
        As the file writes them.
    fs : float
        Hz.
    where : str
        The file, for messages and as the record's name.
    statements, given, unit
        See `ecgml.records.record.Record`.

    Raises
    ------
    RecordError
        If the recording has no value at all, is longer than :data:`MAX_DURATION_S`, names a lead twice or none of the
        twelve.
    """
    n_times = channels.shape[1]
    if n_times > MAX_DURATION_S * fs:
        raise RecordError(
            f"{where}: {n_times / fs / 3600:.1f} h at {fs:g} Hz, at most {MAX_DURATION_S / 3600:g} h are read; "
            "cut the recording or correct fs",
            "too large",
        )
    waveform = arrange(channels, names, where)
    # The first column decides for nearly every record, at no cost.
    if n_times == 0 or (np.isnan(waveform[:, 0]).all() and np.isnan(waveform).all()):
        raise RecordError(f"{where}: holds no value at all", "empty")
    return Record(waveform, fs, where, statements, given or {}, unit, derived_leads(names))
