"""What an answer says of PR, QRS, QT and axes: value, unit, origin, certainty, and why a value is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecgml.measurements.intervals import Intervals
from ecgml.measurements.table import INTERVAL_MEASUREMENTS
from ecgml.records.clinical import Origin, plausible


def shown_intervals(
    measured: Intervals, given: Mapping[str, float], with_spread: bool = True
) -> dict[str, dict[str, Any]]:
    """Put together what was given and what was measured.

    Parameters
    ----------
    measured : Intervals
        Of the recording as it was made.
    given : mapping of str to float
        Clinical values by name, as of `ecgml.records.clinical`; they beat measured ones.
    with_spread : bool
        Whether to work out how sure each is, which costs nearly as much as measuring it.

    Returns
    -------
    shown : dict of str to dict
        By the names of `ecgml.measurements.intervals.INTERVALS`, JSON-ready: ``value`` (None where missing), ``unit``,
        ``origin`` (``given``, ``measured`` or ``missing``), ``measured`` (what the waveform shows, beside a given value
        too; None where nothing), ``beat_spread`` and ``lead_spread`` (ms: how far the measured value differs between
        halves of the beats, and over single leads; None of rate and axes, and without
        `with_spread`) and ``reason`` (why it was not measured, else empty).
    """
    stated = plausible(given)
    of_beats, of_leads = (measured.beat_spread_ms, measured.lead_spread_ms) if with_spread else ({}, {})
    shown = {}
    for one in INTERVAL_MEASUREMENTS:
        found = measured.values.get(one.name)
        value = stated.get(one.name, found)
        origin = Origin.GIVEN if one.name in stated else Origin.MISSING if found is None else Origin.MEASURED
        shown[one.name] = {
            "value": _rounded(value),
            "unit": one.unit,
            "origin": origin.name.lower(),
            "measured": _rounded(found),
            "beat_spread": _rounded(of_beats.get(one.name)),
            "lead_spread": _rounded(of_leads.get(one.name)),
            "reason": measured.reasons.get(one.name, ""),
        }
    return shown


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
