"""The gain beside an array of digital counts: applied where it can only mean counts per unit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgml.errors import RecordError

PLAUSIBLE_STEP_UV = (0.01, 100.0)
"""What one count of an ECG recorder stands for, µV: 24 bits over a few hundred mV, to 8 bits over 25 mV."""


def counts_to_units(
    channels: NDArray[np.number], gain: NDArray[Any], baseline: NDArray[Any] | None, mv_per_unit: float, where: str
) -> NDArray[np.number]:
    """Divide digital counts by their gain, as WFDB does: (counts - baseline) / gain.

    Parameters
    ----------
    channels : ndarray, shape (n_channels, n_times)
        Whole numbers; left as they are where the gain is 1.
    gain : ndarray, one value or n_channels
        Counts per unit.
    baseline : ndarray, one value or n_channels, optional
        The counts of 0 V.
    mv_per_unit : float
        Of the unit that counts over gain are in.
    where : str
        The file, for the message.

    Returns
    -------
    values : ndarray, shape (n_channels, n_times)
        In the unit.

    Raises
    ------
    RecordError
        If the gain is no positive number, fits no channels, stands beside fractions (which may be volts already), or
        makes a count implausibly small or large; or if it might be units per count as well.
    """
    divisor = _per_channel(gain, "gain", len(channels), where)
    if (divisor == 1).all():
        return channels
    shown = f"gain {divisor.flat[0]:g}"
    if not (np.isfinite(divisor).all() and (divisor > 0).all()):
        raise RecordError(f"{where}: {shown}; positive numbers are needed", "gain")
    if channels.dtype.kind == "f":
        raise RecordError(
            f"{where}: {shown} beside {channels.dtype.name}: whether it is applied already cannot be told; leave it "
            "out, or save the counts as whole numbers",
            "gain",
        )
    if not _is_plausible(1 / divisor, mv_per_unit) or _is_plausible(divisor, mv_per_unit):
        raise RecordError(
            f"{where}: {shown} with a unit of {mv_per_unit:g} mV need not be counts per unit; save the values in mV "
            "without it",
            "gain",
        )
    zero = 0.0 if baseline is None else _per_channel(baseline, "baseline", len(channels), where)
    return (channels - zero) / divisor


def _per_channel(values: NDArray[Any], name: str, n_channels: int, where: str) -> NDArray[np.float64]:
    if values.dtype.kind not in "iuf" or values.size not in (1, n_channels):
        raise RecordError(
            f"{where}: {name} holds {values.size} values of {values.dtype}; one number is needed, or {n_channels}",
            "gain",
        )
    return values.astype(np.float64).reshape(-1, 1)


def _is_plausible(step: NDArray[np.float64], mv_per_unit: float) -> bool:
    low, high = PLAUSIBLE_STEP_UV
    in_uv = 1000 * mv_per_unit * step
    return bool((in_uv >= low).all() and (in_uv <= high).all())
