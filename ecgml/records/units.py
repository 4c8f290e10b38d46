"""Units of voltage, what they are in mV, and which of them an ECG's amplitude points to."""

from __future__ import annotations

from ecgml.errors import RecordError

UNITS = ("V", "mV", "uV", "nV")

SPAN_MV = (0.1, 30.0)
"""What the median lead of an ECG spans from lowest to highest, mV: 0.48 to 9.8 in 1,834 recordings of five public sets,
and room to spare. Less than a factor of 1000 wide, so that one unit at most fits."""

_MV_PER_UNIT = {"v": 1e3, "mv": 1.0, "uv": 1e-3, "nv": 1e-6}
# Micro is written u, µ (U+00B5) or μ (U+03BC); some files spell the word out.
_SPELLINGS = {"volt": "v", "millivolt": "mv", "microvolt": "uv", "nanovolt": "nv"}


def is_voltage(unit: str) -> bool:
    """Whether a word is a unit of voltage."""
    return _plain(unit) in _MV_PER_UNIT


def mv_per_unit(unit: str, where: str) -> float:
    """Return how many mV one unit is; case does not matter.

    Parameters
    ----------
    unit : str
        V, mV, uV (or µV) or nV, or the word in full.
    where : str
        The file, for the message.

    Raises
    ------
    RecordError
        If it is none of them.
    """
    if not is_voltage(unit):
        raise RecordError(f"{where}: unit {unit!r} is no voltage; one of {', '.join(UNITS)}", "unit")
    return _MV_PER_UNIT[_plain(unit)]


def likely_unit(span_mv: float, unit: str) -> str | None:
    """Return the unit that values are probably in, where it is another than the one they were taken for.

    Parameters
    ----------
    span_mv : float
        From lowest to highest of the median lead, mV, if the unit is right.
    unit : str
        The unit they were taken for.
    """
    low, high = SPAN_MV
    taken = _MV_PER_UNIT[_plain(unit)]
    fitting = [name for name in UNITS if low <= span_mv / taken * _MV_PER_UNIT[name.lower()] <= high]
    return fitting[0] if fitting and _MV_PER_UNIT[fitting[0].lower()] != taken else None


def _plain(unit: str) -> str:
    word = unit.strip().lower().replace("µ", "u").replace("μ", "u")
    return _SPELLINGS.get(word.removesuffix("s"), word)
