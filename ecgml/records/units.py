"""Units of voltage, what they are in mV, and which of them an amplitude points to."""

from __future__ import annotations

from ecgml.errors import RecordError

UNITS = ("V", "mV", "uV", "nV")

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
        raise RecordError(f"{where}: unit {unit[:30]!r} is not a voltage; one of {', '.join(UNITS)}", "unit")
    return _MV_PER_UNIT[_plain(unit)]


def fitting_unit(amplitude_mv: float, unit: str, plausible_mv: tuple[float, float]) -> str | None:
    """Return the unit in which an amplitude would be plausible, or None if it would in none.

    Parameters
    ----------
    amplitude_mv : float
        In mV, if the unit is right.
    unit : str
        The unit that it was taken for.
    plausible_mv : (low, high)
        Less than a factor of 1000 wide, so that one unit at most fits.
    """
    low, high = plausible_mv
    taken = _MV_PER_UNIT[_plain(unit)]
    return next((name for name in UNITS if low <= amplitude_mv / taken * _MV_PER_UNIT[_plain(name)] <= high), None)


def _plain(unit: str) -> str:
    word = unit.strip().lower().replace("µ", "u").replace("μ", "u")
    return _SPELLINGS.get(word.removesuffix("s"), word)
