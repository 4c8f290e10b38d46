"""Channels in mV -> Record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError
from ecgml.records.leads import arrange, canonical_lead, derived_leads
from ecgml.records.readers.print_form import mask_print
from ecgml.records.record import Record

MAX_DURATION_S = 2 * 3600.0
"""Longer recordings are monitoring, not a 12-lead ECG: their rhythm has no one label."""

_N_SHOWN = 8
_SHOWN = 20


def assemble(
    channels: NDArray[np.floating],
    names: Sequence[str],
    fs: float,
    where: str,
    *,
    statements: tuple[str, ...] = (),
    given: Mapping[str, float] | None = None,
    unit: str | None = None,
    notes: Sequence[str] = (),
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
    statements, given, unit, notes
        See `ecgml.records.record.Record`; channels that are no lead, and those of a print, are noted here.

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
    channels, print_note = mask_print(channels, names, fs)
    waveform = arrange(channels, names, where)
    # The first column decides for nearly every record, at no cost.
    if n_times == 0 or (np.isnan(waveform[:, 0]).all() and np.isnan(waveform).all()):
        raise RecordError(f"{where}: holds no value at all", "empty")
    notes = (*channels_not_taken(names), *([print_note] if print_note else []), *notes)
    return Record(waveform, fs, where, statements, given or {}, unit, notes, derived_leads(names))


def channels_not_taken(names: Iterable[str]) -> tuple[str, ...]:
    """Return a note that names the channels that are none of the twelve leads; none where all are leads."""
    others = [
        "".join(sign if sign.isprintable() else "?" for sign in name[:_SHOWN]) or "?"
        for name in names
        if not canonical_lead(name)
    ]
    if not others:
        return ()
    more = f" and {len(others) - _N_SHOWN:,} more" if len(others) > _N_SHOWN else ""
    return (f"not taken, as none of the twelve leads: {', '.join(others[:_N_SHOWN])}{more}",)
